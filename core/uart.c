// SPDX-License-Identifier: BSD-2-Clause
#include "core/uart.h"

#include "core/cpu.h"

#define UART_INTERRUPTS  0x3f9
#define UART_FIFO        0x3fa
#define UART_LINE        0x3fb
#define UART_SCRATCH     0x3ff
#define UART_LINE_8N1    0x03
#define UART_LINE_DLAB   0x80
#define UART_FIFO_ENABLE 0x03 /* what is still to be sent stays */
#define UART_THR_EMPTY   0x20
#define UART_EMPTY       0x40 /* shift register too */

#define SCRATCH_TEST 0x5a
#define SPIN_MAX     1000000u /* polls of the line status before a byte is given up */

bool uart_init(void)
{
	io_w8(UART_SCRATCH, SCRATCH_TEST);
	if (io_r8(UART_SCRATCH) != SCRATCH_TEST)
		return false;
	io_w8(UART_LINE, UART_LINE_8N1);
	io_w8(UART_INTERRUPTS, 0);
	io_w8(UART_FIFO, UART_FIFO_ENABLE);
	return true;
}

static bool wait_for(u8 status)
{
	for (u32 spin = 0; spin < SPIN_MAX; spin++) {
		if (io_r8(UART_LINE_STATUS) & status)
			return true;
	}
	return false;
}

void uart_write(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && wait_for(UART_THR_EMPTY); i++)
		io_w8(UART_DATA, (u8)bytes[i]);
}

void uart_drain(void)
{
	(void)wait_for(UART_EMPTY);
}

u8 uart_status(void)
{
	return io_r8(UART_LINE_STATUS);
}

bool uart_read(u8 *byte)
{
	bool ready = uart_status() & UART_DATA_READY;

	if (ready)
		*byte = io_r8(UART_DATA);
	return ready;
}

bool uart_has_latch(void)
{
	return io_r8(UART_LINE) & UART_LINE_DLAB;
}
