// SPDX-License-Identifier: BSD-2-Clause
/* From firmware's list of tables to facts (core/facts.c). */
#include "core/facts.h"
#include "core/mem.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/host/acpi_table.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"

#define RSDP_PA 0x100
#define RSDT_PA 0x1000
#define MADT_PA 0x2000

static u8 firmware[3 * PAGE_SIZE];
struct plan plan;

err_t mem_map_firmware(u64 pa, u64 size, const u8 **bytes)
{
	assert_true(pa >= RSDP_PA && pa + size <= sizeof(firmware));
	*bytes = firmware + pa;
	return E_OK;
}

void power_init(const struct acpi_fadt *fadt, int slp_typ_a)
{
	(void)fadt;
	assert_int_equal(slp_typ_a, -1);
}

void fake_facts_reset(void)
{
	memset(&facts, 0, sizeof(facts));
}

static void put(u64 pa, struct table *t)
{
	table_end(t);
	memcpy(firmware + pa, t->bytes, t->size);
}

static void write_rsdp(void)
{
	u8 *rsdp = firmware + RSDP_PA, sum = 0;

	memcpy(rsdp, "RSD PTR ", 8);
	rsdp[17] = RSDT_PA >> 8;
	for (u32 i = 0; i < 20; i++)
		sum += rsdp[i];
	rsdp[8] -= sum;
	facts.boot.rsdp_pa = RSDP_PA;
}

/* Some firmware leaves entries of its list empty. */
static void test_empty_entries(void **state)
{
	struct table t;

	(void)state;
	fake_facts_reset();
	fake_backend_reset();
	write_rsdp();
	table_begin(&t, "RSDT");
	table_add(&t, 4, 0);
	table_add(&t, 4, MADT_PA);
	table_add(&t, 4, 0);
	put(RSDT_PA, &t);
	table_begin(&t, "APIC");
	table_add(&t, 8, 0);
	put(MADT_PA, &t);
	assert_ok(facts_collect());
	assert_int_equal(facts.madt_pa, MADT_PA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
