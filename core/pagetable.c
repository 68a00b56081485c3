// SPDX-License-Identifier: BSD-2-Clause
/*
 * Invariants: no table but the root is empty; absent entries are zero. So a range in which nothing
 * is mapped meets existing tables on the paths of its two ends only, and the pages a change needs
 * can be counted and taken beforehand: after that it cannot fail.
 */
#include "core/pagetable.h"
#include "core/cache.h"
#include "core/mem.h"
#include "core/publish.h"

#define ENTRIES 512u

/* A leaf of a table of this level maps 1 << level_shift(level) bytes; 4 KiB at level 1. */
static unsigned int level_shift(unsigned int level)
{
	return PAGE_SIZE_LG2 + 9 * (level - 1);
}

static u64 level_size(unsigned int level)
{
	return 1ull << level_shift(level);
}

static unsigned int level_index(u64 va, unsigned int level)
{
	return va >> level_shift(level) & (ENTRIES - 1);
}

static bool is_present(const struct pagetable *pt, u64 entry)
{
	return entry & pt->format->present;
}

static bool is_leaf(const struct pagetable *pt, u64 entry, unsigned int level)
{
	return level == 1 || (entry & pt->format->large);
}

static u64 *child_of(const struct pagetable *pt, u64 entry)
{
	return phys_to_virt(entry & pt->format->address);
}

/* The part of [va, last] below the entry that maps va. */
static u64 entry_last(u64 va, u64 last, unsigned int level)
{
	return MIN(last, va | (level_size(level) - 1));
}

/* Pages are kept in lists through their first words. A page-aligned address reads as an absent
 * entry to a walker that still has the page in its paging-structure caches. */
static void list_push(u64 *list_pa, u64 page_pa)
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

static void free_pages(u64 list_pa)
{
	while (list_pa)
		page_free(list_pop(&list_pa));
}

/* What map and split take their tables from. */
static err_t reserve_pages(u32 count, u64 *list_pa)
{
	*list_pa = 0;
	while (count--) {
		u64 page_pa = page_alloc();

		if (!page_pa) {
			free_pages(*list_pa);
			return E_NO_MEMORY;
		}
		list_push(list_pa, page_pa);
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
static void detach_tables(struct pagetable *pt, u64 table_pa, unsigned int level)
{
	const u64 *table = phys_to_virt(table_pa);

	for (unsigned int i = 0; level > 1 && i < ENTRIES; i++) {
		if (is_present(pt, table[i]) && !is_leaf(pt, table[i], level))
			detach_tables(pt, table[i] & pt->format->address, level - 1);
	}
	list_push(&pt->removed_pa, table_pa);
}

void pt_release(struct pagetable *pt)
{
	while (pt->removed_pa) {
		page_free(list_pop(&pt->removed_pa));
		pt->table_pages--;
	}
}

void pt_destroy(struct pagetable *pt)
{
	detach_tables(pt, pt->root_pa, pt->levels);
	pt_release(pt);
	pt->root_pa = 0;
}

/* The bits of an address that select entries; what is above them must be zero or, in the upper half
 * of a canonical address space, ones. */
static u64 strip_sign(const struct pagetable *pt, u64 va)
{
	u64 limit = level_size(pt->levels + 1);

	return pt->format->canonical && va >= -(limit / 2) ? va & (limit - 1) : va;
}

/* In: va as the caller has it. Out: stripped of its sign. */
static err_t check_range(const struct pagetable *pt, u64 *va, u64 size)
{
	u64 limit = level_size(pt->levels + 1);

	*va = strip_sign(pt, *va);
	if (!IS_ALIGNED(*va | size, PAGE_SIZE))
		return E_UNALIGNED;
	if (!size || *va >= limit || size > limit - *va)
		return E_OUT_OF_RANGE;
	return E_OK;
}

/* ---- map ---- */

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
		unsigned int shift =
			level_shift(level + 1); /* what one table of this level spans */
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
			u64 leaf =
				(va + m->delta) | m->attributes | (level > 1 ? format->large : 0);

			publish_entries(&table[i], leaf, level_size(level), run, flush);
			i += run;
			va += (u64)run << level_shift(level);
		} else {
			u64 entry = fresh ? 0 : table[i], part_last = entry_last(va, last, level);
			u64 child_pa = entry ? entry & format->address : list_pop(&m->spare_pa);

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
	struct mapping m = {.pt = pt, .delta = pa - va, .attributes = attributes};
	u64 last;
	u32 count;

	TRY(check_range(pt, &va, size));
	if (!IS_ALIGNED(pa, PAGE_SIZE))
		return E_UNALIGNED;
	if (pa + size - 1 < pa || ((pa + size - PAGE_SIZE) & ~pt->format->address))
		return E_OUT_OF_RANGE;
	last = va + size - 1;
	m.delta = pa - va;
	if (!range_is_free(pt, phys_to_virt(pt->root_pa), pt->levels, va, last))
		return E_ALREADY_MAPPED;
	count = count_new_tables(pt, va, last, m.delta);
	TRY(reserve_pages(count, &m.spare_pa));
	map_range(&m, pt->root_pa, pt->levels, va, last, false);
	pt->table_pages += count;
	return E_OK;
}

/* ---- unmap ---- */

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
			table_pa = list_pop(spare_pa);
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
			list_push(&pt->removed_pa, entry & pt->format->address);
		else if (!is_leaf(pt, entry, level))
			detach_tables(pt, entry & pt->format->address, level - 1);
	}
	if (changed && pt->flush)
		cache_flush_range(&table[first], (end - first) * sizeof(*table));
	return all_gone && is_empty_but(table, first, end);
}

err_t pt_unmap(struct pagetable *pt, u64 va, u64 size)
{
	u64 end, spare_pa;

	TRY(check_range(pt, &va, size));
	end = va + size;
	TRY(reserve_pages(count_split_tables(pt, va, 0) + count_split_tables(pt, end, va),
	                  &spare_pa));
	split_at(pt, va, &spare_pa);
	split_at(pt, end, &spare_pa);
	(void)unmap_range(pt, phys_to_virt(pt->root_pa), pt->levels, va, end - 1);
	return E_OK;
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
