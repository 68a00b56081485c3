/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the page-table engine share, and who looks at tables entry by entry:
 * core/show.c, core/audit.c. */
#ifndef CORE_PAGETABLE_WALK_H
#define CORE_PAGETABLE_WALK_H

#include "core/mem.h"
#include "core/pagetable.h"

#define ENTRIES 512u

/* A leaf of a table of this level maps 1 << level_shift(level) bytes; 4 KiB at level 1. */
static inline unsigned int level_shift(unsigned int level)
{
	return PAGE_SIZE_LG2 + 9 * (level - 1);
}

static inline u64 level_size(unsigned int level)
{
	return 1ull << level_shift(level);
}

static inline unsigned int level_index(u64 va, unsigned int level)
{
	return va >> level_shift(level) & (ENTRIES - 1);
}

/* Absent entries are zero. */
static inline bool is_present(const struct pagetable *pt, u64 entry)
{
	return entry & pt->format->present;
}

static inline bool is_table(const struct pagetable *pt, u64 entry, unsigned int level)
{
	return level > 1 && !(entry & pt->format->large) && is_present(pt, entry);
}

static inline u64 *child_of(const struct pagetable *pt, u64 entry)
{
	return phys_to_virt(entry & pt->format->address);
}

/* The part of [va, last] below the entry that maps va. */
static inline u64 entry_last(u64 va, u64 last, unsigned int level)
{
	return MIN(last, va | (level_size(level) - 1));
}

/* Where a walk for [va, last] begins: in the leaf table used last if that maps it all. */
static inline u64 walk_start(const struct pagetable *pt, u64 va, u64 last, unsigned int *level)
{
	bool is_near = ((va ^ pt->near_va) | (last ^ pt->near_va)) < level_size(2);

	*level = is_near ? 1 : pt->levels;
	return is_near ? pt->near_pa : pt->root_pa;
}

/* By whoever changes entries of a leaf table; forgotten when that is taken out. */
static inline void remember(struct pagetable *pt, u64 va, u64 table_pa)
{
	pt->near_va = ALIGN_DOWN(va, level_size(2));
	pt->near_pa = table_pa;
}

/* Pages are kept in lists through their first words. A page-aligned address reads as an absent
 * entry to a walker that still has the page in its paging-structure caches. */
void pt_list_push(u64 *list_pa, u64 page_pa);
u64 pt_list_pop(u64 *list_pa);
void pt_list_free(u64 *list_pa);

/* Puts pages for new tables into spare_pa. E_NO_MEMORY: none. */
err_t pt_reserve_tables(struct pagetable *pt, u32 count) must_check;

/* Lets slot point to a table whose entries are stored, not flushed. is_hidden: no walker sees slot
 * yet, so the fence waits for an attachment that one sees. */
void pt_attach_table(struct pagetable *pt, u64 *slot, u64 table_pa, bool is_hidden);

/* E_UNALIGNED, E_OUT_OF_RANGE. */
err_t pt_check_range(const struct pagetable *pt, u64 va, u64 size) must_check;

/* Where the walk for va, within range, ends: a leaf or an absent entry, and what it spans. */
u64 *pt_find_slot(const struct pagetable *pt, u64 va, u64 *size);

#endif
