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

#ifdef __KERNEL__ /* Linux's */
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

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

/* number: HYPERCALL_*; then RBX, RCX, RDX, RSI, RDI. The result, or HYPERCALL_E_*. */
static inline int64_t snoopervisor_call5(const struct snoopervisor *hypervisor, uint64_t number,
                                         uint64_t b, uint64_t c, uint64_t d, uint64_t si,
                                         uint64_t di)
{
	int64_t result;

	if (hypervisor->vmcall)
		__asm__ volatile("vmcall"
		                 : "=a"(result)
		                 : "a"(number), "b"(b), "c"(c), "d"(d), "S"(si), "D"(di)
		                 : "memory");
	else
		__asm__ volatile("vmmcall"
		                 : "=a"(result)
		                 : "a"(number), "b"(b), "c"(c), "d"(d), "S"(si), "D"(di)
		                 : "memory");
	return result;
}

/* Those with two arguments at most. */
static inline int64_t snoopervisor_call(const struct snoopervisor *hypervisor, uint64_t number,
                                        uint64_t b, uint64_t c)
{
	return snoopervisor_call5(hypervisor, number, b, c, 0, 0, 0);
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

/* which: HYPERCALL_COUNTER_*, of one CPU with HYPERCALL_COUNTER_OF_CPU */
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

/* HYPERCALL_INFO_* of it. bdf: segment << 16 | bus << 8 | device << 3 | function */
static inline int64_t snoopervisor_device_info(const struct snoopervisor *hypervisor, uint32_t bdf)
{
	return snoopervisor_call(hypervisor, HYPERCALL_DEVICE_INFO, bdf, 0);
}

/* request: HYPERCALL_REQUEST_*. The id of a new IOASID. */
static inline int64_t snoopervisor_ioasid_alloc(const struct snoopervisor *hypervisor,
                                                uint64_t request)
{
	return snoopervisor_call(hypervisor, HYPERCALL_IOASID_ALLOC, request, 0);
}

/* One that has no devices any more; its id may come again. */
static inline int64_t snoopervisor_ioasid_free(const struct snoopervisor *hypervisor, uint64_t id)
{
	return snoopervisor_call(hypervisor, HYPERCALL_IOASID_FREE, id, 0);
}

/* RAM of this VM at another address of its devices'. access: HYPERCALL_ACCESS_* */
static inline int64_t snoopervisor_ioasid_map(const struct snoopervisor *hypervisor, uint64_t id,
                                              uint64_t iova, uint64_t gpa, uint64_t bytes,
                                              uint64_t access)
{
	return snoopervisor_call5(hypervisor, HYPERCALL_IOASID_MAP, id, iova, gpa, bytes, access);
}

static inline int64_t snoopervisor_ioasid_unmap(const struct snoopervisor *hypervisor, uint64_t id,
                                                uint64_t iova, uint64_t bytes)
{
	return snoopervisor_call5(hypervisor, HYPERCALL_IOASID_UNMAP, id, iova, bytes, 0, 0);
}

/* HYPERCALL_FORMAT_* | coherent << 8 | box << 16. The device may DMA from here on. */
static inline int64_t snoopervisor_attach(const struct snoopervisor *hypervisor, uint32_t bdf,
                                          uint64_t id)
{
	return snoopervisor_call(hypervisor, HYPERCALL_ATTACH, bdf, id);
}

/* The device does not DMA any more when this returns. */
static inline int64_t snoopervisor_detach(const struct snoopervisor *hypervisor, uint32_t bdf)
{
	return snoopervisor_call(hypervisor, HYPERCALL_DETACH, bdf, 0);
}

/* A line of the console; how long its answer is, which may be more than the buffer has. */
static inline int64_t snoopervisor_command(const struct snoopervisor *hypervisor, uint64_t text_gpa,
                                           uint64_t bytes, uint64_t answer_gpa, uint64_t size)
{
	return snoopervisor_call5(hypervisor, HYPERCALL_COMMAND, text_gpa, bytes, answer_gpa, size,
	                          0);
}

/* Ends this VM. status: 0 is good. */
static inline void __attribute__((noreturn))
snoopervisor_end(const struct snoopervisor *hypervisor, uint64_t status)
{
	for (;;)
		snoopervisor_call(hypervisor, HYPERCALL_END, status, 0);
}

#endif
