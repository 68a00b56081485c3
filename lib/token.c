// SPDX-License-Identifier: BSD-2-Clause
#include "lib/token.h"
#include "lib/string.h"

static struct text text_from(struct text t, size_t from)
{
	return (struct text){t.at + from, t.length - from};
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
		memcpy(to, t.at, t.length);
	if (size)
		to[fits ? t.length : 0] = '\0';
	return fits ? E_OK : E_TOO_LONG;
}

/* Cuts what is before the next mark off *rest, and the mark; all of it and false if there is none.
 */
static bool cut_at(struct text *rest, char mark, struct text *front)
{
	size_t length = 0;
	bool found;

	while (length < rest->length && rest->at[length] != mark)
		length++;
	found = length < rest->length;
	*front = (struct text){rest->at, length};
	*rest = text_from(*rest, length + found);
	return found;
}

bool text_next_line(struct text *rest, struct text *line)
{
	bool quoted = false;

	if (!rest->length)
		return false;
	cut_at(rest, '\n', line);
	if (line->length && line->at[line->length - 1] == '\r')
		line->length--;
	for (size_t i = 0; i < line->length; i++) {
		quoted ^= line->at[i] == '"';
		if (line->at[i] == '#' && !quoted)
			line->length = i;
	}
	return true;
}

err_t text_next_word(struct text *rest, struct text *word)
{
	bool quoted = false;
	size_t i = 0;

	while (rest->length && is_blank(*rest->at))
		*rest = text_from(*rest, 1);
	for (; i < rest->length && (quoted || !is_blank(rest->at[i])); i++)
		quoted ^= rest->at[i] == '"';
	*word = (struct text){rest->at, i};
	*rest = text_from(*rest, i);
	return quoted ? E_BAD_QUOTE : E_OK;
}

bool text_key(struct text word, const char *key, struct text *value)
{
	size_t length = prefix_length(word, key);

	if (!length || length == word.length || word.at[length] != '=')
		return false;
	*value = text_from(word, length + 1);
	if (value->length >= 2 && value->at[0] == '"' && value->at[value->length - 1] == '"')
		*value = (struct text){value->at + 1, value->length - 2};
	return true;
}

/* The value of a digit in any base up to 16; 16 if it is none. */
static u32 digit_value(char c)
{
	char lower = c | 0x20;

	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	return lower >= 'a' && lower <= 'f' ? (u32)(lower - 'a') + 10 : 16;
}

err_t parse_u64(struct text t, u64 *value)
{
	size_t prefix = prefix_length(t, "0x");
	u32 base = prefix ? 16 : 10;
	u64 sum = 0;

	if (t.length == prefix)
		return E_BAD_NUMBER;
	for (size_t i = prefix; i < t.length; i++) {
		u32 digit = digit_value(t.at[i]);

		if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return E_BAD_NUMBER;
	}
	*value = sum;
	return E_OK;
}

err_t parse_size(struct text t, u64 *bytes)
{
	char last = t.length ? t.at[t.length - 1] : '0';
	u32 shift = last == 'K' ? 10 : last == 'M' ? 20 : last == 'G' ? 30 : 0;
	u64 number;

	t.length -= shift != 0;
	TRY(parse_u64(t, &number));
	if (number << shift >> shift != number)
		return E_BAD_NUMBER;
	*bytes = number << shift;
	return E_OK;
}

err_t parse_bdf(struct text t, u32 *bdf)
{
	const char *form = t.length == 12 ? "ssss:bb:dd.f" : "bb:dd.f";
	u64 digits = 0; /* without the marks, four bits each */

	if (t.length != strlen(form))
		return E_BAD_BDF;
	for (size_t i = 0; i < t.length; i++) {
		u32 digit = digit_value(t.at[i]);
		bool is_mark = form[i] == ':' || form[i] == '.';

		if (is_mark ? t.at[i] != form[i] : digit > 15)
			return E_BAD_BDF;
		if (!is_mark)
			digits = digits << 4 | digit;
	}
	if (digits & 0xe08) /* a device above 31, a function above 7 */
		return E_BAD_BDF;
	*bdf = (u32)(digits >> 12 << 8 | (digits >> 4 & 0x1f) << 3 | (digits & 7));
	return E_OK;
}

err_t parse_cpus(struct text t, u64 *mask)
{
	struct text range, low;
	u64 sum = 0, first, last;
	bool more;

	do {
		more = cut_at(&t, ',', &range);
		if (!cut_at(&range, '-', &low))
			range = low; /* a range of one */
		TRY(parse_u64(low, &first));
		TRY(parse_u64(range, &last));
		if (first > last || last > 63)
			return E_BAD_NUMBER;
		if (sum & MASK(last, first))
			return E_DUPLICATE;
		sum |= MASK(last, first);
	} while (more);
	*mask = sum;
	return E_OK;
}
