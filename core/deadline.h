/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounded waits. Host tests supply their own definitions. */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include "lib/types.h"

/* A point in time at least `us` microseconds away on any CPU up to 4 GHz (a TSC value). */
u64 deadline_in_us(u64 us);
bool deadline_passed(u64 deadline);

#endif
