/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of parsers share: cmocka, and ways to break good bytes. */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/error.h"

#define assert_ok(expression) assert_string_equal(error_name(expression), "ok")
#define assert_error(expression, expected) \
	assert_string_equal(error_name(expression), error_name(expected))

/* A parser under test; it may change the bytes first, to make a checksum good again. */
typedef err_t parse_fn(u8 *bytes, size_t size);

/* Runs the parser on a copy with nothing readable behind it: the sanitizer sees one byte too many.
 */
static inline err_t parse_copy(const u8 *bytes, size_t size, parse_fn *parse)
{
	u8 *copy = malloc(size ? size : 1);
	err_t e;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	e = parse(size ? copy : copy + 1, size);
	free(copy);
	return e;
}

/* Every proper prefix must be refused. */
static inline void refuse_truncated(const u8 *good, size_t size, parse_fn *parse)
{
	assert_ok(parse_copy(good, size, parse));
	for (size_t length = 0; length < size; length++)
		if (parse_copy(good, length, parse) == E_OK)
			fail_msg("accepted when cut to %zu of %zu bytes", length, size);
}

/* Every bit and every byte flipped: whatever the answer is, it comes, and no other byte is read. */
static inline void survive_flips(const u8 *good, size_t size, parse_fn *parse)
{
	u8 *bad = malloc(size);

	assert_non_null(bad);
	for (size_t i = 0; i < size; i++) {
		memcpy(bad, good, size);
		for (u32 bit = 0; bit < 8; bit++) {
			bad[i] = good[i] ^ (u8)(1u << bit);
			parse_copy(bad, size, parse);
		}
		for (u32 j = 0; j < 4; j++) {
			static const u8 extremes[] = {0x00, 0x7f, 0x80, 0xff};

			bad[i] = extremes[j];
			parse_copy(bad, size, parse);
		}
	}
	free(bad);
}

#endif
