// SPDX-License-Identifier: BSD-2-Clause
/* A machine without a console. */
#include "core/console.h"
#include "core/uart.h"

const struct cpu *console_cpu;

void console_poll(void)
{
}

bool console_answers(u16 port, u8 size)
{
	(void)port;
	(void)size;
	return false;
}

u8 console_guest_read(u16 port)
{
	(void)port;
	return 0xff;
}

bool uart_has_latch(void)
{
	return false;
}
