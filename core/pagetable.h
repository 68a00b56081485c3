/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One radix-table engine for all four uses: the hypervisor's own tables, EPT, NPT and VT-d
 * second-stage tables. A format is a handful of constants; the tables of different uses are never
 * shared (R18).
 */
#ifndef CORE_PAGETABLE_H
#define CORE_PAGETABLE_H

#include "lib/error.h"
#include "lib/types.h"

#define PT_LEAF_4K BIT(0)
#define PT_LEAF_2M BIT(1)
#define PT_LEAF_1G BIT(2)

struct pt_format {
	u64 present;    /* an entry with any of these bits is present */
	u64 table_bits; /* attributes of an entry that points to a table */
	u64 large;      /* set in a leaf above 4 KiB */
	u64 address;    /* mask of the address in an entry */
};

/* An address is what its levels select entries by: without the sign extension of the CPU's own
 * tables (SDM volume 1, 3.3.7.1). */

struct pagetable {
	const struct pt_format *format;
	u64 root_pa;
	u64 spare_pa;   /* pages for tables to come, while a call uses them: a list */
	u64 removed_pa; /* tables taken out, not yet given back: a list */
	u64 near_va;    /* the 2 MiB that near_pa maps; ~0: none */
	u64 near_pa;    /* the table of 4 KiB leaves used last: walks begin there if they can */
	u8 levels;      /* 3, 4 or 5 */
	u8 leaf_sizes;  /* PT_LEAF_*; 4K always */
	bool flush;     /* R19: every store is flushed before it counts */
};

/* levels: 3 = 39 bits, 4 = 48, 5 = 57. E_NO_MEMORY. */
err_t pt_init(struct pagetable *pt, const struct pt_format *format, u8 levels, u8 leaf_sizes,
              bool flush) must_check;
/* Gives back every page. Nobody may walk the table any more. */
void pt_destroy(struct pagetable *pt);

/*
 * Maps [va, va + size) to pa with the leaf attributes, in the largest leaves that fit. All three
 * are multiples of 4 KiB. All or nothing: on E_ALREADY_MAPPED, E_OUT_OF_RANGE, E_UNALIGNED,
 * E_NO_MEMORY the table maps what it did before.
 */
err_t pt_map(struct pagetable *pt, u64 va, u64 pa, u64 size, u64 attributes) must_check;

/*
 * Unmaps what is mapped in [va, va + size); larger leaves at the edges are split with their
 * attributes. E_NO_MEMORY (a split), E_OUT_OF_RANGE, E_UNALIGNED: nothing has changed. Tables that
 * became empty wait in removed_pa: call pt_release once translations are invalidated.
 */
err_t pt_unmap(struct pagetable *pt, u64 va, u64 size) must_check;
void pt_release(struct pagetable *pt);

/* Gives a mapped 4 KiB page this leaf; a larger one is split. At every moment something is mapped
 * there. E_NO_MEMORY, E_OUT_OF_RANGE, E_UNALIGNED: nothing has changed. */
err_t pt_replace_page(struct pagetable *pt, u64 va, u64 leaf) must_check;

/* The leaf entry that maps va, or 0; *size: the bytes that this entry, or the absent one, maps. */
u64 pt_lookup(const struct pagetable *pt, u64 va, u64 *size);

/* Every leaf in order of va; the visitor may return a changed entry, which is stored. */
typedef u64 (*pt_visitor)(void *context, u64 va, u64 entry, u64 leaf_size);
void pt_visit(struct pagetable *pt, pt_visitor visit, void *context);

#endif
