// SPDX-License-Identifier: BSD-2-Clause
#include "core/clock.h"

#include "core/cpu.h"
#include "core/deadline.h"

/* Channel 2 of the 8254 counts down once while its gate is open; port 61h has gate and output. */
#define PIT_CHANNEL_2   0x42
#define PIT_MODE        0x43
#define PIT_ONE_SHOT    0xb0 /* channel 2, both bytes, mode 0 */
#define PIT_PORT_B      0x61
#define PIT_GATE        0x01
#define PIT_SPEAKER     0x02
#define PIT_OUTPUT      0x20
#define PIT_TICKS_10_MS 11932u /* of 1193182 Hz */

/* Written once, at boot. */
static u64 tsc_at_boot, tsc_per_ms;

void clock_init(void)
{
	u8 port_b = io_r8(PIT_PORT_B);
	u64 deadline = deadline_in_us(100000); /* there may be no such timer */

	io_w8(PIT_PORT_B, (port_b & ~PIT_SPEAKER) | PIT_GATE);
	io_w8(PIT_MODE, PIT_ONE_SHOT);
	io_w8(PIT_CHANNEL_2, PIT_TICKS_10_MS & 0xff);
	io_w8(PIT_CHANNEL_2, PIT_TICKS_10_MS >> 8);
	tsc_at_boot = cpu_tsc();
	while (!(io_r8(PIT_PORT_B) & PIT_OUTPUT) && !deadline_passed(deadline))
		;
	tsc_per_ms = (cpu_tsc() - tsc_at_boot) / 10;
	io_w8(PIT_PORT_B, port_b);
}

u64 clock_ms(void)
{
	return (cpu_tsc() - tsc_at_boot) / tsc_per_ms;
}
