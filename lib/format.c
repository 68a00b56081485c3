// SPDX-License-Identifier: BSD-2-Clause
#include "lib/format.h"

struct sink {
	char *to;
	size_t size, length; /* length of the whole text, also of what did not fit */
};

struct conversion {
	bool left, zero, alternate, is_long;
	size_t width, precision; /* precision: of %s, the most characters taken */
};

static void put(struct sink *out, char c)
{
	if (out->length + 1 < out->size)
		out->to[out->length] = c;
	out->length++;
}

static void put_times(struct sink *out, char c, size_t count)
{
	while (count--)
		put(out, c);
}

static void put_bytes(struct sink *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
}

static size_t bounded_length(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length])
		length++;
	return length;
}

/* Prefix and body in a field of the asked width; zeros go between the two, blanks outside. */
static void put_field(struct sink *out, const struct conversion *c, const char *prefix,
                      const char *body, size_t body_length)
{
	size_t prefix_length = bounded_length(prefix, 2);
	size_t length = prefix_length + body_length;
	size_t padding = c->width > length ? c->width - length : 0;

	if (!c->left && !c->zero)
		put_times(out, ' ', padding);
	put_bytes(out, prefix, prefix_length);
	if (!c->left && c->zero)
		put_times(out, '0', padding);
	put_bytes(out, body, body_length);
	if (c->left)
		put_times(out, ' ', padding);
}

static void put_number(struct sink *out, const struct conversion *c, const char *prefix, u64 value,
                       u32 base, const char *digits)
{
	char text[20]; /* 2^64 - 1 has 20 decimal digits */
	size_t at = sizeof(text);

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value);
	put_field(out, c, prefix, text + at, sizeof(text) - at);
}

static void put_signed(struct sink *out, const struct conversion *c, s64 value)
{
	bool negative = value < 0;

	put_number(out, c, negative ? "-" : "", negative ? 0 - (u64)value : (u64)value, 10,
	           "0123456789");
}

static void put_hexadecimal(struct sink *out, const struct conversion *c, u64 value, bool upper)
{
	const char *prefix = upper ? "0X" : "0x";

	put_number(out, c, c->alternate && value ? prefix : "", value, 16,
	           upper ? "0123456789ABCDEF" : "0123456789abcdef");
}

static void put_string(struct sink *out, const struct conversion *c, const char *text)
{
	if (!text)
		text = "(null)";
	put_field(out, c, "", text, bounded_length(text, c->precision));
}

static const char *take_number(const char *format, size_t *number)
{
	for (*number = 0; *format >= '0' && *format <= '9'; format++)
		*number = *number * 10 + (size_t)(*format - '0');
	return format;
}

/* Flags, width, precision and length of a conversion; returns where its letter is. */
static const char *take_modifiers(const char *f, struct conversion *c, va_list *arguments)
{
	*c = (struct conversion){.precision = SIZE_MAX};
	for (; *f == '-' || *f == '0' || *f == '#'; f++) {
		c->left |= *f == '-';
		c->zero |= *f == '0';
		c->alternate |= *f == '#';
	}
	f = take_number(f, &c->width);
	if (*f == '.' && f[1] == '*') {
		int precision = va_arg(*arguments, int);

		if (precision >= 0)
			c->precision = (size_t)precision;
		f += 2;
	} else if (*f == '.') {
		f = take_number(f + 1, &c->precision);
	}
	for (; *f == 'l' || *f == 'z'; f++)
		c->is_long = true;
	return f;
}

static u64 take_unsigned(const struct conversion *c, va_list *arguments)
{
	return c->is_long ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned int);
}

static bool put_conversion(struct sink *out, char letter, struct conversion *c, va_list *arguments)
{
	char character;

	switch (letter) {
	case '%':
		put(out, '%');
		return true;
	case 'c':
		character = (char)va_arg(*arguments, int);
		c->zero = false;
		put_field(out, c, "", &character, 1);
		return true;
	case 's':
		c->zero = false;
		put_string(out, c, va_arg(*arguments, const char *));
		return true;
	case 'd':
		put_signed(out, c, c->is_long ? va_arg(*arguments, long) : va_arg(*arguments, int));
		return true;
	case 'u':
		put_number(out, c, "", take_unsigned(c, arguments), 10, "0123456789");
		return true;
	case 'p':
		c->alternate = c->is_long = true;
		/* fall through */
	case 'x':
	case 'X':
		put_hexadecimal(out, c, take_unsigned(c, arguments), letter == 'X');
		return true;
	}
	return false;
}

size_t format_text_va(char *to, size_t size, const char *format, va_list arguments)
{
	struct sink out = {.to = to, .size = size};
	struct conversion conversion;
	va_list rest;

	va_copy(rest, arguments);
	while (*format) {
		const char *start = format;

		if (*format++ != '%') {
			put(&out, *start);
			continue;
		}
		format = take_modifiers(format, &conversion, &rest);
		if (put_conversion(&out, *format, &conversion, &rest))
			format++;
		else
			put_bytes(&out, start, (size_t)(format - start));
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
	u32 segment = bdf >> 16, bus = bdf >> 8 & 0xff, device = bdf >> 3 & 0x1f,
	    function = bdf & 7;

	if (segment)
		format_text(bdf_text.text, sizeof(bdf_text.text), "%04x:%02x:%02x.%u", segment, bus,
		            device, function);
	else
		format_text(bdf_text.text, sizeof(bdf_text.text), "%02x:%02x.%u", bus, device,
		            function);
	return bdf_text;
}
