/* SPDX-License-Identifier: BSD-2-Clause */
/* Cache lines and fences. Host tests supply their own definitions. */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include "lib/types.h"

/* Writes back and invalidates the lines of [at, at + size); they are in memory after a fence. */
void cache_write_back(const void *at, size_t size);
/* The same, then fences. */
void cache_flush_range(const void *at, size_t size);
/* Writes back and invalidates this CPU's caches (WBINVD). */
void cache_flush_all(void);
/* Earlier stores are globally visible, and earlier write-backs in memory, before later stores
 * (MFENCE). */
void cache_fence(void);

#endif
