// SPDX-License-Identifier: BSD-2-Clause
/* vtd/scope.c: which unit covers a function (8.3.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "vtd/vtd.h"

#define BDF(bus, dev, fn) ((u32)(bus) << 8 | (dev) << 3 | (fn))

/* 00:1c.0 -> 01; 01:00.0 -> 02 and 01:01.0 -> 03; 00:1d.0 -> 05. The same in segment 1, with other
 * buses. */
static u8 tree(u32 bdf)
{
	switch (bdf) {
	case BDF(0, 0x1c, 0):
		return 1;
	case BDF(1, 0, 0):
		return 2;
	case BDF(1, 1, 0):
		return 3;
	case BDF(0, 0x1d, 0):
		return 5;
	case 0x10000 | BDF(0, 0x1c, 0):
		return 7;
	default:
		return 0;
	}
}

static u32 bridge_calls;

/* Every function is a bridge to the next bus, the last ones back to the first: a loop through all.
 */
static u8 ring(u32 bdf)
{
	bridge_calls++;
	return (u8)((bdf >> 8) + 1);
}

/* Every function is a bridge to itself. */
static u8 self(u32 bdf)
{
	bridge_calls++;
	return (u8)(bdf >> 8);
}

static struct dmar dmar;

static int reset(void **state)
{
	(void)state;
	memset(&dmar, 0, sizeof(dmar));
	bridge_calls = 0;
	return 0;
}

static struct dmar_unit *add_unit(u16 segment, bool include_all)
{
	struct dmar_unit *unit = &dmar.units[dmar.unit_count++];

	*unit = (struct dmar_unit){
		.segment = segment,
		.include_all = include_all,
		.first_scope = dmar.scope_count,
	};
	return unit;
}

static void add_scope(struct dmar_unit *unit, u8 type, u8 start_bus, u8 length, const u8 *path)
{
	struct dmar_scope *scope = &dmar.scopes[dmar.scope_count++];

	*scope = (struct dmar_scope){.type = type, .start_bus = start_bus, .path_length = length};
	memcpy(scope->path, path, length);
	unit->scope_count++;
}

#define SCOPE(unit, type, bus, ...) \
	add_scope(unit, type, bus, sizeof((u8[]){__VA_ARGS__}), (u8[]){__VA_ARGS__})

static void test_endpoint_paths(void **state)
{
	(void)state;
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 0, 0x10);             /* 00:02.0 */
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 0, 0xe0, 0x00, 0x09); /* 02:01.1 */
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 1, 0x08, 0x20);       /* 03:04.0 */
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 0, 0x18, 0x00); /* 00:03.0 is no bridge */
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 2, 0), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 2, 1), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(2, 1, 1), tree), 1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(3, 4, 0), tree), 2);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 0, 0), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(1, 0, 0), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, 0x10000 | BDF(0, 2, 0), tree), -1);
}

static void test_bridge_covers_what_is_below(void **state)
{
	(void)state;
	SCOPE(add_unit(0, false), DMAR_SCOPE_BRIDGE, 0, 0xe0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 0x1c, 0), tree), 0); /* the bridge itself */
	assert_int_equal(vtd_find_unit(&dmar, BDF(1, 5, 0), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(2, 0, 0), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(3, 31, 7), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(5, 0, 0), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 0, 0), tree), -1);
}

static void test_include_all_comes_last(void **state)
{
	(void)state;
	add_unit(0, true); /* first in the table, as no firmware should have it */
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 0, 0x10);
	SCOPE(add_unit(0, false), DMAR_SCOPE_ENDPOINT, 0, 0x10); /* named twice: the first one */
	add_unit(1, true);
	add_unit(0, true);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 2, 0), tree), 1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 3, 0), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, 0x10000 | BDF(0, 2, 0), tree), 3);
	assert_int_equal(vtd_find_unit(&dmar, 0x20000 | BDF(0, 2, 0), tree), -1);
}

static void test_segments_have_their_own_buses(void **state)
{
	(void)state;
	SCOPE(add_unit(1, false), DMAR_SCOPE_BRIDGE, 0, 0xe0);
	assert_int_equal(vtd_find_unit(&dmar, 0x10000 | BDF(7, 0, 0), tree), 0);
	assert_int_equal(vtd_find_unit(&dmar, 0x10000 | BDF(1, 0, 0), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(1, 0, 0), tree), -1);
}

static void test_other_scopes_cover_no_function(void **state)
{
	struct dmar_unit *unit = add_unit(0, false);

	(void)state;
	SCOPE(unit, DMAR_SCOPE_IOAPIC, 0, 0x10);
	SCOPE(unit, DMAR_SCOPE_HPET, 0, 0x10);
	SCOPE(unit, DMAR_SCOPE_NAMESPACE, 0, 0x10);
	SCOPE(unit, 0, 0, 0x10);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 2, 0), tree), -1);
	assert_int_equal(vtd_find_unit(&dmar, 0, tree), -1);
}

static void test_rmrr_scopes(void **state)
{
	struct dmar_unit *unit = add_unit(0, false);

	(void)state;
	SCOPE(unit, DMAR_SCOPE_ENDPOINT, 0, 0xa0);
	SCOPE(unit, DMAR_SCOPE_ENDPOINT, 0, 0xe8, 0x00); /* 05:00.0 */
	assert_true(vtd_scope_covers(&dmar, 0, 2, BDF(0, 0x14, 0), tree));
	assert_true(vtd_scope_covers(&dmar, 0, 2, BDF(5, 0, 0), tree));
	assert_false(vtd_scope_covers(&dmar, 0, 1, BDF(5, 0, 0), tree));
	assert_false(vtd_scope_covers(&dmar, 1, 1, BDF(0, 0x14, 0), tree));
	assert_false(vtd_scope_covers(&dmar, 0, 0, BDF(0, 0x14, 0), tree));
}

static void test_bridges_in_a_ring_end(void **state)
{
	(void)state;
	SCOPE(add_unit(0, false), DMAR_SCOPE_BRIDGE, 0, 0xe0);
	assert_int_equal(vtd_find_unit(&dmar, BDF(0, 3, 0), ring), -1); /* bus 0 is never below */
	assert_true(bridge_calls <= 256 * 256 + 1);
	assert_int_equal(vtd_find_unit(&dmar, BDF(255, 3, 0), ring), 0);
	bridge_calls = 0;
	assert_int_equal(vtd_find_unit(&dmar, BDF(9, 0, 0), self), -1);
	assert_true(bridge_calls <= 256 * 256 + 1);
}

static void test_long_paths_end(void **state)
{
	struct dmar_unit *unit = add_unit(0, false);

	(void)state;
	SCOPE(unit, DMAR_SCOPE_ENDPOINT, 250, 0, 0, 0, 0, 0, 0, 0, 0); /* wraps past bus 255 */
	assert_int_equal(vtd_find_unit(&dmar, BDF(1, 0, 0), ring), -1);
}

/* By its id, whatever else is listed; its source id is where its path leads. */
static void test_ioapics(void **state)
{
	struct dmar_unit *unit = add_unit(0, false);
	u16 source_id = 0;

	(void)state;
	SCOPE(unit, DMAR_SCOPE_HPET, 0, 0x78);
	SCOPE(unit, DMAR_SCOPE_IOAPIC, 0xf0, 0xf8);
	dmar.scopes[1].enumeration_id = 8;
	unit = add_unit(0, true);
	SCOPE(unit, DMAR_SCOPE_IOAPIC, 0, 0xe0, 0x09);
	dmar.scopes[2].enumeration_id = 9;
	SCOPE(unit, DMAR_SCOPE_IOAPIC, 0, 0x18, 0x00); /* 00:03.0 is no bridge */
	dmar.scopes[3].enumeration_id = 10;
	assert_int_equal(vtd_find_ioapic(&dmar, 8, tree, &source_id), 0);
	assert_int_equal(source_id, 0xf0f8);
	assert_int_equal(vtd_find_ioapic(&dmar, 9, tree, &source_id), 1);
	assert_int_equal(source_id, 0x0109);
	assert_int_equal(vtd_find_ioapic(&dmar, 0, tree, &source_id), -1); /* the HPET's */
	assert_int_equal(vtd_find_ioapic(&dmar, 10, tree, &source_id), -1);
	assert_int_equal(vtd_find_ioapic(&dmar, 0x108, tree, &source_id), -1);
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_endpoint_paths),
		TEST(test_bridge_covers_what_is_below),
		TEST(test_include_all_comes_last),
		TEST(test_segments_have_their_own_buses),
		TEST(test_other_scopes_cover_no_function),
		TEST(test_rmrr_scopes),
		TEST(test_bridges_in_a_ring_end),
		TEST(test_long_paths_end),
		TEST(test_ioapics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
