/* SPDX-License-Identifier: BSD-2-Clause */
/* Time since boot, by the TSC. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "lib/types.h"

/* Measures the TSC against ACPI's power management timer, in 10 ms; port: of the FADT. Without one
 * (0) it is taken for one of 4 GHz, so that time passes too slowly rather than too fast. */
void clock_init(u16 pm_timer_port);

/* Milliseconds since clock_init. */
u64 clock_ms(void);

#endif
