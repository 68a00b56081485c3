/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets share. Each is one file with libFuzzer's function, which AFL++'s driver
 * calls too. A wrong answer is a failed assertion of cmocka's, and ends the program (fuzz.c). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "tests/host/acpi_table.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* An ACPI table as it stands, then with length and checksum made good: few inputs would get past
 * them otherwise. */
static inline int fuzz_table(const u8 *data, size_t size, parse_fn *parse)
{
	u8 *sealed;

	parse_copy(data, size, parse);
	if (size < ACPI_HEADER_SIZE)
		return 0;
	sealed = malloc(size);
	memcpy(sealed, data, size);
	table_seal(sealed, size);
	parse_copy(sealed, size, parse);
	free(sealed);
	return 0;
}

/* The next number of an input; 0 past its end. */
struct fuzz_bytes {
	const u8 *at;
	size_t left;
};

static inline u64 fuzz_take(struct fuzz_bytes *bytes, size_t size)
{
	size_t there = MIN(size, bytes->left);
	u64 value = 0;

	if (there)
		memcpy(&value, bytes->at, there);
	bytes->at += there;
	bytes->left -= there;
	return value;
}

#endif
