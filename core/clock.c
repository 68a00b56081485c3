// SPDX-License-Identifier: BSD-2-Clause
#include "core/clock.h"

#include "core/cpu.h"
#include "core/deadline.h"

/* ACPI 6.5, 4.8.3.3: 3,579,545 Hz; some have 32 bits. */
#define PM_TIMER_BITS        MASK(23, 0)
#define PM_TIMER_TICKS_10_MS 35795u

/* Written once, at boot. */
static u64 tsc_at_boot, tsc_per_ms;

void clock_init(u16 pm_timer_port)
{
	u64 deadline = deadline_in_us(100000); /* it may stand still */
	u32 start;

	tsc_at_boot = cpu_tsc();
	tsc_per_ms = deadline_in_us(1000) - tsc_at_boot;
	if (!pm_timer_port)
		return;
	start = io_r32(pm_timer_port);
	while (((io_r32(pm_timer_port) - start) & PM_TIMER_BITS) < PM_TIMER_TICKS_10_MS &&
	       !deadline_passed(deadline))
		;
	tsc_per_ms = (cpu_tsc() - tsc_at_boot) / 10;
}

u64 clock_ms(void)
{
	return (cpu_tsc() - tsc_at_boot) / tsc_per_ms;
}
