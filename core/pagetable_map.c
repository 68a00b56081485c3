// SPDX-License-Identifier: BSD-2-Clause
/*
 * No table but the root is empty, and absent entries are zero. So a range in which nothing is
 * mapped meets existing tables on the paths of its two ends only, and the pages that mapping it
 * takes are counted and reserved beforehand: after that it cannot fail.
 */
#include "core/pagetable_walk.h"
#include "core/cache.h"
#include "core/publish.h"

struct mapping {
	struct pagetable *pt;
	u64 delta; /* pa - va */
	u64 attributes;
	u64 spare_pa; /* pages for new tables, exactly as many as it takes */
};

static bool leaf_fits(const struct pagetable *pt, unsigned int level, u64 delta)
{
	return level <= 3 && (pt->leaf_sizes & BIT(level - 1)) &&
	       IS_ALIGNED(delta, level_size(level));
}

static bool range_is_free(const struct pagetable *pt, const u64 *table, unsigned int level, u64 va,
                          u64 last)
{
	for (unsigned int i = level_index(va, level); i <= level_index(last, level); i++) {
		u64 end = entry_last(va, last, level);

		if (is_present(pt, table[i]) &&
		    (is_leaf(pt, table[i], level) ||
		     !range_is_free(pt, child_of(pt, table[i]), level - 1, va, end)))
			return false;
		va = end + 1;
	}
	return true;
}

/* The level of the lowest table on the way to va. */
static unsigned int lowest_table(const struct pagetable *pt, u64 va)
{
	const u64 *table = phys_to_virt(pt->root_pa);
	unsigned int level = pt->levels;

	while (level > 1 && is_present(pt, table[level_index(va, level)]))
		table = child_of(pt, table[level_index(va, level--)]);
	return level;
}

/* How many tables mapping [va, last] adds, when nothing in it is mapped. */
static u32 count_new_tables(const struct pagetable *pt, u64 va, u64 last, u64 delta)
{
	unsigned int lowest_first = lowest_table(pt, va), lowest_last = lowest_table(pt, last);
	u32 count = 0;

	for (unsigned int level = 1; level < pt->levels; level++) {
		unsigned int shift = level_shift(level + 1); /* of what one table spans */
		u64 first_table = va >> shift, last_table = last >> shift;
		u64 whole_first = (va + BIT(shift) - 1) >> shift, whole_end = (last + 1) >> shift;

		count += last_table - first_table + 1;
		if (leaf_fits(pt, level + 1, delta) && whole_end > whole_first)
			count -= whole_end - whole_first;
		count -= level >= lowest_first;
		count -= level >= lowest_last && first_table != last_table;
	}
	return count;
}

/* How many leaves of this level [va, last], which does not leave the table, begins with. */
static unsigned int leaf_run(const struct mapping *m, unsigned int level, u64 va, u64 last)
{
	if (!leaf_fits(m->pt, level, m->delta) || !IS_ALIGNED(va, level_size(level)))
		return 0;
	return (last + 1 - va) >> level_shift(level);
}

/*
 * Maps [va, last] below one table. A fresh table, which nothing points to yet, has undefined
 * contents: what is not mapped is cleared, and the whole is flushed once at the end.
 */
static void map_range(struct mapping *m, u64 table_pa, unsigned int level, u64 va, u64 last,
                      bool fresh)
{
	const struct pt_format *format = m->pt->format;
	bool flush = m->pt->flush && !fresh;
	u64 *table = phys_to_virt(table_pa);
	unsigned int i = level_index(va, level), end = level_index(last, level) + 1;

	if (fresh) {
		publish_entries(table, 0, 0, i, false);
		publish_entries(&table[end], 0, 0, ENTRIES - end, false);
	}
	while (i < end) {
		unsigned int run = leaf_run(m, level, va, last);

		if (run) {
			u64 leaf = (va + m->delta) | m->attributes;

			if (level > 1)
				leaf |= format->large;
			publish_entries(&table[i], leaf, level_size(level), run, flush);
			i += run;
			va += (u64)run << level_shift(level);
		} else {
			u64 entry = fresh ? 0 : table[i], part_last = entry_last(va, last, level);
			u64 child_pa = entry ? entry & format->address : pt_list_pop(&m->spare_pa);

			map_range(m, child_pa, level - 1, va, part_last, !entry);
			if (!entry)
				publish_entries(&table[i], child_pa | format->table_bits, 0, 1,
				                flush);
			i++;
			va = part_last + 1;
		}
	}
	if (fresh && m->pt->flush)
		cache_flush_range(table, PAGE_SIZE);
}

err_t pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 attributes)
{
	struct mapping m = {.pt = pt, .attributes = attributes};
	u64 last;
	u32 count;

	TRY(pt_check_range(pt, &va, size));
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return E_UNALIGNED;
	if (pa + size - 1 < pa || ((pa + size - PAGE_SIZE) & ~pt->format->address))
		return E_OUT_OF_RANGE;
	last = va + size - 1;
	m.delta = pa - va;
	if (!range_is_free(pt, phys_to_virt(pt->root_pa), pt->levels, va, last))
		return E_ALREADY_MAPPED;
	count = count_new_tables(pt, va, last, m.delta);
	TRY(pt_reserve_pages(count, &m.spare_pa));
	map_range(&m, pt->root_pa, pt->levels, va, last, false);
	pt->table_pages += count;
	return E_OK;
}
