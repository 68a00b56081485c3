/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/snoopervisor: one hypercall an ioctl. */
#ifndef GUESTS_LINUX_IOCTL_H
#define GUESTS_LINUX_IOCTL_H

#include "guests/include/snoopervisor.h"

#define SNOOPERVISOR_DEVICE     "/dev/snoopervisor"
#define SNOOPERVISOR_ANSWER_MAX 32768

/* b, c, d, si, di: the registers. Two hypercalls take memory, which the module bounces: with text,
 * c bytes of it go into a page whose address becomes b; with answer, d is the address of a buffer
 * of si bytes, as much of which as the result says comes back. */
struct snoopervisor_ioctl {
	uint64_t number, b, c, d, si, di;
	int64_t result;
	uint64_t text, answer; /* pointers of the caller's, or 0 */
};

#define SNOOPERVISOR_CALL _IOWR('S', 1, struct snoopervisor_ioctl)

#endif
