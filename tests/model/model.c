// SPDX-License-Identifier: BSD-2-Clause
#include "tests/model/model.h"
#include <stdio.h>
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define DEVICES_MAX 8
#define RANGES_MAX  64

enum { IQT = 0x88, IQA = 0x90, RTADDR = 0x20 };

char model_violation[256];
struct walker walkers[FAKE_UNITS];
void (*model_on_nosnoop)(const struct model_device *d);

static bool connected[FAKE_UNITS], paused, unfenced;
static struct model_device devices[DEVICES_MAX];
static struct model_range ranges[RANGES_MAX];
static u32 device_count, range_count;
static bool behind_caches[FAKE_MEM_PAGES], walked[FAKE_MEM_PAGES];
static u64 leaving_pa; /* this page is about to be freed */

static u64 page_of(u64 pa)
{
	return (pa - FAKE_MEM_BASE_PA) / PAGE_SIZE;
}

void model_violate(const char *rule, const char *format, ...)
{
	va_list arguments;
	int length;

	if (model_violation[0])
		return;
	length = snprintf(model_violation, sizeof(model_violation), "%s: ", rule);
	va_start(arguments, format);
	vsnprintf(model_violation + length, sizeof(model_violation) - (size_t)length, format,
	          arguments);
	va_end(arguments);
}

/* ---- what is right ---- */

static const struct model_device *find_device(const struct walker *w, u16 rid)
{
	for (u32 i = 0; i < device_count; i++) {
		if (&walkers[devices[i].unit] == w && devices[i].rid == rid)
			return &devices[i];
	}
	return NULL;
}

/* The range of the device's space at iova that is not out, preferring one that must be there. */
static const struct model_range *find_range(const struct model_device *d, u64 iova)
{
	const struct model_range *found = NULL;

	for (const struct model_range *r = ranges; d && r < ranges + range_count; r++) {
		if (r->space == d->space && iova >= r->iova && iova - r->iova < r->size &&
		    r->stage != STAGE_OUT && (!found || r->stage == STAGE_IN))
			found = r;
	}
	return found;
}

/* R17: what the request would read is in memory; what it writes, no cache hides later. */
static void judge_nosnoop(const struct model_device *d, u64 pa)
{
	if (!fake_mem_is_used(pa))
		return;
	if (memcmp(phys_to_virt(pa), fake_mem_seen(pa), PAGE_SIZE))
		model_violate("stale line",
		              "no-snoop DMA of %04x sees memory at %lx without what the "
		              "caches hold (R17)",
		              d->rid, pa);
	behind_caches[page_of(pa)] = true;
	if (model_on_nosnoop)
		model_on_nosnoop(d);
}

static void judge_grant(const struct model_device *d, const struct model_range *r, u16 rid,
                        u64 iova, const struct outcome *o)
{
	if (!d || d->stage == STAGE_OUT || !r || o->pa != r->pa + (iova - r->iova) ||
	    o->granted & ~r->access) {
		model_violate("stale translation", "%04x reaches %lx at iova %lx, access %x", rid,
		              o->pa, iova, o->granted);
		return;
	}
	if (o->snoop != d->space->snoop)
		model_violate("snoop format", "iova %lx has snoop=%u (R18)", iova, o->snoop);
	if (d->nosnoop && !o->snoop)
		judge_nosnoop(d, o->pa);
}

void model_judge(struct walker *w, u16 rid, u64 iova, const struct outcome *o)
{
	const struct model_device *d = find_device(w, rid);
	const struct model_range *r = find_range(d, iova);
	bool must = r && d->stage == STAGE_IN && r->stage == STAGE_IN;

	if (o->granted)
		judge_grant(d, r, rid, iova, o);
	else if (o->reason != FAULT_ROOT_ABSENT && o->reason != FAULT_CONTEXT_ABSENT &&
	         o->reason != FAULT_WRITE && o->reason != FAULT_READ)
		model_violate(o->reason == FAULT_ENTRY_RESERVED ? "reserved bit" : "torn entry",
		              "%04x at iova %lx meets fault 0x%x", rid, iova, o->reason);
	else if (must)
		model_violate("missing translation", "%04x at iova %lx meets fault 0x%x", rid, iova,
		              o->reason);
}

bool model_has_tlb(struct walker *w, u16 rid)
{
	const struct model_device *d = find_device(w, rid);

	return d && d->tlb;
}

bool model_reads_table(struct walker *w, u64 pa)
{
	if (fake_mem_is_used(pa) && ALIGN_DOWN(pa, PAGE_SIZE) != leaving_pa) {
		walked[page_of(pa)] = true;
		return true;
	}
	model_violate("free page", "unit %d walks %lx, which is no table any more",
	              (int)(w - walkers), pa);
	return false;
}

bool model_is_behind_caches(u64 pa)
{
	return behind_caches[page_of(pa)];
}

/* ---- steps ---- */

static void send_to_page(struct walker *w, u64 iova)
{
	for (u32 i = 0; i < device_count; i++) {
		if (&walkers[devices[i].unit] == w)
			walker_translate(w, devices[i].rid, iova);
	}
}

static void send_to_range(struct walker *w, const struct model_range *r)
{
	u64 middle = ALIGN_DOWN(r->iova + r->size / 2, PAGE_SIZE), end = r->iova + r->size;

	send_to_page(w, r->iova);
	if (r->iova)
		send_to_page(w, r->iova - PAGE_SIZE);
	send_to_page(w, end);
	if (r->size == PAGE_SIZE)
		return;
	send_to_page(w, end - PAGE_SIZE);
	if (middle != r->iova && middle != end - PAGE_SIZE)
		send_to_page(w, middle);
}

void model_step(void)
{
	if (paused || model_violation[0])
		return;
	for (u32 n = 0; n < FAKE_UNITS; n++) {
		if (!connected[n] || !walkers[n].translating)
			continue;
		send_to_page(&walkers[n], 0);
		for (u32 i = 0; i < range_count; i++)
			send_to_range(&walkers[n], &ranges[i]);
		walker_judge_flights(&walkers[n]);
	}
}

void model_pause(bool pause)
{
	paused = pause;
}

/* ---- the doors ---- */

static bool is_queue(u64 pa)
{
	for (u32 n = 0; n < FAKE_UNITS; n++) {
		u64 queue;

		memcpy(&queue, fake_units[n].regs + IQA, sizeof(queue));
		if (connected[n] && queue &&
		    ALIGN_DOWN(pa, PAGE_SIZE) == ALIGN_DOWN(queue, PAGE_SIZE))
			return true;
	}
	return false;
}

void model_will_store(u64 pa)
{
	unfenced |= is_queue(pa);
}

void model_stored(u64 pa)
{
	if (walked[page_of(pa)])
		model_step();
}

static void on_fence(void)
{
	unfenced = false;
	model_step();
}

static void on_write_back(u64 pa)
{
	behind_caches[page_of(pa)] = false;
}

static void on_free(u64 pa)
{
	leaving_pa = pa;
	model_step();
	leaving_pa = 0;
	walked[page_of(pa)] = false;
}

/* Units are as slow as to answer at the second look. */
static void on_time(void)
{
	static u32 looks;

	model_step();
	if (++looks % 2)
		return;
	for (u32 n = 0; n < FAKE_UNITS; n++) {
		if (connected[n])
			fake_unit_catch_up(&fake_units[n]);
	}
}

static void on_descriptor(struct fake_unit *unit, u64 low, u64 high)
{
	if ((low & 0xf) != 5 && unfenced)
		model_violate("fence", "a descriptor is read that no fence follows");
	walker_obey_descriptor(&walkers[unit - fake_units], low, high);
	model_step();
}

static void on_command(struct fake_unit *unit, u32 command, bool on)
{
	walker_obey_command(&walkers[unit - fake_units], command, on);
	model_step();
}

void model_reset(void)
{
	memset(connected, 0, sizeof(connected));
	memset(behind_caches, 0, sizeof(behind_caches));
	memset(walked, 0, sizeof(walked));
	device_count = range_count = 0;
	paused = unfenced = false;
	model_violation[0] = 0;
	model_on_nosnoop = NULL;
	fake_mem_hooks = (struct fake_mem_hooks){on_write_back, on_fence, on_free, on_time};
	fake_mmio_on_access = fake_mem_on_flush = model_step;
}

/* Before it was ours, firmware may have let any device DMA: here, one with our requester id. */
static void leave_stale_entries(struct walker *w, u16 rid)
{
	struct cached context = {.kind = CACHED_CONTEXT, .rid = rid, .domain = 1, .low = 1};
	struct cached leaf = {.kind = CACHED_LEAF, .size = GIB(4)};

	context.high = 1 << 8 | 1; /* domain 1, 39 bits */
	leaf.outcome = (struct outcome){.pa = FAKE_MEM_BASE_PA, .granted = READ | WRITE};
	for (leaf.domain = 1; leaf.domain < 4; leaf.domain++) {
		leaf.late = context.late = false;
		walker_cache(w, &leaf);
		walker_cache(w, &context);
		leaf.late = context.late = true;
		walker_cache(w, &leaf);
		walker_cache(w, &context);
	}
}

void model_add_unit(u32 n)
{
	walker_reset(&walkers[n], &fake_units[n]);
	fake_units[n].lags = true;
	fake_units[n].on_descriptor = on_descriptor;
	fake_units[n].on_command = on_command;
	connected[n] = true;
	(void)model_add_device(n, 0x00f8, false); /* one that nobody ever attaches */
	leave_stale_entries(&walkers[n], 0x00f8);
}

/* ---- the driver's calls ---- */

struct model_device *model_add_device(u32 unit, u16 rid, bool nosnoop)
{
	assert_true(device_count < DEVICES_MAX);
	devices[device_count] = (struct model_device){unit, rid, nosnoop, NULL, STAGE_OUT, false};
	return &devices[device_count++];
}

struct model_range *model_range(const struct vtd_space *space, u64 iova, u64 pa, u64 size,
                                u64 access)
{
	struct model_range *r = ranges;

	while (r < ranges + range_count &&
	       (r->space != space || r->iova != iova || r->size != size || r->stage != STAGE_OUT))
		r++;
	assert_true(r < ranges + RANGES_MAX);
	range_count = MAX(range_count, (u32)(r - ranges) + 1);
	*r = (struct model_range){space, iova, pa, size, access, STAGE_OUT};
	return r;
}

err_t model_map(struct vtd_space *space, u64 iova, u64 pa, u64 size, u64 access)
{
	struct model_range *r = model_range(space, iova, pa, size, access);
	err_t e;

	r->stage = STAGE_CHANGING;
	e = vtd_map(space, iova, pa, size, access);
	if (e != E_TIMEOUT)
		r->stage = e ? STAGE_OUT : STAGE_IN;
	model_step();
	return e;
}

/* Cuts the range at iova in two. */
static void cut(struct model_range *r, u64 iova)
{
	u64 head = iova - r->iova;

	if (iova <= r->iova || head >= r->size)
		return;
	assert_true(range_count < RANGES_MAX);
	ranges[range_count] = *r;
	ranges[range_count].iova += head;
	ranges[range_count].pa += head;
	ranges[range_count].size -= head;
	range_count++;
	r->size = head;
}

static void set_stage(const struct vtd_space *space, u64 iova, u64 size, enum stage stage)
{
	for (u32 i = 0; i < range_count; i++) {
		struct model_range *r = &ranges[i];

		if (r->space == space && r->stage != STAGE_OUT && r->iova < iova + size &&
		    iova < r->iova + r->size) {
			cut(r, iova);
			cut(r, iova + size);
			if (r->iova >= iova)
				r->stage = stage;
		}
	}
}

err_t model_unmap(struct vtd_space *space, u64 iova, u64 size)
{
	err_t e;

	set_stage(space, iova, size, STAGE_CHANGING);
	e = vtd_unmap(space, iova, size);
	if (e != E_TIMEOUT)
		set_stage(space, iova, size, e ? STAGE_IN : STAGE_OUT);
	model_step();
	return e;
}

err_t model_attach(struct vtd_unit *unit, struct model_device *d, struct vtd_space *space)
{
	err_t e;

	d->space = space;
	d->stage = STAGE_CHANGING;
	e = vtd_attach(unit, d->rid, space);
	if (e != E_TIMEOUT)
		d->stage = e ? STAGE_OUT : STAGE_IN;
	model_step();
	return e;
}

err_t model_detach(struct vtd_unit *unit, struct model_device *d)
{
	err_t e;

	d->stage = STAGE_CHANGING;
	e = vtd_detach(unit, d->rid, (struct vtd_space *)d->space);
	if (e != E_TIMEOUT)
		d->stage = e ? STAGE_IN : STAGE_OUT;
	model_step();
	return e;
}

err_t model_use_tlb(struct vtd_unit *unit, struct model_device *d)
{
	err_t e = vtd_allow_tlb(unit, d->rid, d->space, true);

	if (!e)
		e = vtd_add_tlb(unit, d->rid, d->space, 0);
	d->tlb = !e; /* bus mastering is on */
	model_step();
	return e;
}

err_t model_drop_tlb(struct vtd_unit *unit, struct model_device *d)
{
	err_t e;

	d->tlb = false;
	e = vtd_remove_tlb(unit, d->rid);
	if (!e && walker_has_in_tlb(&walkers[d->unit], d->rid))
		model_violate("device TLB", "%04x keeps translations", d->rid);
	return e ? e : vtd_allow_tlb(unit, d->rid, d->space, false);
}
