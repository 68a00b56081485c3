// SPDX-License-Identifier: BSD-2-Clause
#include "core/uart.h"

#include "core/cpu.h"

#define UART_DATA        0x3f8
#define UART_INTERRUPTS  0x3f9
#define UART_FIFO        0x3fa
#define UART_LINE        0x3fb
#define UART_LINE_STATUS 0x3fd
#define UART_SCRATCH     0x3ff
#define UART_LINE_8N1    0x03
#define UART_FIFO_ENABLE 0x07
#define UART_THR_EMPTY   0x20

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

void uart_write(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		for (u32 spin = 0; !(io_r8(UART_LINE_STATUS) & UART_THR_EMPTY); spin++) {
			if (spin == SPIN_MAX)
				return;
		}
		io_w8(UART_DATA, (u8)bytes[i]);
	}
}
