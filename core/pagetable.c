// SPDX-License-Identifier: BSD-2-Clause
/* The life of a table, and looking at it. */
#include "core/cache.h"
#include "core/pagetable_walk.h"
#include "core/publish.h"

void pt_list_push(u64 *list_pa, u64 page_pa)
{
	*(u64 *)phys_to_virt(page_pa) = *list_pa;
	*list_pa = page_pa;
}

u64 pt_list_pop(u64 *list_pa)
{
	u64 page_pa = *list_pa;

	*list_pa = *(u64 *)phys_to_virt(page_pa);
	return page_pa;
}

void pt_list_free(u64 *list_pa)
{
	while (*list_pa)
		page_free(pt_list_pop(list_pa));
}

err_t pt_reserve_tables(struct pagetable *pt, u32 count)
{
	while (count--) {
		u64 page_pa = page_alloc();

		if (!page_pa) {
			pt_list_free(&pt->spare_pa);
			return E_NO_MEMORY;
		}
		pt_list_push(&pt->spare_pa, page_pa);
	}
	return E_OK;
}

void pt_attach_table(struct pagetable *pt, u64 *slot, u64 table_pa, bool is_hidden)
{
	bool flush = pt->flush && !is_hidden;

	if (pt->flush)
		cache_write_back(phys_to_virt(table_pa), PAGE_SIZE);
	if (flush)
		cache_fence();
	publish_entries(slot, table_pa | pt->format->table_bits, 0, 1, flush);
}

err_t pt_init(struct pagetable *pt, const struct pt_format *format, u8 levels, u8 leaf_sizes,
              bool flush)
{
	u64 root_pa = page_alloc();

	if (!root_pa)
		return E_NO_MEMORY;
	publish_entries(phys_to_virt(root_pa), 0, 0, ENTRIES, flush);
	*page_count(root_pa) = 0;
	if (!(leaf_sizes & PT_LEAF_2M)) /* a 1 GiB leaf is split by way of 2 MiB ones */
		leaf_sizes &= ~PT_LEAF_1G;
	*pt = (struct pagetable){
		.format = format,
		.root_pa = root_pa,
		.near_va = ~0ull,
		.levels = levels,
		.leaf_sizes = leaf_sizes | PT_LEAF_4K,
		.flush = flush,
	};
	return E_OK;
}

void pt_release(struct pagetable *pt)
{
	pt_list_free(&pt->removed_pa);
}

err_t pt_check_range(const struct pagetable *pt, u64 va, u64 size)
{
	u64 limit = level_size(pt->levels + 1);

	if (!IS_ALIGNED(va | size, PAGE_SIZE))
		return E_UNALIGNED;
	if (!size || va >= limit || size > limit - va)
		return E_OUT_OF_RANGE;
	return E_OK;
}

u64 *pt_find_slot(const struct pagetable *pt, u64 va, u64 *size)
{
	unsigned int level;
	u64 *table = phys_to_virt(walk_start(pt, va, va, &level));

	for (;; level--) {
		u64 *slot = &table[level_index(va, level)];

		if (!is_table(pt, *slot, level)) {
			*size = level_size(level);
			return slot;
		}
		table = child_of(pt, *slot);
	}
}

u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *size)
{
	*size = level_size(pt->levels + 1);
	return va < *size ? *pt_find_slot(pt, va, size) : 0;
}

void pt_visit(struct pagetable *pt, pt_visitor visit, void *context)
{
	u64 size;

	for (u64 va = 0; va < level_size(pt->levels + 1); va += size) {
		u64 *slot = pt_find_slot(pt, va, &size), leaf = *slot;

		if (is_present(pt, leaf))
			leaf = visit(context, va, leaf, size);
		if (leaf != *slot)
			publish_entries(slot, leaf, 0, 1, pt->flush);
	}
}
