/* SPDX-License-Identifier: BSD-2-Clause */
/* Cache lines and fences. Host tests supply their own definitions. */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include "lib/types.h"

/* Writes back and invalidates the lines of [at, at + size), then fences (SDM volume 2, CLFLUSH). */
void cache_flush_range(const void *at, size_t size);
/* Writes back and invalidates this CPU's caches (WBINVD). */
void cache_flush_all(void);
/* Earlier stores are globally visible before later ones (SFENCE). */
void cache_fence(void);

#endif
