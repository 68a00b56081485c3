// SPDX-License-Identifier: BSD-2-Clause
#include "core/publish.h"
#include "core/cache.h"

/* x86 keeps stores in order; the compiler must, too. */
static void store_release(u64 *slot, u64 entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

void publish_entries(u64 *slots, u64 first, u64 step, unsigned int count, bool flush)
{
	u64 entry = first;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < count; i++, entry += step)
		store_release(&slots[i], entry);
	if (flush)
		cache_flush_range(slots, count * sizeof(*slots));
}

/* Returns once the half is where a walker sees it: in memory, or globally visible. */
static void store_half(u64 *slot, u64 half, bool flush)
{
	store_release(slot, half);
	if (flush)
		cache_flush_range(slot, sizeof(*slot));
	else
		cache_fence();
}

void publish_pair(void *slot, u64 low, u64 high, bool flush)
{
	u64 *half = slot;

	store_half(&half[1], high, flush);
	store_half(&half[0], low, flush);
}
