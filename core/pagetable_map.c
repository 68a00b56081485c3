// SPDX-License-Identifier: BSD-2-Clause
/*
 * No table but the root is empty. So a range in which nothing is mapped meets existing tables on
 * the paths of its two ends only, and the pages that mapping it takes are counted and reserved
 * beforehand: after that it cannot fail.
 */
#include "core/pagetable_walk.h"
#include "core/publish.h"

/* Whether nothing is mapped in [va, last], and if so what the absent entries at its ends span. */
static bool range_is_free(const struct pagetable *pt, u64 va, u64 last, u64 *first_hole,
                          u64 *last_hole)
{
	bool is_free = !pt_lookup(pt, va, first_hole);

	*last_hole = *first_hole;
	while (is_free && (va |= *last_hole - 1) < last)
		is_free = !pt_lookup(pt, ++va, last_hole);
	return is_free;
}

/* Whether leaves of this level may be where these address bits are used. */
static bool leaf_fits(const struct pagetable *pt, unsigned int level, u64 address)
{
	return (pt->leaf_sizes & BIT(level - 1)) && IS_ALIGNED(address, level_size(level));
}

/* At least as many tables as mapping [va, last] adds, when nothing in it is mapped. */
static u32 count_new_tables(const struct pagetable *pt, u64 va, u64 last, u64 delta, u64 first_hole,
                            u64 last_hole)
{
	u32 count = 0;

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

struct mapping {
	u64 delta; /* from an address to what it is mapped to */
	u64 attributes;
};

/*
 * Maps [va, last] in a table and below. What is missing is built where no walker looks, each entry
 * stored once, and attached by one store when all of it is in memory: one fence for all its tables.
 */
static void map_range(struct pagetable *pt, u64 table_pa, unsigned int level, u64 va, u64 last,
                      const struct mapping *m, bool is_new)
{
	unsigned int shift = level_shift(level), end = level_index(last, level) + 1;
	u64 *table = phys_to_virt(table_pa), next;

	if (level == 1)
		remember(pt, va, table_pa);
	if (is_new) {
		*page_count(table_pa) = 0;
		publish_entries(table, 0, 0, level_index(va, level), false);
		publish_entries(&table[end], 0, 0, ENTRIES - end, false);
	}
	for (; va <= last; va = next) {
		u64 *slot = &table[level_index(va, level)];
		u64 leaf = (va + m->delta) | m->attributes | (level > 1 ? pt->format->large : 0);
		u64 count = leaf_fits(pt, level, va | m->delta) ? (last + 1 - va) >> shift : 0;
		bool adds_table = !count && (is_new || !*slot);
		u64 child_pa =
			adds_table ? pt_list_pop(&pt->spare_pa) : *slot & pt->format->address;

		next = count ? va + (count << shift) : entry_last(va, last, level) + 1;
		if (count)
			publish_entries(slot, leaf, BIT(shift), count, pt->flush && !is_new);
		else
			map_range(pt, child_pa, level - 1, va, next - 1, m, adds_table);
		if (adds_table)
			pt_attach_table(pt, slot, child_pa, is_new);
		*page_count(table_pa) += count + adds_table;
	}
}

/* Leaves of 4 KiB in a table that is there. */
static err_t map_in_table(struct pagetable *pt, u64 table_pa, u64 va, u64 last, u64 leaf)
{
	u64 *slots = (u64 *)phys_to_virt(table_pa) + level_index(va, 1);
	unsigned int count = (last + 1 - va) >> PAGE_SIZE_LG2;

	for (unsigned int i = 0; i < count; i++) {
		if (slots[i])
			return E_ALREADY_MAPPED;
	}
	publish_entries(slots, leaf, PAGE_SIZE, count, pt->flush);
	*page_count(table_pa) += count;
	return E_OK;
}

err_t pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 attributes)
{
	struct mapping m = {pa - va, attributes};
	u64 last = va + size - 1, first_hole, last_hole, start_pa;
	unsigned int level;

	TRY(pt_check_range(pt, va, size));
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return E_UNALIGNED;
	if (pa + size - 1 < pa || ((pa + size - PAGE_SIZE) & ~pt->format->address))
		return E_OUT_OF_RANGE;
	start_pa = walk_start(pt, va, last, &level);
	if (level == 1)
		return map_in_table(pt, start_pa, va, last, pa | attributes);
	if (!range_is_free(pt, va, last, &first_hole, &last_hole))
		return E_ALREADY_MAPPED;
	TRY(pt_reserve_tables(pt, count_new_tables(pt, va, last, m.delta, first_hole, last_hole)));
	map_range(pt, pt->root_pa, pt->levels, va, last, &m, false);
	pt_list_free(&pt->spare_pa);
	return E_OK;
}
