/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded waits. Host tests supply their own definitions. */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include "lib/types.h"

/* A point in time at least `us` microseconds away on any CPU up to 4 GHz (a TSC value). */
u64 deadline_in_us(u64 us);
bool deadline_passed(u64 deadline);

/* Waits until another CPU has set the flag. False: it has not, in `us` microseconds. */
static inline bool deadline_await(const bool *flag, u64 us)
{
	u64 deadline = deadline_in_us(us);

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
		if (deadline_passed(deadline))
			return false;
		__builtin_ia32_pause();
	}
	return true;
}

#endif
