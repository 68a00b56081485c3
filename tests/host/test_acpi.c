// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/acpi_table.h"

/* Tables that QEMU 7.2 makes: -M q35 -smp 2. */
static const u8 qemu_rsdt[] = {
	0x52, 0x53, 0x44, 0x54, 0x3c, 0x00, 0x00, 0x00, 0x01, 0x50, 0x42, 0x4f, 0x43, 0x48, 0x53,
	0x20, 0x42, 0x58, 0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00, 0x42, 0x58,
	0x50, 0x43, 0x01, 0x00, 0x00, 0x00, 0x98, 0x20, 0xfe, 0x07, 0x8c, 0x21, 0xfe, 0x07, 0x0c,
	0x22, 0xfe, 0x07, 0x44, 0x22, 0xfe, 0x07, 0x80, 0x22, 0xfe, 0x07, 0xf0, 0x22, 0xfe, 0x07};

static const u8 qemu_apic[] = {
	0x41, 0x50, 0x49, 0x43, 0x80, 0x00, 0x00, 0x00, 0x01, 0x77, 0x42, 0x4f, 0x43, 0x48, 0x53,
	0x20, 0x42, 0x58, 0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00, 0x42, 0x58,
	0x50, 0x43, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0, 0xfe, 0x01, 0x00, 0x00, 0x00, 0x00,
	0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x08, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00,
	0x01, 0x0c, 0x00, 0x00, 0x00, 0x00, 0xc0, 0xfe, 0x00, 0x00, 0x00, 0x00, 0x02, 0x0a, 0x00,
	0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x0a, 0x00, 0x05, 0x05, 0x00, 0x00, 0x00,
	0x0d, 0x00, 0x02, 0x0a, 0x00, 0x09, 0x09, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x02, 0x0a, 0x00,
	0x0a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x00, 0x02, 0x0a, 0x00, 0x0b, 0x0b, 0x00, 0x00, 0x00,
	0x0d, 0x00, 0x04, 0x06, 0xff, 0x00, 0x00, 0x01};

static const u8 qemu_mcfg[] = {
	0x4d, 0x43, 0x46, 0x47, 0x3c, 0x00, 0x00, 0x00, 0x01, 0x8c, 0x42, 0x4f, 0x43, 0x48, 0x53,
	0x20, 0x42, 0x58, 0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00, 0x42, 0x58,
	0x50, 0x43, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0xb0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 0x00, 0x00};

static const u8 qemu_rsdp[] = {0x52, 0x53, 0x44, 0x20, 0x50, 0x54, 0x52, 0x20, 0x12, 0x42,
                               0x4f, 0x43, 0x48, 0x53, 0x20, 0x00, 0x18, 0x23, 0xfe, 0x07};

/* ---- RSDP ---- */

static void make_rsdp(u8 rsdp[ACPI_RSDP_SIZE], u8 revision, u32 rsdt_pa, u64 xsdt_pa)
{
	u8 sum = 0, extended_sum = 0;

	memset(rsdp, 0, ACPI_RSDP_SIZE);
	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[15] = revision;
	memcpy(rsdp + 16, &rsdt_pa, 4);
	rsdp[20] = ACPI_RSDP_SIZE;
	memcpy(rsdp + 24, &xsdt_pa, 8);
	for (u32 i = 0; i < 20; i++)
		sum += rsdp[i];
	rsdp[8] -= sum;
	for (u32 i = 0; i < ACPI_RSDP_SIZE; i++)
		extended_sum += rsdp[i];
	rsdp[32] -= extended_sum;
}

static err_t parse_rsdp(u8 *bytes, size_t size)
{
	struct acpi_root root;

	return acpi_parse_rsdp(bytes, size, &root);
}

static void test_rsdp(void **state)
{
	struct acpi_root root;
	u8 rsdp[ACPI_RSDP_SIZE];

	(void)state;
	assert_ok(acpi_parse_rsdp(qemu_rsdp, 20, &root));
	assert_int_equal(root.table_pa, 0x7fe2318);
	assert_int_equal(root.rsdt_pa, 0x7fe2318);
	assert_int_equal(root.xsdt_pa, 0);
	assert_int_equal(root.entry_size, 4);
	make_rsdp(rsdp, 2, 0x1000, 0x123456789000);
	assert_ok(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root));
	assert_int_equal(root.table_pa, 0x123456789000);
	assert_int_equal(root.rsdt_pa, 0x1000);
	assert_int_equal(root.entry_size, 8);
	make_rsdp(rsdp, 2, 0x1000, 0);
	assert_ok(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root));
	assert_int_equal(root.table_pa, 0x1000);
	assert_int_equal(root.entry_size, 4);
}

static void test_broken_rsdp(void **state)
{
	struct acpi_root root;
	u8 rsdp[ACPI_RSDP_SIZE];

	(void)state;
	refuse_truncated(qemu_rsdp, 20, parse_rsdp);
	make_rsdp(rsdp, 2, 0x1000, 0x2000);
	refuse_truncated(rsdp, sizeof(rsdp), parse_rsdp);
	survive_flips(rsdp, sizeof(rsdp), parse_rsdp);
	rsdp[0] = 'r';
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_BAD_SIGNATURE);
	make_rsdp(rsdp, 2, 0x1000, 0x2000);
	rsdp[16]++;
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_BAD_CHECKSUM);
	make_rsdp(rsdp, 2, 0x1000, 0x2000);
	rsdp[24]++;
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_BAD_CHECKSUM);
	make_rsdp(rsdp, 2, 0x1000, 0x2000);
	rsdp[20] = 20;
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_BAD_LENGTH);
	rsdp[20] = 37;
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_TRUNCATED);
	make_rsdp(rsdp, 0, 0, 0x2000);
	assert_error(acpi_parse_rsdp(rsdp, sizeof(rsdp), &root), E_NOT_FOUND);
}

/* ---- headers, RSDT and XSDT ---- */

static void test_check_table(void **state)
{
	u8 table[sizeof(qemu_mcfg)];

	(void)state;
	memcpy(table, qemu_mcfg, sizeof(table));
	assert_ok(acpi_check_table(table, sizeof(table), "MCFG"));
	assert_error(acpi_check_table(table, sizeof(table), "DMAR"), E_BAD_SIGNATURE);
	assert_error(acpi_check_table(table, sizeof(table) - 1, "MCFG"), E_TRUNCATED);
	assert_error(acpi_check_table(table, ACPI_HEADER_SIZE - 1, "MCFG"), E_TRUNCATED);
	table[44]++;
	assert_error(acpi_check_table(table, sizeof(table), "MCFG"), E_BAD_CHECKSUM);
	table_seal(table, ACPI_HEADER_SIZE);
	assert_int_equal(acpi_table_length(table), ACPI_HEADER_SIZE);
	assert_ok(acpi_check_table(table, sizeof(table), "MCFG"));
	table[4] = ACPI_HEADER_SIZE - 1;
	assert_int_equal(acpi_table_length(table), 0);
	assert_error(acpi_check_table(table, sizeof(table), "MCFG"), E_TRUNCATED);
}

static void expect_entries(const u8 *table, u32 entry_size, const u64 *expected, u32 count)
{
	u64 pa;

	for (u32 i = 0; i < count; i++) {
		assert_true(acpi_root_entry(table, entry_size, i, &pa));
		assert_int_equal(pa, expected[i]);
	}
	assert_false(acpi_root_entry(table, entry_size, count, &pa));
	assert_false(acpi_root_entry(table, entry_size, UINT32_MAX, &pa));
}

static void test_root_entries(void **state)
{
	const u64 expected[] = {0x7fe2098, 0x7fe218c, 0x7fe220c, 0x7fe2244, 0x7fe2280, 0x7fe22f0};
	struct table t;

	(void)state;
	expect_entries(qemu_rsdt, 4, expected, ARRAY_SIZE(expected));
	table_begin(&t, "XSDT");
	table_end(&t);
	expect_entries(t.bytes, 8, NULL, 0);
	t.bytes[4] = 3; /* a length below the header */
	expect_entries(t.bytes, 8, NULL, 0);
}

static void test_root_remove(void **state)
{
	const u64 all[] = {0x1000, 0x123456789000, 0x2000, 0x123456789000};
	const u64 fewer[] = {0x1000, 0x2000};
	struct table t;

	(void)state;
	table_begin(&t, "XSDT");
	for (u32 i = 0; i < ARRAY_SIZE(all); i++)
		table_add(&t, 8, all[i]);
	table_end(&t);
	assert_int_equal(acpi_root_remove(t.bytes, 8, 0x56789000), 0);
	expect_entries(t.bytes, 8, all, ARRAY_SIZE(all));
	assert_int_equal(acpi_root_remove(t.bytes, 8, 0x123456789000), 2);
	expect_entries(t.bytes, 8, fewer, ARRAY_SIZE(fewer));
	assert_ok(acpi_check_table(t.bytes, t.size, "XSDT"));
	assert_int_equal(acpi_root_remove(t.bytes, 8, 0x1000), 1);
	assert_int_equal(acpi_root_remove(t.bytes, 8, 0x2000), 1);
	assert_ok(acpi_check_table(t.bytes, t.size, "XSDT"));
	expect_entries(t.bytes, 8, NULL, 0);

	memcpy(t.bytes, qemu_rsdt, sizeof(qemu_rsdt));
	assert_int_equal(acpi_root_remove(t.bytes, 4, 0x7fe2280), 1);
	assert_int_equal(acpi_table_length(t.bytes), sizeof(qemu_rsdt) - 4);
	assert_ok(acpi_check_table(t.bytes, sizeof(qemu_rsdt), "RSDT"));
}

/* ---- MADT ---- */

static err_t parse_madt(u8 *bytes, size_t size)
{
	struct acpi_madt madt;

	return acpi_parse_madt(bytes, size, &madt);
}

static err_t parse_resealed_madt(u8 *bytes, size_t size)
{
	table_seal(bytes, size);
	return parse_madt(bytes, size);
}

static void begin_madt(struct table *t)
{
	table_begin(t, "APIC");
	table_add(t, 4, 0xfee00000);
	table_add(t, 4, 1);
}

static void add_lapic(struct table *t, u8 apic_id, u32 flags)
{
	table_add(t, 2, 0x0800);
	table_add(t, 1, 0);
	table_add(t, 1, apic_id);
	table_add(t, 4, flags);
}

static void add_x2apic(struct table *t, u32 apic_id, u32 flags)
{
	table_add(t, 4, 0x1009);
	table_add(t, 4, apic_id);
	table_add(t, 4, flags);
	table_add(t, 4, 0);
}

static void add_ioapic(struct table *t, u32 id, u32 base_pa, u32 gsi_base)
{
	table_add(t, 4, 0x0c01 | id << 16);
	table_add(t, 4, base_pa);
	table_add(t, 4, gsi_base);
}

static void test_qemu_madt(void **state)
{
	struct acpi_madt madt;

	(void)state;
	assert_ok(acpi_parse_madt(qemu_apic, sizeof(qemu_apic), &madt));
	assert_int_equal(madt.cpu_count, 2);
	assert_int_equal(madt.apic_id[0], 0);
	assert_int_equal(madt.apic_id[1], 1);
	assert_int_equal(madt.ioapic_count, 1);
	assert_int_equal(madt.ioapics[0].id, 0);
	assert_int_equal(madt.ioapics[0].base_pa, 0xfec00000);
	assert_int_equal(madt.ioapics[0].gsi_base, 0);
	assert_int_equal(madt.local_apic_pa, 0xfee00000);
	refuse_truncated(qemu_apic, sizeof(qemu_apic), parse_madt);
	survive_flips(qemu_apic, sizeof(qemu_apic), parse_madt);
	survive_flips(qemu_apic, sizeof(qemu_apic), parse_resealed_madt);
}

static void test_madt_entries(void **state)
{
	struct acpi_madt madt;
	struct table t;

	(void)state;
	begin_madt(&t);
	add_lapic(&t, 0, 1);
	add_lapic(&t, 2, 0);  /* disabled */
	add_lapic(&t, 4, 2);  /* online capable */
	add_x2apic(&t, 4, 1); /* the same again */
	add_x2apic(&t, 0x12345, 1);
	table_add(&t, 4, 0x0c05); /* where the local APIC really is */
	table_add(&t, 8, 0x1fee00000);
	add_ioapic(&t, 8, 0xfec00000, 0);
	add_ioapic(&t, 9, 0xfec01000, 24);
	table_add(&t, 4, 0x047f); /* other types are skipped */
	table_end(&t);
	assert_ok(acpi_parse_madt(t.bytes, t.size, &madt));
	assert_int_equal(madt.cpu_count, 3);
	assert_int_equal(madt.apic_id[1], 4);
	assert_int_equal(madt.apic_id[2], 0x12345);
	assert_int_equal(madt.local_apic_pa, 0x1fee00000);
	assert_int_equal(madt.ioapic_count, 2);
	assert_int_equal(madt.ioapics[1].id, 9);
	assert_int_equal(madt.ioapics[1].base_pa, 0xfec01000);
	assert_int_equal(madt.ioapics[1].gsi_base, 24);
}

static void test_madt_keep(void **state)
{
	static const u32 own[] = {4, 0x12345};
	struct acpi_madt madt;
	struct table t;
	u8 before[sizeof(t.bytes)];

	(void)state;
	begin_madt(&t);
	add_lapic(&t, 0, 1);
	add_lapic(&t, 4, 1);
	add_lapic(&t, 6, 2);
	add_x2apic(&t, 4, 3);
	add_ioapic(&t, 8, 0xfec00000, 0);
	add_x2apic(&t, 0x12345, 2);
	add_x2apic(&t, 0x45, 0xf1);
	table_seal(t.bytes, t.size);
	memcpy(before, t.bytes, t.size);
	acpi_madt_keep(t.bytes, own, 2);
	assert_ok(acpi_parse_madt(t.bytes, t.size, &madt));
	assert_int_equal(madt.cpu_count, 2);
	assert_int_equal(madt.apic_id[0], 4);
	assert_int_equal(madt.apic_id[1], 0x12345);
	assert_int_equal(madt.ioapics[0].id, 8);
	/* what else the flags say stays */
	assert_int_equal(t.bytes[t.size - 8], 0xf0);
	before[9] = t.bytes[9];
	before[48] = before[64] = 0;
	before[t.size - 8] = 0xf0;
	assert_memory_equal(t.bytes, before, t.size);

	acpi_madt_keep(t.bytes, own, 0);
	assert_ok(acpi_parse_madt(t.bytes, t.size, &madt));
	assert_int_equal(madt.cpu_count, 0);
}

static void expect_madt_error(struct table *t, err_t expected)
{
	struct acpi_madt madt;

	table_end(t);
	assert_error(acpi_parse_madt(t->bytes, t->size, &madt), expected);
}

static void test_broken_madt(void **state)
{
	struct table t;

	(void)state;
	for (u32 length = 0; length < 8; length++) { /* also the endless loop of length 0 */
		begin_madt(&t);
		table_add(&t, 8, length << 8);
		expect_madt_error(&t, E_BAD_LENGTH);
	}
	begin_madt(&t);
	table_add(&t, 8, 9 << 8); /* past the end */
	expect_madt_error(&t, E_BAD_LENGTH);
	begin_madt(&t);
	table_add(&t, 1, 0); /* half a head */
	expect_madt_error(&t, E_BAD_LENGTH);
	table_begin(&t, "APIC");
	expect_madt_error(&t, E_BAD_LENGTH);
	begin_madt(&t);
	for (u32 id = 0; id <= ACPI_CPUS_MAX; id++)
		add_x2apic(&t, id, 1);
	expect_madt_error(&t, E_TOO_MANY);
	begin_madt(&t);
	for (u32 id = 0; id <= ACPI_IOAPICS_MAX; id++)
		add_ioapic(&t, id, 0xfec00000 + id * PAGE_SIZE, 24 * id);
	expect_madt_error(&t, E_TOO_MANY);
	for (u32 type = 0; type <= 9; type++) { /* one byte too short for what it is */
		static const u8 sizes[] = {8, 12, 2, 2, 2, 12, 2, 2, 2, 16};

		begin_madt(&t);
		table_add(&t, 1, type);
		table_add(&t, 1, sizes[type] - 1);
		table_add(&t, 7, 0);
		table_add(&t, 8, 0);
		expect_madt_error(&t, E_BAD_LENGTH);
	}
}

/* ---- HPET ---- */

static err_t parse_hpet(u8 *bytes, size_t size)
{
	u64 base_pa;

	return acpi_parse_hpet(bytes, size, &base_pa);
}

static void test_hpet(void **state)
{
	u64 base_pa;

	(void)state;
	for (u8 space = 0; space < 2; space++) {
		struct table t;

		table_begin(&t, "HPET");
		table_add(&t, 4, 0x8086a201);
		table_add(&t, 4, space);
		table_add(&t, 8, 0xfed00000);
		table_add(&t, 4, 0);
		table_end(&t);
		assert_ok(acpi_parse_hpet(t.bytes, t.size, &base_pa));
		assert_int_equal(base_pa, space ? 0 : 0xfed00000);
		refuse_truncated(t.bytes, t.size, parse_hpet);
	}
}

/* ---- MCFG ---- */

static err_t parse_mcfg(u8 *bytes, size_t size)
{
	struct acpi_mcfg mcfg;

	return acpi_parse_mcfg(bytes, size, &mcfg);
}

static err_t parse_resealed_mcfg(u8 *bytes, size_t size)
{
	table_seal(bytes, size);
	return parse_mcfg(bytes, size);
}

static void test_qemu_mcfg(void **state)
{
	struct acpi_mcfg mcfg;

	(void)state;
	assert_ok(acpi_parse_mcfg(qemu_mcfg, sizeof(qemu_mcfg), &mcfg));
	assert_int_equal(mcfg.count, 1);
	assert_int_equal(mcfg.ecam[0].base_pa, 0xb0000000);
	assert_int_equal(mcfg.ecam[0].segment, 0);
	assert_int_equal(mcfg.ecam[0].first_bus, 0);
	assert_int_equal(mcfg.ecam[0].last_bus, 255);
	refuse_truncated(qemu_mcfg, sizeof(qemu_mcfg), parse_mcfg);
	survive_flips(qemu_mcfg, sizeof(qemu_mcfg), parse_mcfg);
	survive_flips(qemu_mcfg, sizeof(qemu_mcfg), parse_resealed_mcfg);
}

struct window {
	u64 base_pa;
	u16 segment;
	u8 first_bus, last_bus;
};

static err_t parse_windows(const struct window *windows, u32 count)
{
	struct table t;

	table_begin(&t, "MCFG");
	table_add(&t, 8, 0);
	for (u32 i = 0; i < count; i++) {
		table_add(&t, 8, windows[i].base_pa);
		table_add(&t, 2, windows[i].segment);
		table_add(&t, 1, windows[i].first_bus);
		table_add(&t, 1, windows[i].last_bus);
		table_add(&t, 4, 0);
	}
	table_end(&t);
	return parse_copy(t.bytes, t.size, parse_mcfg);
}

static void test_mcfg_windows(void **state)
{
	static const struct {
		err_t error;
		struct window windows[2];
	} pairs[] = {
		{E_OK, {{0xe0000000, 0, 0, 63}, {0xe0000000, 0, 64, 255}}},
		{E_OK, {{0xe0000000, 0, 0, 255}, {0xf0000000, 1, 0, 255}}},
		{E_OVERLAP, {{0xe0000000, 0, 0, 64}, {0xe0000000, 0, 64, 255}}},
		{E_OVERLAP, {{0xe0000000, 0, 0, 255}, {0x80000000, 0, 5, 5}}},
		{E_OVERLAP, {{0xe0000000, 0, 0, 255}, {0xe8000000, 1, 0, 255}}},
		{E_BAD_VALUE, {{0xe0000000, 0, 0, 1}, {0, 1, 0, 1}}},
		{E_BAD_VALUE, {{0xe0000000, 0, 0, 1}, {0xf0001000, 1, 0, 1}}},
		{E_BAD_VALUE, {{0xe0000000, 0, 0, 1}, {0xf0000000, 1, 2, 1}}},
		{E_BAD_VALUE, {{0xe0000000, 0, 0, 1}, {0xfffffffff0000000, 1, 0, 255}}},
	};
	struct window many[ACPI_ECAMS_MAX + 1];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++)
		assert_error(parse_windows(pairs[i].windows, 2), pairs[i].error);
	for (u32 i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct window){GIB(4) + i * MIB(256), (u16)i, 0, 255};
	assert_ok(parse_windows(many, ACPI_ECAMS_MAX));
	assert_error(parse_windows(many, ACPI_ECAMS_MAX + 1), E_TOO_MANY);
	assert_ok(parse_windows(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsdp),         cmocka_unit_test(test_broken_rsdp),
		cmocka_unit_test(test_check_table),  cmocka_unit_test(test_root_entries),
		cmocka_unit_test(test_root_remove),  cmocka_unit_test(test_qemu_madt),
		cmocka_unit_test(test_madt_entries), cmocka_unit_test(test_broken_madt),
		cmocka_unit_test(test_madt_keep),    cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_qemu_mcfg),    cmocka_unit_test(test_mcfg_windows),
	};

	return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
