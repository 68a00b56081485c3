// SPDX-License-Identifier: BSD-2-Clause
#include "core/log.h"

#include "core/lock.h"
#include "core/output.h"
#include "core/uart.h"
#include "lib/format.h"

#define RING_SIZE KIB(16)

/* Everything here is guarded by log_lock. */
static struct lock log_lock;
static bool uart_present;
static bool guest_mid_line;
static bool (*prompt)(void); /* NULL: none */
static bool prompted;        /* it is on the line */
static char ring[RING_SIZE];
static u64 ring_end; /* bytes ever written */

static void erase_prompt(void)
{
	if (prompted)
		uart_write("\r\x1b[K", 4); /* ECMA-48, 8.3.41: erase in line */
	prompted = false;
}

static void put_line(const char *text, size_t length)
{
	if (!uart_present)
		return;
	if (guest_mid_line)
		uart_write("\r\n", 2);
	guest_mid_line = false;
	erase_prompt();
	uart_write(text, length);
	uart_write("\r\n", 2);
	prompted = prompt && prompt();
}

void log_print(const char *text, size_t length)
{
	lock_take(&log_lock);
	put_line(text, length);
	lock_give(&log_lock);
}

bool log_set_prompt(bool (*draw)(void))
{
	if (uart_present)
		prompt = draw;
	return uart_present;
}

void log_draw_prompt(void)
{
	lock_take(&log_lock);
	if (!guest_mid_line)
		prompted = prompt();
	lock_give(&log_lock);
}

void log_init(void)
{
	uart_present = uart_init();
}

void log_line(const char *format, ...)
{
	char line[LOG_LINE_MAX];
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
	put_line(line, length);
	lock_give(&log_lock);
}

void log_break_lock(void)
{
	log_lock = (struct lock){0};
}

void log_registers(const char *words, const u64 gpr[GPR_COUNT])
{
	static const char *const names[GPR_COUNT] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
	                                             "rsi", "rdi", "r8",  "r9",  "r10", "r11",
	                                             "r12", "r13", "r14", "r15"};

	for (u32 i = 0; i < GPR_COUNT; i += 4)
		log_line("%s %s=0x%lx %s=0x%lx %s=0x%lx %s=0x%lx", words, names[i], gpr[i],
		         names[i + 1], gpr[i + 1], names[i + 2], gpr[i + 2], names[i + 3],
		         gpr[i + 3]);
}

void log_write_guest_byte(u8 byte)
{
	lock_take(&log_lock);
	if (!guest_mid_line)
		erase_prompt();
	uart_write((const char *)&byte, 1);
	guest_mid_line = byte != '\n';
	prompted = prompt && !guest_mid_line && prompt();
	lock_give(&log_lock);
}

/* Where the last lines begin. */
static u64 find_tail(u32 lines)
{
	u64 first = ring_end > RING_SIZE ? ring_end - RING_SIZE : 0;
	u64 at = ring_end;

	for (u32 seen = 0; at > first; at--) {
		if (ring[(at - 1) % RING_SIZE] == '\n' && seen++ == lines)
			break;
	}
	return at;
}

/* Whoever gets the lines may log: the lock is held for one line at a time. */
void log_show(struct output *out, u32 lines)
{
	char line[LOG_LINE_MAX];
	u64 at, end;

	lock_take(&log_lock);
	at = find_tail(lines);
	end = ring_end;
	lock_give(&log_lock);
	for (; at < end; at++) {
		size_t length = 0;

		lock_take(&log_lock);
		while (ring[at % RING_SIZE] != '\n' && length < sizeof(line))
			line[length++] = ring[at++ % RING_SIZE];
		lock_give(&log_lock);
		out->put(out, line, length);
	}
}

/* Runs in a panic: takes no lock, for its owner may be the one that failed. */
void log_replay(u32 lines)
{
	for (u64 at = find_tail(lines); uart_present && at < ring_end; at++) {
		if (ring[at % RING_SIZE] == '\n')
			uart_write("\r", 1);
		uart_write(&ring[at % RING_SIZE], 1);
	}
}
