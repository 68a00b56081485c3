// SPDX-License-Identifier: BSD-2-Clause
#include "core/cache.h"
#include "core/pagetable_walk.h"
#include "core/publish.h"

/* How many tables it takes to let a leaf end at va. */
static u32 count_split_tables(const struct pagetable *pt, u64 va)
{
	u64 size, leaf = pt_lookup(pt, va, &size);
	u32 count = 0;

	for (; leaf && !IS_ALIGNED(va, size); size >>= 9)
		count++;
	return count;
}

/* Lets a leaf end at va: larger ones become tables of leaves with the same attributes. */
static void split_at(struct pagetable *pt, u64 va)
{
	u64 size, *slot = pt_find_slot(pt, va, &size);

	while (is_present(pt, *slot) && !IS_ALIGNED(va, size)) {
		u64 part = size >> 9;

		pt_add_table(pt, slot, part > PAGE_SIZE ? *slot : *slot & ~pt->format->large, part);
		slot = pt_find_slot(pt, va, &size);
	}
}

/* Looks beside the hole first: pages often leave in order. */
static bool is_empty(const u64 *table, unsigned int hole)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		if (table[(hole + i - 1) % ENTRIES])
			return false;
	}
	return true;
}

/*
 * Takes [va, last], which no leaf crosses, out of a table, and says whether that leaves nothing:
 * then the caller clears the entry that leads here. A table that goes as a whole keeps its entries.
 */
static bool unmap_range(struct pagetable *pt, u64 *table, unsigned int level, u64 va, u64 last)
{
	unsigned int first = level_index(va, level), end = level_index(last, level) + 1;
	u64 table_va = ALIGN_DOWN(va, level_size(level + 1));
	bool goes = level < pt->levels && last - va == level_size(level + 1) - 1;
	bool changed = false;

	for (unsigned int i = first; i < end && !(goes && level == 1); i++) {
		u64 entry = table[i], entry_va = table_va + i * level_size(level);
		bool table_below = is_table(pt, entry, level);

		if (table_below &&
		    !unmap_range(pt, child_of(pt, entry), level - 1, MAX(va, entry_va),
		                 entry_last(entry_va, last, level)))
			continue;
		if (!goes)
			publish_entries(&table[i], 0, 0, 1, false);
		if (table_below)
			pt_list_push(&pt->removed_pa, entry & pt->format->address);
		changed = true;
	}
	if (changed && !goes && pt->flush)
		cache_flush_range(&table[first], (end - first) * sizeof(*table));
	return goes || is_empty(table, first);
}

err_t pt_unmap(struct pagetable *pt, u64 va, u64 size)
{
	TRY(pt_check_range(pt, va, size));
	TRY(pt_reserve_tables(pt, count_split_tables(pt, va) + count_split_tables(pt, va + size)));
	split_at(pt, va);
	split_at(pt, va + size);
	pt_list_free(&pt->spare_pa);
	(void)unmap_range(pt, phys_to_virt(pt->root_pa), pt->levels, va, va + size - 1);
	return E_OK;
}

void pt_destroy(struct pagetable *pt)
{
	u64 end = level_size(pt->levels + 1);

	(void)unmap_range(pt, phys_to_virt(pt->root_pa), pt->levels, 0, end - 1);
	pt_list_push(&pt->removed_pa, pt->root_pa);
	pt_release(pt);
}
