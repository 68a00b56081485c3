// SPDX-License-Identifier: BSD-2-Clause
#include "core/deadline.h"

#include "core/cpu.h"

/* Waits may be longer than asked for, never shorter, on a TSC of up to 4 GHz. */
#define TICKS_PER_US 4096

u64 deadline_in_us(u64 us)
{
	return cpu_tsc() + us * TICKS_PER_US;
}

bool deadline_passed(u64 deadline)
{
	return (s64)(cpu_tsc() - deadline) > 0;
}
