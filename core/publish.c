// SPDX-License-Identifier: BSD-2-Clause
#include "core/publish.h"
#include "core/cache.h"

void publish_entries(u64 *slots, u64 first, u64 step, unsigned int count, bool flush)
{
	u64 entry = first;

	/* x86 keeps stores in order; the compiler must, too. */
#pragma GCC unroll 8
	for (unsigned int i = 0; i < count; i++, entry += step)
		__atomic_store_n(&slots[i], entry, __ATOMIC_RELEASE);
	if (flush)
		cache_flush_range(slots, count * sizeof(*slots));
}

void publish_pair(void *slot, u64 low, u64 high, bool flush)
{
	u64 *half = slot;

	publish_entries(&half[1], high, 0, 1, false); /* it goes where the other half goes */
	publish_entries(&half[0], low, 0, 1, flush);
}
