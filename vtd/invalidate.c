// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queued invalidation (6.5.2), or where there is none by registers. Every call queues one
 * descriptor and a wait descriptor, moves the tail once, and returns when the unit has written the
 * wait's status data. So the queue is empty whenever a call begins, and there is always room.
 */
#include "core/cache.h"
#include "core/deadline.h"
#include "core/mem.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

/*
 * Each wait has status data of its own: a late write for an old one is never taken for it. An
 * invalid descriptor stops the queue with the invalidation not done. The other queue errors are
 * about device TLBs, to which no requests go: they can only come of a device that answers unasked.
 */
static err_t await_status(struct vtd_unit *unit)
{
	const u32 *status = phys_to_virt(unit->status_pa);
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);
	bool late;

	do {
		late = deadline_passed(deadline);
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == unit->status_count)
			return E_OK;
	} while (!late && !(mmio_r32(&unit->regs, VTD_FSTS) & VTD_FSTS_IQE));
	return vtd_unit_fail(unit, "invalidation", E_TIMEOUT);
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

static err_t submit(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_descriptor *next = phys_to_virt(unit->queue_pa);
	u32 size = unit->scalable ? 2 : 1; /* the second half of a wide one stays 0 */

	if (unit->failed)
		return E_TIMEOUT;
	if (!(unit->ecap & VTD_ECAP_QI))
		return use_registers(unit, d);
	next += unit->queue_tail;
	next[0] = d;
	next[size] = vtd_wait(unit->status_pa, ++unit->status_count);
	unit->queue_tail = (unit->queue_tail + 2 * size) % VTD_IQ_ENTRIES;
	cache_fence();
	mmio_w64(&unit->regs, VTD_IQT, FIELD_PUT(VTD_IQ_OFFSET, unit->queue_tail));
	return await_status(unit);
}

static err_t invalidate(struct vtd_unit *unit, struct vtd_descriptor d)
{
	err_t e;

	lock_take(&unit->queue_lock);
	e = submit(unit, d);
	lock_give(&unit->queue_lock);
	return e;
}

/* 6.5.2.1: a PASID entry is cached apart from the context entry that leads to it. */
static err_t invalidate_contexts(struct vtd_unit *unit, u64 scope, u16 rid, u16 domain_id)
{
	TRY(invalidate(unit, vtd_flush_contexts(scope, rid, domain_id)));
	return unit->scalable ? invalidate(unit, vtd_flush_pasids()) : E_OK;
}

/* DMA that was translated before is complete, too, where the unit can say so. */
static err_t invalidate_iotlb(struct vtd_unit *unit, u64 scope, u16 domain_id, u64 iova,
                              u8 pages_lg2)
{
	u64 drain = FIELD_PUT(VTD_DESC_DRAIN, FIELD_GET(VTD_CAP_DRAIN, unit->cap));

	return invalidate(unit, vtd_flush_iotlb(scope, domain_id, iova, pages_lg2, drain));
}

err_t vtd_invalidate_all(struct vtd_unit *unit)
{
	TRY(invalidate_contexts(unit, VTD_DESC_GLOBAL, 0, 0));
	return invalidate_iotlb(unit, VTD_DESC_GLOBAL, 0, 0, 0);
}

err_t vtd_invalidate_device(struct vtd_unit *unit, u16 rid, u16 cached_id, u16 domain_id)
{
	TRY(invalidate_contexts(unit, VTD_DESC_DEVICE, rid, cached_id));
	return invalidate_iotlb(unit, VTD_DESC_DOMAIN, domain_id, 0, 0);
}

err_t vtd_invalidate_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size)
{
	u64 differ = (iova ^ (iova + size - 1)) >> PAGE_SIZE_LG2;
	u8 pages_lg2 = differ ? 64 - __builtin_clzll(differ) : 0; /* aligned pages that cover it */

	if (!(unit->cap & VTD_CAP_PSI) || pages_lg2 > FIELD_GET(VTD_CAP_MAMV, unit->cap))
		return invalidate_iotlb(unit, VTD_DESC_DOMAIN, domain_id, 0, 0);
	iova = ALIGN_DOWN(iova, PAGE_SIZE << pages_lg2);
	return invalidate_iotlb(unit, VTD_DESC_PAGES, domain_id, iova, pages_lg2);
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
