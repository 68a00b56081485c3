/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console on the serial port, served by a CPU that no VM owns: a prompt, an edited line, live
 * commands (core/command.h). The platform VM writes to the same port; Ctrl-] hands the keyboard to
 * it, and back.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "core/cpu.h"

/* The CPU that serves it; NULL: there is none. Set by console_init. */
extern const struct cpu *console_cpu;

/* After the manifest is read, before VMs are built: takes the first CPU that no VM owns, if there
 * is one, and a UART. */
void console_init(void);
/* What that CPU does again and again: takes the bytes that are there, and never waits for one. */
void console_poll(void);

/* A read of the serial port by the platform VM is answered from here: without the keyboard there
 * is nothing to read. */
bool console_answers(u16 port, u8 size);
u8 console_guest_read(u16 port);

#endif
