// SPDX-License-Identifier: BSD-2-Clause
/* vtd/entry.c against a table typed by hand from the specification's figures
 * (5.1, 6.5.2, 9.1, 9.3, 9.8, 9.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "vtd/entry.h"
#include "vtd/reg.h"
#include "vtd/vtd.h"

static void expect(u64 low, u64 high, u64 expected_low, u64 expected_high)
{
	assert_int_equal(low, expected_low);
	assert_int_equal(high, expected_high);
}

#define EXPECT(entry, low_, high_)                    \
	do {                                          \
		__typeof__(entry) e_ = (entry);       \
		expect(e_.low, e_.high, low_, high_); \
	} while (0)

static void test_root(void **state)
{
	(void)state;
	EXPECT(vtd_root_entry(0x1234567000), 0x1234567001, 0);
	EXPECT(vtd_root_entry(0xffffffffff000), 0xffffffffff001, 0);
}

static void test_context(void **state)
{
	(void)state;
	/* P; high: AW 1, 2, 3 for 39, 48, 57 bits; domain id from bit 72 */
	EXPECT(vtd_context_entry(0x1000, 3, 0), 0x1001, 0x1);
	EXPECT(vtd_context_entry(0x1000, 4, 1), 0x1001, 0x102);
	EXPECT(vtd_context_entry(0x1000, 5, 0xffff), 0x1001, 0xffff03);
	EXPECT(vtd_context_entry(0xffffffffff000, 4, 0x8001), 0xffffffffff001, 0x800102);
}

/* P; AW from bit 2; PGTT 2, second stage, from bit 6; high: domain id, PGSNP in bit 88 with the
 * snoop format only (R20), PWSNP in bit 87 never */
static void test_pasid(void **state)
{
	(void)state;
	EXPECT(vtd_pasid_entry(0x1000, 3, 0, false), 0x1085, 0);
	EXPECT(vtd_pasid_entry(0x1000, 4, 1, true), 0x1089, 0x1000001);
	EXPECT(vtd_pasid_entry(0xffffffffff000, 5, 0xffff, true), 0xffffffffff08d, 0x100ffff);
	EXPECT(vtd_pasid_entry(0x1000, 4, 0x8001, false), 0x1089, 0x8001);
	EXPECT(vtd_flush_pasids(), 0x37, 0);
}

static void test_second_stage(void **state)
{
	(void)state;
	assert_int_equal(vtd_leaf_attributes(VTD_READ, false), 0x1);
	assert_int_equal(vtd_leaf_attributes(VTD_WRITE, false), 0x2);
	assert_int_equal(vtd_leaf_attributes(VTD_READ | VTD_WRITE, false), 0x3);
	assert_int_equal(vtd_leaf_attributes(VTD_READ, true), 0x801);
	assert_int_equal(vtd_leaf_attributes(VTD_READ | VTD_WRITE, true), 0x803);
	assert_int_equal(vtd_second_stage.present, 0x3);
	assert_int_equal(vtd_second_stage.table_bits, 0x3); /* R18: never SNP */
	assert_int_equal(vtd_second_stage.large, 0x80);
	assert_int_equal(vtd_second_stage.address, 0xffffffffff000);
}

static void test_context_invalidation(void **state)
{
	(void)state;
	EXPECT(vtd_flush_contexts(VTD_DESC_GLOBAL, 0, 0), 0x11, 0);
	EXPECT(vtd_flush_contexts(VTD_DESC_DEVICE, 0x0018, 5), 0x0000001800050031, 0);
	EXPECT(vtd_flush_contexts(VTD_DESC_DEVICE, 0xffff, 0xffff), 0x0000ffffffff0031, 0);
}

static void test_iotlb_invalidation(void **state)
{
	(void)state;
	EXPECT(vtd_flush_iotlb(VTD_DESC_GLOBAL, 0, 0, 0, 0), 0x12, 0);
	EXPECT(vtd_flush_iotlb(VTD_DESC_GLOBAL, 0, 0, 0, 0xc0), 0xd2, 0);
	EXPECT(vtd_flush_iotlb(VTD_DESC_DOMAIN, 5, 0, 0, 0xc0), 0x500e2, 0);
	EXPECT(vtd_flush_iotlb(VTD_DESC_DOMAIN, 0xffff, 0, 0, 0x40), 0xffff0062, 0);
	EXPECT(vtd_flush_iotlb(VTD_DESC_PAGES, 5, 0x123456789000, 0, 0xc0), 0x500f2,
	       0x123456789000);
	EXPECT(vtd_flush_iotlb(VTD_DESC_PAGES, 5, 0x40000000, 18, 0x80), 0x500b2, 0x40000012);
}

/* P, TM in bit 4, DLM from bit 5, V from bit 16, the destination's 8 bits from bit 40 or its 32
 * from bit 32; high: SID, SQ 0, SVT 1 in bit 18. */
static void test_irte(void **state)
{
	static const struct {
		struct vtd_interrupt interrupt;
		u64 low, low_extended, high;
	} rows[] = {
		{{0x0018, 0x31, false, false, 0}, 0x0000000000310001, 0x0000000000310001, 0x40018},
		{{0xffff, 0xff, true, false, 0xff},
	         0x0000ff0000ff0011,
	         0x000000ff00ff0011,
	         0x4ffff},
		{{0x0103, 0x10, false, true, 2}, 0x0000020000100021, 0x0000000200100021, 0x40103},
		{{0xff00, 0x80, true, true, 0x81}, 0x0000810000800031, 0x0000008100800031, 0x4ff00},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		EXPECT(vtd_irte_entry(&rows[i].interrupt, false), rows[i].low, rows[i].high);
		EXPECT(vtd_irte_entry(&rows[i].interrupt, true), rows[i].low_extended,
		       rows[i].high);
	}
	EXPECT(vtd_irte_entry(&(struct vtd_interrupt){.apic_id = 0x12345678}, true),
	       0x1234567800000001, 0x40000);
}

static void test_remappable_format(void **state)
{
	(void)state;
	assert_int_equal(vtd_msi_address(0, false), 0xfee00010);
	assert_int_equal(vtd_msi_address(0xff, false), 0xfee01ff0);
	assert_int_equal(vtd_msi_address(0x20, true), 0xfee00418);
	assert_int_equal(vtd_ioapic_entry(0), 0x0001000000000000);
	assert_int_equal(vtd_ioapic_entry(0xff), 0x01ff000000000000);
}

static void test_interrupt_invalidation(void **state)
{
	(void)state;
	EXPECT(vtd_flush_interrupts(0, 0), 0x4, 0);
	EXPECT(vtd_flush_interrupts(VTD_DESC_INDEX, 0x81), 0x8100000014, 0);
}

static void test_wait(void **state)
{
	(void)state;
	/* SW without IF: both at once is fatal to emulated units */
	EXPECT(vtd_wait(0x7000, 1), 0x100000025, 0x7000);
	EXPECT(vtd_wait(0x7ffc, 0xffffffff), 0xffffffff00000025, 0x7ffc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_pasid),
		cmocka_unit_test(test_second_stage),
		cmocka_unit_test(test_context_invalidation),
		cmocka_unit_test(test_iotlb_invalidation),
		cmocka_unit_test(test_irte),
		cmocka_unit_test(test_remappable_format),
		cmocka_unit_test(test_interrupt_invalidation),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
