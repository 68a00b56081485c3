// SPDX-License-Identifier: BSD-2-Clause
/* The life of a table, and looking at it. */
#include "core/pagetable_walk.h"
#include "core/cache.h"
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

static void free_pages(u64 list_pa)
{
	while (list_pa)
		page_free(pt_list_pop(&list_pa));
}

err_t pt_reserve_pages(u32 count, u64 *list_pa)
{
	*list_pa = 0;
	while (count--) {
		u64 page_pa = page_alloc();

		if (!page_pa) {
			free_pages(*list_pa);
			return E_NO_MEMORY;
		}
		pt_list_push(list_pa, page_pa);
	}
	return E_OK;
}

err_t pt_init(struct pagetable *pt, const struct pt_format *format, u8 levels, u8 leaf_sizes,
              bool flush)
{
	u64 root_pa = page_alloc_zeroed();

	if (!root_pa)
		return E_NO_MEMORY;
	if (flush)
		cache_flush_range(phys_to_virt(root_pa), PAGE_SIZE);
	if (!(leaf_sizes & PT_LEAF_2M)) /* a 1 GiB leaf is split by way of 2 MiB ones */
		leaf_sizes &= ~PT_LEAF_1G;
	*pt = (struct pagetable){
		.format = format,
		.root_pa = root_pa,
		.table_pages = 1,
		.levels = levels,
		.leaf_sizes = leaf_sizes | PT_LEAF_4K,
		.flush = flush,
	};
	return E_OK;
}

static void flush_tables(const struct pagetable *pt, u64 *table, unsigned int level)
{
	cache_flush_range(table, PAGE_SIZE);
	for (unsigned int i = 0; level > 1 && i < ENTRIES; i++) {
		if (is_present(pt, table[i]) && !is_leaf(pt, table[i], level))
			flush_tables(pt, child_of(pt, table[i]), level - 1);
	}
}

void pt_flush(struct pagetable *pt)
{
	if (!pt->flush)
		flush_tables(pt, phys_to_virt(pt->root_pa), pt->levels);
	pt->flush = true;
}

/* Moves a table and all below it to removed_pa; its entries are read before its first word is lost.
 */
void pt_detach_tables(struct pagetable *pt, u64 table_pa, unsigned int level)
{
	const u64 *table = phys_to_virt(table_pa);

	for (unsigned int i = 0; level > 1 && i < ENTRIES; i++) {
		if (is_present(pt, table[i]) && !is_leaf(pt, table[i], level))
			pt_detach_tables(pt, table[i] & pt->format->address, level - 1);
	}
	pt_list_push(&pt->removed_pa, table_pa);
}

void pt_release(struct pagetable *pt)
{
	while (pt->removed_pa) {
		page_free(pt_list_pop(&pt->removed_pa));
		pt->table_pages--;
	}
}

void pt_destroy(struct pagetable *pt)
{
	pt_detach_tables(pt, pt->root_pa, pt->levels);
	pt_release(pt);
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

u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *leaf_size)
{
	const u64 *table = phys_to_virt(pt->root_pa);

	*leaf_size = 0;
	va = strip_sign(pt, va);
	if (va >= level_size(pt->levels + 1))
		return 0;
	for (unsigned int level = pt->levels;; level--) {
		u64 entry = table[level_index(va, level)];

		if (!is_present(pt, entry))
			return 0;
		if (is_leaf(pt, entry, level)) {
			*leaf_size = level_size(level);
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
		if (!is_leaf(pt, entry, level)) {
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
