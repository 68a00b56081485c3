// SPDX-License-Identifier: BSD-2-Clause
/*
 * What went wrong with VT-d elsewhere, by name: the tests here, and the table of those that are
 * elsewhere in the tree. Each must be registered in the file that the table names.
 */
#include <stdio.h>
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"
#include "tests/model/model.h"

#define CAP_48  0xd2008c222f0606ull
#define CAP_CM  BIT(7)
#define ECAP    0xf00f4aull
#define ECAP_C  BIT(0)
#define ECAP_SC BIT(7)
#define RID     0x0018
#define RW      (VTD_READ | VTD_WRITE)

static const struct {
	const char *lesson, *file, *test;
} elsewhere[] = {
	{"XSA-33, 49, 59: source validation", "host/test_vtd_entry.c", "test_irte"},
	{"XSA-33, 49, 59: malformed messages", "host/test_msi.c", "test_msi_messages"},
	{"CVE-2011-1898: no interrupts before remapping", "host/test_vtd_interrupt.c",
         "test_start"},
	{"XSA-373: the poll slot", "host/test_vtd_unit.c", "test_late_completion_is_not_believed"},
	{"XSA-373: the queue has room", "host/test_vtd_unit.c", "test_queue_wraps"},
	{"XSA-373: whole undo", "host/test_vtd_unit.c", "test_failed_map_is_undone"},
	{"XSA-302, 306: quarantine", "host/test_attach_order.c", "test_detach_time_out"},
	{"XSA-378: leftovers", "host/test_attach_refused.c", "test_reserved_regions_come_and_go"},
	{"XSA-378: leftovers of a failure", "model/test_attach.c", "test_xsa_378"},
	{"XSA-386, 400: shared regions", "host/test_attach_refused.c",
         "test_shared_reserved_region"},
	{"XSA-460: regions in RAM", "host/test_attach_refused.c",
         "test_reserved_region_in_own_ram"},
	{"XSA-402: reuse after no-snoop mapping", "model/test_attach.c", "test_attach_and_detach"},
	{"XSA-449: all requester ids", "host/test_group.c", "test_aliases_come_and_go"},
	{"CVE-2024-35843: a fault after the release", "model/test_attach.c", "test_cve_2024_35843"},
	{"ACRN 4509: refused without SC", "host/test_attach_refused.c", "test_no_snoop_control"},
	{"ACRN 4509: what SNP does there", "model/test_faults.c", "test_conditions"},
	{"Linux 2022, 2023: PGSNP without SC, PWSNP over the domain id", "host/test_vtd_entry.c",
         "test_pasid"},
	{"Linux 2023: mixed leaves", "host/test_attach_verdict.c", "test_format_is_fixed"},
	{"asterinas, managarm: four levels only", "model/test_attach.c", "test_four_levels_only"},
	{"Zephyr 109433, coconut-svsm 125, edk2 398", "host/test_dmar.c", "test_short_structures"},
	{"Jailhouse: freed too early", "host/test_vtd_unit.c",
         "test_tables_are_freed_after_invalidation"},
	{"Jailhouse: unbounded waits", "host/test_vtd_unit.c", "test_start_time_outs"},
	{"Jailhouse: present half first", "host/test_vtd_interrupt.c", "test_present_last"},
};

static struct vtd_unit unit;
static struct vtd_space space, other;

static void start(u64 cap, u64 ecap)
{
	struct dmar_unit facts = {.base_pa = FAKE_UNIT_BASE(0), .size_pages = 1};

	fake_mem_reset();
	fake_time_step_us = 1000;
	model_reset();
	fake_unit_reset(0, cap, ecap);
	model_add_unit(0);
	assert_ok(vtd_unit_probe(&unit, 0, &facts));
	assert_ok(vtd_unit_start(&unit));
}

static int verify(void **state)
{
	(void)state;
	assert_string_equal(model_violation, "");
	return 0;
}

static void test_every_lesson_has_its_test(void **state)
{
	static char text[1 << 17];
	char name[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		FILE *file;

		snprintf(name, sizeof(name), "tests/%s", elsewhere[i].file);
		file = fopen(name, "r");
		assert_non_null(file);
		text[fread(text, 1, sizeof(text) - 1, file)] = 0;
		fclose(file);
		/* in the list of main */
		snprintf(name, sizeof(name), "(%s)\n(%s,", elsewhere[i].test, elsewhere[i].test);
		if (!strstr(text, strtok(name, "\n")) && !strstr(text, strtok(NULL, "\n")))
			fail_msg("%s: no %s in %s", elsewhere[i].lesson, elsewhere[i].test,
			         elsewhere[i].file);
	}
}

/* A table store that is not flushed: the model sees the unit read what was there before. */
static void test_xsa_321(void **state)
{
	struct model_device *d;

	(void)state;
	start(CAP_48, ECAP);
	d = model_add_device(0, RID, false);
	assert_ok(vtd_space_init(&space, 2, false, 4, PT_LEAF_4K, true));
	assert_ok(model_attach(&unit, d, &space));
	assert_ok(model_map(&space, 0x1000, 0x8000, 0x2000, RW));
	assert_string_equal(model_violation, "");
	space.table.flush = false;
	assert_ok(model_map(&space, MIB(4), 0x8000, 0x1000, RW));
	assert_string_not_equal(model_violation, "");
	model_violation[0] = 0;
	/* and the driver refuses such tables */
	assert_error(vtd_attach(&unit, RID + 1, &space), E_UNSUPPORTED);
}

/* Detached, a device is nowhere: not where it was, not where its last owner is. */
static void test_xsa_302_306(void **state)
{
	struct model_device *d;

	(void)state;
	start(CAP_48, ECAP | ECAP_SC);
	d = model_add_device(0, RID, false);
	assert_ok(vtd_space_init(&space, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_map(&space, 0, 0, 0x4000, RW));
	assert_ok(model_attach(&unit, d, &space));
	assert_int_equal(walker_request(&walkers[0], RID, 0, WRITE).granted, WRITE);
	assert_ok(model_detach(&unit, d));
	assert_int_equal(walker_request(&walkers[0], RID, 0, WRITE).reason, FAULT_CONTEXT_ABSENT);
}

/* Every width that a unit can have against every height of tables: refused, or right. */
static void test_xsa_390_445_450(void **state)
{
	(void)state;
	for (u64 widths = 1; widths < 8; widths++) {
		for (u8 levels = 3; levels <= 5; levels++) {
			struct model_device *d;
			err_t e;

			start((CAP_48 & ~MASK(12, 8)) | widths << 9, ECAP | ECAP_SC);
			d = model_add_device(0, RID, false);
			assert_ok(vtd_space_init(&space, 2, true, levels, PT_LEAF_4K, true));
			assert_ok(model_map(&space, 0, 0, 0x1000, RW));
			e = model_attach(&unit, d, &space);
			assert_error(e, widths & BIT(levels - 3) ? E_OK : E_ADDRESS_WIDTH);
			assert_string_equal(model_violation, "");
		}
	}
}

/* A domain id in its second life finds nothing of the first. */
static void test_xsa_399(void **state)
{
	struct model_device *d;

	(void)state;
	start(CAP_48 | CAP_CM, ECAP | ECAP_SC);
	d = model_add_device(0, RID, false);
	assert_ok(vtd_space_init(&space, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_map(&space, 0x1000, 0x8000, 0x1000, RW));
	assert_ok(model_attach(&unit, d, &space));
	assert_ok(model_detach(&unit, d));
	vtd_space_destroy(&space);
	assert_ok(vtd_space_init(&other, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_map(&other, 0x2000, 0x9000, 0x1000, RW));
	assert_ok(model_attach(&unit, d, &other));
	assert_int_equal(walker_request(&walkers[0], RID, 0x1000, READ).reason, FAULT_READ);
}

static u64 context_words[2];
static char teardown[64];

static void note_context(struct fake_unit *u)
{
	const u64 *root, *context;

	(void)u;
	root = fake_mem_seen(unit.root_pa);
	context = (const u64 *)fake_mem_seen(root[0] & MASK(51, 12)) + 2 * RID;
	strcat(teardown, context[0] & 1 ? "present " : context[1] ? "cleared " : "zeroed ");
	memcpy(context_words, context, sizeof(context_words));
}

/* Tear-down: present cleared and in memory, then the invalidations, then zeroes. */
static void test_cve_2026_45944(void **state)
{
	struct model_device *d;

	(void)state;
	start(CAP_48, ECAP | ECAP_SC);
	d = model_add_device(0, RID, false);
	assert_ok(vtd_space_init(&space, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_attach(&unit, d, &space));
	fake_units[0].on_invalidation = note_context;
	assert_ok(model_detach(&unit, d));
	note_context(NULL);
	assert_string_equal(teardown, "cleared cleared zeroed ");
	assert_int_equal(context_words[0] | context_words[1], 0);
}

/* No device TLB is allowed unasked, so none needs an invalidation that a dead link would swallow.
 * One that has been asked for and does not answer: test_order.c, test_silent_device_tlb. */
static void test_cve_2026_43130(void **state)
{
	const u64 *root, *context;
	struct model_device *d;

	(void)state;
	start(CAP_48, ECAP | ECAP_SC | BIT(2));
	d = model_add_device(0, RID, false);
	assert_ok(vtd_space_init(&space, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_attach(&unit, d, &space));
	root = phys_to_virt(unit.root_pa);
	context = (const u64 *)phys_to_virt(root[0] & MASK(51, 12)) + 2 * RID;
	assert_int_equal(context[0] & MASK(3, 2), 0); /* translation type */
}

/* The one-shot commands fire once, in a unit's whole life (seL4 set the root table again). */
static void test_sel4_one_shot_commands(void **state)
{
	struct model_device *d;
	const char *first;

	(void)state;
	start(CAP_48, ECAP | ECAP_SC);
	d = model_add_device(0, RID, false);
	assert_ok(vtd_interrupt_start(&unit, false));
	assert_ok(vtd_space_init(&space, 2, true, 4, PT_LEAF_4K, true));
	assert_ok(model_attach(&unit, d, &space));
	assert_ok(model_detach(&unit, d));
	first = strstr(fake_units[0].notes, "SRTP");
	assert_non_null(first);
	assert_null(strstr(first + 1, "SRTP"));
	assert_true(walkers[0].translating);
}

/* Mapped small or large, little or much: as many invalidations, and none that walks the space. */
static void test_invalidations_do_not_grow(void **state)
{
	static const struct {
		u64 size;
		u8 leaf_sizes;
	} spaces[] = {
		{PAGE_SIZE, PT_LEAF_4K},
		{GIB(1), PT_LEAF_4K},
		{GIB(64), PT_LEAF_4K | PT_LEAF_2M},
	};

	(void)state;
	for (u64 cap = CAP_48;; cap |= CAP_CM) {
		for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
			u64 changes = cap & CAP_CM ? 1 : 0, *count = &walkers[0].invalidations;

			start(cap, ECAP | ECAP_SC);
			model_pause(true);
			assert_ok(vtd_space_init(&space, 2, true, 4, spaces[i].leaf_sizes, true));
			*count = 0;
			assert_ok(vtd_attach(&unit, RID, &space));
			assert_int_equal(*count, 2 * changes);
			assert_ok(vtd_map(&space, GIB(8), 0, spaces[i].size, RW));
			assert_int_equal(*count, 3 * changes);
			assert_ok(vtd_unmap(&space, GIB(8), spaces[i].size));
			assert_int_equal(*count, 3 * changes + 1);
			assert_ok(vtd_map(&space, GIB(8), 0, spaces[i].size, RW));
			*count = 0;
			assert_ok(vtd_detach(&unit, RID, &space));
			assert_int_equal(*count, 2);
			assert_ok(vtd_attach(&unit, RID, &space)); /* all of it is mapped now */
			assert_int_equal(*count, 2 + 2 * changes);
			assert_int_equal(fake_units[0].queue_errors, 0);
		}
		if (cap & CAP_CM)
			break;
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, verify)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_lesson_has_its_test),
		TEST(test_xsa_321),
		TEST(test_xsa_302_306),
		TEST(test_xsa_390_445_450),
		TEST(test_xsa_399),
		TEST(test_cve_2026_45944),
		TEST(test_cve_2026_43130),
		TEST(test_sel4_one_shot_commands),
		TEST(test_invalidations_do_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
