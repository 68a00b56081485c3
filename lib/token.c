// SPDX-License-Identifier: BSD-2-Clause
#include "lib/token.h"

static struct text text_part(struct text t, size_t from, size_t to)
{
	return (struct text){t.at + from, to - from};
}

/* Cuts length characters off the front of *rest, and skip more that nobody gets. */
static struct text text_cut(struct text *rest, size_t length, size_t skip)
{
	struct text front = text_part(*rest, 0, length);

	*rest = text_part(*rest, length + skip, rest->length);
	return front;
}

/* If t begins with prefix, its length, else 0. */
static size_t prefix_length(struct text t, const char *prefix)
{
	size_t i;

	for (i = 0; prefix[i]; i++)
		if (i == t.length || t.at[i] != prefix[i])
			return 0;
	return i;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool text_is(struct text t, const char *word)
{
	return prefix_length(t, word) == t.length && !word[t.length];
}

err_t text_copy(struct text t, char *to, size_t size)
{
	bool fits = t.length < size;

	if (fits)
		for (size_t i = 0; i < t.length; i++)
			to[i] = t.at[i];
	if (size)
		to[fits ? t.length : 0] = '\0';
	return fits ? E_OK : E_TOO_LONG;
}

static size_t comment_start(struct text line)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < line.length; i++) {
		quoted ^= line.at[i] == '"';
		if (line.at[i] == '#' && !quoted)
			break;
	}
	return i;
}

bool text_next_line(struct text *rest, struct text *line)
{
	size_t length = 0;

	if (!rest->length)
		return false;
	while (length < rest->length && rest->at[length] != '\n')
		length++;
	*line = text_cut(rest, length, length < rest->length);
	if (line->length && line->at[line->length - 1] == '\r')
		line->length--;
	line->length = comment_start(*line);
	return true;
}

err_t text_next_word(struct text *rest, struct text *word)
{
	bool quoted = false;
	size_t i = 0;

	while (i < rest->length && is_blank(rest->at[i]))
		i++;
	text_cut(rest, i, 0);
	for (i = 0; i < rest->length && (quoted || !is_blank(rest->at[i])); i++)
		quoted ^= rest->at[i] == '"';
	*word = text_cut(rest, i, 0);
	return quoted ? E_BAD_QUOTE : E_OK;
}

bool text_key(struct text word, const char *key, struct text *value)
{
	size_t length = prefix_length(word, key);

	if (!length || length == word.length || word.at[length] != '=')
		return false;
	*value = text_part(word, length + 1, word.length);
	if (value->length >= 2 && value->at[0] == '"' && value->at[value->length - 1] == '"')
		*value = text_part(*value, 1, value->length - 1);
	return true;
}

/* The value of a digit in any base up to 16; 16 if it is none. */
static u32 digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (u32)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (u32)(c - 'A') + 10;
	return 16;
}

static err_t parse_digits(struct text t, u32 base, u64 *value)
{
	u64 sum = 0;

	if (!t.length)
		return E_BAD_NUMBER;
	for (size_t i = 0; i < t.length; i++) {
		u32 digit = digit_value(t.at[i]);

		if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return E_BAD_NUMBER;
	}
	*value = sum;
	return E_OK;
}

err_t parse_u64(struct text t, u64 *value)
{
	size_t prefix = prefix_length(t, "0x");

	return parse_digits(text_part(t, prefix, t.length), prefix ? 16 : 10, value);
}

err_t parse_size(struct text t, u64 *bytes)
{
	static const char suffixes[] = {'K', 'M', 'G'};
	u32 shift = 0;
	u64 number;

	for (u32 i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (t.length && t.at[t.length - 1] == suffixes[i])
			shift = 10 * (i + 1);
	if (shift)
		t.length--;
	TRY(parse_u64(t, &number));
	if (number << shift >> shift != number)
		return E_BAD_NUMBER;
	*bytes = number << shift;
	return E_OK;
}

/* A field of a BDF: exactly so many hexadecimal digits, then the mark unless it is 0. */
static err_t take_bdf_field(struct text *t, size_t digits, char mark, u64 limit, u64 *field)
{
	if (t->length < digits + !!mark || (mark && t->at[digits] != mark))
		return E_BAD_BDF;
	if (parse_digits(text_cut(t, digits, !!mark), 16, field) || *field > limit)
		return E_BAD_BDF;
	return E_OK;
}

err_t parse_bdf(struct text t, u32 *bdf)
{
	u64 segment = 0, bus, device, function;

	if (t.length > 4 && t.at[4] == ':')
		TRY(take_bdf_field(&t, 4, ':', 0xffff, &segment));
	TRY(take_bdf_field(&t, 2, ':', 0xff, &bus));
	TRY(take_bdf_field(&t, 2, '.', 0x1f, &device));
	TRY(take_bdf_field(&t, 1, '\0', 7, &function));
	if (t.length)
		return E_BAD_BDF;
	*bdf = (u32)(segment << 16 | bus << 8 | device << 3 | function);
	return E_OK;
}

/* Cuts what is before the next mark off *t, and the mark; all of it and false if there is none. */
static bool cut_at(struct text *t, char mark, struct text *front)
{
	size_t i = 0;
	bool found;

	while (i < t->length && t->at[i] != mark)
		i++;
	found = i < t->length;
	*front = text_cut(t, i, found);
	return found;
}

err_t parse_cpus(struct text t, u64 *mask)
{
	struct text range, low;
	u64 sum = 0;
	bool more;

	do {
		u64 first, last, cpus;
		bool is_range;

		more = cut_at(&t, ',', &range);
		is_range = cut_at(&range, '-', &low);
		TRY(parse_u64(low, &first));
		last = first;
		if (is_range)
			TRY(parse_u64(range, &last));
		if (first > last || last > 63)
			return E_BAD_NUMBER;
		cpus = MASK(last, first);
		if (sum & cpus)
			return E_DUPLICATE;
		sum |= cpus;
	} while (more);
	*mask = sum;
	return E_OK;
}
