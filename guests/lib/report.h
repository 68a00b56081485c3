/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest says: one line a step, in the log of the hypervisor. */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/include/snoopervisor.h"

extern struct snoopervisor hypervisor;

/* Formats: %s; %u and %x of unsigned int; %d of int; %lu and %lx of uint64_t. */
#define printf_like(text, first) __attribute__((format(printf, text, first)))

/* A line of information. */
void print(const char *format, ...) printf_like(1, 2);

/* `ok step=...` or `failed step=...`; format begins with the step's name. */
void report(bool ok, const char *format, ...) printf_like(2, 3);

/* Steps that have failed. */
extern unsigned int report_failed;

#endif
