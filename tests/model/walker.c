// SPDX-License-Identifier: BSD-2-Clause
#include "tests/model/walker.h"
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define LINE 64u

/* Registers, 11.4 */
enum { CAP = 0x08, ECAP = 0x10, RTADDR = 0x20 };
#define CAP_RWBF      (1ull << 4)
#define CAP_CM        (1ull << 7)
#define CAP_PSI       (1ull << 39)
#define ECAP_COHERENT 1ull
#define ECAP_TLB      (1ull << 2)
#define ECAP_SNOOP    (1ull << 7)
#define COMMAND_TE    (1u << 31)
#define COMMAND_SRTP  (1u << 30)
#define COMMAND_WBF   (1u << 27)

/* Entries, 9.1, 9.3, 9.8 */
#define PRESENT      1ull
#define ADDRESS      MASK(51, 12)
#define ROOT_LOW     (MASK(11, 1)) /* reserved, with what is beyond the width */
#define CONTEXT_LOW  MASK(11, 4)
#define CONTEXT_HIGH (MASK(63, 24) | BIT(7))
#define LARGE        BIT(7)
#define TLB          BIT(2) /* translation type 1; in scalable mode DTE */

/* Scalable mode, 9.2, 9.4 to 9.6; page-walk snoop is never on */
#define SCALABLE    BIT(10) /* of RTADDR */
#define PASID_LOW   (MASK(11, 9) | BIT(5) | BIT(1))
#define PASID_HIGH  (MASK(63, 25) | MASK(23, 16))
#define PASID_PGSNP BIT(24)
#define SNOOP       BIT(11)

static u64 reg64(const struct walker *w, u32 offset)
{
	u64 value;

	memcpy(&value, w->unit->regs + offset, sizeof(value));
	return value;
}

static bool has(const struct walker *w, u32 reg, u64 bit)
{
	return reg64(w, reg) & bit;
}

static bool is_coherent(const struct walker *w)
{
	return has(w, ECAP, ECAP_COHERENT) && !w->scalable;
}

/* ---- memory ---- */

static u64 pool_offset(u64 pa)
{
	return pa - FAKE_MEM_BASE_PA;
}

/* What is not in memory yet: a line in the CPU's cache, where the unit does not look. */
static bool is_evicted(u64 pa)
{
	u64 line =
		pa / LINE; /* any two lines are seen in both orders, here or when one is flushed */

	return __builtin_parityll(line) ^ (line >> 6 & 1);
}

static void read_memory(const struct walker *w, enum view view, u64 pa, void *to, size_t size)
{
	const void *from = phys_to_virt(pa);

	if (view == VIEW_BUFFERED)
		from = w->behind + pool_offset(pa);
	else if (view == VIEW_FLUSHED || (view == VIEW_MIXED && !is_evicted(pa)))
		from = fake_mem_seen(pa);
	memcpy(to, from, size);
}

/* Table pages are the pool's, and allocated. */
static bool is_readable(struct walker *w, u64 pa)
{
	if (pa < FAKE_MEM_BASE_PA || pool_offset(pa) >= FAKE_MEM_PAGES * PAGE_SIZE)
		return false;
	return model_reads_table(w, pa);
}

/* The write buffer empties. */
static void drain_write_buffer(struct walker *w)
{
	if (!w->behind)
		return;
	for (u64 at = 0; at < FAKE_MEM_PAGES * PAGE_SIZE; at += PAGE_SIZE) {
		u64 pa = FAKE_MEM_BASE_PA + at;

		if (fake_mem_is_used(pa))
			memcpy(w->behind + at,
			       is_coherent(w) ? phys_to_virt(pa) : fake_mem_seen(pa), PAGE_SIZE);
	}
}

/* ---- caches ---- */

static bool is_same(const struct cached *a, const struct cached *b)
{
	return a->kind == b->kind && a->late == b->late && a->rid == b->rid &&
	       a->domain == b->domain && a->iova == b->iova && a->size == b->size &&
	       a->low == b->low && a->high == b->high && a->outcome.pa == b->outcome.pa &&
	       a->outcome.granted == b->outcome.granted && a->outcome.snoop == b->outcome.snoop;
}

void walker_cache(struct walker *w, const struct cached *entry)
{
	for (u32 i = 0; i < w->cached_count; i++) {
		if (is_same(&w->cached[i], entry))
			return;
	}
	assert_true(w->cached_count < CACHED_MAX);
	w->cached[w->cached_count++] = *entry;
}

static bool covers(const struct cached *c, u16 domain, u64 iova)
{
	return c->domain == domain && iova >= c->iova && iova - c->iova < c->size;
}

/* ---- entries ---- */

static u32 host_width(const struct walker *w)
{
	return (u32)FIELD_GET(MASK(21, 16), reg64(w, CAP)) + 1; /* MGAW, as QEMU takes it */
}

static u64 beyond_width(const struct walker *w)
{
	return ADDRESS & ~MASK(host_width(w) - 1, 0);
}

/* Fault reason, or 0 and the entry. */
static u8 read_context(struct walker *w, enum view view, u16 rid, u64 entry[2])
{
	u64 root[2];
	u64 at = w->root_pa + (rid >> 8) * sizeof(root);

	if (!is_readable(w, at))
		return FAULT_ROOT_UNREADABLE;
	read_memory(w, view, at, root, sizeof(root));
	if (!(root[0] & PRESENT))
		return FAULT_ROOT_ABSENT;
	if (root[1] || root[0] & (ROOT_LOW | beyond_width(w)))
		return FAULT_ROOT_RESERVED;
	at = (root[0] & ADDRESS) + (rid & 0xff) * 16u;
	if (!is_readable(w, at))
		return FAULT_CONTEXT_UNREADABLE;
	read_memory(w, view, at, entry, 16);
	if (!(entry[0] & PRESENT))
		return FAULT_CONTEXT_ABSENT;
	if (entry[1] & CONTEXT_HIGH || entry[0] & (CONTEXT_LOW | beyond_width(w)))
		return FAULT_CONTEXT_RESERVED;
	if (entry[0] & BIT(3) || (entry[0] & TLB && !has(w, ECAP, ECAP_TLB)) ||
	    !(reg64(w, CAP) >> (8 + (entry[1] & 7)) & 1))
		return FAULT_CONTEXT_INVALID;
	return 0;
}

/* Scalable mode: each half of a root entry has the context table of half a bus. */
static u8 read_scalable_context(struct walker *w, enum view view, u16 rid, u64 entry[2])
{
	u64 root, at = w->root_pa + (rid >> 7) * sizeof(root);

	if (!is_readable(w, at))
		return FAULT_ROOT_UNREADABLE;
	read_memory(w, view, at, &root, sizeof(root));
	if (!(root & PRESENT))
		return FAULT_ROOT_ABSENT;
	if (root & (ROOT_LOW | beyond_width(w)))
		return FAULT_ROOT_RESERVED;
	at = (root & ADDRESS) + (rid & 0x7f) * 32u;
	if (!is_readable(w, at))
		return FAULT_CONTEXT_UNREADABLE;
	read_memory(w, view, at, entry, 16);
	if (!(entry[0] & PRESENT))
		return FAULT_CONTEXT_ABSENT;
	if (entry[0] & TLB && !has(w, ECAP, ECAP_TLB))
		return FAULT_CONTEXT_RESERVED;
	return entry[1] || entry[0] & ((MASK(11, 1) & ~TLB) | beyond_width(w))
	               ? FAULT_CONTEXT_RESERVED
	               : 0;
}

/* From a scalable context entry to the PASID entry, as a context entry of legacy mode. */
static u8 read_pasid(struct walker *w, enum view view, u64 context, u64 entry[2])
{
	u64 directory, pasid[2];
	u32 width;

	if (!is_readable(w, context & ADDRESS))
		return FAULT_DIRECTORY_UNREADABLE;
	read_memory(w, view, context & ADDRESS, &directory, sizeof(directory));
	if (!(directory & PRESENT))
		return FAULT_DIRECTORY_ABSENT;
	if (directory & (MASK(11, 1) | beyond_width(w)))
		return FAULT_DIRECTORY_RESERVED;
	if (!is_readable(w, directory & ADDRESS))
		return FAULT_PASIDS_UNREADABLE;
	read_memory(w, view, directory & ADDRESS, pasid, sizeof(pasid));
	if (!(pasid[0] & PRESENT))
		return FAULT_PASID_ABSENT;
	if (pasid[0] & (PASID_LOW | beyond_width(w)) || pasid[1] & PASID_HIGH ||
	    (pasid[1] & PASID_PGSNP && !has(w, ECAP, ECAP_SNOOP)))
		return FAULT_PASID_RESERVED;
	width = (u32)FIELD_GET(MASK(4, 2), pasid[0]);
	if (FIELD_GET(MASK(8, 6), pasid[0]) != 2 || !(reg64(w, CAP) >> (8 + width) & 1))
		return FAULT_PASID_INVALID;
	entry[0] = (pasid[0] & ADDRESS) | PRESENT | (context & TLB);
	entry[1] = (pasid[1] & 0xffff) << 8 | width;
	return 0;
}

static u32 levels_of(const u64 context[2])
{
	return (context[1] & 7) + 2;
}

static u16 domain_of(const u64 context[2])
{
	return (u16)(context[1] >> 8);
}

static u8 reason_without(u32 granted)
{
	return granted & READ ? FAULT_WRITE : FAULT_READ;
}

static u64 level_span(u32 level)
{
	return PAGE_SIZE << 9 * (level - 1);
}

/* The rest of a walk: where it stands, and what it has come to. */
struct step {
	u64 table_pa, iova;
	u32 level, granted;
	bool is_root;
};

/* One entry. True: down to the next table. False: *o is the outcome. */
static bool take_step(struct walker *w, enum view view, struct step *s, struct outcome *o)
{
	u64 at = s->table_pa + (s->iova / level_span(s->level) % 512) * 8, entry;
	bool leaf;

	*o = (struct outcome){0};
	if (!is_readable(w, at)) {
		o->reason = s->is_root ? FAULT_CONTEXT_INVALID : FAULT_TABLE_UNREADABLE;
		return false;
	}
	read_memory(w, view, at, &entry, sizeof(entry));
	s->is_root = false;
	s->granted &= entry & (READ | WRITE);
	leaf = s->level == 1 || (s->level <= 3 && entry & LARGE);
	o->reason = reason_without(s->granted);
	if (!s->granted)
		return false;
	o->reason = FAULT_ENTRY_RESERVED;
	if (entry & beyond_width(w) || (entry & SNOOP && (!leaf || !has(w, ECAP, ECAP_SNOOP))))
		return false;
	if (s->level > 3 && entry & LARGE)
		return false;
	if (!leaf) {
		s->table_pa = entry & ADDRESS;
		s->level--;
		return true;
	}
	if (s->level > 1 && (entry & ADDRESS & (level_span(s->level) - 1) ||
	                     !(reg64(w, CAP) >> (32 + s->level) & 1)))
		return false;
	o->pa = (entry & ADDRESS) + (s->iova & (level_span(s->level) - 1));
	o->snoop = entry & SNOOP;
	o->reason = o->pa >> 20 == 0xfee ? FAULT_INTERRUPT_RANGE : 0;
	o->granted = o->reason ? 0 : s->granted;
	return false;
}

/* ---- a request ---- */

struct outcome walker_request(struct walker *w, u16 rid, u64 iova, u32 access)
{
	struct outcome o = {0};
	struct step step = {.iova = iova, .granted = access, .is_root = true};
	u64 context[2];

	o.reason = read_context(w, VIEW_FRESH, rid, context);
	if (o.reason)
		return o;
	step.level = levels_of(context);
	step.table_pa = context[0] & ADDRESS;
	if (iova >> (12 + 9 * step.level)) {
		o.reason = FAULT_BEYOND_WIDTH;
		return o;
	}
	while (take_step(w, VIEW_FRESH, &step, &o))
		;
	if (o.reason == FAULT_READ || o.reason == FAULT_WRITE)
		o.reason = access == WRITE ? FAULT_WRITE : FAULT_READ;
	return o;
}

/* One that is on its way. */
struct request {
	struct walker *w;
	enum view view;
	u16 rid, domain;
	u64 iova;
	bool tlb; /* the device may keep the answer */
};

static void keep(const struct request *r, struct cached entry)
{
	entry.late = r->view == VIEW_BUFFERED;
	walker_cache(r->w, &entry);
}

static void keep_context(const struct request *r, enum cached_kind kind, u16 domain, u64 low,
                         u64 high)
{
	keep(r, (struct cached){
			.kind = kind, .rid = r->rid, .domain = domain, .low = low, .high = high});
}

/* What maps span bytes around the iova: a table, or the outcome. */
static void keep_translation(const struct request *r, u64 span, struct cached entry)
{
	entry.domain = r->domain;
	entry.iova = ALIGN_DOWN(r->iova, span);
	entry.size = span;
	if (entry.outcome.granted)
		entry.outcome.pa -= r->iova - entry.iova;
	keep(r, entry);
}

/* The device gets this answer: it uses it at some time, before a draining invalidation. */
static void answer(const struct request *r, const struct outcome *o)
{
	model_judge(r->w, r->rid, r->iova, o);
	if (o->granted && r->tlb)
		keep(r, (struct cached){.kind = CACHED_TLB,
		                        .rid = r->rid,
		                        .iova = ALIGN_DOWN(r->iova, PAGE_SIZE),
		                        .size = PAGE_SIZE,
		                        .outcome = *o});
	if (o->granted)
		keep(r, (struct cached){.kind = IN_FLIGHT,
		                        .rid = r->rid,
		                        .domain = r->domain,
		                        .iova = r->iova,
		                        .size = PAGE_SIZE,
		                        .outcome = *o});
}

static void walk(const struct request *r, struct step step)
{
	struct outcome o;

	while (take_step(r->w, r->view, &step, &o))
		keep_translation(r, level_span(step.level + 1),
		                 (struct cached){.kind = CACHED_TABLE,
		                                 .low = step.table_pa,
		                                 .high = step.level << 2 | step.granted});
	answer(r, &o);
	if (o.granted || has(r->w, CAP, CAP_CM))
		keep_translation(r, level_span(step.level),
		                 (struct cached){.kind = CACHED_LEAF, .outcome = o});
}

/* With this context entry: by the IOTLB, from a table that is cached, from the root. */
static void translate_with(struct request r, const u64 context[2])
{
	u32 count = r.w->cached_count;

	r.domain = domain_of(context);
	r.tlb = context[0] & TLB && model_has_tlb(r.w, r.rid);
	for (u32 i = 0; i < count; i++) {
		struct cached c = r.w->cached[i];

		/* a translated request, of which the unit looks at the context entry only */
		if (c.kind == CACHED_TLB && r.tlb && c.rid == r.rid && c.iova == r.iova)
			model_judge(r.w, r.rid, r.iova, &c.outcome);
		if (c.late != (r.view == VIEW_BUFFERED) || !covers(&c, r.domain, r.iova))
			continue;
		if (c.kind == CACHED_LEAF) {
			c.outcome.pa += c.outcome.granted ? r.iova - c.iova : 0;
			answer(&r, &c.outcome);
		} else if (c.kind == CACHED_TABLE) {
			walk(&r,
			     (struct step){c.low, r.iova, (u32)(c.high >> 2), c.high & 3, false});
		}
	}
	walk(&r,
	     (struct step){context[0] & ADDRESS, r.iova, levels_of(context), READ | WRITE, true});
}

/* By what has been read, and by what a cache has of the kind; next is where it leads. */
static void go_on(struct request r, enum cached_kind kind, u8 reason, const u64 entry[2],
                  void (*next)(struct request r, const u64 entry[2]))
{
	struct walker *w = r.w;
	struct outcome o = {.reason = reason};
	u32 count;

	if (!reason)
		keep_context(&r, kind, domain_of(entry), entry[0], entry[1]);
	else if (has(w, CAP, CAP_CM)) /* 6.1: under domain 0 */
		keep_context(&r, kind, 0, 0, reason);
	else
		model_judge(w, r.rid, r.iova, &o);
	count = w->cached_count;
	for (u32 i = 0; i < count; i++) {
		struct cached c = w->cached[i];

		if (c.kind != kind || c.rid != r.rid || c.late != (r.view == VIEW_BUFFERED))
			continue;
		o.reason = (u8)c.high;
		if (c.low)
			next(r, (u64[]){c.low, c.high});
		else
			model_judge(w, r.rid, r.iova, &o);
	}
}

static void translate_by_pasid(struct request r, const u64 context[2])
{
	u64 entry[2];
	u8 reason = read_pasid(r.w, r.view, context[0], entry);

	go_on(r, CACHED_PASID, reason, entry, translate_with);
}

static void translate_in_view(struct request r)
{
	u64 context[2];

	if (r.w->scalable)
		go_on(r, CACHED_CONTEXT, read_scalable_context(r.w, r.view, r.rid, context),
		      context, translate_by_pasid);
	else
		go_on(r, CACHED_CONTEXT, read_context(r.w, r.view, r.rid, context), context,
		      translate_with);
}

void walker_translate(struct walker *w, u16 rid, u64 iova)
{
	bool coherent = is_coherent(w);

	for (enum view view = 0; w->translating && view < VIEWS; view++) {
		if ((view == VIEW_BUFFERED && !w->behind) ||
		    (coherent && (view == VIEW_FLUSHED || view == VIEW_MIXED)))
			continue;
		translate_in_view((struct request){w, view, rid, 0, iova, false});
	}
}

void walker_judge_flights(struct walker *w)
{
	for (u32 i = 0; i < w->cached_count; i++) {
		const struct cached *c = &w->cached[i];

		if (c->kind == IN_FLIGHT)
			model_judge(w, c->rid, c->iova, &c->outcome);
	}
}

/* ---- invalidations, 6.5.2 ---- */

/* Whether a context-cache descriptor names it. */
static bool is_context_named(const struct walker *w, const struct cached *c, u64 low)
{
	u32 scope = low >> 4 & 3;

	if (w->scalable && scope == 3) /* its entries have no domain */
		return c->kind == CACHED_CONTEXT && c->rid == (u16)(low >> 32);
	return c->kind == CACHED_CONTEXT &&
	       (scope == 1 ||
	        (c->domain == (u16)(low >> 16) && (scope == 2 || c->rid == (u16)(low >> 32))));
}

/* Whether an IOTLB descriptor names it. */
static bool is_translation_named(const struct cached *c, u64 low, u64 high)
{
	u32 scope = low >> 4 & 3;
	u64 size = PAGE_SIZE << (high & 0x3f), first = ALIGN_DOWN(high, size);

	if (c->kind == CACHED_CONTEXT || c->kind == CACHED_PASID || c->kind == CACHED_TLB ||
	    (scope != 1 && c->domain != (u16)(low >> 16)))
		return false;
	if (scope != 3)
		return true;
	if (c->kind == CACHED_TABLE && high & BIT(6)) /* the hint: leaves only */
		return false;
	return c->iova < first + size && first < c->iova + c->size;
}

/* Whether a device-TLB descriptor names it. */
static bool is_in_tlb_named(const struct cached *c, u64 low, u64 high)
{
	u64 size = high & 1 ? (PAGE_SIZE * 2) << __builtin_ctzll(~(high >> 12)) : PAGE_SIZE;
	u64 first = high & ~(size - 1) & ~(PAGE_SIZE - 1);

	return c->kind == CACHED_TLB && c->rid == (u16)(low >> 32) &&
	       (!size || c->iova - first < size);
}

bool walker_has_in_tlb(const struct walker *w, u16 rid)
{
	for (u32 i = 0; i < w->cached_count; i++) {
		if (w->cached[i].kind == CACHED_TLB && w->cached[i].rid == rid)
			return true;
	}
	return false;
}

/* What is in flight is only done with by draining: of reads (bit 7), of writes (bit 6). */
static bool survives(struct walker *w, struct cached *c, u64 low)
{
	u64 able = FIELD_GET(MASK(55, 54), reg64(w, CAP));
	u64 drained = (low >> 6 & 3) | (~able & 3);

	if (c->kind != IN_FLIGHT)
		return false;
	if (drained & 1)
		c->outcome.granted &= ~WRITE;
	if (drained & 2)
		c->outcome.granted &= ~READ;
	return c->outcome.granted;
}

void walker_obey_descriptor(struct walker *w, u64 low, u64 high)
{
	u32 kind = low & 0xf, kept = 0;

	if (kind == 5)
		return;
	w->invalidations++;
	drain_write_buffer(w); /* 6.8 */
	if (kind == 2 && (low >> 4 & 3) == 3 &&
	    (!has(w, CAP, CAP_PSI) || (high & 0x3f) > FIELD_GET(MASK(53, 48), reg64(w, CAP))))
		fail_msg("the unit has no page-selective invalidation of 2^%u pages",
		         (u32)high & 0x3f);
	for (u32 i = 0; i < w->cached_count; i++) {
		struct cached *c = &w->cached[i];
		bool goes =
			(low == 0x37 && c->kind == CACHED_PASID) || /* all of them */
			(kind == 1 && is_context_named(w, c, low)) ||
			(kind == 3 && is_in_tlb_named(c, low, high)) ||
			(kind == 2 && is_translation_named(c, low, high) && !survives(w, c, low));

		if (!goes)
			w->cached[kept++] = *c;
	}
	w->cached_count = kept;
}

void walker_obey_command(struct walker *w, u32 command, bool on)
{
	if (command == COMMAND_SRTP) {
		w->root_pa = reg64(w, RTADDR) & ADDRESS;
		w->scalable = has(w, RTADDR, SCALABLE);
	} else if (command == COMMAND_TE) {
		w->translating = on;
	} else if (command == COMMAND_WBF) {
		drain_write_buffer(w);
	}
}

void walker_reset(struct walker *w, struct fake_unit *unit)
{
	free(w->behind);
	memset(w, 0, sizeof(*w));
	w->unit = unit;
	if (!has(w, CAP, CAP_RWBF))
		return;
	w->behind = malloc(FAKE_MEM_PAGES * PAGE_SIZE);
	assert_non_null(w->behind);
	memset(w->behind, 0xa7, FAKE_MEM_PAGES * PAGE_SIZE);
}
