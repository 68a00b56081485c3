// SPDX-License-Identifier: BSD-2-Clause
#include "core/cache.h"

#define CACHE_LINE 64 /* bytes that CLFLUSH writes back, on every 64-bit CPU of both vendors */

void cache_write_back(const void *at, size_t size)
{
	u64 end = (u64)at + size;

	/* CLFLUSH is ordered with stores to the line it flushes, and by MFENCE with all else (SDM
	 * volume 2). */
	for (u64 p = ALIGN_DOWN((u64)at, CACHE_LINE); p < end; p += CACHE_LINE)
		__asm__ volatile("clflush (%0)" : : "r"(p) : "memory");
}

void cache_flush_range(const void *at, size_t size)
{
	cache_write_back(at, size);
	cache_fence();
}

void cache_flush_all(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

void cache_fence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}
