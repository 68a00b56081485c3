/* SPDX-License-Identifier: BSD-2-Clause */
/* Time since boot, by the TSC. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "lib/types.h"

/* Measures the TSC against the timer of every PC (8254), in 10 ms. Before a guest has it. */
void clock_init(void);

/* Milliseconds since clock_init. */
u64 clock_ms(void);

#endif
