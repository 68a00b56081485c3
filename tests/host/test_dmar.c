// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/acpi_table.h"
#include "lib/dmar.h"

/* What QEMU 7.2 makes for -M q35 -device intel-iommu,intremap=on. */
static const u8 qemu_dmar[] = {
	0x44, 0x4d, 0x41, 0x52, 0x70, 0x00, 0x00, 0x00, 0x01, 0x1f, 0x42, 0x4f, 0x43, 0x48,
	0x53, 0x20, 0x42, 0x58, 0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00,
	0x42, 0x58, 0x50, 0x43, 0x01, 0x00, 0x00, 0x00, 0x2f, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0xd9, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x00, 0xff,
	0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00,
	0x00, 0x00, 0x01, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x1f, 0x00, 0x01, 0x08,
	0x00, 0x00, 0x00, 0x00, 0x1f, 0x02, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x1f, 0x03};

static struct dmar dmar;
static struct dmar_place place;

static err_t parse(u8 *bytes, size_t size)
{
	return dmar_parse(bytes, size, &dmar, &place);
}

static err_t parse_resealed(u8 *bytes, size_t size)
{
	table_seal(bytes, size);
	return parse(bytes, size);
}

static void begin(struct table *t)
{
	table_begin(t, "DMAR");
	table_add(t, 1, 38); /* 39 bits */
	table_add(t, 1, 3);
	table_add(t, 8, 0);
	table_add(t, 2, 0);
}

/* The length is that of the structure with all its scopes. */
static void add_drhd(struct table *t, u32 length, u16 flags, u16 segment, u64 base_pa)
{
	table_add(t, 4, length << 16);
	table_add(t, 2, flags);
	table_add(t, 2, segment);
	table_add(t, 8, base_pa);
}

static void add_rmrr(struct table *t, u32 length, u64 base_pa, u64 limit_pa)
{
	table_add(t, 4, length << 16 | 1);
	table_add(t, 4, 0);
	table_add(t, 8, base_pa);
	table_add(t, 8, limit_pa);
}

/* A structure of which only type and length matter. */
static void add_other(struct table *t, u16 type, u32 length)
{
	table_add(t, 4, length << 16 | type);
	for (u32 i = 4; i < length; i++)
		table_add(t, 1, 0);
}

static void add_scope(struct table *t, u8 type, u8 length, u8 device, u8 function)
{
	table_add(t, 2, (u64)length << 8 | type);
	table_add(t, 2, 0);
	table_add(t, 1, 9);    /* enumeration id */
	table_add(t, 1, 0x80); /* start bus */
	for (u32 i = 6; i < length; i++)
		table_add(t, 1, i % 2 ? function : device);
}

static void expect(struct table *t, err_t expected)
{
	table_end(t);
	assert_error(parse_copy(t->bytes, t->size, parse), expected);
}

static void expect_place(u32 offset, u16 type)
{
	assert_int_equal(place.offset, offset);
	assert_int_equal(place.type, type);
}

static void test_qemu(void **state)
{
	(void)state;
	assert_ok(dmar_parse(qemu_dmar, sizeof(qemu_dmar), &dmar, &place));
	assert_int_equal(dmar.flags, 1);
	assert_int_equal(dmar.unit_count, 1);
	assert_int_equal(dmar.units[0].base_pa, 0xfed90000);
	assert_int_equal(dmar.units[0].size_pages, 1);
	assert_false(dmar.units[0].include_all);
	assert_int_equal(dmar.units[0].scope_count, 6);
	assert_int_equal(dmar.scopes[0].type, DMAR_SCOPE_IOAPIC);
	assert_int_equal(dmar.scopes[0].start_bus, 0xff);
	assert_int_equal(dmar.scopes[0].path_length, 1);
	assert_int_equal(dmar.scopes[2].type, DMAR_SCOPE_ENDPOINT);
	assert_int_equal(dmar.scopes[2].path[0], 1 << 3);
	assert_int_equal(dmar.scopes[5].path[0], 0x1f << 3 | 3);
	assert_int_equal(dmar.rmrr_count, 0);
}

/* Cut and flipped, with the checksum wrong and with the checksum made good again. */
static void test_broken_bytes(void **state)
{
	(void)state;
	refuse_truncated(qemu_dmar, sizeof(qemu_dmar), parse);
	survive_flips(qemu_dmar, sizeof(qemu_dmar), parse);
	survive_flips(qemu_dmar, sizeof(qemu_dmar), parse_resealed);
	for (size_t size = 0; size < sizeof(qemu_dmar); size++)
		if (size != 48) /* a table that lists nothing */
			assert_int_not_equal(parse_copy(qemu_dmar, size, parse_resealed), E_OK);
}

/* RHSA, ANDD and what comes later are skipped by their length. */
static void test_every_type(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	add_drhd(&t, 16 + 8 + 10, 0, 2, 0xfed90000);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 2, 0);
	add_scope(&t, DMAR_SCOPE_BRIDGE, 10, 0x1c, 7);
	add_rmrr(&t, 24 + 8, 0xbdb00000, 0xbdbfffff);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 0x14, 0);
	table_add(&t, 8, 2 | 8 << 16 | 1ull << 32 | 3ull << 48); /* ATSR for all ports */
	add_other(&t, 3, 20);                                    /* RHSA */
	add_other(&t, 4, 13);                                    /* ANDD */
	table_add(&t, 8, 5 | (8 + 8) << 16);                     /* SATC */
	add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 3, 0);
	add_other(&t, 6, 4);
	add_other(&t, 0xffff, 5);
	add_drhd(&t, 16, 1 | 2 << 8, 0, 0xfed91000);
	expect(&t, E_OK);
	assert_int_equal(dmar.unit_count, 2);
	assert_int_equal(dmar.units[0].segment, 2);
	assert_int_equal(dmar.units[0].scope_count, 2);
	assert_int_equal(dmar.scopes[1].path_length, 2);
	assert_int_equal(dmar.scopes[1].path[1], 0x1c << 3 | 7);
	assert_int_equal(dmar.scopes[1].enumeration_id, 9);
	assert_int_equal(dmar.rmrr_count, 1);
	assert_int_equal(dmar.rmrrs[0].base_pa, 0xbdb00000);
	assert_int_equal(dmar.rmrrs[0].limit_pa, 0xbdbfffff);
	assert_int_equal(dmar.rmrrs[0].first_scope, 2);
	assert_int_equal(dmar.scopes[2].path[0], 0x14 << 3);
	assert_true(dmar.units[1].include_all);
	assert_int_equal(dmar.units[1].size_pages, 4);
	assert_int_equal(dmar.units[1].first_scope, 4);
	assert_int_equal(dmar.units[1].scope_count, 0);
	assert_int_equal(dmar.scope_count, 4);
	assert_int_equal(dmar.ats_count, 2);
	assert_false(dmar.ats[0].integrated);
	assert_true(dmar.ats[0].flag);
	assert_int_equal(dmar.ats[0].segment, 3);
	assert_int_equal(dmar.ats[0].scope_count, 0);
	assert_true(dmar.ats[1].integrated);
	assert_false(dmar.ats[1].flag);
	assert_int_equal(dmar.ats[1].first_scope, 3);
	assert_int_equal(dmar.ats[1].scope_count, 1);
	assert_int_equal(dmar.scopes[3].path[0], 3 << 3);
}

/* Length 0 looped for ever in three other parsers; any type, any length that is too short. Of a
 * type that is not read, the length has to hold no more than type and length. */
static void test_short_structures(void **state)
{
	static const u8 least[] = {16, 24, 8, 4, 4, 8, 4};
	struct table t;

	(void)state;
	for (u16 type = 0; type < ARRAY_SIZE(least); type++)
		for (u32 length = 0; length < least[type]; length++) {
			begin(&t);
			add_other(&t, 0xffff, 6);
			table_add(&t, 4, length << 16 | type);
			for (u32 i = 4; i < 32; i++)
				table_add(&t, 1, i);
			expect(&t, E_BAD_LENGTH);
			expect_place(54, type);
		}
	for (u32 rest = 1; rest < 4; rest++) { /* no room for type and length */
		begin(&t);
		table_add(&t, rest, 0);
		expect(&t, E_BAD_LENGTH);
	}
	begin(&t);
	add_drhd(&t, 17, 0, 0, 0xfed90000); /* leaves the table */
	expect(&t, E_BAD_LENGTH);
	table_begin(&t, "DMAR"); /* ends before the first structure could be */
	expect(&t, E_BAD_LENGTH);
}

static void expect_scope(u8 length, u32 space, u8 device, u8 function, err_t expected)
{
	struct table t;

	begin(&t);
	add_drhd(&t, 16 + space, 0, 0, 0xfed90000);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, length, device, function);
	t.size = 48 + 16 + space;
	expect(&t, expected);
	begin(&t);
	add_rmrr(&t, 24 + space, 0x1000, 0x1fff);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, length, device, function);
	t.size = 48 + 24 + space;
	expect(&t, expected);
}

static void test_scopes(void **state)
{
	struct table t;

	(void)state;
	expect_scope(8, 8, 31, 7, E_OK);
	expect_scope(22, 22, 1, 0, E_OK); /* eight pairs */
	expect_scope(24, 24, 1, 0, E_TOO_MANY);
	for (u8 length = 0; length < 8; length++)
		expect_scope(length, 8, 1, 0, E_BAD_LENGTH);
	expect_scope(9, 9, 1, 0, E_BAD_LENGTH);  /* half a pair */
	expect_scope(10, 8, 1, 0, E_BAD_LENGTH); /* leaves its parent */
	expect_scope(8, 9, 1, 0, E_BAD_LENGTH);  /* one byte left over */
	expect_scope(8, 8, 32, 0, E_BAD_VALUE);
	expect_scope(8, 8, 0, 8, E_BAD_VALUE);
	begin(&t);
	add_drhd(&t, 16 + 8 * (DMAR_SCOPES_MAX + 1), 0, 0, 0xfed90000);
	for (u32 i = 0; i <= DMAR_SCOPES_MAX; i++)
		add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 1, 0);
	expect(&t, E_TOO_MANY);
}

static void test_values(void **state)
{
	static const u64 bad_bases[] = {0, 1, 0xfed90800};
	struct table t;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad_bases); i++) {
		begin(&t);
		add_drhd(&t, 16, 0, 0, bad_bases[i]);
		expect(&t, E_BAD_VALUE);
		expect_place(48, 0);
	}
	begin(&t);
	add_rmrr(&t, 24, 0x2000, 0x1fff);
	expect(&t, E_BAD_VALUE);
	expect_place(48, 1);
	begin(&t);
	add_rmrr(&t, 24, 0x2000, UINT64_MAX);
	expect(&t, E_OK);
}

/* Real machines have such tables: the first one counts, and what follows is not lost. */
static void test_duplicated_unit(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	add_drhd(&t, 16, 0, 3, 0xfed90000);
	add_drhd(&t, 16 + 8, 1, 0, 0xfed90000);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 2, 0);
	add_drhd(&t, 16 + 8, 0, 0, 0xfed91000);
	add_scope(&t, DMAR_SCOPE_ENDPOINT, 8, 4, 0);
	expect(&t, E_OK);
	assert_int_equal(dmar.duplicates, 1);
	assert_int_equal(dmar.unit_count, 2);
	assert_int_equal(dmar.units[0].segment, 3);
	assert_false(dmar.units[0].include_all);
	assert_int_equal(dmar.units[0].scope_count, 0);
	assert_int_equal(dmar.units[1].base_pa, 0xfed91000);
	assert_int_equal(dmar.scopes[dmar.units[1].first_scope].path[0], 4 << 3);
}

static void test_too_many(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	for (u32 i = 0; i < DMAR_UNITS_MAX; i++)
		add_drhd(&t, 16, 0, 0, 0xfed90000 + i * PAGE_SIZE);
	expect(&t, E_OK);
	add_drhd(&t, 16, 0, 0, 0xfec00000);
	expect(&t, E_TOO_MANY);
	begin(&t);
	for (u32 i = 0; i < DMAR_RMRRS_MAX; i++)
		add_rmrr(&t, 24, i * PAGE_SIZE, i * PAGE_SIZE + 0xfff);
	expect(&t, E_OK);
	add_rmrr(&t, 24, GIB(1), GIB(2) - 1);
	expect(&t, E_TOO_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu),       cmocka_unit_test(test_broken_bytes),
		cmocka_unit_test(test_every_type), cmocka_unit_test(test_short_structures),
		cmocka_unit_test(test_scopes),     cmocka_unit_test(test_values),
		cmocka_unit_test(test_too_many),   cmocka_unit_test(test_duplicated_unit),
	};

	return cmocka_run_group_tests_name("dmar", tests, NULL, NULL);
}
