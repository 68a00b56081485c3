/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins for core's mechanism in host tests: page pool, direct map, caches, log, time. Fresh
 * pages hold rubbish, freed ones are scribbled over. A flush copies lines to a second image of the
 * memory: what a walker that does not snoop would see (R19).
 */
#ifndef TESTS_HOST_FAKE_MEM_H
#define TESTS_HOST_FAKE_MEM_H

#include "lib/types.h"

#define FAKE_MEM_BASE_PA 0x40000000ull
#ifndef FAKE_MEM_PAGES
#define FAKE_MEM_PAGES 8192u
#endif

extern u32 fake_mem_used_percent; /* what page_used_percent says */

/* All pages free, no failure planned, log and clock cleared. */
void fake_mem_reset(void);
/* The allocation after `count` more ones fails, and all later ones; -1: never. */
void fake_mem_fail_after(int count);
u32 fake_mem_used(void);
/* Whether it is an address in the pool; whether the page that holds it is allocated. */
bool fake_mem_contains(const void *at);
bool fake_mem_is_used(u64 pa);

/* The memory as last flushed. */
const void *fake_mem_seen(u64 pa);
/* Called after every flush. NULL: not at all. */
extern void (*fake_mem_on_flush)(void);
/* The rest of what a model of the machine wants to know; NULL each: nobody does. */
extern struct fake_mem_hooks {
	void (*written_back)(u64 pa); /* a line; on_flush comes after the last */
	void (*fence)(void);
	void (*free)(u64 pa); /* before the page goes */
	void (*time)(void);   /* a deadline is looked at */
} fake_mem_hooks;

/* Everything that was logged since the reset, lines ended by newlines. */
extern char fake_log[1 << 16];
/* What has been logged since the last look. */
#define assert_log(expected)                             \
	do {                                             \
		assert_string_equal(fake_log, expected); \
		fake_log[0] = 0;                         \
	} while (0)

/* Each look at a deadline lets this much time pass; 1 by default. */
extern u64 fake_time_step_us;

#endif
