// SPDX-License-Identifier: BSD-2-Clause
/*
 * No table but the root is empty. So a range in which nothing is mapped meets existing tables on
 * the paths of its two ends only, and the pages that mapping it takes are counted and reserved
 * beforehand: after that it cannot fail.
 */
#include "core/pagetable_walk.h"
#include "core/publish.h"

static bool range_is_free(const struct pagetable *pt, u64 va, u64 last)
{
	u64 hole;

	for (; va <= last; va = (va | (hole - 1)) + 1) {
		if (pt_lookup(pt, va, &hole))
			return false;
	}
	return true;
}

/* Whether leaves of this level may be where these address bits are used. */
static bool leaf_fits(const struct pagetable *pt, unsigned int level, u64 address)
{
	return (pt->leaf_sizes & BIT(level - 1)) && IS_ALIGNED(address, level_size(level));
}

/* At least as many tables as mapping [va, last] adds, when nothing in it is mapped. */
static u32 count_new_tables(const struct pagetable *pt, u64 va, u64 last, u64 delta)
{
	u64 first_hole, last_hole;
	u32 count = 0;

	(void)pt_lookup(pt, va, &first_hole);
	(void)pt_lookup(pt, last, &last_hole);
	for (unsigned int level = 1; level < pt->levels; level++) {
		unsigned int shift = level_shift(level + 1); /* of what one table spans */
		u64 beside_first = (last >> shift) - (va >> shift);

		count += level_size(level) < first_hole;
		if (beside_first)
			count += level_size(level) < last_hole;
		if (beside_first && !leaf_fits(pt, level + 1, delta))
			count += beside_first - 1;
	}
	return count;
}

/* The level of the largest leaf that [va, last] can begin with. */
static unsigned int leaf_level(const struct pagetable *pt, u64 va, u64 last, u64 delta)
{
	unsigned int level = 3;

	while (!leaf_fits(pt, level, va | delta) || last - va < level_size(level) - 1)
		level--;
	return level;
}

/* The absent slot of va in a table of this level; tables on the way that are missing are added. */
static u64 *make_slot(struct pagetable *pt, u64 va, unsigned int level)
{
	u64 span, *slot = pt_find_slot(pt, va, &span);

	while (span > level_size(level)) {
		pt_add_table(pt, slot, 0, 0);
		slot = pt_find_slot(pt, va, &span);
	}
	return slot;
}

/* Table by table: as many leaves as it holds of [va, last]. */
static void map_range(struct pagetable *pt, u64 va, u64 last, u64 delta, u64 attributes)
{
	while (va <= last) {
		unsigned int level = leaf_level(pt, va, last, delta), shift = level_shift(level);
		u64 run = (entry_last(va, last, level + 1) + 1 - va) >> shift;
		u64 leaf = (va + delta) | attributes | (level > 1 ? pt->format->large : 0);

		/* A table of leaves only is full before anything points to it. */
		if (run == ENTRIES && level < pt->levels)
			pt_add_table(pt, make_slot(pt, va, level + 1), leaf, BIT(shift));
		else
			publish_entries(make_slot(pt, va, level), leaf, BIT(shift), run, pt->flush);
		va += run << shift;
	}
}

err_t pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 attributes)
{
	u64 last, delta;

	TRY(pt_check_range(pt, va, size));
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return E_UNALIGNED;
	if (pa + size - 1 < pa || ((pa + size - PAGE_SIZE) & ~pt->format->address))
		return E_OUT_OF_RANGE;
	last = va + size - 1;
	delta = pa - va;
	if (!range_is_free(pt, va, last))
		return E_ALREADY_MAPPED;
	TRY(pt_reserve_tables(pt, count_new_tables(pt, va, last, delta)));
	map_range(pt, va, last, delta, attributes);
	pt_list_free(&pt->spare_pa);
	return E_OK;
}
