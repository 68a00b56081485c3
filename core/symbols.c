// SPDX-License-Identifier: BSD-2-Clause
#include "core/symbols.h"

extern const u8 text_start[], text_end[];

const char *symbol_find(u64 va, u64 *offset)
{
	u32 first = 0, past = symbol_count;
	u64 from_start = va - (u64)text_start;

	*offset = 0;
	if (va < (u64)text_start || va >= (u64)text_end)
		return "?";
	while (first < past) {
		u32 middle = first + (past - first) / 2;

		if (symbol_table[middle].offset <= from_start)
			first = middle + 1;
		else
			past = middle;
	}
	if (first == 0)
		return "?";
	*offset = from_start - symbol_table[first - 1].offset;
	return symbol_names + symbol_table[first - 1].name;
}
