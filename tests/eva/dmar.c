// SPDX-License-Identifier: BSD-2-Clause
/*
 * For frama-c's Eva: the DMAR parser on every table of every size up to TABLE_MAX, whatever it says
 * of its length. A table ends where the buffer does, so that one byte too many is an alarm.
 *
 * Eva keeps intervals, not what holds between two of them. So lengths are numbers here, not
 * intervals: each way to cut a table into structures and device scopes is a path of its own. The
 * eva_ variables say which path it is (-eva-partition-value); every other byte is arbitrary on
 * each.
 */
#include <__fc_builtin.h>
#include "lib/acpi.h"
#include "lib/dmar.h"
#include "lib/string.h"

#define DRHD      0 /* 8.2: types of structures */
#define RMRR      1
#define ATSR      2
#define SATC      5
#define OTHER     6  /* and above */
#define SCOPE_MIN 8u /* 8.3.1: one pair of a path; and as many as the parser takes */
#define SCOPE_MAX (6u + 2u * DMAR_PATH_MAX)

static u8 buffer[TABLE_MAX];
static struct dmar dmar;
static struct dmar_place place;

/* The structure that is being read, and the device scopes seen so far. */
u32 eva_start, eva_type, eva_length, eva_scope, eva_layout, eva_scopes;

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (size_t i = 0; i < size; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

/* The length of one scope: one that the parser takes, or any other. False: it goes no further. */
static bool choose_scope(u32 at, u32 left)
{
	u8 length = Frama_C_unsigned_int_interval(0, 255);

	if (length < SCOPE_MIN || length > SCOPE_MAX) {
		buffer[at + 1] = length;
		return false;
	}
	eva_scope = length;
	buffer[at + 1] = eva_scope;
	eva_layout = eva_layout * 32 + eva_scope;
	return eva_scope % 2 == 0 && eva_scope <= left;
}

static void choose_scopes(u32 at, u32 end)
{
	while (end - at >= 2 && choose_scope(at, end - at)) {
		at += eva_scope;
		eva_scopes++;
	}
	eva_scope = 0;
}

/* The bytes before a structure's scopes; 0: the parser does not look into it. */
static u32 fixed_length(void)
{
	if (eva_type == ATSR || eva_type == SATC)
		return 8;
	return eva_type == DRHD ? 16 : eva_type == RMRR ? 24 : 0;
}

/* The type of a structure: up to the last that the parser looks into, or any other. */
static u16 choose_type(u32 at, u16 type)
{
	eva_start = at;
	eva_length = eva_layout = 0;
	if (type >= OTHER) {
		eva_type = OTHER;
		return type;
	}
	eva_type = type;
	return (u16)eva_type;
}

/* Its length: each one that may fit, or any other. */
static u16 choose_length(u16 length)
{
	u32 fixed = fixed_length();

	if (length > TABLE_MAX - eva_start) {
		eva_length = TABLE_MAX + 1;
		return length;
	}
	eva_length = length;
	if (fixed && eva_length >= fixed)
		choose_scopes(eva_start + fixed, eva_start + eva_length);
	return (u16)eva_length;
}

/* What is read as two bytes is a structure's type, its length, or its segment. */
static u16 read_u16(const u8 *from)
{
	u32 at = (u32)(from - buffer);
	u16 value = *(const u16 *)from;

	if (at == eva_start + 2)
		return choose_length(value);
	return at == eva_start + 6 && fixed_length() ? value : choose_type(at, value);
}

void eva_memcpy(void *to, const void *from, size_t size)
{
	if (size == 2)
		*(u64 *)to = read_u16(from);
	else if (size == 4)
		*(u64 *)to = *(const u32 *)from;
	else
		*(u64 *)to = *(const u64 *)from;
}

/* Tables that end where they say, and what is there of those that are cut off. */
void eva_main(void)
{
	u32 there = Frama_C_unsigned_int_interval(0, TABLE_MAX);
	u32 cut = Frama_C_unsigned_int_interval(0, 1);
	size_t size;
	u8 *table;
	err_t e;

	//@ split there;
	//@ split cut;
	table = buffer + TABLE_MAX - there;
	Frama_C_make_unknown((char *)buffer, TABLE_MAX);
	if (there < ACPI_HEADER_SIZE || cut) {
		size = there;
		if (there >= 8)
			*(u32 *)(table + 4) = Frama_C_unsigned_int_interval(there + 1, UINT32_MAX);
	} else {
		size = Frama_C_unsigned_long_interval(there, UINT64_MAX);
		*(u32 *)(table + 4) = there;
	}
	e = dmar_parse(table, size, &dmar, &place);
	(void)e;
}
