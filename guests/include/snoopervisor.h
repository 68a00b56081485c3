/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snoopervisor's hypercalls for 64-bit guests in C: all of the library is in this header.
 *
 *	struct snoopervisor hypervisor;
 *
 *	if (snoopervisor_find(&hypervisor) && snoopervisor_wbinvd_is_ignored(&hypervisor))
 *		...
 */
#ifndef GUESTS_SNOOPERVISOR_H
#define GUESTS_SNOOPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/hypercall.h"

struct snoopervisor {
	uint32_t version;
	bool vmcall; /* VMCALL is the instruction, else VMMCALL */
};

static inline void snoopervisor_cpuid(uint32_t leaf, uint32_t r[4])
{
	__asm__ volatile("cpuid"
	                 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
	                 : "a"(leaf), "c"(0));
}

/* False where this is no guest of Snoopervisor; else the ABI's version and how to call. */
static inline bool snoopervisor_find(struct snoopervisor *hypervisor)
{
	uint32_t r[4];

	snoopervisor_cpuid(HYPERVISOR_CPUID_BASE, r);
	for (int i = 0; i < 12; i++)
		if (((const char *)&r[1])[i] != HYPERVISOR_SIGNATURE[i])
			return false;
	snoopervisor_cpuid(HYPERVISOR_CPUID_BASE + 1, r);
	hypervisor->version = r[0];
	hypervisor->vmcall = r[1] == HYPERVISOR_VMCALL;
	return true;
}

/* number: HYPERCALL_*. The result, or HYPERCALL_E_*. */
static inline int64_t snoopervisor_call(const struct snoopervisor *hypervisor, uint64_t number,
                                        uint64_t b, uint64_t c)
{
	int64_t result;

	if (hypervisor->vmcall)
		__asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(b), "c"(c) : "memory");
	else
		__asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(b), "c"(c) : "memory");
	return result;
}

/* HYPERCALL_VERDICT_* | box << 8: what WBINVD does in this VM now, and which box decided. */
static inline int64_t snoopervisor_verdict(const struct snoopervisor *hypervisor)
{
	return snoopervisor_call(hypervisor, HYPERCALL_VERDICT, 0, 0);
}

static inline bool snoopervisor_wbinvd_is_ignored(const struct snoopervisor *hypervisor)
{
	return (snoopervisor_verdict(hypervisor) & 0xff) == HYPERCALL_VERDICT_IGNORE;
}

/* which: HYPERCALL_COUNTER_* */
static inline int64_t snoopervisor_counter(const struct snoopervisor *hypervisor, uint64_t which)
{
	return snoopervisor_call(hypervisor, HYPERCALL_COUNTERS, which, 0);
}

/* One line of the log, without its line break. */
static inline int64_t snoopervisor_log(const struct snoopervisor *hypervisor, uint64_t text_gpa,
                                       uint64_t bytes)
{
	return snoopervisor_call(hypervisor, HYPERCALL_LOG, text_gpa, bytes);
}

/* Ends this VM. status: 0 is good. */
static inline void __attribute__((noreturn))
snoopervisor_end(const struct snoopervisor *hypervisor, uint64_t status)
{
	for (;;)
		snoopervisor_call(hypervisor, HYPERCALL_END, status, 0);
}

#endif
