// SPDX-License-Identifier: BSD-2-Clause
#include "core/cache.h"

#include "core/cpu.h"

/* CPUID 1 EBX[15:8] counts 8-byte units; 64 bytes on every CPU with VT-d or SVM, asked all the
 * same. */
static size_t line_size(void)
{
	return (cpuid(1, 0).ebx >> 8 & 0xff) * 8;
}

void cache_flush_range(const void *at, size_t size)
{
	size_t line = line_size();
	u64 end = (u64)at + size;

	/* CLFLUSH is ordered with stores to the line it flushes (SDM volume 2). */
	for (u64 p = ALIGN_DOWN((u64)at, line); p < end; p += line)
		__asm__ volatile("clflush (%0)" : : "r"(p) : "memory");
	__asm__ volatile("mfence" : : : "memory");
}

void cache_flush_all(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

void cache_fence(void)
{
	__asm__ volatile("sfence" : : : "memory");
}
