/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of manifest and console: lines, words, key=value, numbers. Pure, allocates nothing. */
#ifndef LIB_TOKEN_H
#define LIB_TOKEN_H

#include "lib/error.h"
#include "lib/types.h"

/* A piece of somebody else's text; not terminated. */
struct text {
	const char *at;
	size_t length;
};

bool text_is(struct text t, const char *word);
/* Copies into a terminated buffer. E_TOO_LONG (nothing written but "") when it does not fit. */
err_t text_copy(struct text t, char *to, size_t size) must_check;

/* Cuts the next line off *rest: without its LF or CRLF, without a # comment that is not inside
 * double quotes. False at the end of the text. A NUL byte is a character like others. */
bool text_next_line(struct text *rest, struct text *line);

/* Cuts the next blank-separated word off *rest. Double quotes may enclose any part of it and
 * protect blanks: key="a b" is one word. *word is empty at the end of the line. E_BAD_QUOTE. */
err_t text_next_word(struct text *rest, struct text *word) must_check;

/* If word is key=value, true with the value in *value, without its quotes. */
bool text_key(struct text word, const char *key, struct text *value);

/* Decimal, or hexadecimal after 0x. E_BAD_NUMBER for anything else, overflow included. */
err_t parse_u64(struct text t, u64 *value) must_check;
/* A number with an optional suffix K, M or G, in bytes. E_BAD_NUMBER. */
err_t parse_size(struct text t, u64 *bytes) must_check;
/* [ssss:]bb:dd.f in hexadecimal -> the u32 of lib/format.h. E_BAD_BDF. */
err_t parse_bdf(struct text t, u32 *bdf) must_check;
/* 0,2-3 -> 0b1101. Numbers 0 to 63. E_BAD_NUMBER; E_DUPLICATE for a number named twice. */
err_t parse_cpus(struct text t, u64 *mask) must_check;

#endif
