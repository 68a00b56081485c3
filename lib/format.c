// SPDX-License-Identifier: BSD-2-Clause
#include "lib/format.h"

struct output {
	char *to;
	size_t size, length; /* length of the whole text, also of what did not fit */
	/* of the conversion in hand */
	char padding; /* ' ' or '0' */
	bool is_long;
	size_t width;
};

static void put(struct output *out, const char *text, size_t length)
{
	for (; length--; out->length++, text++)
		if (out->length + 1 < out->size)
			out->to[out->length] = *text;
}

/* At most limit characters, on the right of a field; zeros go between sign and number. */
static void put_field(struct output *out, const char *text, size_t limit)
{
	bool sign_first = limit && out->padding == '0' && *text == '-';
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	put(out, text, sign_first);
	for (size_t i = length; i < out->width; i++)
		put(out, &out->padding, 1);
	put(out, text + sign_first, length - sign_first);
}

static void put_number(struct output *out, char letter, va_list *arguments)
{
	u64 value = out->is_long    ? va_arg(*arguments, u64)
	            : letter == 'd' ? (u64)va_arg(*arguments, int)
	                            : va_arg(*arguments, u32);
	bool negative = letter == 'd' && (s64)value < 0;
	u32 base = letter == 'x' ? 16 : 10;
	char text[21]; /* a sign and 20 decimal digits: 2^64 - 1 */
	size_t at = sizeof(text);

	if (negative)
		value = 0 - value;
	do
		text[--at] = "0123456789abcdef"[value % base];
	while (value /= base);
	if (negative)
		text[--at] = '-';
	put_field(out, text + at, sizeof(text) - at);
}

/* The conversion that starts behind a %; returns what follows it. */
static const char *put_conversion(struct output *out, const char *f, va_list *arguments)
{
	size_t limit = SIZE_MAX;
	char character;

	out->padding = *f == '0' ? '0' : ' ';
	for (out->width = 0; *f >= '0' && *f <= '9'; f++)
		out->width = out->width * 10 + (size_t)(*f - '0');
	if (f[0] == '.' && f[1] == '*') {
		limit = (size_t)va_arg(*arguments, int); /* none if negative */
		f += 2;
	}
	for (out->is_long = false; *f == 'l'; f++)
		out->is_long = true;
	if (*f == 'd' || *f == 'u' || *f == 'x') {
		put_number(out, *f, arguments);
	} else if (*f == 's') {
		put_field(out, va_arg(*arguments, const char *) ?: "(null)", limit);
	} else if (*f == 'c') {
		character = (char)va_arg(*arguments, int);
		put_field(out, &character, 1);
	} else {
		put(out, f, *f != '\0');
	}
	return f + (*f != '\0');
}

size_t format_text_va(char *to, size_t size, const char *format, va_list arguments)
{
	struct output out = {.to = to, .size = size};
	va_list rest;

	va_copy(rest, arguments);
	while (*format) {
		if (*format == '%')
			format = put_conversion(&out, format + 1, &rest);
		else
			put(&out, format++, 1);
	}
	va_end(rest);
	if (size)
		to[MIN(out.length, size - 1)] = '\0';
	return out.length;
}

size_t format_text(char *to, size_t size, const char *format, ...)
{
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(to, size, format, arguments);
	va_end(arguments);
	return length;
}

struct bdf_text bdf_format(u32 bdf)
{
	struct bdf_text bdf_text;
	size_t length = 0, size = sizeof(bdf_text.text);

	if (bdf >> 16)
		length = format_text(bdf_text.text, size, "%04x:", bdf >> 16);
	format_text(bdf_text.text + length, size - length, "%02x:%02x.%u", bdf >> 8 & 0xff,
	            bdf >> 3 & 0x1f, bdf & 7);
	return bdf_text;
}
