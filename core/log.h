/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one event a line, `word key=value ...`, on the first serial port if there is one and in
 * a RAM ring always. Works from the first instruction of C.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/x86.h"

#define LOG_LINE_MAX 256

struct output;

/* Looks for the UART and sets it to 8n1; harmless when there is none. */
void log_init(void);

/* One line; the newline is added. Lines above 255 characters are cut. If a guest has left the
 * serial port in the middle of a line, a line break comes first, so that ours always begin a line.
 */
void log_line(const char *format, ...) printf_like(1, 2);

/* The general registers, four a line, each line beginning with these words. */
void log_registers(const char *words, const u64 gpr[GPR_COUNT]);

/* A line on the serial port alone: an answer, not an event. */
void log_print(const char *text, size_t length);

/* From now on draw puts a prompt behind our lines and the guest's, if it likes (then true); the
 * line it is on is erased before the next one. It is called with the log's lock held. False: there
 * is no UART. */
bool log_set_prompt(bool (*draw)(void));
void log_draw_prompt(void);

/* A guest that owns the serial port writes this byte to its data register. */
void log_write_guest_byte(u8 byte);

/* The last lines of the ring. */
void log_show(struct output *out, u32 lines);
/* In a panic, when the other CPUs have stopped: one of them may have been writing. */
void log_break_lock(void);

/* Prints the last lines of the ring again (panic). */
void log_replay(u32 lines);

#endif
