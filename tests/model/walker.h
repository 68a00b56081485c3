/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a remapping unit comes from a request to memory: root, context and second-stage entries, read
 * through what the CPU's caches and the chipset's write buffer may have kept from it, and through
 * the unit's own caches. Typed from the VT-d specification, not taken from vtd/.
 *
 * Whatever a cache may hold, it does hold: an entry stays in it until an invalidation that must
 * remove it. So a request has several outcomes at a time, and each is judged (model.c).
 */
#ifndef TESTS_MODEL_WALKER_H
#define TESTS_MODEL_WALKER_H

#include "lib/types.h"
#include "tests/host/fake_unit.h"

#define READ  1u
#define WRITE 2u

/* 7.1.3 fault reasons */
enum {
	FAULT_ROOT_ABSENT = 0x1,
	FAULT_CONTEXT_ABSENT = 0x2,
	FAULT_CONTEXT_INVALID = 0x3,
	FAULT_BEYOND_WIDTH = 0x4,
	FAULT_WRITE = 0x5,
	FAULT_READ = 0x6,
	FAULT_TABLE_UNREADABLE = 0x7,
	FAULT_ROOT_UNREADABLE = 0x8,
	FAULT_CONTEXT_UNREADABLE = 0x9,
	FAULT_ROOT_RESERVED = 0xa,
	FAULT_CONTEXT_RESERVED = 0xb,
	FAULT_ENTRY_RESERVED = 0xc,
	FAULT_INTERRUPT_RANGE = 0xe,
	FAULT_DIRECTORY_UNREADABLE = 0x50,
	FAULT_DIRECTORY_ABSENT = 0x51,
	FAULT_DIRECTORY_RESERVED = 0x52,
	FAULT_PASIDS_UNREADABLE = 0x58,
	FAULT_PASID_ABSENT = 0x59,
	FAULT_PASID_RESERVED = 0x5a,
	FAULT_PASID_INVALID = 0x5b,
};

/* What a read by the unit returns: as late as stores may be, as early, and in between. The write
 * buffer keeps stores in order, so what is behind it is memory as it was, and nobody who has seen
 * more goes back to that; the CPU's cache keeps no order.
 */
enum view {
	VIEW_BUFFERED, /* CAP.RWBF: nothing has left the write buffer since it was flushed */
	VIEW_FLUSHED,  /* ECAP.C = 0: nothing has left the CPU's cache but by a flush */
	VIEW_MIXED,    /* the same: some lines have been evicted, others have not */
	VIEW_FRESH,    /* as the CPU sees it */
	VIEWS
};

/* What one request comes to. granted: READ, WRITE, or 0 and a fault reason. */
struct outcome {
	u64 pa;
	u32 granted;
	bool snoop;
	u8 reason;
};

enum cached_kind {
	CACHED_CONTEXT, /* low, high: the entry; low 0: absent (caching mode) */
	CACHED_PASID,   /* the same as a context entry of legacy mode would say it; scalable mode */
	CACHED_TABLE,   /* low: address of the table, high: its level; paging-structure caches */
	CACHED_LEAF,    /* outcome; IOTLB */
	CACHED_TLB,     /* outcome; in the device, which asked for it and sends it along */
	IN_FLIGHT,      /* outcome; a request that is translated and not yet in memory */
};

struct cached {
	enum cached_kind kind;
	bool late;  /* of the unit whose reads are all behind the write buffer */
	u16 rid;    /* CACHED_CONTEXT, CACHED_PASID, CACHED_TLB, IN_FLIGHT */
	u16 domain; /* all are tagged with it */
	u64 iova, size;
	u64 low, high;
	struct outcome outcome;
};

#define CACHED_MAX 4096u

struct walker {
	struct fake_unit *unit;
	bool translating, scalable;
	u64 root_pa;
	u8 *behind; /* with CAP.RWBF: memory behind the write buffer */
	u32 cached_count;
	struct cached cached[CACHED_MAX];
	u64 invalidations; /* descriptors but waits */
};

/* Judges an outcome of a request for the page at iova; in model.c. */
void model_judge(struct walker *w, u16 rid, u64 iova, const struct outcome *outcome);
/* Whether a device TLB is in use; in model.c. */
bool model_has_tlb(struct walker *w, u16 rid);
/* A table is read; in model.c. False: it is no allocated page. */
bool model_reads_table(struct walker *w, u64 pa);

void walker_reset(struct walker *w, struct fake_unit *unit);

/* Everything that a request may come to now, and leaves in caches. */
void walker_translate(struct walker *w, u16 rid, u64 iova);
/* Judges once more what is in flight. */
void walker_judge_flights(struct walker *w);
/* One request, access READ or WRITE, in a unit without caches that reads what the CPU sees. */
struct outcome walker_request(struct walker *w, u16 rid, u64 iova, u32 access);

/* Whether anything is left in a device TLB. */
bool walker_has_in_tlb(const struct walker *w, u16 rid);

void walker_obey_descriptor(struct walker *w, u64 low, u64 high);
void walker_obey_command(struct walker *w, u32 command, bool on);
/* Puts an entry into a cache that somebody left there before. */
void walker_cache(struct walker *w, const struct cached *entry);
#endif
