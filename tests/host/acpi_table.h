/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables written by a test, field after field. */
#ifndef TESTS_HOST_ACPI_TABLE_H
#define TESTS_HOST_ACPI_TABLE_H

#include "tests/host/test.h"
#include "lib/acpi.h"

struct table {
	u8 bytes[8192];
	u32 size;
};

static inline void table_add(struct table *t, u32 size, u64 value)
{
	for (u32 i = 0; i < size; i++)
		t->bytes[t->size++] = (u8)(value >> (8 * i));
}

static inline void table_add_bytes(struct table *t, const u8 *bytes, u32 size)
{
	memcpy(t->bytes + t->size, bytes, size);
	t->size += size;
}

static inline void table_begin(struct table *t, const char *signature)
{
	memset(t, 0, sizeof(*t));
	table_add_bytes(t, (const u8 *)signature, 4);
	t->size = ACPI_HEADER_SIZE;
}

/* Makes the length the size, and the sum of all bytes 0. */
static inline void table_seal(u8 *bytes, size_t size)
{
	u8 sum = 0;

	if (size < ACPI_HEADER_SIZE)
		return;
	for (u32 i = 0; i < 4; i++)
		bytes[4 + i] = (u8)(size >> (8 * i));
	for (size_t i = 0; i < size; i++)
		sum += bytes[i];
	bytes[9] -= sum;
}

static inline void table_end(struct table *t)
{
	table_seal(t->bytes, t->size);
}

#endif
