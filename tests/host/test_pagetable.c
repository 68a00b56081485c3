// SPDX-License-Identifier: BSD-2-Clause
/*
 * core/pagetable.c against a brute-force oracle: one word per 4 KiB page of a window. Also: the
 * shape of the tables (minimal, none empty, right bits at each level), whole undo at every failing
 * allocation, and what a walker that sees flushed lines only makes of every intermediate state.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/mem.h"
#include "core/pagetable.h"
#include "tests/host/fake_mem.h"

static const struct pt_format formats[] = {
	/* the hypervisor's own tables and NPT: P, RW, US, PS */
	{.present = 1, .table_bits = 7, .large = BIT(7), .address = MASK(51, 12)},
	/* EPT: R, W, X */
	{.present = 7, .table_bits = 7, .large = BIT(7), .address = MASK(51, 12)},
	/* VT-d second stage: R, W */
	{.present = 3, .table_bits = 3, .large = BIT(7), .address = MASK(51, 12)},
};

/* Attributes that every format counts as present; bits 11 and 62 must survive splits. */
static const u64 attribute_choices[] = {1, 3, 3 | BIT(11), 1 | BIT(62), 3 | BIT(3)};

#define WINDOW_PAGES (3u << 18)  /* 3 GiB: whole 1 GiB leaves and their neighbours */
static u64 oracle[WINDOW_PAGES]; /* pa | attributes, 0 if not mapped */
static u64 window_va;
static u64 seed;

static u64 random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static u64 random_below(u64 limit)
{
	return random_u64() % limit;
}

/* ---- an independent walk ---- */

struct walked {
	const struct pagetable *pt;
	u32 tables, leaves;
	u64 next_va; /* where the next leaf may begin */
};

static u64 leaf_bits(const struct pt_format *f, u64 entry, unsigned int level)
{
	return level > 1 ? entry & ~f->large : entry;
}

static void expect_pages(u64 from_va, u64 to_va, u64 entry, u64 step)
{
	for (u64 va = MAX(from_va, window_va); va < to_va; va += PAGE_SIZE) {
		u64 page = (va - window_va) / PAGE_SIZE;

		if (page >= WINDOW_PAGES)
			return;
		if (oracle[page] != (entry ? entry + step * ((va - from_va) / PAGE_SIZE) : 0))
			fail_msg("va %#llx: %#llx, expected %#llx", (unsigned long long)va,
			         (unsigned long long)entry, (unsigned long long)oracle[page]);
	}
}

static void check_table(struct walked *w, u64 table_pa, unsigned int level, u64 va)
{
	const struct pt_format *f = w->pt->format;
	const u64 *table = w->pt->flush ? fake_mem_seen(table_pa) : phys_to_virt(table_pa);
	u64 span = 1ull << (12 + 9 * (level - 1));
	u32 used = 0;

	assert_memory_equal(table, phys_to_virt(table_pa), PAGE_SIZE);
	w->tables++;
	for (unsigned int i = 0; i < 512; i++, va += span) {
		u64 entry = table[i];

		if (!entry)
			continue;
		used++;
		assert_true(entry & f->present);
		if (level > 1 && !(entry & f->large)) {
			assert_int_equal(entry & ~f->address, f->table_bits);
			check_table(w, entry & f->address, level - 1, va);
			continue;
		}
		assert_true(level <= 3 && (w->pt->leaf_sizes & BIT(level - 1)));
		assert_true(IS_ALIGNED(entry & f->address, span));
		assert_true(va >= window_va && va + span <= window_va + WINDOW_PAGES * PAGE_SIZE);
		expect_pages(w->next_va, va, 0, 0);
		expect_pages(va, va + span, leaf_bits(f, entry, level), PAGE_SIZE);
		w->next_va = va + span;
		w->leaves++;
	}
	assert_true(used || table_pa == w->pt->root_pa);
	assert_int_equal(*page_count(table_pa), used);
}

static u32 check_all(const struct pagetable *pt)
{
	struct walked w = {.pt = pt, .next_va = window_va};

	check_table(&w, pt->root_pa, pt->levels, 0);
	expect_pages(w.next_va, window_va + WINDOW_PAGES * PAGE_SIZE, 0, 0);
	assert_int_equal(pt->spare_pa, 0);
	if (!pt->removed_pa)
		assert_int_equal(w.tables, fake_mem_used());
	return w.leaves;
}

/* ---- operations on both ---- */

struct range {
	u64 va, pa, size, attributes;
};

static struct range random_range(void)
{
	static const u64 grains[] = {PAGE_SIZE, PAGE_SIZE, MIB(2), MIB(2), GIB(1)};
	u64 grain = grains[random_below(ARRAY_SIZE(grains))];
	u64 window = WINDOW_PAGES * PAGE_SIZE, pages = window / grain;
	u64 count = 1 + random_below(random_below(4) ? MIN(pages, 8) : pages);
	u64 first = random_below(pages - count + 1);
	struct range r = {
		.va = window_va + first * grain,
		.size = count * grain,
		.attributes = attribute_choices[random_below(ARRAY_SIZE(attribute_choices))],
	};

	/* physical addresses congruent modulo 1 GiB, 2 MiB or neither */
	r.pa = (first * grain + GIB(64)) + (u64[]){0, GIB(7), MIB(6), 0x5000}[random_below(4)];
	if (random_below(4) == 0 && r.size > 2 * PAGE_SIZE) {
		r.va += PAGE_SIZE;
		r.pa += PAGE_SIZE;
		r.size -= 2 * PAGE_SIZE;
	}
	return r;
}

static u64 *oracle_at(u64 va)
{
	return &oracle[(va - window_va) / PAGE_SIZE];
}

static bool oracle_is_free(const struct range *r)
{
	for (u64 at = 0; at < r->size; at += PAGE_SIZE) {
		if (*oracle_at(r->va + at))
			return false;
	}
	return true;
}

static void oracle_set(const struct range *r, bool mapped)
{
	for (u64 at = 0; at < r->size; at += PAGE_SIZE)
		*oracle_at(r->va + at) = mapped ? (r->pa + at) | r->attributes : 0;
}

/* With every allocation of the call failing in turn, nothing has changed. */
static err_t apply(struct pagetable *pt, const struct range *r, bool map)
{
	u32 used = fake_mem_used();
	bool checked = false;
	err_t e;

	for (int allowed = 0;; allowed++) {
		fake_mem_fail_after(allowed < 8 ? allowed : -1);
		e = map ? pt_map(pt, r->va, r->pa, r->size, r->attributes)
		        : pt_unmap(pt, r->va, r->size);
		fake_mem_fail_after(-1);
		if (e != E_NO_MEMORY)
			return e;
		assert_int_equal(fake_mem_used(), used);
		if (!checked) /* the walk is slow: once a call is enough with the counts above */
			check_all(pt);
		checked = true;
	}
}

static void random_step(struct pagetable *pt, struct range r)
{
	if (random_below(2)) {
		bool is_free = oracle_is_free(&r);

		assert_int_equal(apply(pt, &r, true), is_free ? E_OK : E_ALREADY_MAPPED);
		if (is_free)
			oracle_set(&r, true);
	} else {
		assert_int_equal(apply(pt, &r, false), E_OK);
		oracle_set(&r, false);
		if (random_below(2))
			pt_release(pt);
	}
}

static void check_lookups(const struct pagetable *pt)
{
	for (int i = 0; i < 200; i++) {
		u64 va = window_va + random_below(WINDOW_PAGES) * PAGE_SIZE, size;
		u64 entry = pt_lookup(pt, va, &size), expected = *oracle_at(va);

		assert_int_equal(!entry, !expected);
		assert_true(size >= PAGE_SIZE);
		if (!entry)
			continue;
		if (size > PAGE_SIZE)
			entry &= ~pt->format->large;
		assert_int_equal(entry + (va & (size - 1)), expected);
	}
}

static void run_random(const struct pt_format *f, u8 levels, u8 leaf_sizes, bool flush, int steps)
{
	struct pagetable table;
	u64 limit = 1ull << (12 + 9 * levels);
	u64 places[] = {0, GIB(509), limit - WINDOW_PAGES * PAGE_SIZE};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		window_va = places[i] + WINDOW_PAGES * PAGE_SIZE > limit ? 0 : places[i];
		memset(oracle, 0, sizeof(oracle));
		fake_mem_reset();
		assert_int_equal(pt_init(&table, f, levels, leaf_sizes, flush), E_OK);
		for (int step = 0; step < steps; step++) {
			random_step(&table, random_range());
			if (step % 4 == 0)
				check_all(&table);
		}
		check_all(&table);
		check_lookups(&table);
		pt_destroy(&table);
		assert_int_equal(fake_mem_used(), 0);
	}
}

static void test_random(void **state)
{
	(void)state;
	seed = 0x5eed0001;
	for (size_t f = 0; f < ARRAY_SIZE(formats); f++) {
		for (u8 levels = 3; levels <= 5; levels++) {
			run_random(&formats[f], levels, PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G,
			           f == 2, 40);
			run_random(&formats[f], levels, PT_LEAF_2M, f == 2, 40);
			run_random(&formats[f], levels, PT_LEAF_4K, f == 2, 8);
			run_random(&formats[f], levels, PT_LEAF_1G, f == 2, 8);
		}
	}
}

/* ---- one by one ---- */

#define ALL_LEAVES (PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G)

static struct pagetable pt;

static void make(const struct pt_format *f, u8 levels, u8 leaf_sizes, bool flush)
{
	fake_mem_reset();
	window_va = 0;
	memset(oracle, 0, sizeof(oracle));
	assert_int_equal(pt_init(&pt, f, levels, leaf_sizes, flush), E_OK);
}

static u64 size_at(u64 va)
{
	u64 size, entry = pt_lookup(&pt, va, &size);

	return entry ? size : 0;
}

static void test_refusals(void **state)
{
	(void)state;
	make(&formats[2], 3, ALL_LEAVES, false);
	assert_int_equal(pt_map(&pt, 0x1001, 0, 0x1000, 3), E_UNALIGNED);
	assert_int_equal(pt_map(&pt, 0x1000, 1, 0x1000, 3), E_UNALIGNED);
	assert_int_equal(pt_map(&pt, 0x1000, 0, 0x1001, 3), E_UNALIGNED);
	assert_int_equal(pt_map(&pt, 0x1000, 0, 0, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, GIB(512), 0, 0x1000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, GIB(512) - 0x1000, 0, 0x2000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, 0x1000, 0, 0xfffffffffffff000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, 0, 1ull << 52, 0x1000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, 0, (1ull << 52) - 0x1000, 0x2000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_map(&pt, 0, 0xfffffffffffff000, 0x2000, 3), E_OUT_OF_RANGE);
	assert_int_equal(pt_unmap(&pt, GIB(512), 0x1000), E_OUT_OF_RANGE);
	assert_int_equal(pt_unmap(&pt, 0, 0x800), E_UNALIGNED);
	assert_int_equal(fake_mem_used(), 1);
	/* the ends of both spaces are within */
	assert_int_equal(pt_map(&pt, GIB(512) - 0x1000, (1ull << 52) - 0x1000, 0x1000, 3), E_OK);
	assert_int_equal(pt_map(&pt, GIB(510), (1ull << 52) - GIB(1), GIB(1), 3), E_OK);
	assert_int_equal(pt_unmap(&pt, 0, GIB(512)), E_OK);
	pt_destroy(&pt);
	assert_int_equal(fake_mem_used(), 0);
	fake_mem_fail_after(0);
	assert_int_equal(pt_init(&pt, &formats[0], 4, ALL_LEAVES, false), E_NO_MEMORY);
}

/* The largest leaves that fit, and the tables that takes: no more. */
static void test_leaf_choice(void **state)
{
	static const struct {
		u64 va, pa, size;
		u8 leaf_sizes;
		u32 leaves, tables; /* tables besides the root of four levels */
	} cases[] = {
		{0, 0, GIB(3), ALL_LEAVES, 3, 1},
		{0, 0, GIB(3), PT_LEAF_2M, 1536, 1 + 3},
		{0, 0, MIB(4), 0, 1024, 1 + 1 + 2},
		{0, MIB(2), GIB(2), ALL_LEAVES, 1024, 1 + 2}, /* congruent to 2 MiB only */
		{0, 0x1000, MIB(4), ALL_LEAVES, 1024, 1 + 1 + 2},
		{0x1000, 0x1000, GIB(2), ALL_LEAVES, 511 + 511 + 1 + 1, 1 + 2 + 2},
		{0, 0, GIB(1), PT_LEAF_1G, 512 * 512, 1 + 1 + 512}, /* 1 GiB needs 2 MiB, too */
		{MIB(2) - 0x1000, MIB(2) - 0x1000, 0x2000, ALL_LEAVES, 2, 1 + 1 + 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range r = {cases[i].va, cases[i].pa, cases[i].size, 3};

		make(&formats[1], 4, cases[i].leaf_sizes, false);
		assert_int_equal(pt_map(&pt, r.va, r.pa, r.size, 3), E_OK);
		oracle_set(&r, true);
		assert_int_equal(check_all(&pt), cases[i].leaves);
		assert_int_equal(fake_mem_used(), cases[i].tables + 1);
		assert_int_equal(pt_unmap(&pt, r.va, r.size), E_OK);
		assert_int_equal(fake_mem_used(), cases[i].tables + 1);
		pt_release(&pt);
		assert_int_equal(fake_mem_used(), 1);
	}
}

static void test_split_keeps_attributes(void **state)
{
	u64 size;

	(void)state;
	make(&formats[2], 4, ALL_LEAVES, true);
	assert_int_equal(pt_map(&pt, 0, GIB(4), GIB(1), 3 | BIT(11) | BIT(62)), E_OK);
	assert_int_equal(pt_unmap(&pt, MIB(2) + 0x3000, 0x1000), E_OK); /* both ends in one leaf */
	assert_int_equal(fake_mem_used(), 2 + 2);
	assert_int_equal(size_at(0), MIB(2));
	assert_int_equal(size_at(MIB(2)), 0x1000);
	assert_int_equal(size_at(MIB(2) + 0x3000), 0);
	assert_int_equal(pt_lookup(&pt, 0, &size), (GIB(4)) | BIT(7) | BIT(11) | BIT(62) | 3);
	assert_int_equal(pt_lookup(&pt, MIB(2) + 0x4000, &size),
	                 (GIB(4) + MIB(2) + 0x4000) | BIT(11) | BIT(62) | 3);
	assert_int_equal(pt_map(&pt, MIB(2) + 0x3000, 0, 0x1000, 1), E_OK);
}

/* A few pages on both sides of a border of tables, which come and go all the time: what is
 * remembered of them must not outlive them. */
static void test_few_pages(void **state)
{
	(void)state;
	seed = 0x5eed0003;
	make(&formats[2], 4, ALL_LEAVES, true);
	for (int step = 0; step < 2000; step++) {
		u64 first = 509 + random_below(6), count = 1 + random_below(515 - first);
		struct range r = {first * PAGE_SIZE, GIB(8) + random_below(64) * PAGE_SIZE,
		                  MIN(count, 2) * PAGE_SIZE, 3};

		random_step(&pt, r);
		if (step % 16 == 0)
			check_all(&pt);
	}
}

static u64 retype(void *context, u64 va, u64 entry, u64 leaf_size)
{
	u64 *expected_va = context;

	assert_int_equal(va, *expected_va);
	*expected_va += leaf_size;
	return entry ^ BIT(3);
}

static void test_visit_changes_leaves(void **state)
{
	struct range r = {0x1000, GIB(8) + 0x1000, GIB(1) + MIB(2), 3};
	u64 va = r.va;

	(void)state;
	make(&formats[2], 4, ALL_LEAVES, true);
	assert_int_equal(pt_map(&pt, r.va, r.pa, r.size, r.attributes), E_OK);
	pt_visit(&pt, retype, &va);
	assert_int_equal(va, r.va + r.size);
	r.attributes ^= BIT(3);
	oracle_set(&r, true);
	check_all(&pt);
}

/* ---- what a walker that does not snoop meets half way ---- */

static u64 probe_va[24], probe_before[24], probe_after[24];
static u32 states_seen;

/* Follows flushed memory only. A page that was never flushed reads as 0x5a5a...: present rubbish.
 */
static u64 seen_translation(u64 va)
{
	u64 table_pa = pt.root_pa;

	for (unsigned int level = pt.levels;; level--) {
		unsigned int shift = 12 + 9 * (level - 1);
		u64 entry = ((const u64 *)fake_mem_seen(table_pa))[va >> shift & 511];

		if (!(entry & 3))
			return 0;
		if (level == 1 || (entry & BIT(7)))
			return (entry & pt.format->address) + (va & ((1ull << shift) - 1));
		table_pa = entry & pt.format->address;
	}
}

static void look(void)
{
	states_seen++;
	for (size_t i = 0; i < ARRAY_SIZE(probe_va); i++) {
		u64 pa = seen_translation(probe_va[i]);

		assert_true(pa == probe_before[i] || pa == probe_after[i]);
	}
}

static void pick_probes(const struct range *r, bool map)
{
	for (size_t i = 0; i < ARRAY_SIZE(probe_va); i++) {
		u64 va = i & 1 ? random_below(WINDOW_PAGES) * PAGE_SIZE
		               : r->va + random_below(r->size / PAGE_SIZE) * PAGE_SIZE;

		probe_va[i] = va;
		probe_before[i] = *oracle_at(va) & pt.format->address;
		probe_after[i] = probe_before[i];
		if (va - r->va < r->size)
			probe_after[i] = map ? r->pa + (va - r->va) : 0;
	}
}

static void test_every_state_is_old_or_new(void **state)
{
	(void)state;
	seed = 0x5eed0002;
	make(&formats[2], 4, ALL_LEAVES, true);
	for (int step = 0; step < 1000; step++) {
		struct range r = random_range();
		bool map = random_below(2);

		if (r.pa == 0 || (map && !oracle_is_free(&r)))
			continue;
		pick_probes(&r, map);
		fake_mem_on_flush = look;
		assert_int_equal(map ? pt_map(&pt, r.va, r.pa, r.size, 3)
		                     : pt_unmap(&pt, r.va, r.size),
		                 E_OK);
		fake_mem_on_flush = NULL;
		r.attributes = 3;
		oracle_set(&r, map);
		pt_release(&pt);
	}
	assert_true(states_seen > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_leaf_choice),
		cmocka_unit_test(test_split_keeps_attributes),
		cmocka_unit_test(test_few_pages),
		cmocka_unit_test(test_visit_changes_leaves),
		cmocka_unit_test(test_every_state_is_old_or_new),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
