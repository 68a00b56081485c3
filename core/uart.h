/* SPDX-License-Identifier: BSD-2-Clause */
/* The first serial port of a PC, a 16550 (National Semiconductor PC16550D). Output only, polled. */
#ifndef CORE_UART_H
#define CORE_UART_H

#include "lib/types.h"

/* Sets it to 8n1, without interrupts, at the speed firmware left. False if there is none. */
bool uart_init(void);
/* Only if there is one. A byte that cannot be sent in bounds is given up. */
void uart_write(const char *bytes, size_t size);
/* Waits, in bounds, until the last byte is on the line. Harmless without one. */
void uart_drain(void);

#endif
