/* SPDX-License-Identifier: BSD-2-Clause */
/* The first serial port of a PC, a 16550 (National Semiconductor PC16550D). Polled. */
#ifndef CORE_UART_H
#define CORE_UART_H

#include "lib/types.h"

#define UART_DATA        0x3f8
#define UART_LINE_STATUS 0x3fd
#define UART_DATA_READY  0x01

/* Sets it to 8n1, without interrupts, at the speed firmware left. False if there is none. */
bool uart_init(void);
/* Only if there is one. A byte that cannot be sent in bounds is given up. */
void uart_write(const char *bytes, size_t size);
/* A byte that has come in; false: none. Only if there is a UART. */
bool uart_read(u8 *byte);
u8 uart_status(void);
/* The data register is the divisor's now (DLAB). */
bool uart_has_latch(void);
/* Waits, in bounds, until the last byte is on the line. Harmless without one. */
void uart_drain(void);

#endif
