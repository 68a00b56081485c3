/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for addresses in the image's text, from a table that the build makes. */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include "lib/types.h"

/* The function that va lies in and the offset into it; "?" outside the text. */
const char *symbol_find(u64 va, u64 *offset);

#endif
