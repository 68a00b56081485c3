// SPDX-License-Identifier: BSD-2-Clause
/* vtd/interrupt.c against a unit that answers: what it is asked, in which order, and what it sees
 * of the table (R22). */
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/fake_unit.h"
#include "tests/host/test.h"
#include "vtd/vtd.h"

#define CAP    0xd2008c222f0606ull
#define RWBF   (1ull << 4)
#define ECAP   0xf00fcaull
#define ECAP_C 1ull
#define IR     (1ull << 3)
#define EIM    (1ull << 4)

#define IRE   (1u << 25)
#define SIRTP (1u << 24)

static struct vtd_unit unit;
static u64 seen_low[4]; /* of entries 0 to 3 when the last invalidation came */

/* An entry as a unit that does not snoop sees it. */
static const u64 *seen(u32 index)
{
	return (const u64 *)fake_mem_seen(unit.interrupts_pa) + 2 * index;
}

static void on_invalidation(struct fake_unit *u)
{
	(void)u;
	for (u32 i = 0; unit.interrupts_pa && i < ARRAY_SIZE(seen_low); i++)
		seen_low[i] = seen(i)[0];
}

static void set_up_unit(u64 cap, u64 ecap)
{
	struct dmar_unit where = {.base_pa = FAKE_UNIT_BASE(0), .size_pages = 1};

	fake_mem_reset();
	fake_time_step_us = 1000;
	fake_unit_reset(0, cap, ecap);
	assert_ok(vtd_unit_probe(&unit, 0, &where));
	assert_ok(vtd_unit_start(&unit));
	fake_units[0].on_invalidation = on_invalidation;
	fake_units[0].notes[0] = 0;
}

static void expect_notes(const char *expected)
{
	assert_string_equal(fake_units[0].notes, expected);
	fake_units[0].notes[0] = 0;
}

static int set_up(void **state)
{
	(void)state;
	set_up_unit(CAP, ECAP);
	assert_ok(vtd_interrupt_start(&unit, false));
	fake_units[0].notes[0] = 0;
	return 0;
}

/* ---- start ---- */

static void test_supported(void **state)
{
	(void)state;
	set_up_unit(CAP, ECAP & ~IR);
	assert_false(vtd_interrupt_supported(&unit, false));
	set_up_unit(CAP, ECAP & ~EIM);
	assert_true(vtd_interrupt_supported(&unit, false));
	assert_false(vtd_interrupt_supported(&unit, true));
	set_up_unit(CAP, ECAP | EIM);
	assert_true(vtd_interrupt_supported(&unit, true));
	set_up_unit(CAP, (ECAP | EIM) & ~IR);
	assert_false(vtd_interrupt_supported(&unit, true));
}

static void test_start(void **state)
{
	u64 irta;

	(void)state;
	for (u32 x2apic = 0; x2apic < 2; x2apic++) {
		set_up_unit(CAP, ECAP);
		assert_ok(vtd_interrupt_start(&unit, x2apic));
		expect_notes("IRTA\nSIRTP\ninterrupt all index=0\nwait\nIRE=1\n");
		memcpy(&irta, fake_units[0].regs + 0xb8, sizeof(irta));
		assert_int_equal(irta, unit.interrupts_pa | 7 | x2apic << 11);
		for (u32 i = 0; i < 2 * VTD_INTERRUPTS; i++)
			assert_int_equal(seen(0)[i], 0);
		assert_int_equal(fake_unit_r32(&fake_units[0], 0x1c) & 1u << 23, 0); /* CFIS */
	}
	set_up_unit(CAP | RWBF, ECAP);
	assert_ok(vtd_interrupt_start(&unit, false));
	assert_memory_equal(fake_units[0].notes, "WBF\nIRTA\n", 9);
}

static void test_start_failures(void **state)
{
	static const struct {
		u32 stuck;
		const char *step;
	} rows[] = {
		{SIRTP, "step=interrupt-table reason=timeout"},
		{IRE, "step=interrupt-remapping reason=timeout"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up_unit(CAP, ECAP);
		fake_units[0].stuck = rows[i].stuck;
		assert_error(vtd_interrupt_start(&unit, false), E_TIMEOUT);
		assert_true(unit.failed);
		assert_non_null(strstr(fake_log, rows[i].step));
	}
	set_up_unit(CAP, ECAP);
	fake_mem_fail_after(0);
	assert_error(vtd_interrupt_start(&unit, false), E_NO_MEMORY);
	expect_notes("");
}

static void test_stop(void **state)
{
	(void)state;
	assert_ok(vtd_unit_stop(&unit));
	expect_notes("IRE=0\nTE=0\nQIE=0\nPMEN=0\n");
	assert_int_equal(unit.interrupts_pa, 0);
}

/* ---- entries ---- */

static const struct vtd_interrupt nvme = {.source_id = 0x20, .vector = 0x31, .apic_id = 2};

static void test_allocate(void **state)
{
	u16 index;

	(void)state;
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	assert_int_equal(index, 0);
	expect_notes("interrupt one index=0\nwait\n");
	assert_int_equal(seen(0)[0], 0x0000020000310001);
	assert_int_equal(seen(0)[1], 0x40020);
	assert_int_equal(seen_low[0], seen(0)[0]);
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 3, &index));
	assert_int_equal(index, 1);
	expect_notes("interrupt one index=1\nwait\ninterrupt one index=2\nwait\n"
	             "interrupt one index=3\nwait\n");
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(seen(1 + i)[0], 0x0000020000310001 + (u64)i * 0x10000);
	set_up_unit(CAP, ECAP | EIM);
	assert_ok(vtd_interrupt_start(&unit, true));
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	assert_int_equal(seen(0)[0], 0x0000000200310001);
}

static u64 high_when_present;
static void on_flush(void)
{
	if ((seen(0)[0] & 1) && !high_when_present)
		high_when_present = seen(0)[1];
}

/* Present is what the unit sees last. */
static void test_present_last(void **state)
{
	u16 index;

	(void)state;
	high_when_present = 0;
	fake_mem_on_flush = on_flush;
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	fake_mem_on_flush = NULL;
	assert_int_equal(high_when_present, 0x40020);
}

static bool was_absent;
static void watch_absence(void)
{
	was_absent |= !(seen(0)[0] & 1);
}

/* In place, and never absent in between: an interrupt that comes meanwhile is not lost. */
static void test_change(void **state)
{
	struct vtd_interrupt moved = nvme;
	u16 index;

	(void)state;
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	fake_units[0].notes[0] = 0;
	moved.apic_id = 5;
	moved.vector = 0x99;
	was_absent = false;
	fake_mem_on_flush = watch_absence;
	assert_ok(vtd_interrupt_change(&unit, index, &moved, 1));
	fake_mem_on_flush = NULL;
	assert_false(was_absent);
	expect_notes("interrupt one index=0\nwait\n");
	assert_int_equal(seen_low[0], 0x0000050000990001);
	assert_ok(vtd_interrupt_change(&unit, index, &moved, 1)); /* as it is: nobody is told */
	expect_notes("");
	assert_int_equal(seen(0)[1], 0x40020);
}

static void test_freed_entries(void **state)
{
	u16 index;

	(void)state;
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 2, &index));
	fake_units[0].notes[0] = 0;
	vtd_interrupt_free(&unit, 0, 2);
	expect_notes("interrupt one index=0\nwait\ninterrupt one index=1\nwait\n");
	assert_int_equal(seen_low[0] | seen_low[1], 0); /* before the cache was told */
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	assert_int_equal(index, 0);
}

static void test_limits(void **state)
{
	u16 index;

	(void)state;
	assert_error(vtd_interrupt_allocate(&unit, &nvme, VTD_INTERRUPTS + 1, &index), E_TOO_MANY);
	for (u32 i = 0; i < VTD_INTERRUPTS; i++)
		assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	assert_int_equal(index, VTD_INTERRUPTS - 1);
	assert_error(vtd_interrupt_allocate(&unit, &nvme, 1, &index), E_TOO_MANY);
	vtd_interrupt_free(&unit, 7, 1);
	vtd_interrupt_free(&unit, 9, 2);
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 2,
	                                 &index)); /* the first run that is long enough */
	assert_int_equal(index, 9);
	assert_error(vtd_interrupt_allocate(&unit, &nvme, 2, &index), E_TOO_MANY);
}

/* A unit that has stopped answering: what it may have cached is never given to another. */
static void test_time_out(void **state)
{
	u16 index;

	(void)state;
	assert_ok(vtd_interrupt_allocate(&unit, &nvme, 1, &index));
	fake_units[0].queue_stopped = true;
	vtd_interrupt_free(&unit, index, 1);
	assert_true(unit.failed);
	assert_int_equal(seen(0)[0], 0);
	assert_error(vtd_interrupt_allocate(&unit, &nvme, 1, &index), E_TIMEOUT);
	assert_error(vtd_interrupt_change(&unit, index, &nvme, 1), E_TIMEOUT);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_supported),    TEST(test_start),         TEST(test_start_failures),
		TEST(test_stop),         TEST(test_allocate),      TEST(test_change),
		TEST(test_present_last), TEST(test_freed_entries), TEST(test_limits),
		TEST(test_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
