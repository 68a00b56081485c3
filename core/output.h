/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lines go that answer somebody: the console, a hypercall's buffer, the log. */
#ifndef CORE_OUTPUT_H
#define CORE_OUTPUT_H

#include "lib/types.h"

struct output {
	/* Takes one line, without its newline. */
	void (*put)(struct output *out, const char *text, size_t length);
};

/* One line, the newline not included. Above 255 characters it is cut. */
void output_line(struct output *out, const char *format, ...) printf_like(2, 3);

/* Makes them lines of the log. */
extern struct output output_log;

#endif
