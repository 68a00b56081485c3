// SPDX-License-Identifier: BSD-2-Clause
#include "core/symbols.h"

extern const u8 text_start[], text_end[];

/* Only a panic asks, so a search from the start is fast enough. */
const char *symbol_find(u64 va, u64 *offset)
{
	u64 from_start = va - (u64)text_start;
	const struct symbol *s = symbol_table;

	*offset = 0;
	if (va < (u64)text_start || va >= (u64)text_end || s->offset > from_start)
		return "?";
	while (s + 1 < symbol_table + symbol_count && s[1].offset <= from_start)
		s++;
	*offset = from_start - s->offset;
	return symbol_names + s->name;
}
