// SPDX-License-Identifier: BSD-2-Clause
#include "core/output.h"

#include "core/log.h"
#include "lib/format.h"

void output_line(struct output *out, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(line, sizeof(line), format, arguments);
	va_end(arguments);
	out->put(out, line, MIN(length, sizeof(line) - 1));
}

static void put_log(struct output *out, const char *text, size_t length)
{
	(void)out;
	log_line("%.*s", (int)length, text);
}

struct output output_log = {put_log};
