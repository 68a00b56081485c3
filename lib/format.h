/* SPDX-License-Identifier: BSD-2-Clause */
/* A small, freestanding subset of snprintf. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include "lib/types.h"

/*
 * Writes at most size bytes, always terminated when size > 0; returns the length the whole text
 * would have. Knows %c %s %.*s %d %u %x with the flag 0, width, and l, ll. Any other character
 * after the % stands for itself.
 */
size_t format_text(char *to, size_t size, const char *format, ...) printf_like(3, 4);
size_t format_text_va(char *to, size_t size, const char *format, va_list arguments);

/*
 * A PCI function is one u32: segment in bits 31:16, bus 15:8, device 7:3, function 2:0 (PCIe 2.2.4
 * routing id with the segment in front). Text: 00:03.0, or 0001:00:03.0 outside segment 0.
 */
struct bdf_text {
	char text[16];
};
struct bdf_text bdf_format(u32 bdf);
#define BDF_TEXT(bdf) (bdf_format(bdf).text)

#endif
