// SPDX-License-Identifier: BSD-2-Clause
#include <stdarg.h>

#include "guests/lib/report.h"

#define LINE_MAX 128 /* of HYPERCALL_LOG */

struct line {
	char text[LINE_MAX];
	unsigned int length;
};

struct snoopervisor hypervisor;
unsigned int report_failed;

static void put(struct line *line, const char *text)
{
	while (*text && line->length < LINE_MAX)
		line->text[line->length++] = *text++;
}

static void put_number(struct line *line, uint64_t value, unsigned int base)
{
	char digits[21], *p = digits + sizeof(digits);

	*--p = 0;
	do
		*--p = "0123456789abcdef"[value % base];
	while (value /= base);
	put(line, p);
}

/* One conversion; format is behind its percent sign. Returns its last character. */
static const char *put_argument(struct line *line, const char *format, va_list *arguments)
{
	bool is_long = *format == 'l';
	int64_t value;

	format += is_long;
	if (*format == 's') {
		put(line, va_arg(*arguments, const char *));
		return format;
	}
	if (is_long)
		value = va_arg(*arguments, int64_t);
	else if (*format == 'd')
		value = va_arg(*arguments, int);
	else
		value = va_arg(*arguments, unsigned int);
	if (*format == 'd' && value < 0) {
		put(line, "-");
		value = -value;
	}
	put_number(line, (uint64_t)value, *format == 'x' ? 16 : 10);
	return format;
}

static void put_format(struct line *line, const char *format, va_list *arguments)
{
	for (; *format; format++) {
		if (*format == '%')
			format = put_argument(line, format + 1, arguments);
		else
			put(line, (const char[]){*format, 0});
	}
}

static void put_line(const char *prefix, const char *format, va_list *arguments)
{
	struct line line = {.length = 0};

	put(&line, prefix);
	put_format(&line, format, arguments);
	snoopervisor_log(&hypervisor, (uintptr_t)line.text, line.length);
}

void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_line("", format, &arguments);
	va_end(arguments);
}

void report(bool ok, const char *format, ...)
{
	va_list arguments;

	if (!ok)
		report_failed++;
	va_start(arguments, format);
	put_line(ok ? "ok step=" : "failed step=", format, &arguments);
	va_end(arguments);
}
