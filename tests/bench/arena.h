/* SPDX-License-Identifier: BSD-2-Clause */
/* The page pool and the direct map of core/mem.h, for benchmarks: as fast as the image's. */
#ifndef TESTS_BENCH_ARENA_H
#define TESTS_BENCH_ARENA_H

/* Touches every page, so that no page fault is timed. */
void arena_init(void);

#endif
