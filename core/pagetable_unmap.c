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
		u64 part = size >> 9, table_pa = pt_list_pop(&pt->spare_pa);

		publish_entries(phys_to_virt(table_pa),
		                part > PAGE_SIZE ? *slot : *slot & ~pt->format->large, part,
		                ENTRIES, false);
		*page_count(table_pa) = ENTRIES;
		pt_attach_table(pt, slot, table_pa, false);
		slot = pt_find_slot(pt, va, &size);
	}
}

/* A table that goes as a whole, with all below it, keeps its entries. */
static void remove_table(struct pagetable *pt, u64 table_pa, unsigned int level)
{
	const u64 *table = phys_to_virt(table_pa), large = pt->format->large;

#pragma GCC unroll 8
	for (unsigned int i = 0; level > 1 && i < ENTRIES; i++) {
		if (table[i] && !(table[i] & large))
			remove_table(pt, table[i] & pt->format->address, level - 1);
	}
	pt->near_va = ~0ull;
	pt_list_push(&pt->removed_pa, table_pa);
}

/*
 * Takes [va, last], which no leaf crosses, out of a table, and says whether that leaves nothing:
 * then the caller clears the entry that leads here.
 */
static bool unmap_range(struct pagetable *pt, u64 table_pa, unsigned int level, u64 va, u64 last)
{
	unsigned int first = level_index(va, level), end = level_index(last, level) + 1;
	u64 *table = phys_to_virt(table_pa), next;
	u16 *count = page_count(table_pa), count_before = *count;

	if (level == 1)
		remember(pt, va, table_pa);
	for (unsigned int i = first; i < end; i++, va = next) {
		u64 entry = table[i], child_pa = entry & pt->format->address;

		next = entry_last(va, last, level) + 1;
		if (!entry)
			continue;
		if (is_table(pt, entry, level)) {
			if (next - va < level_size(level) &&
			    !unmap_range(pt, child_pa, level - 1, va, next - 1))
				continue;
			remove_table(pt, child_pa, level - 1);
		}
		publish_entries(&table[i], 0, 0, 1, false);
		--*count;
	}
	if (*count != count_before && pt->flush)
		cache_flush_range(&table[first], (end - first) * sizeof(*table));
	return !*count;
}

err_t pt_unmap(struct pagetable *pt, u64 va, u64 size)
{
	u64 last = va + size - 1, start_pa;
	unsigned int level;

	TRY(pt_check_range(pt, va, size));
	start_pa = walk_start(pt, va, last, &level);
	/* A leaf table that keeps other entries changes nothing above it. */
	if (level == 1 && !unmap_range(pt, start_pa, level, va, last))
		return E_OK;
	TRY(pt_reserve_tables(pt, count_split_tables(pt, va) + count_split_tables(pt, va + size)));
	split_at(pt, va);
	split_at(pt, va + size);
	pt_list_free(&pt->spare_pa);
	(void)unmap_range(pt, pt->root_pa, pt->levels, va, last);
	return E_OK;
}

err_t pt_replace_page(struct pagetable *pt, u64 va, u64 leaf)
{
	u64 size;

	TRY(pt_check_range(pt, va, PAGE_SIZE));
	TRY(pt_reserve_tables(pt,
	                      count_split_tables(pt, va) + count_split_tables(pt, va + PAGE_SIZE)));
	split_at(pt, va);
	split_at(pt, va + PAGE_SIZE);
	pt_list_free(&pt->spare_pa);
	publish_entries(pt_find_slot(pt, va, &size), leaf, 0, 1, pt->flush);
	return E_OK;
}

void pt_destroy(struct pagetable *pt)
{
	remove_table(pt, pt->root_pa, pt->levels);
	pt_release(pt);
}
