// SPDX-License-Identifier: BSD-2-Clause
/*
 * The faults of a unit, condition by condition: what QEMU 7.2's intel-iommu raises for each, the
 * model raises, too, and vtd_next_fault hands out. tests/model/compare_qemu.py provokes the same in
 * QEMU itself, from the list that this program prints when it is called with an argument.
 */
#include <stdio.h>
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"
#include "tests/model/model.h"

#define CAP  0xd2008c222f0606ull
#define ECAP 0xf00f4aull
#define SC   BIT(7)

#define RID         0x0018
#define DOMAIN      2
#define PRESENT     1ull
#define ADDRESS     MASK(51, 12)
#define RW          3ull
#define LARGE       BIT(7)
#define SNP         BIT(11)
#define RESERVED_PA 0x3ff000000000ull /* above RAM, within the width */

/* Tables by hand: the root, bus 0, levels 4 to 1; all map iova 0. */
enum table { ROOT, CONTEXT, LEVEL_4, LEVEL_3, LEVEL_2, LEVEL_1, TABLES };

static struct vtd_unit unit;
static u64 table_pa[TABLES], data_pa;

/* What is stored, and where: an index of 8-byte words. */
struct store {
	enum table table;
	u32 index;
	u64 value;
	bool keeps_address; /* of what the entry points to */
};

#define CONTEXT_AT (2 * (RID & 0xff))

struct condition {
	const char *name;
	u64 iova;
	u32 access;
	u8 reason; /* 0: it is translated */
	u8 snoop_control;
	struct store store;
};

#define WHOLE                       \
	{                           \
		TABLES, 0, 0, false \
	}

static const struct condition conditions[] = {
	{"write", 0, WRITE, 0, 0, WHOLE},
	{"read", 0, READ, 0, 0, WHOLE},
	{"root-absent", 0, READ, 0x1, 0, {ROOT, 0, 0, false}},
	{"root-reserved", 0, READ, 0xa, 0, {ROOT, 1, 1, false}},
	{"context-absent", 0, WRITE, 0x2, 0, {CONTEXT, CONTEXT_AT, 0, false}},
	{"context-reserved",
         0,
         READ,
         0xb,
         0,
         {CONTEXT, CONTEXT_AT + 1, BIT(40) | DOMAIN << 8 | 2, false}},
	{"context-width", 0, READ, 0x3, 0, {CONTEXT, CONTEXT_AT + 1, DOMAIN << 8 | 3, false}},
	{"context-type", 0, READ, 0x3, 0, {CONTEXT, CONTEXT_AT, PRESENT | 3 << 2, true}},
	{"table-root-outside",
         0,
         READ,
         0x3,
         0,
         {CONTEXT, CONTEXT_AT, RESERVED_PA | PRESENT, false}},
	{"beyond-width", BIT(48), READ, 0x4, 0, WHOLE},
	{"leaf-absent-write", 0x1000, WRITE, 0x5, 0, WHOLE},
	{"leaf-absent-read", 0x1000, READ, 0x6, 0, WHOLE},
	{"leaf-read-only", 0, WRITE, 0x5, 0, {LEVEL_1, 0, VTD_READ, true}},
	{"leaf-write-only", 0, READ, 0x6, 0, {LEVEL_1, 0, VTD_WRITE, true}},
	{"table-absent", 0, READ, 0x6, 0, {LEVEL_3, 0, 0, false}},
	{"table-outside", 0, READ, 0x7, 0, {LEVEL_3, 0, RESERVED_PA | RW, false}},
	{"snoop-4K", 0, WRITE, 0xc, 0, {LEVEL_1, 0, RW | SNP, true}},
	{"snoop-4K-control", 0, WRITE, 0, 1, {LEVEL_1, 0, RW | SNP, true}},
	{"snoop-2M", 0, WRITE, 0xc, 0, {LEVEL_2, 0, RW | SNP | LARGE, false}},
	{"snoop-table", 0, WRITE, 0xc, 1, {LEVEL_2, 0, RW | SNP, true}},
	{"misaligned-2M", 0, WRITE, 0xc, 1, {LEVEL_2, 0, RW | LARGE | 0x1000, false}},
	{"interrupt-range", 0, WRITE, 0xe, 0, {LEVEL_1, 0, RW | 0xfee00000, false}},
};

static u64 *table(enum table t)
{
	return phys_to_virt(table_pa[t]);
}

static void build(const struct condition *c)
{
	const struct store *s = &c->store;
	u64 *word;

	for (enum table t = ROOT; t < TABLES; t++)
		memset(table(t), 0, PAGE_SIZE);
	*table(ROOT) = table_pa[CONTEXT] | PRESENT;
	table(CONTEXT)[CONTEXT_AT] = table_pa[LEVEL_4] | PRESENT;
	table(CONTEXT)[CONTEXT_AT + 1] = DOMAIN << 8 | 2; /* 48 bits */
	for (enum table t = LEVEL_4; t < LEVEL_1; t++)
		*table(t) = table_pa[t + 1] | RW;
	*table(LEVEL_1) = data_pa | RW;
	if (s->table == TABLES)
		return;
	word = &table(s->table)[s->index];
	*word = s->value | (s->keeps_address ? *word & ADDRESS : 0);
}

static void start(void)
{
	struct dmar_unit facts = {.base_pa = FAKE_UNIT_BASE(0), .size_pages = 1};

	fake_mem_reset();
	model_reset();
	fake_unit_reset(0, CAP, ECAP);
	model_add_unit(0);
	assert_ok(vtd_unit_probe(&unit, 0, &facts));
	assert_ok(vtd_unit_start(&unit));
	model_pause(true);
	for (enum table t = ROOT; t < TABLES; t++)
		table_pa[t] = page_alloc();
	data_pa = page_alloc();
	walkers[0].root_pa = table_pa[ROOT];
}

static void expect_fault(const struct condition *c)
{
	struct vtd_fault fault;
	bool overflow;

	assert_true(vtd_next_fault(&unit, &fault, &overflow));
	assert_int_equal(fault.rid, RID);
	assert_int_equal(fault.reason, c->reason);
	assert_int_equal(fault.read, c->access == READ);
	assert_int_equal(fault.address, c->iova);
	assert_string_not_equal(vtd_fault_reason(fault.reason), "unknown reason");
	assert_false(vtd_next_fault(&unit, &fault, &overflow));
}

static void test_conditions(void **state)
{
	(void)state;
	for (const struct condition *c = conditions; c < conditions + ARRAY_SIZE(conditions); c++) {
		struct outcome o;

		start();
		fake_unit_set64(&fake_units[0], 0x10, ECAP | (c->snoop_control ? SC : 0));
		build(c);
		o = walker_request(&walkers[0], RID, c->iova, c->access);
		if (o.reason != c->reason)
			fail_msg("%s: reason 0x%x", c->name, o.reason);
		if (!c->reason) {
			assert_int_equal(o.pa, data_pa);
			continue;
		}
		fake_unit_raise_fault(&fake_units[0], 0, RID, o.reason, c->access == READ, c->iova);
		expect_fault(c);
	}
}

/* For compare_qemu.py: each condition, and the words of memory that make it. */
static void print_conditions(void)
{
	start();
	for (const struct condition *c = conditions; c < conditions + ARRAY_SIZE(conditions); c++) {
		printf("condition name=%s snoop-control=%u rid=0x%x iova=0x%lx write=%u "
		       "reason=0x%x "
		       "root=0x%lx data=0x%lx\n",
		       c->name, c->snoop_control, RID, c->iova, c->access == WRITE, c->reason,
		       table_pa[ROOT], data_pa);
		build(c);
		for (enum table t = ROOT; t < TABLES; t++) {
			for (u32 i = 0; i < PAGE_SIZE / 8; i++) {
				if (table(t)[i])
					printf("word pa=0x%lx value=0x%lx\n", table_pa[t] + i * 8,
					       table(t)[i]);
			}
		}
	}
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions),
	};

	(void)arguments;
	if (count > 1) {
		print_conditions();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
