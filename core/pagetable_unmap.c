// SPDX-License-Identifier: BSD-2-Clause
#include "core/pagetable_walk.h"
#include "core/cache.h"
#include "core/publish.h"

/* How many tables it takes to let a leaf end at va, when one ends at other_va already. */
static u32 count_split_tables(const struct pagetable *pt, u64 va, u64 other_va)
{
	u64 span;
	u32 count = 0;

	(void)pt_lookup(pt, va, &span);
	for (; span > PAGE_SIZE && !IS_ALIGNED(va, span); span >>= 9)
		count += IS_ALIGNED(other_va, span) ||
		         ALIGN_DOWN(va, span) != ALIGN_DOWN(other_va, span);
	return count;
}

/* Lets a leaf end at va: larger ones become tables of leaves with the same attributes. */
static void split_at(struct pagetable *pt, u64 va, u64 *spare_pa)
{
	const struct pt_format *format = pt->format;
	u64 *table = phys_to_virt(pt->root_pa);

	for (unsigned int level = pt->levels; !IS_ALIGNED(va, level_size(level)); level--) {
		u64 *slot = &table[level_index(va, level)];
		u64 table_pa, leaf = *slot;

		if (!is_present(pt, leaf))
			return;
		if (is_leaf(pt, leaf, level)) {
			table_pa = pt_list_pop(spare_pa);
			publish_entries(phys_to_virt(table_pa),
			                level == 2 ? leaf & ~format->large : leaf,
			                level_size(level - 1), ENTRIES, pt->flush);
			publish_entries(slot, table_pa | format->table_bits, 0, 1, pt->flush);
			pt->table_pages++;
		}
		table = child_of(pt, *slot);
	}
}

/* Looks beside the hole first: pages often leave in order. */
static bool is_empty_but(const u64 *table, unsigned int hole, unsigned int hole_end)
{
	if (hole && table[hole - 1])
		return false;
	for (unsigned int i = hole_end; i < ENTRIES; i++) {
		if (table[i])
			return false;
	}
	for (unsigned int i = 0; i < hole; i++) {
		if (table[i])
			return false;
	}
	return true;
}

static bool unmap_leaves(struct pagetable *pt, u64 *table, unsigned int first, unsigned int end)
{
	publish_entries(&table[first], 0, 0, end - first, pt->flush);
	return is_empty_but(table, first, end);
}

/*
 * Whether nothing is left in this table once [va, last] is gone. No leaf crosses va or last. An
 * entry is cleared before the tables below it go to removed_pa.
 */
static bool unmap_range(struct pagetable *pt, u64 *table, unsigned int level, u64 va, u64 last)
{
	unsigned int first = level_index(va, level), end = level_index(last, level) + 1;
	bool changed = false, all_gone = true;

	if (level == 1)
		return unmap_leaves(pt, table, first, end);
	for (unsigned int i = first; i < end; i++) {
		u64 entry = table[i], part_va = va, part_last = entry_last(va, last, level);
		bool whole = part_last - part_va == level_size(level) - 1;

		va = part_last + 1;
		if (!is_present(pt, entry))
			continue;
		if (!whole &&
		    !unmap_range(pt, child_of(pt, entry), level - 1, part_va, part_last)) {
			all_gone = false;
			continue;
		}
		publish_entries(&table[i], 0, 0, 1, false);
		changed = true;
		if (!whole)
			pt_list_push(&pt->removed_pa, entry & pt->format->address);
		else if (!is_leaf(pt, entry, level))
			pt_detach_tables(pt, entry & pt->format->address, level - 1);
	}
	if (changed && pt->flush)
		cache_flush_range(&table[first], (end - first) * sizeof(*table));
	return all_gone && is_empty_but(table, first, end);
}

err_t pt_unmap(struct pagetable *pt, u64 va, u64 size)
{
	u64 end, spare_pa;

	TRY(pt_check_range(pt, &va, size));
	end = va + size;
	TRY(pt_reserve_pages(count_split_tables(pt, va, 0) + count_split_tables(pt, end, va),
	                     &spare_pa));
	split_at(pt, va, &spare_pa);
	split_at(pt, end, &spare_pa);
	(void)unmap_range(pt, phys_to_virt(pt->root_pa), pt->levels, va, end - 1);
	return E_OK;
}
