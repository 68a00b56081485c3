// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queued invalidation (6.5.2), or where there is none by registers. Every call queues
 * descriptors and a wait descriptor, moves the tail once, and returns when the unit has written the
 * wait's status data. So the queue is empty whenever a call begins, and there is always room.
 */
#include "core/cache.h"
#include "core/deadline.h"
#include "core/mem.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

/* Each wait has status data of its own: a late write for an old one is never taken for it. */
static bool await_status(struct vtd_unit *unit)
{
	const u32 *status = phys_to_virt(unit->status_pa);
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);
	bool late;

	do {
		late = deadline_passed(deadline);
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == unit->status_count)
			return true;
	} while (!late && !(mmio_r32(&unit->regs, VTD_FSTS) & (VTD_FSTS_IQE | VTD_FSTS_ITE)));
	return false;
}

/* 6.5.1: the same by registers. A unit without a queue remaps no interrupts. */
static err_t use_registers(struct vtd_unit *unit, struct vtd_descriptor d)
{
	bool contexts = FIELD_GET(VTD_DESC_TYPE, d.low) == VTD_DESC_CONTEXT;
	u32 iva = FIELD_GET(VTD_ECAP_IRO, unit->ecap) * 16;
	u32 at = contexts ? VTD_CCMD : iva + VTD_IOTLB;
	u64 scope = FIELD_GET(VTD_DESC_SCOPE, d.low), id = FIELD_GET(VTD_DESC_DOMAIN_ID, d.low);
	u64 value = FIELD_PUT(VTD_IOTLB_SCOPE, scope) | FIELD_PUT(VTD_IOTLB_DID, id) |
	            FIELD_PUT(VTD_IOTLB_DRAIN, FIELD_GET(VTD_DESC_DRAIN, d.low));

	if (contexts)
		value = FIELD_PUT(VTD_CCMD_SCOPE, scope) | id |
		        FIELD_PUT(VTD_CCMD_SID, FIELD_GET(VTD_DESC_SOURCE_ID, d.low));
	else
		mmio_w64(&unit->regs, iva + VTD_IVA, d.high);
	mmio_w64(&unit->regs, at, VTD_INVALIDATE | value);
	if (vtd_unit_wait(unit, at + 4, VTD_INVALIDATE >> 32, 0) &&
	    mmio_r64(&unit->regs, at) & (contexts ? VTD_CCMD_DONE : VTD_IOTLB_DONE))
		return E_OK;
	return vtd_unit_fail(unit, "invalidation", E_TIMEOUT);
}

static void enqueue(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_descriptor *queue = phys_to_virt(unit->queue_pa);

	queue[unit->queue_tail] = d; /* the second half of a wide one stays 0 */
	unit->queue_tail = (unit->queue_tail + (unit->scalable ? 2 : 1)) % VTD_IQ_ENTRIES;
}

/* 6.5.2.10, 6.5.2.11: a device TLB has not answered. The unit has given up the waits, and goes on
 * once ITE is clear; where its time-out is longer than ours (it may be a minute), the queue begins
 * anew. What the unit still writes for that wait, it writes where nobody looks. */
static err_t revive(struct vtd_unit *unit)
{
	unit->status_pa += sizeof(u32);
	if (mmio_r32(&unit->regs, VTD_FSTS) & VTD_FSTS_ITE) {
		mmio_w32(&unit->regs, VTD_FSTS, VTD_FSTS_ITE);
		return E_OK;
	}
	TRY(vtd_unit_command(unit, VTD_GCMD_QIE, false, "queued-invalidation"));
	return vtd_start_queue(unit);
}

/* One wait for all. E_DEVICE_TLB: of these, or of one given up before, a device TLB has not
 * answered, and none of them may be done. An invalid descriptor stops the queue for good. */
static err_t submit(struct vtd_unit *unit, const struct vtd_descriptor *d, u32 count)
{
	bool tlbs = FIELD_GET(VTD_DESC_TYPE, d[count - 1].low) == VTD_DESC_TLB;
	u32 status;

	if (unit->failed)
		return E_TIMEOUT;
	if (!(unit->ecap & VTD_ECAP_QI))
		return use_registers(unit, *d);
	for (u32 i = 0; i < count; i++)
		enqueue(unit, d[i]);
	enqueue(unit, vtd_wait(unit->status_pa, ++unit->status_count));
	cache_fence();
	mmio_w64(&unit->regs, VTD_IQT, FIELD_PUT(VTD_IQ_OFFSET, unit->queue_tail));
	if (await_status(unit))
		return E_OK;
	status = mmio_r32(&unit->regs, VTD_FSTS);
	if (status & VTD_FSTS_IQE || !(tlbs || (status & VTD_FSTS_ITE && unit->tlb_count)))
		return vtd_unit_fail(unit, "invalidation", E_TIMEOUT);
	TRY(revive(unit));
	return E_DEVICE_TLB;
}

/* Alone, and once more after a time-out that may be another's. */
static err_t insist(struct vtd_unit *unit, struct vtd_descriptor d)
{
	err_t e = submit(unit, &d, 1);

	if (e == E_DEVICE_TLB)
		e = submit(unit, &d, 1);
	if (e == E_DEVICE_TLB && FIELD_GET(VTD_DESC_TYPE, d.low) != VTD_DESC_TLB)
		return vtd_unit_fail(unit, "invalidation", E_TIMEOUT);
	return e;
}

static err_t invalidate(struct vtd_unit *unit, struct vtd_descriptor d)
{
	err_t e;

	lock_take(&unit->queue_lock);
	e = insist(unit, d);
	lock_give(&unit->queue_lock);
	return e;
}

/* ---- device TLBs ---- */

#define ALL_PAGES_LG2 (64 - PAGE_SIZE_LG2)

static struct vtd_descriptor flush_tlb(const struct vtd_unit *unit, const struct vtd_tlb *t,
                                       u64 iova, u8 pages_lg2)
{
	return vtd_flush_tlb(t->rid, t->depth, unit->ecap & VTD_ECAP_DIT, iova, pages_lg2);
}

/* Empties one. If it does not answer, what it still has is worth nothing: the unit lets nothing of
 * the device pass, translated or not (4.2.2: the context entry is looked up for both). */
static err_t empty_tlb(struct vtd_unit *unit, struct vtd_tlb *t)
{
	err_t e = insist(unit, flush_tlb(unit, t, 0, ALL_PAGES_LG2));

	if (e != E_DEVICE_TLB)
		return e;
	t->lost = true;
	unit->tlbs_lost++;
	vtd_block(unit, t->rid);
	return insist(unit, vtd_flush_contexts(VTD_DESC_DEVICE, t->rid, t->domain_id));
}

/* With the device TLBs of the domain after the unit's own (6.5.2.5): else they could be refilled
 * with what is stale there. */
static err_t invalidate_with_tlbs(struct vtd_unit *unit, struct vtd_descriptor iotlb, u16 domain_id,
                                  u64 iova, u8 pages_lg2)
{
	struct vtd_descriptor all[1 + VTD_TLBS_MAX] = {iotlb};
	u32 count = 1;
	err_t e;

	for (const struct vtd_tlb *t = unit->tlbs; t < unit->tlbs + unit->tlb_count; t++) {
		if (t->domain_id == domain_id && !t->lost)
			all[count++] = flush_tlb(unit, t, iova, pages_lg2);
	}
	if (count == 1)
		return insist(unit, iotlb);
	e = submit(unit, all, count);
	if (e != E_DEVICE_TLB)
		return e;
	/* Somebody has not answered; the others are emptied while it is found out. */
	TRY(insist(unit, iotlb));
	for (struct vtd_tlb *t = unit->tlbs; t < unit->tlbs + unit->tlb_count; t++) {
		if (t->domain_id == domain_id && !t->lost)
			TRY(empty_tlb(unit, t));
	}
	return E_OK;
}

/* 6.5.2.1: a PASID entry is cached apart from the context entry that leads to it. */
static err_t invalidate_contexts(struct vtd_unit *unit, u64 scope, u16 rid, u16 domain_id)
{
	TRY(invalidate(unit, vtd_flush_contexts(scope, rid, domain_id)));
	return unit->scalable ? invalidate(unit, vtd_flush_pasids()) : E_OK;
}

/* DMA that was translated before is complete, too, where the unit can say so. */
static struct vtd_descriptor flush_iotlb(const struct vtd_unit *unit, u64 scope, u16 domain_id,
                                         u64 iova, u8 pages_lg2)
{
	u64 drain = FIELD_PUT(VTD_DESC_DRAIN, FIELD_GET(VTD_CAP_DRAIN, unit->cap));

	return vtd_flush_iotlb(scope, domain_id, iova, pages_lg2, drain);
}

err_t vtd_invalidate_all(struct vtd_unit *unit)
{
	TRY(invalidate_contexts(unit, VTD_DESC_GLOBAL, 0, 0));
	return invalidate(unit, flush_iotlb(unit, VTD_DESC_GLOBAL, 0, 0, 0));
}

err_t vtd_invalidate_device(struct vtd_unit *unit, u16 rid, u16 cached_id, u16 domain_id)
{
	TRY(invalidate_contexts(unit, VTD_DESC_DEVICE, rid, cached_id));
	return invalidate(unit, flush_iotlb(unit, VTD_DESC_DOMAIN, domain_id, 0, 0));
}

err_t vtd_invalidate_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size)
{
	u64 differ = (iova ^ (iova + size - 1)) >> PAGE_SIZE_LG2;
	u8 pages_lg2 = differ ? 64 - __builtin_clzll(differ) : 0; /* aligned pages that cover it */

	struct vtd_descriptor iotlb;
	err_t e;

	iova = ALIGN_DOWN(iova, PAGE_SIZE << pages_lg2);
	iotlb = !(unit->cap & VTD_CAP_PSI) || pages_lg2 > FIELD_GET(VTD_CAP_MAMV, unit->cap)
	                ? flush_iotlb(unit, VTD_DESC_DOMAIN, domain_id, 0, 0)
	                : flush_iotlb(unit, VTD_DESC_PAGES, domain_id, iova, pages_lg2);
	lock_take(&unit->queue_lock);
	e = invalidate_with_tlbs(unit, iotlb, domain_id, iova, pages_lg2);
	lock_give(&unit->queue_lock);
	return e;
}

static struct vtd_tlb *find_tlb(struct vtd_unit *unit, u16 rid)
{
	for (struct vtd_tlb *t = unit->tlbs; t < unit->tlbs + unit->tlb_count; t++) {
		if (t->rid == rid)
			return t;
	}
	return NULL;
}

err_t vtd_add_tlb(struct vtd_unit *unit, u16 rid, const struct vtd_space *space, u8 depth)
{
	err_t e = unit->tlb_count < VTD_TLBS_MAX ? E_OK : E_TOO_MANY;

	lock_take(&unit->queue_lock);
	if (!e)
		unit->tlbs[unit->tlb_count++] =
			(struct vtd_tlb){rid, space->domain_id, depth, false};
	lock_give(&unit->queue_lock);
	return e;
}

err_t vtd_remove_tlb(struct vtd_unit *unit, u16 rid)
{
	struct vtd_tlb *t;
	err_t e = E_OK;

	lock_take(&unit->queue_lock);
	t = find_tlb(unit, rid);
	if (t && !t->lost)
		e = empty_tlb(unit, t);
	if (t && t->lost)
		e = E_DEVICE_TLB;
	else if (t)
		*t = unit->tlbs[--unit->tlb_count];
	lock_give(&unit->queue_lock);
	return e;
}

bool vtd_tlb_is_lost(struct vtd_unit *unit, u16 rid)
{
	const struct vtd_tlb *t;
	bool lost;

	lock_take(&unit->queue_lock);
	t = find_tlb(unit, rid);
	lost = t && t->lost;
	lock_give(&unit->queue_lock);
	return lost;
}

bool vtd_tlb_supported(const struct vtd_unit *unit)
{
	return !(~unit->ecap & (VTD_ECAP_DT | VTD_ECAP_QI));
}

err_t vtd_invalidate_interrupts(struct vtd_unit *unit, bool all, u16 index)
{
	return invalidate(unit, vtd_flush_interrupts(all ? 0 : VTD_DESC_INDEX, index));
}

err_t vtd_flush_write_buffer(struct vtd_unit *unit)
{
	if (!(unit->cap & VTD_CAP_RWBF))
		return E_OK;
	return vtd_unit_command(unit, VTD_GCMD_WBF, true, "write-buffer");
}

err_t vtd_announce_device(struct vtd_unit *unit, u16 rid, u16 domain_id)
{
	if (unit->cap & VTD_CAP_CM) /* 6.1: an absent context entry is cached under domain 0 */
		return vtd_invalidate_device(unit, rid, 0, domain_id);
	return vtd_flush_write_buffer(unit);
}

err_t vtd_announce_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size)
{
	if (unit->cap & VTD_CAP_CM)
		return vtd_invalidate_range(unit, domain_id, iova, size);
	return vtd_flush_write_buffer(unit);
}
