/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for addresses in the image's text, from a table that the build makes. */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include "lib/types.h"

/* The function that va lies in and the offset into it; "?" outside the text. */
const char *symbol_find(u64 va, u64 *offset);

/* The table, made by tools/symbols from the first link: sorted by offset. */
struct symbol {
	u32 offset; /* of the function from image_start */
	u32 name;   /* index into symbol_names, terminated there */
};
extern const u32 symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];

#endif
