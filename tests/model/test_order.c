// SPDX-License-Identifier: BSD-2-Clause
/*
 * vtd/ and the page-table engine on the model: bring-up, attach, map, unmap, detach, with DMA at
 * every intermediate state, on units of every kind.
 */
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"
#include "tests/model/model.h"

/* CAP and ECAP of QEMU 7.2's intel-iommu with aw-bits=48, and what some units have besides. */
#define CAP_48        0xd2008c222f0606ull
#define CAP_CM        BIT(7)
#define CAP_RWBF      BIT(4)
#define CAP_PSI       BIT(39)
#define ECAP          0xf00f4aull
#define ECAP_C        BIT(0)
#define ECAP_SC       BIT(7)
#define ECAP_TLB      BIT(2)
#define ECAP_SCALABLE (ECAP | BIT(43) | BIT(46))

#define RW (VTD_READ | VTD_WRITE)

static const struct {
	u64 cap, ecap;
} kinds[] = {
	{CAP_48, ECAP | ECAP_SC},
	{CAP_48, ECAP | ECAP_SC | ECAP_C},
	{CAP_48 | CAP_CM, ECAP | ECAP_SC},
	{CAP_48 | CAP_RWBF, ECAP | ECAP_SC},
	{CAP_48 | CAP_RWBF, ECAP | ECAP_SC | ECAP_C},
	{(CAP_48 | CAP_CM) & ~CAP_PSI, ECAP | ECAP_C},
	{CAP_48 & ~MASK(55, 54), ECAP},
	{CAP_48, ECAP_SCALABLE | ECAP_SC},
	{CAP_48 | CAP_CM, ECAP_SCALABLE | ECAP_SC | ECAP_C},
	{CAP_48 | CAP_RWBF, ECAP_SCALABLE | ECAP_C},
};

static struct vtd_unit units[FAKE_UNITS];
static struct vtd_space space, other;

static struct vtd_unit *start(u32 n, u64 cap, u64 ecap)
{
	struct dmar_unit facts = {.base_pa = FAKE_UNIT_BASE(n), .size_pages = 1};

	fake_unit_reset(n, cap, ecap);
	model_add_unit(n);
	assert_ok(vtd_unit_probe(&units[n], n, &facts));
	vtd_unit_set_scalable(&units[n]);
	assert_int_equal(units[n].scalable, ecap >> 43 & 1);
	assert_ok(vtd_unit_start(&units[n]));
	assert_true(walkers[n].translating);
	model_step();
	return &units[n];
}

static int reset(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_time_step_us = 1000;
	model_reset();
	return 0;
}

static int verify(void **state)
{
	(void)state;
	assert_string_equal(model_violation, "");
	return 0;
}

static void make_space(struct vtd_space *s, const struct vtd_unit *u, u16 domain)
{
	assert_ok(vtd_space_init(s, domain, u->snoop_control, 4, PT_LEAF_4K | PT_LEAF_2M,
	                         !u->walk_coherent));
}

/* A range of small pages, of large ones, of both; and each goes again, in pieces. */
static void map_and_unmap(struct vtd_space *s)
{
	assert_ok(model_map(s, 0x10000, 0x110000, 0x1000, RW));
	assert_ok(model_map(s, MIB(2), MIB(4), MIB(2), RW));
	assert_ok(model_map(s, MIB(4), MIB(7), 0x3000, VTD_READ));
	assert_error(model_map(s, MIB(4) + 0x2000, MIB(7), 0x3000, VTD_WRITE), E_ALREADY_MAPPED);
	assert_ok(model_unmap(s, MIB(2) + 0x1000, 0x1000)); /* splits */
	assert_ok(model_map(s, MIB(2) + 0x1000, MIB(9), 0x1000, VTD_WRITE));
	assert_ok(model_unmap(s, MIB(4) + 0x1000, 0x1000));
	assert_ok(model_unmap(s, MIB(2), MIB(4)));            /* tables go */
	assert_ok(model_map(s, MIB(2), MIB(12), 0x2000, RW)); /* and come */
	assert_ok(model_unmap(s, 0, GIB(1)));
}

static void run_on(u64 cap, u64 ecap)
{
	struct vtd_unit *u = start(0, cap, ecap);
	struct model_device *d = model_add_device(0, 0x0018, false);
	struct model_device *e = model_add_device(0, 0x0110, false);
	u32 used = fake_mem_used();

	make_space(&space, u, 2);
	assert_ok(model_map(&space, GIB(1), 0, MIB(2), RW));
	assert_ok(model_attach(u, d, &space));
	map_and_unmap(&space);
	assert_ok(model_attach(u, e, &space));
	assert_ok(model_map(&space, 0, 0, 0x2000, RW));
	assert_ok(model_detach(u, d));
	assert_ok(model_unmap(&space, 0, 0x1000));
	assert_ok(model_detach(u, e));
	vtd_space_destroy(&space);
	assert_int_equal(fake_mem_used(), used + 2); /* context tables of two buses stay */
}

static void test_every_kind_of_unit(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		reset(state);
		run_on(kinds[i].cap, kinds[i].ecap);
		if (model_violation[0])
			fail_msg("cap=%lx ecap=%lx: %s", kinds[i].cap, kinds[i].ecap,
			         model_violation);
	}
}

/* One space behind two units that differ in everything: each is told what it needs. */
static void run_on_two(u64 second_ecap)
{
	struct vtd_unit *u = start(0, CAP_48 | CAP_CM, ECAP | ECAP_SC);
	struct vtd_unit *v = start(1, (CAP_48 | CAP_RWBF) & ~CAP_PSI, second_ecap);
	struct model_device *d = model_add_device(0, 0x0018, false);
	struct model_device *e = model_add_device(1, 0x0018, false);

	make_space(&space, u, 2);
	assert_ok(model_attach(u, d, &space));
	assert_ok(model_attach(v, e, &space));
	map_and_unmap(&space);
	assert_ok(model_map(&space, 0, 0, 0x1000, RW));
	assert_ok(model_detach(u, d));
	assert_ok(model_unmap(&space, 0, 0x1000));
	assert_ok(model_map(&space, 0, 0x5000, 0x1000, RW));
	assert_ok(model_detach(v, e));
	vtd_space_destroy(&space);
}

/* Device TLBs, of two devices in a space and one in another. No translation outlives its unmap in
 * any of them. */
static void run_with_tlbs(u64 cap, u64 ecap)
{
	struct vtd_unit *u = start(0, cap, ecap | ECAP_TLB);
	struct model_device *d = model_add_device(0, 0x0018, false);
	struct model_device *e = model_add_device(0, 0x0110, false);
	struct model_device *f = model_add_device(0, 0x0020, false);

	make_space(&space, u, 2);
	make_space(&other, u, 3);
	assert_ok(model_attach(u, d, &space));
	assert_ok(model_use_tlb(u, d));
	assert_ok(model_attach(u, f, &other));
	assert_ok(model_use_tlb(u, f));
	assert_ok(model_map(&other, 0x1000, 0x3000, 0x1000, RW));
	map_and_unmap(&space);
	assert_ok(model_attach(u, e, &space));
	assert_ok(model_map(&space, 0, 0, 0x4000, RW));
	assert_ok(model_use_tlb(u, e));
	assert_ok(model_unmap(&space, 0x1000, 0x2000));
	assert_true(walker_has_in_tlb(&walkers[0], f->rid));
	assert_ok(model_drop_tlb(u, d));
	assert_ok(model_unmap(&space, 0, 0x1000));
	assert_ok(model_detach(u, d));
	assert_ok(model_attach(u, d, &other));
	assert_ok(model_use_tlb(u, d));
	assert_ok(model_unmap(&other, 0, MIB(1)));
	assert_ok(model_drop_tlb(u, d));
	assert_ok(model_detach(u, d));
	assert_ok(model_drop_tlb(u, f));
	assert_ok(model_detach(u, f));
	vtd_space_destroy(&other);
}

static void test_device_tlbs(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		reset(state);
		run_with_tlbs(kinds[i].cap, kinds[i].ecap);
		if (model_violation[0])
			fail_msg("cap=%lx ecap=%lx: %s", kinds[i].cap, kinds[i].ecap,
			         model_violation);
	}
}

/* One does not answer: when the unmap returns, what it kept leads nowhere, and it is the only one
 * that lost anything. */
static void run_with_silent_tlb(u64 ecap, bool for_ever)
{
	struct vtd_unit *u = start(0, CAP_48, ecap | ECAP_TLB);
	struct model_device *d = model_add_device(0, 0x0018, false);
	struct model_device *e = model_add_device(0, 0x0020, false);
	struct vtd_context entry;

	make_space(&space, u, 2);
	assert_ok(model_attach(u, d, &space));
	assert_ok(model_attach(u, e, &space));
	assert_ok(model_use_tlb(u, d));
	assert_ok(model_use_tlb(u, e));
	assert_ok(model_map(&space, 0, 0, 0x4000, RW));
	fake_units[0].silent_rids = 1 << (d->rid >> 3);
	fake_units[0].silent_for_ever = for_ever;
	d->stage = STAGE_CHANGING; /* it may lose all */
	assert_ok(model_unmap(&space, 0x1000, 0x1000));
	assert_true(walker_has_in_tlb(&walkers[0], d->rid));
	assert_true(vtd_tlb_is_lost(u, d->rid) && !vtd_tlb_is_lost(u, e->rid) && !u->failed);
	assert_false(vtd_read_context(u, d->rid, &entry));
	assert_ok(model_unmap(&space, 0x2000, 0x1000)); /* it is not asked again */
	assert_ok(model_map(&space, 0x1000, 0x8000, 0x2000, RW));
	assert_error(model_drop_tlb(u, d), E_DEVICE_TLB);
	assert_ok(model_detach(u, d));
	assert_ok(model_unmap(&space, 0, 0x4000));
	assert_ok(model_drop_tlb(u, e));
	assert_ok(model_detach(u, e));
	vtd_space_destroy(&space);
}

static void test_silent_device_tlb(void **state)
{
	for (u32 i = 0; i < 4; i++) {
		reset(state);
		run_with_silent_tlb((i & 1 ? ECAP_SCALABLE : ECAP) | ECAP_SC, i & 2);
		assert_string_equal(model_violation, "");
	}
}

static void test_two_units(void **state)
{
	(void)state;
	run_on_two(ECAP | ECAP_SC | ECAP_C);
}

/* One in legacy mode, one in scalable mode. */
static void test_two_modes(void **state)
{
	(void)state;
	run_on_two(ECAP_SCALABLE | ECAP_SC);
}

/* A unit with SC serves a no-snoop space, too; in one unit both formats live side by side (R6). */
static void test_two_formats(void **state)
{
	struct vtd_unit *u = start(0, CAP_48, ECAP | ECAP_SC);
	struct model_device *d = model_add_device(0, 0x0018, false);
	struct model_device *e = model_add_device(0, 0x0020, false);

	(void)state;
	make_space(&space, u, 2);
	assert_ok(vtd_space_init(&other, 3, false, 3, PT_LEAF_4K, true));
	assert_ok(model_map(&other, 0x1000, 0x8000, 0x2000, RW));
	assert_ok(model_attach(u, d, &space));
	assert_ok(model_attach(u, e, &other));
	assert_ok(model_map(&space, 0x1000, 0x4000, 0x1000, RW));
	assert_ok(model_unmap(&other, 0x2000, 0x1000));
	assert_ok(model_detach(u, d));
	assert_ok(model_attach(u, d, &other));
	assert_ok(model_detach(u, e));
	assert_ok(model_detach(u, d));
	vtd_space_destroy(&space);
	vtd_space_destroy(&other);
}

/* One page of a large leaf replaced before anybody walks the table: all of it is in memory. */
static void test_replaced_page(void **state)
{
	struct vtd_unit *u = start(0, CAP_48, ECAP | ECAP_SC);
	struct model_device *d = model_add_device(0, 0x0018, false);

	(void)state;
	make_space(&space, u, 2);
	assert_ok(vtd_map(&space, MIB(2), MIB(4), MIB(2), RW));
	assert_ok(pt_replace_page(&space.table, MIB(2) + 0x1000, MIB(8) | RW | BIT(11)));
	model_range(&space, MIB(2), MIB(4), 0x1000, RW)->stage = STAGE_IN;
	model_range(&space, MIB(2) + 0x1000, MIB(8), 0x1000, RW)->stage = STAGE_IN;
	model_range(&space, MIB(2) + 0x2000, MIB(4) + 0x2000, MIB(2) - 0x2000, RW)->stage =
		STAGE_IN;
	assert_ok(model_attach(u, d, &space));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, verify)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_device_tlbs),        TEST(test_silent_device_tlb),
		TEST(test_every_kind_of_unit), TEST(test_two_units),
		TEST(test_two_modes),          TEST(test_two_formats),
		TEST(test_replaced_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
