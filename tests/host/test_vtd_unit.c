// SPDX-License-Identifier: BSD-2-Clause
/* vtd/ against a unit that answers (fake_unit.h): what it is asked, in which order, and what it
 * sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/fake_unit.h"
#include "vtd/unit.h"
#include "vtd/vtd.h"

/* QEMU 7.2's intel-iommu: aw-bits=39, and aw-bits=48 with snoop-control=on. */
#define CAP_39        0xd2008c22260206ull
#define CAP_48        0xd2008c222f0606ull
#define ECAP_NO_SC    0xf00f4aull
#define ECAP_SC       0xf00fcaull
#define ECAP_NO_QI    (ECAP_SC & ~2ull)
#define ECAP_SCALABLE (ECAP_SC | 1ull << 43 | 1ull << 46)
#define CAP_CM        (1ull << 7)
#define CAP_RWBF      (1ull << 4)
#define ECAP_C        1ull

#define TE  (1u << 31)
#define RTP (1u << 30)
#define WBF (1u << 27)
#define QIE (1u << 26)
#define IRE (1u << 25)
#define CFI (1u << 23)

static struct vtd_unit units[FAKE_UNITS];

static err_t probe(u32 n, u64 cap, u64 ecap)
{
	struct dmar_unit facts = {.base_pa = FAKE_UNIT_BASE(n), .size_pages = 1};

	fake_unit_reset(n, cap, ecap);
	return vtd_unit_probe(&units[n], n, &facts);
}

static struct vtd_unit *started(u32 n, u64 cap, u64 ecap)
{
	assert_int_equal(probe(n, cap, ecap), E_OK);
	assert_int_equal(vtd_unit_start(&units[n]), E_OK);
	fake_units[n].notes[0] = 0;
	return &units[n];
}

static void expect_notes(u32 n, const char *expected)
{
	assert_string_equal(fake_units[n].notes, expected);
	fake_units[n].notes[0] = 0;
}

static int reset(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_time_step_us = 1000;
	return 0;
}

/* ---- probe ---- */

static void test_probe_reads_capabilities(void **state)
{
	struct vtd_unit *u = &units[0];

	(void)state;
	assert_int_equal(probe(0, CAP_39, ECAP_NO_SC), E_OK);
	assert_false(u->snoop_control || u->walk_coherent || u->running || u->failed);
	assert_int_equal(u->levels, BIT(3));
	assert_int_equal(u->leaf_sizes, PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G);
	assert_int_equal(u->domain_ids, 1 << 16);
	assert_int_equal(probe(0, CAP_48, ECAP_SC | ECAP_C), E_OK);
	assert_true(u->snoop_control && u->walk_coherent);
	assert_int_equal(u->levels, BIT(3) | BIT(4));
	assert_int_equal(probe(0, CAP_48 | BIT(11), ECAP_SC), E_OK);
	assert_int_equal(u->levels, BIT(3) | BIT(4) | BIT(5));
	assert_int_equal(probe(0, CAP_48 & ~BIT(35), ECAP_SC), E_OK);
	assert_int_equal(u->leaf_sizes, PT_LEAF_4K | PT_LEAF_2M);
}

static void test_probe_refuses(void **state)
{
	(void)state;
	assert_int_equal(probe(0, ~0ull, ~0ull), E_NO_HARDWARE);
	assert_int_equal(probe(0, CAP_48, ~0ull), E_NO_HARDWARE);
	assert_int_equal(probe(0, CAP_48 & ~0x1f00ull, ECAP_SC), E_UNSUPPORTED);
	assert_non_null(strstr(fake_log, "missing=address-widths reason=unsupported"));
	assert_int_equal(fake_mem_used(), 0);
}

static void test_probe_maps_far_fault_records(void **state)
{
	u64 cap = (CAP_48 & ~(0x3ffull << 24)) | 0x180ull << 24 |
	          7ull << 40; /* 8 records at 0x1800 */

	(void)state;
	assert_int_equal(probe(0, cap, ECAP_SC), E_OK);
	assert_int_equal(fake_units[0].mmio.mapped_size, 0x1880);
	assert_int_equal(probe(0, cap, (ECAP_SC & ~0x3ff00ull) | 0x200 << 8), E_OK);
	assert_int_equal(fake_units[0].mmio.mapped_size, 0x2010); /* far invalidation registers */
}

/* ---- start and stop ---- */

static void test_start_order(void **state)
{
	(void)state;
	assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
	assert_int_equal(vtd_unit_start(&units[0]), E_OK);
	assert_true(units[0].running);
	expect_notes(0, "RTADDR\nSRTP\nIQA\nQIE=1\n"
	                "context all domain=0 rid=0000\nwait\n"
	                "iotlb all domain=0 drain=3 address=0 pages=0\nwait\nTE=1\n");
	assert_int_equal(fake_unit_r32(&fake_units[0], 0x38), 1u << 31);
	for (u32 i = 0; i < PAGE_SIZE; i++) /* no context table: nobody can DMA */
		assert_int_equal(((const u8 *)fake_mem_seen(units[0].root_pa))[i], 0);
	assert_int_equal(probe(0, CAP_48 | CAP_RWBF, ECAP_SC), E_OK);
	assert_int_equal(vtd_unit_start(&units[0]), E_OK);
	assert_memory_equal(fake_units[0].notes, "WBF\nRTADDR\nSRTP\n", 16);
}

static void test_start_time_outs(void **state)
{
	static const struct {
		u32 stuck;
		const char *step;
	} cases[] = {
		{TE, "step=translation reason=timeout"},
		{RTP, "step=root-table reason=timeout"},
		{WBF, "step=write-buffer reason=timeout"},
		{QIE, "step=queued-invalidation reason=timeout"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(probe(0, CAP_48 | CAP_RWBF, ECAP_SC), E_OK);
		fake_units[0].stuck = cases[i].stuck;
		assert_int_equal(vtd_unit_start(&units[0]), E_TIMEOUT);
		assert_true(units[0].failed && !units[0].running);
		assert_non_null(strstr(fake_log, cases[i].step));
	}
	assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
	fake_units[0].queue_stopped = true;
	assert_int_equal(vtd_unit_start(&units[0]), E_TIMEOUT);
	assert_non_null(strstr(fake_log, "step=invalidation reason=timeout"));
}

static void test_start_without_memory(void **state)
{
	(void)state;
	for (int allowed = 0; allowed < 3; allowed++) {
		assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
		fake_mem_fail_after(allowed);
		assert_int_equal(vtd_unit_start(&units[0]), E_NO_MEMORY);
		expect_notes(0, "");
	}
}

static void leave_on(u32 status)
{
	fake_unit_reset(0, CAP_48, ECAP_SC);
	fake_unit_set32(&fake_units[0], 0x1c, status);
	fake_unit_set32(&fake_units[0], 0x64, 1u << 31 | 1);
}

static void test_stop_order(void **state)
{
	(void)state;
	assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
	leave_on(TE | RTP | QIE | IRE | CFI);
	fake_units[0].mmio.mapped_size = PAGE_SIZE;
	assert_int_equal(vtd_unit_stop(&units[0]), E_OK);
	expect_notes(0, "IRE=0\nCFI=0\nTE=0\nQIE=0\nPMEN=0\n");
	assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
	assert_int_equal(vtd_unit_stop(&units[0]), E_OK);
	expect_notes(0, "PMEN=0\n");
}

static void test_stop_time_outs(void **state)
{
	static const struct {
		u32 stuck;
		const char *notes, *step;
	} cases[] = {
		{IRE, "IRE=0\n", "step=interrupt-remapping"},
		{TE, "IRE=0\nTE=0\n", "step=translation"},
		{QIE, "IRE=0\nTE=0\nQIE=0\n", "step=queued-invalidation"},
		{1, "IRE=0\nTE=0\nQIE=0\nPMEN=0\n", "step=protected-memory"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
		leave_on(TE | QIE | IRE);
		fake_units[0].mmio.mapped_size = PAGE_SIZE;
		fake_units[0].stuck = cases[i].stuck;
		assert_int_equal(vtd_unit_stop(&units[0]), E_TIMEOUT);
		expect_notes(0, cases[i].notes);
		assert_non_null(strstr(fake_log, cases[i].step));
	}
}

static void test_stop_waits_for_the_queue(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	fake_unit_set64(&fake_units[0], 0x88, 0x100);
	fake_units[0].head_lag = 5;
	assert_int_equal(vtd_unit_stop(u), E_OK);
	assert_false(u->running);
	expect_notes(0, "TE=0\ndrained\nQIE=0\nPMEN=0\n");
	/* one that stands at an error is turned off all the same */
	u = started(0, CAP_48, ECAP_SC);
	fake_unit_set64(&fake_units[0], 0x88, 0x100);
	assert_int_equal(vtd_unit_stop(u), E_OK);
	expect_notes(0, "TE=0\nQIE=0\nPMEN=0\n");
}

static void test_start_again(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	assert_int_equal(vtd_unit_stop(u), E_OK);
	fake_unit_set32(&fake_units[0], 0x34,
	                1 << 4); /* a queue error left behind is none of ours */
	assert_int_equal(vtd_unit_start(u), E_OK);
	assert_non_null(strstr(fake_units[0].notes, "wait\nTE=1\n"));
}

/* ---- attach and detach ---- */

static struct vtd_space space;

static void make_space(bool snoop, u8 levels, u8 leaf_sizes)
{
	assert_int_equal(vtd_space_init(&space, 5, snoop, levels, leaf_sizes, true), E_OK);
}

/* The context entry as a unit that does not snoop sees it. */
static const u64 *seen_context(const struct vtd_unit *u, u16 rid)
{
	const u64 *root = fake_mem_seen(u->root_pa);
	u64 entry = root[2 * (rid >> 8)];

	if (!(entry & 1))
		return NULL;
	return (const u64 *)fake_mem_seen(entry & ~0xfffull) + 2 * (rid & 0xff);
}

static void test_attach_writes_context(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);
	const u64 *context;

	(void)state;
	make_space(true, 4, PT_LEAF_4K | PT_LEAF_2M);
	assert_int_equal(vtd_attach(u, 0x0103, &space), E_OK);
	context = seen_context(u, 0x0103);
	assert_non_null(context);
	assert_int_equal(context[0], space.table.root_pa | 1);
	assert_int_equal(context[1], 5 << 8 | 2); /* domain 5, AW of four levels */
	assert_null(seen_context(u, 0x0003));
	assert_int_equal(seen_context(u, 0x0104)[0], 0);
	expect_notes(0, ""); /* no caching mode, no write buffer: nothing to do */
	assert_int_equal(vtd_attach(u, 0x0103, &space), E_HAS_OWNER);
	assert_int_equal(space.attached[0] + space.attached[VTD_SPACE_UNITS_MAX - 1], 1);
}

static void test_attach_announces(void **state)
{
	struct vtd_unit *u = started(0, CAP_48 | CAP_CM, ECAP_SC);

	(void)state;
	make_space(false, 3, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x0018, &space), E_OK);
	expect_notes(0, "context one domain=0 rid=0018\nwait\n"
	                "iotlb domain domain=5 drain=3 address=0 pages=0\nwait\n");
	u = started(1, CAP_48 | CAP_RWBF, ECAP_SC);
	assert_int_equal(vtd_attach(u, 0x0019, &space), E_OK);
	expect_notes(1, "WBF\n");
}

static void test_attach_refusals(void **state)
{
	struct vtd_unit *with = started(0, CAP_39, ECAP_SC),
			*without = started(1, CAP_39, ECAP_NO_SC);

	(void)state;
	make_space(true, 3, PT_LEAF_4K);
	assert_int_equal(vtd_attach(without, 8, &space), E_NO_SNOOP_CONTROL); /* R5: per unit */
	assert_int_equal(vtd_attach(with, 8, &space), E_OK);
	make_space(false, 3, PT_LEAF_4K);
	assert_int_equal(vtd_attach(without, 8, &space), E_OK); /* R6 */
	assert_int_equal(vtd_attach(with, 9, &space), E_OK);
	make_space(false, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(with, 10, &space), E_ADDRESS_WIDTH);
	make_space(false, 3, PT_LEAF_4K | PT_LEAF_2M);
	with->leaf_sizes = PT_LEAF_4K;
	assert_int_equal(vtd_attach(with, 10, &space), E_PAGE_SIZES);
	make_space(false, 3, PT_LEAF_4K);
	with->domain_ids = 5;
	assert_int_equal(vtd_attach(with, 10, &space), E_NO_DOMAIN);
	with->domain_ids = 6;
	assert_int_equal(vtd_attach(with, 10, &space), E_OK);
	with->running = false;
	assert_int_equal(vtd_attach(with, 11, &space), E_NO_HARDWARE);
	assert_int_equal(seen_context(with, 11)[0], 0);
}

static void test_attach_without_memory(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);
	u32 used;

	(void)state;
	make_space(false, 3, PT_LEAF_4K);
	used = fake_mem_used();
	fake_mem_fail_after(0);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_NO_MEMORY);
	assert_int_equal(fake_mem_used(), used);
	assert_null(seen_context(u, 0x18));
	vtd_space_destroy(&space);
	assert_int_equal(fake_mem_used(), used - 1);
}

/* R19: tables that are not flushed are no use to a unit that does not snoop. */
static void test_attach_wants_flushed_tables(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC),
			*coherent = started(1, CAP_48, ECAP_SC | ECAP_C);

	(void)state;
	assert_int_equal(vtd_space_init(&space, 5, false, 3, PT_LEAF_4K, false), E_OK);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_UNSUPPORTED);
	assert_int_equal(vtd_attach(coherent, 0x18, &space), E_OK);
}

static void entry_is_cleared_but_not_gone(struct fake_unit *unit)
{
	const u64 *context = seen_context(&units[unit - fake_units], 0x18);

	assert_int_equal(context[0], space.table.root_pa);
	assert_int_not_equal(context[1], 0);
}

static void test_detach_order(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);
	const u64 *context;

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_detach(u, 0x18, &space), E_NOT_FOUND);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	assert_int_equal(vtd_detach(u, 0x19, &space), E_NOT_FOUND);
	context = seen_context(u, 0x18);
	fake_units[0].on_invalidation = entry_is_cleared_but_not_gone;
	assert_int_equal(vtd_detach(u, 0x18, &space), E_OK);
	expect_notes(0, "context one domain=5 rid=0018\nwait\n"
	                "iotlb domain domain=5 drain=3 address=0 pages=0\nwait\n");
	assert_int_equal(context[0] | context[1], 0);
	assert_int_equal(vtd_detach(u, 0x18, &space), E_NOT_FOUND);
	fake_units[0].on_invalidation = NULL;
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	assert_int_equal(vtd_detach(u, 0x18, &space), E_OK);
}

/* ---- map and unmap ---- */

static void test_map_and_unmap_invalidate(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	make_space(true, 4, PT_LEAF_4K | PT_LEAF_2M);
	assert_int_equal(vtd_map(&space, MIB(2), MIB(4), MIB(4), VTD_READ | VTD_WRITE), E_OK);
	assert_int_equal(vtd_unmap(&space, MIB(2), 0x1000), E_OK);
	expect_notes(0, ""); /* nobody is attached */
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	assert_int_equal(vtd_map(&space, MIB(2), MIB(4), 0x1000, VTD_READ), E_OK);
	expect_notes(0, "");
	assert_int_equal(vtd_unmap(&space, MIB(2), 0x1000), E_OK);
	expect_notes(0, "iotlb one domain=5 drain=3 address=200000 pages=1\nwait\n");
	assert_int_equal(vtd_unmap(&space, MIB(2) + 0x3000, 0x2000),
	                 E_OK); /* 3 and 4: eight cover them */
	expect_notes(0, "iotlb one domain=5 drain=3 address=200000 pages=8\nwait\n");
	assert_int_equal(vtd_unmap(&space, 0, GIB(1)), E_OK); /* 2^18 pages is the most (MAMV) */
	expect_notes(0, "iotlb one domain=5 drain=3 address=0 pages=262144\nwait\n");
	assert_int_equal(vtd_unmap(&space, 0, GIB(2)), E_OK);
	expect_notes(0, "iotlb domain domain=5 drain=3 address=0 pages=0\nwait\n");
	u->cap &= ~BIT(39); /* no page-selective invalidation */
	assert_int_equal(vtd_unmap(&space, 0, 0x1000), E_OK);
	expect_notes(0, "iotlb domain domain=5 drain=3 address=0 pages=0\nwait\n");
	u->cap &= ~(BIT(54) | BIT(55)); /* no draining */
	assert_int_equal(vtd_unmap(&space, 0, 0x1000), E_OK);
	expect_notes(0, "iotlb domain domain=5 drain=0 address=0 pages=0\nwait\n");
}

static void test_map_announces(void **state)
{
	struct vtd_unit *caching = started(0, CAP_48 | CAP_CM, ECAP_SC);
	struct vtd_unit *buffering = started(1, CAP_48 | CAP_RWBF, ECAP_SC);

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(caching, 0x18, &space), E_OK);
	assert_int_equal(vtd_attach(buffering, 0x20, &space), E_OK);
	fake_units[0].notes[0] = fake_units[1].notes[0] = 0;
	assert_int_equal(vtd_map(&space, 0x4000, MIB(4), 0x4000, VTD_READ), E_OK);
	expect_notes(0, "iotlb one domain=5 drain=3 address=4000 pages=4\nwait\n");
	expect_notes(1, "WBF\n");
	assert_int_equal(vtd_unmap(&space, 0x4000, 0x1000), E_OK);
	expect_notes(0, "iotlb one domain=5 drain=3 address=4000 pages=1\nwait\n");
	expect_notes(1, "iotlb one domain=5 drain=3 address=4000 pages=1\nwait\n");
	assert_int_equal(vtd_detach(caching, 0x18, &space), E_OK);
	fake_units[0].notes[0] = fake_units[1].notes[0] = 0;
	assert_int_equal(vtd_unmap(&space, 0x5000, 0x1000), E_OK);
	expect_notes(0, "");
	expect_notes(1, "iotlb one domain=5 drain=3 address=5000 pages=1\nwait\n");
}

static void test_map_refusals(void **state)
{
	(void)state;
	make_space(true, 3, PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G);
	assert_int_equal(vtd_map(&space, 0xfee00000, 0, 0x1000, VTD_READ), E_RESERVED_REGION);
	assert_int_equal(vtd_map(&space, 0xfeeff000, 0, 0x1000, VTD_READ), E_RESERVED_REGION);
	assert_int_equal(vtd_map(&space, 0, 0, GIB(8), VTD_READ), E_RESERVED_REGION);
	assert_int_equal(vtd_map(&space, 0, 0, 0xfee00000, VTD_READ), E_OK);
	assert_int_equal(vtd_map(&space, 0xfef00000, 0, 0x1000, VTD_READ), E_OK);
	assert_int_equal(vtd_map(&space, 0x1000, 0, 0x1000, VTD_READ), E_ALREADY_MAPPED);
	assert_int_equal(vtd_map(&space, GIB(512), 0, 0x1000, VTD_READ), E_OUT_OF_RANGE);
	vtd_space_destroy(&space);
	assert_int_equal(fake_mem_used(), 0);
}

static u32 used_when_invalidating;

static void note_used(struct fake_unit *unit)
{
	(void)unit;
	used_when_invalidating = fake_mem_used();
}

static void test_tables_are_freed_after_invalidation(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);
	u32 before, with;

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	before = fake_mem_used();
	assert_int_equal(vtd_map(&space, MIB(1), 0, MIB(8), VTD_READ), E_OK);
	with = fake_mem_used();
	assert_int_equal(with, before + 2 + 5);
	fake_units[0].on_invalidation = note_used;
	assert_int_equal(vtd_unmap(&space, MIB(1), MIB(8)), E_OK);
	assert_int_equal(used_when_invalidating, with);
	assert_int_equal(fake_mem_used(), before);
}

/* ---- a unit that does not answer ---- */

static void test_late_completion_is_not_believed(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);
	u32 used, tail_writes;

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_map(&space, 0, 0, MIB(4), VTD_READ), E_OK);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	used = fake_mem_used();
	fake_units[0].queue_stopped = true;
	assert_int_equal(vtd_unmap(&space, 0, MIB(2)), E_TIMEOUT);
	assert_true(u->failed && !u->running);
	assert_int_equal(fake_mem_used(), used);
	tail_writes = fake_units[0].tail_writes;
	fake_units[0].queue_stopped = false;
	fake_unit_run_queue(&fake_units[0]); /* now it writes the status of the wait given up */
	assert_int_equal(vtd_unmap(&space, MIB(2), MIB(2)), E_TIMEOUT);
	assert_int_equal(vtd_attach(u, 0x19, &space), E_NO_HARDWARE);
	assert_int_equal(vtd_detach(u, 0x18, &space), E_TIMEOUT);
	assert_int_equal(seen_context(u, 0x18)[0] & 1, 0); /* blocked all the same */
	assert_int_equal(fake_units[0].tail_writes, tail_writes);
	vtd_space_destroy(&space);
	assert_int_equal(fake_mem_used(), used); /* it may still walk them: they are never reused */
}

static void test_failed_map_is_undone(void **state)
{
	struct vtd_unit *u = started(0, CAP_48 | CAP_CM, ECAP_SC);
	u64 size;

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	fake_units[0].queue_stopped = true;
	assert_int_equal(vtd_map(&space, 0, 0, MIB(4), VTD_READ), E_TIMEOUT);
	assert_int_equal(pt_lookup(&space.table, 0, &size), 0);
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x19, &space), E_NO_HARDWARE);
}

/* Where the unit looks, both times. */
static void test_device_tlb_is_allowed_in_memory(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	assert_int_equal(vtd_allow_tlb(u, 0x18, &space, true), E_OK);
	assert_int_equal(seen_context(u, 0x18)[0] & 0xf, 1 | 1 << 2); /* translation type 1 */
	assert_int_equal(vtd_detach(u, 0x18, &space), E_NOT_FOUND);
	assert_int_equal(vtd_allow_tlb(u, 0x18, &space, false), E_OK);
	assert_int_equal(seen_context(u, 0x18)[0] & 0xf, 1);
	assert_int_equal(vtd_detach(u, 0x18, &space), E_OK);
	assert_int_equal(vtd_allow_tlb(u, 0x18, &space, true), E_NOT_FOUND);
}

static void test_failed_attach_blocks(void **state)
{
	struct vtd_unit *u = started(0, CAP_48 | CAP_CM, ECAP_SC);

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	fake_units[0].queue_stopped = true;
	assert_int_equal(vtd_attach(u, 0x18, &space), E_TIMEOUT);
	assert_int_equal(seen_context(u, 0x18)[0] | seen_context(u, 0x18)[1], 0);
}

static void test_queue_errors(void **state)
{
	static const u32 fatal[] = {1 << 4, 1 << 6}; /* IQE, ITE */
	struct vtd_unit *u;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
		u = started(0, CAP_48, ECAP_SC);
		make_space(true, 4, PT_LEAF_4K);
		assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
		fake_units[0].queue_errors = fatal[i];
		assert_int_equal(vtd_unmap(&space, 0, 0x1000), E_TIMEOUT);
		assert_true(u->failed);
	}
	assert_non_null(strstr(
		fake_log, "step=invalidation reason=timeout fault-status=0x10 queue-head=0x40"));
	/* ICE loses nothing, and a device can raise it at will */
	u = started(0, CAP_48, ECAP_SC);
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	fake_unit_set32(&fake_units[0], 0x34, 1 << 5);
	assert_int_equal(vtd_unmap(&space, 0, 0x1000), E_OK);
	assert_false(u->failed);
}

static void test_queue_wraps(void **state)
{
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	make_space(true, 4, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x18, &space), E_OK);
	for (u64 i = 0; i < 1000; i++) {
		assert_int_equal(vtd_map(&space, i << 12, i << 13, 0x1000, VTD_WRITE), E_OK);
		fake_units[0].notes[0] = 0;
		assert_int_equal(vtd_unmap(&space, i << 12, 0x1000), E_OK);
		assert_non_null(strstr(fake_units[0].notes, "iotlb one domain=5"));
		assert_non_null(strstr(fake_units[0].notes, "wait\n"));
	}
	assert_int_equal(fake_units[0].tail_writes, 1000 + 1 + 2); /* one a call; the start's */
}

/* A unit without a queue is told the same, by registers. */
static void test_registers(void **state)
{
	struct vtd_unit *u = &units[0];

	(void)state;
	assert_int_equal(probe(0, CAP_48, ECAP_NO_QI), E_OK);
	assert_int_equal(vtd_unit_start(u), E_OK);
	expect_notes(0, "RTADDR\nSRTP\ncontext all domain=0 rid=0000\n"
	                "iotlb all domain=0 drain=3 address=0 pages=0\nTE=1\n");
	assert_false(vtd_interrupt_supported(u, false));
	make_space(true, 3, PT_LEAF_4K);
	assert_int_equal(vtd_attach(u, 0x0128, &space), E_OK);
	expect_notes(0, "");
	assert_int_equal(vtd_map(&space, 0x10000, MIB(1), 0x4000, VTD_READ), E_OK);
	assert_int_equal(vtd_unmap(&space, 0x10000, 0x4000), E_OK);
	expect_notes(0, "iotlb one domain=5 drain=3 address=10000 pages=4\n");
	assert_int_equal(vtd_detach(u, 0x0128, &space), E_OK);
	expect_notes(0, "context one domain=5 rid=0128\n"
	                "iotlb domain domain=5 drain=3 address=0 pages=0\n");
	assert_int_equal(fake_units[0].tail_writes, 0);
}

/* It does not answer; or it answers that it has done nothing. */
static void test_registers_fail(void **state)
{
	struct vtd_unit *u = &units[0];

	(void)state;
	for (u32 refuses = 0; refuses < 2; refuses++) {
		assert_int_equal(probe(0, CAP_48, ECAP_NO_QI), E_OK);
		assert_int_equal(vtd_unit_start(u), E_OK);
		make_space(true, 3, PT_LEAF_4K);
		assert_int_equal(vtd_attach(u, 0x0128, &space), E_OK);
		fake_units[0].queue_stopped = !refuses;
		fake_units[0].queue_errors = refuses;
		assert_int_equal(vtd_detach(u, 0x0128, &space), E_TIMEOUT);
		assert_true(u->failed);
		assert_null(strstr(fake_units[0].notes, "rid=0128"));
	}
}

/* ---- scalable mode ---- */

static struct vtd_unit *started_scalable(u64 cap)
{
	assert_int_equal(probe(0, cap, ECAP_SCALABLE | ECAP_C), E_OK);
	vtd_unit_set_scalable(&units[0]);
	assert_true(units[0].scalable);
	assert_false(units[0].walk_coherent);
	assert_int_equal(vtd_unit_start(&units[0]), E_OK);
	return &units[0];
}

static void test_scalable_start(void **state)
{
	const u64 lacking[] = {2, 1ull << 43, 1ull << 46};
	u64 address;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(lacking); i++) {
		assert_int_equal(probe(0, CAP_48, ECAP_SCALABLE & ~lacking[i]), E_OK);
		vtd_unit_set_scalable(&units[0]);
		assert_false(units[0].scalable);
	}
	started_scalable(CAP_48);
	expect_notes(0, "RTADDR\nSRTP\nIQA\nQIE=1\ncontext all domain=0 rid=0000\nwait\n"
	                "pasids all\nwait\niotlb all domain=0 drain=3 address=0 pages=0\nwait\n"
	                "TE=1\n");
	memcpy(&address, fake_units[0].regs + 0x20, sizeof(address));
	assert_int_equal(address & 0xfff, 0x400);
}

/* Root, context, directory, PASID entry, as a unit sees them that does not snoop. */
static void test_scalable_attach(void **state)
{
	struct vtd_unit *u = started_scalable(CAP_48);
	const u64 *root = fake_mem_seen(u->root_pa), *context, *entry;
	struct vtd_context seen;

	for (u32 snoop = 0; snoop < 2; snoop++) {
		make_space(snoop, 4, PT_LEAF_4K);
		assert_int_equal(vtd_attach(u, 0x0110, &space), E_OK);
		assert_int_equal(vtd_attach(u, 0x0190, &space), E_OK);
		assert_int_equal(vtd_attach(u, 0x0190, &space), E_HAS_OWNER);
		for (u32 half = 0; half < 2; half++) {
			assert_int_equal(root[2 + half] & 0xfff, 1);
			context = fake_mem_seen(root[2 + half] & ~0xfffull);
			context += 4 * 0x10;
			assert_int_equal(context[0], space.pasid_directory_pa | 1);
			assert_true(!context[1] && !context[2] && !context[3]);
			assert_true(vtd_read_context(u, half ? 0x0190 : 0x0110, &seen));
			assert_true(vtd_is_attached(u, &seen, &space, false));
		}
		entry = fake_mem_seen(space.pasid_directory_pa);
		assert_int_equal(entry[0], space.pasid_table_pa | 1);
		entry = fake_mem_seen(space.pasid_table_pa);
		assert_int_equal(entry[0], space.table.root_pa | 0x89);
		assert_int_equal(entry[1], 5 | snoop << 24);
		((u64 *)phys_to_virt(space.pasid_table_pa))[1] ^= 1 << 24;
		assert_false(vtd_is_attached(u, &seen, &space, false));
		fake_units[0].notes[0] = 0;
		assert_int_equal(vtd_detach(u, 0x0110, &space), E_OK);
		expect_notes(0, "context one domain=5 rid=0110\nwait\npasids all\nwait\n"
		                "iotlb domain domain=5 drain=3 address=0 pages=0\nwait\n");
		assert_false(vtd_read_context(u, 0x0110, &seen));
		assert_int_equal(vtd_detach(u, 0x0110, &space), E_NOT_FOUND);
		assert_int_equal(vtd_detach(u, 0x0190, &space), E_OK);
		vtd_space_destroy(&space);
	}
	reset(state);
	u = started_scalable(CAP_48 | CAP_CM);
	make_space(false, 3, PT_LEAF_4K);
	fake_units[0].notes[0] = 0;
	assert_int_equal(vtd_attach(u, 0x0110, &space), E_OK);
	assert_non_null(strstr(fake_units[0].notes, "pasids all\n"));
}

/* All that was allocated goes back, but for what stays with the unit. */
static void test_scalable_without_memory(void **state)
{
	struct vtd_unit *u = started_scalable(CAP_48);
	u32 used = fake_mem_used();
	err_t e;

	(void)state;
	for (u32 failures = 0;; failures++) {
		make_space(true, 3, PT_LEAF_4K);
		fake_mem_fail_after((int)failures);
		e = vtd_attach(u, 0x0110, &space);
		if (!e)
			break;
		assert_int_equal(e, E_NO_MEMORY);
		fake_mem_fail_after(-1);
		vtd_space_destroy(&space);
		assert_int_equal(fake_mem_used(), used);
	}
	assert_int_equal(vtd_detach(u, 0x0110, &space), E_OK);
	vtd_space_destroy(&space);
	assert_int_equal(fake_mem_used(), used + 1); /* the bus's context table */
}

static void test_scalable_queue_wraps(void **state)
{
	struct vtd_unit *u = started_scalable(CAP_48);

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		assert_int_equal(vtd_invalidate_range(u, 5, i * PAGE_SIZE, PAGE_SIZE), E_OK);
}

/* ---- faults ---- */

static void test_faults(void **state)
{
	struct vtd_unit *u = started(0, CAP_48 | 3ull << 40, ECAP_SC); /* four records */
	struct fake_unit *f = &fake_units[0];
	struct vtd_fault fault;
	bool overflow;

	(void)state;
	assert_false(vtd_next_fault(u, &fault, &overflow));
	assert_false(overflow);
	fake_unit_raise_fault(f, 2, 0x0028, 0x05, false, 0x123000);
	fake_unit_raise_fault(f, 3, 0x0030, 0x06, true, 0xfffffffff000);
	fake_unit_raise_fault(f, 0, 0x0130, 0x02, true, 0);
	assert_true(vtd_next_fault(u, &fault, &overflow));
	assert_true(fault.rid == 0x28 && fault.reason == 5 && !fault.read && !overflow);
	assert_int_equal(fault.address, 0x123000);
	fake_unit_raise_fault(f, 0, 0x0131, 0x02, true, 0); /* full: lost */
	assert_true(vtd_next_fault(u, &fault, &overflow));
	assert_true(overflow && fault.rid == 0x130);
	assert_true(vtd_next_fault(u, &fault, &overflow));
	assert_true(!overflow && fault.rid == 0x30 && fault.read);
	assert_int_equal(fault.address, 0xfffffffff000);
	assert_false(vtd_next_fault(u, &fault, &overflow));
	fake_unit_set32(f, 0x34, 1); /* an overflow with nothing left to read */
	assert_false(vtd_next_fault(u, &fault, &overflow));
	assert_true(overflow);
	assert_false(vtd_next_fault(u, &fault, &overflow));
	assert_false(overflow);
	overflow = true;
	memset(f->regs, 0xff, sizeof(f->regs)); /* the unit is gone: no endless faults */
	assert_false(vtd_next_fault(u, &fault, &overflow));
	assert_false(overflow);
}

#define FECTL        0x38
#define FECTL_MASKED (1u << 31)

static bool is_masked(void)
{
	return fake_unit_r32(&fake_units[0], FECTL) & FECTL_MASKED;
}

static void raise_fault(u32 n)
{
	fake_unit_raise_fault(&fake_units[0], n, 0x28, 5, false, 0x1000);
}

static bool next_fault(void)
{
	struct vtd_fault fault;
	bool overflow;

	return vtd_next_fault(&units[0], &fault, &overflow);
}

/* Four records; its event is armed and goes to CPU 3. */
static struct vtd_unit *started_with_event(void)
{
	struct vtd_unit *u = started(0, CAP_48 | 3ull << 40, ECAP_SC);

	vtd_start_fault_event(u, 3);
	assert_true(is_masked());
	vtd_arm_fault_event(u);
	assert_false(is_masked() || fake_units[0].events);
	return u;
}

static void test_fault_event_address(void **state)
{
	const struct fake_unit *f = &fake_units[0];
	struct vtd_unit *u = started(0, CAP_48, ECAP_SC);

	(void)state;
	vtd_start_fault_event(u, 0x1fe); /* it has no x2APIC mode */
	vtd_arm_fault_event(u);
	assert_true(is_masked() && !vtd_take_fault_event(u));
	raise_fault(0);
	assert_true(next_fault());
	assert_false(vtd_take_fault_event(u) || f->events);
	vtd_start_fault_event(u, 0xfe);
	assert_int_equal(fake_unit_r32(f, 0x3c), 0x400);
	assert_int_equal(fake_unit_r32(f, 0x40), 0xfeefe000);
	assert_int_equal(fake_unit_r32(f, 0x44), 0);
	u = started(0, CAP_48, ECAP_SC | 1 << 4);
	vtd_start_fault_event(u, 0x123fe);
	assert_int_equal(fake_unit_r32(f, 0x40), 0xfeefe000);
	assert_int_equal(fake_unit_r32(f, 0x44), 0x12300);
}

/* One NMI, and none more before all is taken, whatever comes meanwhile. */
static void test_fault_event(void **state)
{
	struct vtd_unit *u = started_with_event();
	struct fake_unit *f = &fake_units[0];

	(void)state;
	assert_false(vtd_take_fault_event(u)); /* somebody else's NMI */
	for (u32 i = 1; i < 4; i++) {
		raise_fault(0);
		assert_int_equal(f->events, i);
		assert_true(vtd_take_fault_event(u));
		assert_false(vtd_take_fault_event(u));
		raise_fault(1);
		assert_true(next_fault() && is_masked());
		assert_true(next_fault());
		raise_fault(2);
		assert_true(next_fault());
		assert_false(next_fault());
		assert_true(is_masked());
		vtd_arm_fault_event(u);
		assert_false(is_masked());
		assert_int_equal(f->events, i);
		assert_false(vtd_take_fault_event(u));
	}
}

/* The NMI comes after all: nobody takes it for another's, and not before it the next one. */
static void test_fault_event_found_before(void **state)
{
	struct vtd_unit *u = started_with_event();
	struct fake_unit *f = &fake_units[0];

	(void)state;
	raise_fault(0);
	assert_true(next_fault());
	assert_false(next_fault());
	vtd_arm_fault_event(u);
	assert_true(is_masked());
	raise_fault(0);
	assert_true(next_fault());
	assert_int_equal(f->events, 1);
	assert_true(vtd_take_fault_event(u));
	assert_false(vtd_take_fault_event(u));
	vtd_arm_fault_event(u);
	assert_false(is_masked());
	assert_int_equal(f->events, 1);
	raise_fault(0);
	assert_int_equal(f->events, 2);
}

/* What comes between the last look and the arming is told at once. */
static void test_fault_event_meanwhile(void **state)
{
	struct vtd_unit *u = started_with_event();

	(void)state;
	raise_fault(0);
	assert_true(vtd_take_fault_event(u) && next_fault());
	assert_false(next_fault());
	raise_fault(0);
	assert_int_equal(fake_units[0].events, 1);
	vtd_arm_fault_event(u);
	assert_int_equal(fake_units[0].events, 2);
	assert_true(vtd_take_fault_event(u) && next_fault());
}

/* The mask catches a message that has not left: nobody waits for it. */
static void test_fault_event_held(void **state)
{
	struct vtd_unit *u = started_with_event();
	struct fake_unit *f = &fake_units[0];

	(void)state;
	f->holds_event = true;
	raise_fault(0);
	assert_true(next_fault());
	assert_false(next_fault() || vtd_take_fault_event(u));
	f->holds_event = false;
	vtd_arm_fault_event(u);
	assert_false(is_masked() || f->events);
	raise_fault(0);
	assert_int_equal(f->events, 1);
}

/* It says nothing while a queue error stands, and is not waited for. */
static void test_fault_event_queue_error(void **state)
{
	struct vtd_unit *u = started_with_event();
	struct fake_unit *f = &fake_units[0];

	(void)state;
	raise_fault(0);
	fake_unit_set32(f, 0x34, fake_unit_r32(f, 0x34) | 0x40);
	assert_true(vtd_take_fault_event(u) && next_fault());
	assert_false(next_fault());
	vtd_arm_fault_event(u);
	assert_true(is_masked() && !vtd_take_fault_event(u));
	fake_unit_set32(f, 0x34, 0);
	vtd_arm_fault_event(u);
	assert_false(is_masked());
}

static void test_start_drops_old_faults(void **state)
{
	struct vtd_fault fault;
	bool overflow;

	(void)state;
	assert_int_equal(probe(0, CAP_48, ECAP_SC), E_OK);
	fake_unit_raise_fault(&fake_units[0], 0, 0x28, 5, false, 0x1000);
	fake_unit_raise_fault(&fake_units[0], 0, 0x28, 5, false, 0x1000);
	assert_int_equal(vtd_unit_start(&units[0]), E_OK);
	assert_false(vtd_next_fault(&units[0], &fault, &overflow));
	assert_false(overflow);
}

static void test_fault_reasons(void **state)
{
	static const u8 ranges[][2] = {{0x01, 0x0e}, {0x20, 0x27}, {0x30, 0x32}, {0x38, 0x3a},
	                               {0x40, 0x48}, {0x50, 0x52}, {0x58, 0x5d}, {0x70, 0x7c},
	                               {0x80, 0x87}, {0x90, 0x91}};

	(void)state;
	for (u32 reason = 0; reason < 256; reason++) {
		bool known = false;

		for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
			known |= ranges[i][0] <= reason && reason <= ranges[i][1];
		assert_int_equal(strcmp(vtd_fault_reason(reason), "unknown reason") != 0, known);
	}
	assert_string_equal(vtd_fault_reason(0x5), "no write permission");
	assert_string_equal(vtd_fault_reason(0x6), "no read permission");
	assert_string_equal(vtd_fault_reason(0xc), "reserved bit in page-table entry");
	assert_string_equal(vtd_fault_reason(0x22), "interrupt entry not present");
	assert_string_equal(vtd_fault_reason(0x59), "PASID entry not present");
	assert_string_equal(vtd_fault_reason(0x7a), "reserved bit in second-stage entry");
	assert_string_equal(vtd_fault_reason(0x85), "no write permission");
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_probe_reads_capabilities),
		TEST(test_probe_refuses),
		TEST(test_probe_maps_far_fault_records),
		TEST(test_start_order),
		TEST(test_start_time_outs),
		TEST(test_start_without_memory),
		TEST(test_stop_order),
		TEST(test_stop_time_outs),
		TEST(test_stop_waits_for_the_queue),
		TEST(test_start_again),
		TEST(test_attach_writes_context),
		TEST(test_attach_announces),
		TEST(test_attach_refusals),
		TEST(test_attach_without_memory),
		TEST(test_attach_wants_flushed_tables),
		TEST(test_detach_order),
		TEST(test_map_and_unmap_invalidate),
		TEST(test_map_announces),
		TEST(test_map_refusals),
		TEST(test_tables_are_freed_after_invalidation),
		TEST(test_late_completion_is_not_believed),
		TEST(test_failed_map_is_undone),
		TEST(test_failed_attach_blocks),
		TEST(test_device_tlb_is_allowed_in_memory),
		TEST(test_queue_errors),
		TEST(test_queue_wraps),
		TEST(test_scalable_start),
		TEST(test_scalable_attach),
		TEST(test_scalable_without_memory),
		TEST(test_scalable_queue_wraps),
		TEST(test_registers),
		TEST(test_registers_fail),
		TEST(test_faults),
		TEST(test_fault_event_address),
		TEST(test_fault_event),
		TEST(test_fault_event_found_before),
		TEST(test_fault_event_meanwhile),
		TEST(test_fault_event_held),
		TEST(test_fault_event_queue_error),
		TEST(test_start_drops_old_faults),
		TEST(test_fault_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
