// SPDX-License-Identifier: BSD-2-Clause
#include "vtd/unit.h"
#include "core/cache.h"
#include "core/deadline.h"
#include "core/log.h"
#include "core/mem.h"
#include "vtd/reg.h"

/* ---- probe ---- */

static err_t refuse(const struct vtd_unit *unit, const char *what, err_t e)
{
	log_line("error unit=%u base=0x%lx cap=0x%lx ecap=0x%lx missing=%s reason=%s", unit->index,
	         unit->regs.base_pa, unit->cap, unit->ecap, what, error_name(e));
	return e;
}

static void decode_capabilities(struct vtd_unit *unit)
{
	u64 cap = unit->cap;

	unit->snoop_control = unit->ecap & VTD_ECAP_SC;
	unit->walk_coherent = unit->ecap & VTD_ECAP_C;
	unit->levels = (FIELD_GET(VTD_CAP_SAGAW, cap) << 2) & (BIT(3) | BIT(4) | BIT(5));
	unit->leaf_sizes = PT_LEAF_4K;
	if (cap & VTD_CAP_SLLPS2M)
		unit->leaf_sizes |= PT_LEAF_2M | (cap & VTD_CAP_SLLPS1G ? PT_LEAF_1G : 0);
	unit->domain_ids = 1u << (4 + 2 * FIELD_GET(VTD_CAP_ND, cap));
}

static u64 fault_records_end(u64 cap)
{
	return (FIELD_GET(VTD_CAP_FRO, cap) + FIELD_GET(VTD_CAP_NFR, cap) + 1) * VTD_FRCD_SIZE;
}

err_t vtd_unit_probe(struct vtd_unit *unit, u32 index, const struct dmar_unit *facts)
{
	u64 size = facts->size_pages * PAGE_SIZE;

	*unit = (struct vtd_unit){.index = index, .segment = facts->segment};
	TRY(mem_map_mmio(facts->base_pa, size, &unit->regs));
	unit->cap = mmio_r64(&unit->regs, VTD_CAP);
	unit->ecap = mmio_r64(&unit->regs, VTD_ECAP);
	if (unit->cap == ~0ull || unit->ecap == ~0ull)
		return refuse(unit, "registers", E_NO_HARDWARE);
	decode_capabilities(unit);
	if (FIELD_GET(VTD_CAP_ND, unit->cap) > 6) /* 7 is reserved */
		return refuse(unit, "domain-ids", E_BAD_VALUE);
	if (!(unit->ecap & VTD_ECAP_QI))
		return refuse(unit, "queued-invalidation", E_UNSUPPORTED);
	if (!unit->levels)
		return refuse(unit, "address-widths", E_UNSUPPORTED);
	if (fault_records_end(unit->cap) > size)
		TRY(mem_map_mmio(facts->base_pa, fault_records_end(unit->cap), &unit->regs));
	return E_OK;
}

/* ---- commands ---- */

err_t vtd_unit_fail(struct vtd_unit *unit, const char *step, err_t e)
{
	log_line("error unit=%u step=%s reason=%s", unit->index, step, error_name(e));
	unit->failed = true;
	unit->running = false;
	return e;
}

/* Whether a register's bit reads as set, or clear, within the bound. */
static bool wait_for(const struct vtd_unit *unit, u32 offset, u32 bit, bool set)
{
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);
	bool late;

	do {
		late = deadline_passed(deadline);
		if ((mmio_r32(&unit->regs, offset) & bit) == (set ? bit : 0))
			return true;
	} while (!late);
	return false;
}

static const char *command_name(u32 command)
{
	switch (command) {
	case VTD_GCMD_TE:
		return "translation";
	case VTD_GCMD_SRTP:
		return "root-table";
	case VTD_GCMD_WBF:
		return "write-buffer";
	case VTD_GCMD_QIE:
		return "queued-invalidation";
	default:
		return "interrupt-remapping";
	}
}

err_t vtd_unit_command(struct vtd_unit *unit, u32 command, bool on)
{
	u32 kept = mmio_r32(&unit->regs, VTD_GSTS) & VTD_GSTS_KEEP;
	bool status = command == VTD_GCMD_WBF ? false : on; /* WBFS: still under way */

	if (unit->failed)
		return E_TIMEOUT;
	mmio_w32(&unit->regs, VTD_GCMD, on ? kept | command : kept & ~command);
	if (wait_for(unit, VTD_GSTS, command, status))
		return E_OK;
	return vtd_unit_fail(unit, command_name(command), E_TIMEOUT);
}

/* ---- stop ---- */

static err_t turn_off(struct vtd_unit *unit, u32 command)
{
	if (!(mmio_r32(&unit->regs, VTD_GSTS) & command))
		return E_OK;
	return vtd_unit_command(unit, command, false);
}

/* 6.5.2: a queue is turned off when it is empty; one that stopped at an error is turned off all the
 * same. */
static void drain_queue(const struct vtd_unit *unit)
{
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);

	while (((mmio_r64(&unit->regs, VTD_IQH) ^ mmio_r64(&unit->regs, VTD_IQT)) &
	        VTD_IQ_OFFSET) &&
	       !deadline_passed(deadline))
		;
}

static err_t stop_queue(struct vtd_unit *unit)
{
	if (mmio_r32(&unit->regs, VTD_GSTS) & VTD_GCMD_QIE)
		drain_queue(unit);
	return turn_off(unit, VTD_GCMD_QIE);
}

static err_t stop_protected_memory(struct vtd_unit *unit)
{
	if (!(unit->cap & (VTD_CAP_PLMR | VTD_CAP_PHMR)))
		return E_OK;
	mmio_w32(&unit->regs, VTD_PMEN, 0);
	if (wait_for(unit, VTD_PMEN, VTD_PMEN_PRS, false))
		return E_OK;
	return vtd_unit_fail(unit, "protected-memory", E_TIMEOUT);
}

err_t vtd_unit_stop(struct vtd_unit *unit)
{
	unit->running = false;
	TRY(turn_off(unit, VTD_GCMD_IRE));
	TRY(turn_off(unit, VTD_GCMD_TE));
	TRY(stop_queue(unit));
	return stop_protected_memory(unit);
}

/* ---- start ---- */

static err_t allocate_tables(struct vtd_unit *unit)
{
	u64 *const pages[] = {&unit->root_pa, &unit->queue_pa, &unit->status_pa};

	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		*pages[i] = page_alloc_zeroed();
		if (*pages[i])
			continue;
		while (i--)
			page_free(*pages[i]);
		return E_NO_MEMORY;
	}
	if (!unit->walk_coherent)
		cache_flush_range(phys_to_virt(unit->root_pa), PAGE_SIZE);
	return E_OK;
}

/* Faults are polled; what firmware's time has left behind is no fault of ours. */
static void reset_faults(struct vtd_unit *unit)
{
	struct vtd_fault fault;
	bool overflow;
	u32 records = FIELD_GET(VTD_CAP_NFR, unit->cap) + 1;

	mmio_w32(&unit->regs, VTD_FECTL, VTD_FECTL_IM);
	while (records-- && vtd_next_fault(unit, &fault, &overflow))
		;
	mmio_w32(&unit->regs, VTD_FSTS, VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);
}

err_t vtd_unit_start(struct vtd_unit *unit)
{
	TRY(allocate_tables(unit));
	reset_faults(unit);
	if (unit->cap & VTD_CAP_RWBF)
		TRY(vtd_unit_command(unit, VTD_GCMD_WBF, true));
	mmio_w64(&unit->regs, VTD_RTADDR, unit->root_pa);
	TRY(vtd_unit_command(unit, VTD_GCMD_SRTP, true));
	TRY(vtd_queue_start(unit));
	TRY(vtd_invalidate_all(unit));
	TRY(vtd_unit_command(unit, VTD_GCMD_TE, true));
	unit->running = true;
	return E_OK;
}
