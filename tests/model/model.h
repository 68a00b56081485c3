/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the shipped VT-d code: remapping units (walker.h) behind the doors core/mmio.h,
 * core/cache.h and the page pool, a CPU cache in front of memory, and devices that send DMA at
 * every intermediate state: after each store, flush, fence, register access, invalidation, and
 * before each page that is freed. The tests say what each device may and must reach; what it could
 * reach besides is a violation:
 *
 *	torn or stale: a reserved bit, a half entry, an unreadable table; SNP without SC, or not in
 *a leaf; a translation that was not asked for, or is no longer; one that is missing; a table page
 *	walked after it was freed; DMA in flight after the invalidation that should drain it; a
 *	descriptor not fenced before its tail; no-snoop DMA that meets a line the CPU's cache still
 *	has, or passes one by for which nobody flushes (R17).
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "tests/model/walker.h"
#include "vtd/vtd.h"

enum stage {
	STAGE_OUT,      /* must not be there */
	STAGE_CHANGING, /* may be there */
	STAGE_IN,       /* must be there */
};

/* A function that sends DMA, and the space it is in, or last was. */
struct model_device {
	u32 unit; /* index */
	u16 rid;
	bool nosnoop; /* capable: it sets the attribute in all its requests */
	const struct vtd_space *space;
	enum stage stage;
	bool tlb; /* it keeps translations, and uses them */
};

/* A range of a space. The first, the last and a middle page, and the pages around it, are where
 * devices send DMA. */
struct model_range {
	const struct vtd_space *space;
	u64 iova, pa, size, access;
	enum stage stage;
};

/* The first violation, or "". The tear-down of every test asserts that there is none. */
extern char model_violation[256];
extern struct walker walkers[FAKE_UNITS];
/* Called for each no-snoop request that reaches memory. NULL: not at all. */
extern void (*model_on_nosnoop)(const struct model_device *d);

void model_violate(const char *rule, const char *format, ...) printf_like(2, 3);

/* After machine_reset or fake_mem_reset. */
void model_reset(void);
/* Connects the model to fake_units[n], reset already; its caches hold what firmware left. */
void model_add_unit(u32 n);
/* It sends DMA from now on. */
struct model_device *model_add_device(u32 unit, u16 rid, bool nosnoop);
/* Adds a range, or finds the one with this space and iova. */
struct model_range *model_range(const struct vtd_space *space, u64 iova, u64 pa, u64 size,
                                u64 access);
/* DMA of all devices at this moment. */
void model_step(void);
/* No device sends DMA for now. */
void model_pause(bool paused);

/* The driver's calls, with what they mean for the ranges and devices. */
err_t model_map(struct vtd_space *space, u64 iova, u64 pa, u64 size, u64 access);
err_t model_unmap(struct vtd_space *space, u64 iova, u64 size);
err_t model_attach(struct vtd_unit *unit, struct model_device *d, struct vtd_space *space);
err_t model_detach(struct vtd_unit *unit, struct model_device *d);
/* Its device TLB comes into use, and out of it: then nothing may be left in it. */
err_t model_use_tlb(struct vtd_unit *unit, struct model_device *d);
err_t model_drop_tlb(struct vtd_unit *unit, struct model_device *d);

/* R17: whether no-snoop DMA may have written to the page behind the CPU's caches, with no flush
 * since. */
bool model_is_behind_caches(u64 pa);

/* stores.c: a store to the pool comes, or has been done, by an instruction of its own. */
void model_will_store(u64 pa);
void model_stored(u64 pa);

#endif
