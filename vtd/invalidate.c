// SPDX-License-Identifier: BSD-2-Clause
/*
 * Queued invalidation (6.5.2). Every call queues one descriptor and a wait descriptor, moves the
 * tail once, and returns when the unit has written the wait's status data. So the queue is empty
 * whenever a call begins, and there is always room.
 */
#include "core/cache.h"
#include "core/deadline.h"
#include "core/log.h"
#include "core/mem.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

#define QUEUE_ERRORS (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

err_t vtd_queue_start(struct vtd_unit *unit)
{
	unit->queue_tail = 0;
	mmio_w64(&unit->regs, VTD_IQT, 0);
	mmio_w64(&unit->regs, VTD_IQA, unit->queue_pa);
	return vtd_unit_command(unit, VTD_GCMD_QIE, true);
}

static void queue_put(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_descriptor *queue = phys_to_virt(unit->queue_pa);

	queue[unit->queue_tail] = d;
	unit->queue_tail = (unit->queue_tail + 1) % VTD_IQ_ENTRIES;
}

static const char *queue_error_name(u32 errors)
{
	if (errors & VTD_FSTS_IQE)
		return "invalid-descriptor";
	return errors & VTD_FSTS_ITE ? "device-tlb-timeout" : "device-tlb-completion";
}

/*
 * An invalid descriptor (IQE) and a device TLB that timed out (ITE) stop the queue with the
 * invalidation not done: nothing may rely on it, so the unit is given up. ICE is about a device TLB
 * that answered out of turn; no request of ours is lost with it.
 */
static err_t check_queue_errors(struct vtd_unit *unit)
{
	u32 errors = mmio_r32(&unit->regs, VTD_FSTS) & QUEUE_ERRORS;
	const struct vtd_descriptor *queue = phys_to_virt(unit->queue_pa);
	u64 head;

	if (!errors)
		return E_OK;
	head = FIELD_GET(VTD_IQ_OFFSET, mmio_r64(&unit->regs, VTD_IQH)) % VTD_IQ_ENTRIES;
	log_line("error unit=%u queue=%s status=0x%x head=%lu descriptor=0x%016lx%016lx",
	         unit->index, queue_error_name(errors), errors, head, queue[head].high,
	         queue[head].low);
	mmio_w32(&unit->regs, VTD_FSTS, errors);
	return errors == VTD_FSTS_ICE ? E_OK : E_NO_HARDWARE;
}

/* Each wait has status data of its own: a late write for an old one is never taken for it. */
static err_t await_status(struct vtd_unit *unit)
{
	const u32 *status = phys_to_virt(unit->status_pa);
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);
	bool late;

	do {
		late = deadline_passed(deadline);
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE) == unit->status_count)
			return E_OK;
	} while (!late && !check_queue_errors(unit));
	return vtd_unit_fail(unit, "invalidation", E_TIMEOUT);
}

static err_t invalidate(struct vtd_unit *unit, struct vtd_descriptor d)
{
	if (unit->failed)
		return E_TIMEOUT;
	queue_put(unit, d);
	queue_put(unit, vtd_wait(unit->status_pa, ++unit->status_count));
	cache_fence();
	mmio_w64(&unit->regs, VTD_IQT, FIELD_PUT(VTD_IQ_OFFSET, unit->queue_tail));
	return await_status(unit);
}

/* DMA that was translated before is complete, too, where the unit can say so. */
static u64 drain_bits(const struct vtd_unit *unit)
{
	return (unit->cap & VTD_CAP_DWD ? VTD_DESC_DRAIN_W : 0) |
	       (unit->cap & VTD_CAP_DRD ? VTD_DESC_DRAIN_R : 0);
}

err_t vtd_invalidate_all(struct vtd_unit *unit)
{
	TRY(invalidate(unit, vtd_flush_all_contexts()));
	return invalidate(unit, vtd_flush_all_iotlb(drain_bits(unit)));
}

err_t vtd_invalidate_device(struct vtd_unit *unit, u16 rid, u16 domain_id)
{
	TRY(invalidate(unit, vtd_flush_context(rid, domain_id)));
	return invalidate(unit, vtd_flush_domain(domain_id, drain_bits(unit)));
}

err_t vtd_invalidate_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size)
{
	u64 differ = (iova ^ (iova + size - 1)) >> PAGE_SIZE_LG2;
	u8 pages_lg2 = differ ? 64 - __builtin_clzll(differ) : 0; /* aligned pages that cover it */
	u64 drain = drain_bits(unit);

	if (!(unit->cap & VTD_CAP_PSI) || pages_lg2 > FIELD_GET(VTD_CAP_MAMV, unit->cap))
		return invalidate(unit, vtd_flush_domain(domain_id, drain));
	iova = ALIGN_DOWN(iova, PAGE_SIZE << pages_lg2);
	return invalidate(unit, vtd_flush_pages(domain_id, iova, pages_lg2, drain));
}

err_t vtd_announce_device(struct vtd_unit *unit, u16 rid, u16 domain_id)
{
	if (unit->cap & VTD_CAP_CM) {
		/* 6.1: an absent context entry is cached under domain 0 */
		TRY(invalidate(unit, vtd_flush_context(rid, 0)));
		return invalidate(unit, vtd_flush_domain(domain_id, drain_bits(unit)));
	}
	if (unit->cap & VTD_CAP_RWBF)
		return vtd_unit_command(unit, VTD_GCMD_WBF, true);
	return E_OK;
}

err_t vtd_announce_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size)
{
	if (unit->cap & VTD_CAP_CM)
		return vtd_invalidate_range(unit, domain_id, iova, size);
	if (unit->cap & VTD_CAP_RWBF)
		return vtd_unit_command(unit, VTD_GCMD_WBF, true);
	return E_OK;
}
