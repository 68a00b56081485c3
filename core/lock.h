/* SPDX-License-Identifier: BSD-2-Clause */
/* A ticket lock. The hypervisor runs with interrupts off, so nothing more is needed. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "lib/types.h"

struct lock {
	u32 next, serving;
};

static inline u32 lock_draw(struct lock *lock)
{
	return __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
}

static inline bool lock_is_mine(const struct lock *lock, u32 ticket)
{
	return __atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) == ticket;
}

static inline void lock_take(struct lock *lock)
{
	u32 ticket = lock_draw(lock);

	while (!lock_is_mine(lock, ticket))
		__builtin_ia32_pause();
}

/* False: somebody has it. */
static inline bool lock_try(struct lock *lock)
{
	u32 ticket = __atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE);

	return __atomic_compare_exchange_n(&lock->next, &ticket, ticket + 1, false,
	                                   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_give(struct lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
