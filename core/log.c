// SPDX-License-Identifier: BSD-2-Clause
#include "core/log.h"

#include "core/cpu.h"
#include "core/lock.h"
#include "lib/format.h"

/* 16550 UART, first serial port of a PC. */
#define UART_DATA        0x3f8
#define UART_INTERRUPTS  0x3f9
#define UART_FIFO        0x3fa
#define UART_LINE        0x3fb
#define UART_LINE_STATUS 0x3fd
#define UART_SCRATCH     0x3ff
#define UART_LINE_8N1    0x03
#define UART_FIFO_ENABLE 0x07
#define UART_THR_EMPTY   0x20

#define LINE_MAX  256
#define RING_SIZE KIB(16)
#define UART_SPIN 1000000u /* polls of the line status before a byte is given up */

/* Everything here is guarded by log_lock. */
static struct lock log_lock;
static bool uart_present;
static bool guest_mid_line;
static char ring[RING_SIZE];
static u64 ring_end; /* bytes ever written */

static void uart_put(char c)
{
	for (u32 spin = 0; !(io_r8(UART_LINE_STATUS) & UART_THR_EMPTY); spin++) {
		if (spin == UART_SPIN)
			return;
	}
	io_w8(UART_DATA, (u8)c);
}

static void uart_put_line(const char *text, size_t length)
{
	if (!uart_present)
		return;
	if (guest_mid_line) {
		uart_put('\r');
		uart_put('\n');
		guest_mid_line = false;
	}
	for (size_t i = 0; i < length; i++)
		uart_put(text[i]);
	uart_put('\r');
	uart_put('\n');
}

void log_init(void)
{
	io_w8(UART_SCRATCH, 0x5a);
	uart_present = io_r8(UART_SCRATCH) == 0x5a;
	if (!uart_present)
		return;
	/* The divisor stays as firmware left it. */
	io_w8(UART_LINE, UART_LINE_8N1);
	io_w8(UART_INTERRUPTS, 0);
	io_w8(UART_FIFO, UART_FIFO_ENABLE);
}

void log_line(const char *format, ...)
{
	char line[LINE_MAX];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(line, sizeof(line), format, arguments);
	va_end(arguments);
	length = MIN(length, sizeof(line) - 1);

	lock_take(&log_lock);
	for (size_t i = 0; i < length; i++)
		ring[ring_end++ % RING_SIZE] = line[i];
	ring[ring_end++ % RING_SIZE] = '\n';
	uart_put_line(line, length);
	lock_give(&log_lock);
}

void log_note_guest_byte(u8 byte)
{
	guest_mid_line = byte != '\n';
}

/* Runs in a panic: takes no lock, for its owner may be the one that failed. */
void log_replay(u32 lines)
{
	u64 first = ring_end > RING_SIZE ? ring_end - RING_SIZE : 0;
	u64 at = ring_end;

	for (u32 seen = 0; at > first; at--) {
		if (ring[(at - 1) % RING_SIZE] == '\n' && seen++ == lines)
			break;
	}
	for (; uart_present && at < ring_end; at++) {
		if (ring[at % RING_SIZE] == '\n')
			uart_put('\r');
		uart_put(ring[at % RING_SIZE]);
	}
}
