/* SPDX-License-Identifier: BSD-2-Clause */
/* A ticket lock. The hypervisor runs with interrupts off, so nothing more is needed. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "lib/types.h"

struct lock {
	u32 next, serving;
};

static inline void lock_take(struct lock *lock)
{
	u32 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline void lock_give(struct lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
