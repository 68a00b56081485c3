/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LIB_TICKS_H
#define LIB_TICKS_H

#include <stdbool.h>
#include <stdint.h>

/* How long anything is waited for: 2^36 ticks are some 20 s. */
#define TICKS_MAX (1ull << 36)

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* The condition is looked at again and again. False if it has not come true in time. */
#define WAIT_UP_TO(limit, condition)                                            \
	({                                                                      \
		uint64_t wait_start = ticks();                                  \
		bool came;                                                      \
		while (!(came = (condition)) && ticks() - wait_start < (limit)) \
			__asm__ volatile("pause" : : : "memory");               \
		came;                                                           \
	})
#define WAIT_FOR(condition) WAIT_UP_TO(TICKS_MAX, condition)

#endif
