/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that a VM finds at their places but that are not mapped for it: plain moves to and from
 * them fault, and are emulated here. */
#ifndef CORE_TRAPPED_H
#define CORE_TRAPPED_H

#include "core/exit.h"

/* What answers there. size: 1, 2, 4 or 8 bytes, gpa a multiple of it. */
struct trapped {
	bool (*claims)(const struct vm *vm, u64 gpa); /* about the whole page */
	u8 sizes; /* those that are understood, ored; a guest that uses another is killed */
	u64 (*read)(struct vcpu *vcpu, u64 gpa, u8 size);
	void (*write)(struct vcpu *vcpu, u64 gpa, u8 size, u64 value);
};

/* NULL: nothing is there. */
const struct trapped *trapped_find(const struct vm *vm, u64 gpa);

/* The access of a nested fault. Kills the VM if it is none that a driver makes. */
enum exit_result trapped_emulate(const struct trapped *trapped, struct vcpu *vcpu,
                                 struct exit *exit);

#endif
