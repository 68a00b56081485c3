/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console on the serial port, served by a CPU that no VM owns: a prompt, an edited line, live
 * commands (core/command.h). The platform VM writes to the same port; Ctrl-] hands the keyboard to
 * it, and back.
 */
#ifndef CORE_CONSOLE_H
#define CORE_CONSOLE_H

#include "lib/types.h"

/* Set by console_init; read by everybody. */
extern bool console_exists;

/* Where a CPU is free for it, before VMs are built; nothing without a UART. */
void console_init(void);
/* What that CPU does again and again: takes the bytes that are there, and never waits for one. */
void console_poll(void);

/* A read of the serial port by the platform VM is answered from here: without the keyboard there
 * is nothing to read. */
bool console_answers(u16 port, u8 size);
u8 console_guest_read(u16 port);

#endif
