// SPDX-License-Identifier: BSD-2-Clause
/* The life of a table, and looking at it. */
#include "core/pagetable_walk.h"
#include "core/publish.h"

void pt_list_push(u64 *list_pa, u64 page_pa)
{
	*(u64 *)phys_to_virt(page_pa) = *list_pa;
	*list_pa = page_pa;
}

static u64 list_pop(u64 *list_pa)
{
	u64 page_pa = *list_pa;

	*list_pa = *(u64 *)phys_to_virt(page_pa);
	return page_pa;
}

void pt_list_free(u64 *list_pa)
{
	while (*list_pa)
		page_free(list_pop(list_pa));
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

void pt_add_table(struct pagetable *pt, u64 *slot, u64 first, u64 step)
{
	u64 table_pa = list_pop(&pt->spare_pa);

	publish_entries(phys_to_virt(table_pa), first, step, ENTRIES, pt->flush);
	publish_entries(slot, table_pa | pt->format->table_bits, 0, 1, pt->flush);
}

err_t pt_init(struct pagetable *pt, const struct pt_format *format, u8 levels, u8 leaf_sizes,
              bool flush)
{
	u64 root_pa = page_alloc();

	if (!root_pa)
		return E_NO_MEMORY;
	publish_entries(phys_to_virt(root_pa), 0, 0, ENTRIES, flush);
	if (!(leaf_sizes & PT_LEAF_2M)) /* a 1 GiB leaf is split by way of 2 MiB ones */
		leaf_sizes &= ~PT_LEAF_1G;
	*pt = (struct pagetable){
		.format = format,
		.root_pa = root_pa,
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

/* The bits of an address that select entries; what is above them must be zero or, in the upper half
 * of a canonical address space, ones. */
static u64 strip_sign(const struct pagetable *pt, u64 va)
{
	u64 limit = level_size(pt->levels + 1);

	return pt->format->canonical && va >= -(limit / 2) ? va & (limit - 1) : va;
}

err_t pt_check_range(const struct pagetable *pt, u64 *va, u64 size)
{
	u64 limit = level_size(pt->levels + 1);

	*va = strip_sign(pt, *va);
	if (!IS_ALIGNED(*va | size, PAGE_SIZE))
		return E_UNALIGNED;
	if (!size || *va >= limit || size > limit - *va)
		return E_OUT_OF_RANGE;
	return E_OK;
}

u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *size)
{
	const u64 *table = phys_to_virt(pt->root_pa);

	*size = level_size(pt->levels + 1);
	va = strip_sign(pt, va);
	if (va >= *size)
		return 0;
	for (unsigned int level = pt->levels;; level--) {
		u64 entry = table[level_index(va, level)];

		if (!is_table(pt, entry, level)) {
			*size = level_size(level);
			return entry;
		}
		table = child_of(pt, entry);
	}
}

static void visit_table(struct pagetable *pt, u64 *table, unsigned int level, u64 va,
                        pt_visitor visit, void *context)
{
	for (unsigned int i = 0; i < ENTRIES; i++, va += level_size(level)) {
		u64 entry = table[i], changed;

		if (!is_present(pt, entry))
			continue;
		if (is_table(pt, entry, level)) {
			visit_table(pt, child_of(pt, entry), level - 1, va, visit, context);
			continue;
		}
		changed = visit(context, va, entry, level_size(level));
		if (changed != entry)
			publish_entries(&table[i], changed, 0, 1, pt->flush);
	}
}

void pt_visit(struct pagetable *pt, pt_visitor visit, void *context)
{
	visit_table(pt, phys_to_virt(pt->root_pa), pt->levels, 0, visit, context);
}
