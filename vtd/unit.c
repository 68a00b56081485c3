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
	unit->snoop_control = unit->ecap & VTD_ECAP_SC;
	unit->walk_coherent = unit->ecap & VTD_ECAP_C;
	unit->levels = FIELD_GET(VTD_CAP_SAGAW, unit->cap) << 3;
	unit->leaf_sizes = PT_LEAF_4K |
	                   FIELD_PUT(PT_LEAF_2M | PT_LEAF_1G, FIELD_GET(VTD_CAP_SLLPS, unit->cap));
	unit->domain_ids = 1u << (4 + 2 * FIELD_GET(VTD_CAP_ND, unit->cap));
	unit->fault_records = FIELD_GET(VTD_CAP_NFR, unit->cap) + 1;
	unit->fault_offset = FIELD_GET(VTD_CAP_FRO, unit->cap) * VTD_FRCD_SIZE;
}

static err_t map_registers(struct vtd_unit *unit, u64 base_pa, u64 size)
{
	err_t e = mem_map_mmio(base_pa, size, &unit->regs);

	unit->regs.base_pa = base_pa;
	return e ? refuse(unit, "registers", e) : E_OK;
}

err_t vtd_unit_probe(struct vtd_unit *unit, u32 index, const struct dmar_unit *facts)
{
	*unit = (struct vtd_unit){.index = index, .segment = facts->segment};
	TRY(map_registers(unit, facts->base_pa, VTD_REGISTERS));
	unit->cap = mmio_r64(&unit->regs, VTD_CAP);
	unit->ecap = mmio_r64(&unit->regs, VTD_ECAP);
	if (unit->cap == ~0ull || unit->ecap == ~0ull)
		return refuse(unit, "registers", E_NO_HARDWARE);
	decode_capabilities(unit);
	if (!unit->levels)
		return refuse(unit, "address-widths", E_UNSUPPORTED);
	return map_registers(unit, facts->base_pa,
	                     MAX(unit->fault_offset + unit->fault_records * VTD_FRCD_SIZE,
	                         FIELD_GET(VTD_ECAP_IRO, unit->ecap) * 16 + 16));
}

/* How walks of tables go is ECAP.SMPWC's and PWSNP's affair there: here they do not snoop. */
void vtd_unit_set_scalable(struct vtd_unit *unit)
{
	unit->scalable = !(~unit->ecap & (VTD_ECAP_QI | VTD_ECAP_SMTS | VTD_ECAP_SSTS));
	if (unit->scalable)
		unit->walk_coherent = false;
}

/* ---- commands ---- */

err_t vtd_unit_fail(struct vtd_unit *unit, const char *step, err_t e)
{
	log_line("error unit=%u step=%s reason=%s fault-status=0x%x queue-head=0x%lx", unit->index,
	         step, error_name(e), mmio_r32(&unit->regs, VTD_FSTS),
	         mmio_r64(&unit->regs, VTD_IQH));
	unit->failed = true;
	unit->running = false;
	return e;
}

bool vtd_unit_wait(const struct vtd_unit *unit, u32 offset, u32 mask, u32 value)
{
	u64 deadline = deadline_in_us(VTD_TIMEOUT_US);
	bool late;

	do {
		late = deadline_passed(deadline);
		if ((mmio_r32(&unit->regs, offset) & mask) == value)
			return true;
	} while (!late);
	return false;
}

err_t vtd_unit_command(struct vtd_unit *unit, u32 command, bool on, const char *step)
{
	u32 kept = mmio_r32(&unit->regs, VTD_GSTS) & VTD_GSTS_KEEP & ~command;
	u32 set = on ? command : 0;
	u32 done = command == VTD_GCMD_WBF ? 0 : set; /* WBFS: still under way */

	if (unit->failed)
		return E_TIMEOUT;
	mmio_w32(&unit->regs, VTD_GCMD, kept | set);
	if (vtd_unit_wait(unit, VTD_GSTS, command, done))
		return E_OK;
	return vtd_unit_fail(unit, step, E_TIMEOUT);
}

/* ---- stop ---- */

static err_t turn_off(struct vtd_unit *unit, u32 command, const char *step)
{
	if (!(mmio_r32(&unit->regs, VTD_GSTS) & command))
		return E_OK;
	if (command == VTD_GCMD_QIE) /* 6.5.2: when it is empty, or stands still at an error */
		(void)vtd_unit_wait(unit, VTD_IQH, VTD_IQ_OFFSET,
		                    mmio_r32(&unit->regs, VTD_IQT) & VTD_IQ_OFFSET);
	return vtd_unit_command(unit, command, false, step);
}

err_t vtd_unit_stop(struct vtd_unit *unit)
{
	unit->running = false;
	unit->interrupts_pa = 0;
	TRY(turn_off(unit, VTD_GCMD_IRE, "interrupt-remapping"));
	TRY(turn_off(unit, VTD_GCMD_CFI, "compatibility-format"));
	TRY(turn_off(unit, VTD_GCMD_TE, "translation"));
	TRY(turn_off(unit, VTD_GCMD_QIE, "queued-invalidation"));
	mmio_w32(&unit->regs, VTD_PMEN, 0); /* 11.4.8: reserved, and zero, where there is none */
	if (vtd_unit_wait(unit, VTD_PMEN, VTD_PMEN_PRS, 0))
		return E_OK;
	return vtd_unit_fail(unit, "protected-memory", E_TIMEOUT);
}

/* ---- start ---- */

/* What has been allocated when one is missing stays: the hypervisor does not start then. */
static err_t allocate_tables(struct vtd_unit *unit)
{
	unit->root_pa = page_alloc_zeroed();
	unit->queue_pa = page_alloc_zeroed();
	unit->status_pa = page_alloc_zeroed();
	if (!unit->root_pa || !unit->queue_pa || !unit->status_pa)
		return vtd_unit_fail(unit, "tables", E_NO_MEMORY);
	if (!unit->walk_coherent)
		cache_flush_range(phys_to_virt(unit->root_pa), PAGE_SIZE);
	return E_OK;
}

/* No event yet; what firmware's time has left behind is no fault of ours. */
static void reset_faults(struct vtd_unit *unit)
{
	struct vtd_fault fault;
	bool overflow;

	mmio_w32(&unit->regs, VTD_FECTL, VTD_FECTL_IM);
	for (u32 i = 0; i < unit->fault_records && vtd_next_fault(unit, &fault, &overflow); i++)
		;
	mmio_w32(&unit->regs, VTD_FSTS, VTD_FSTS_PFO | VTD_FSTS_QUEUE);
}

err_t vtd_start_queue(struct vtd_unit *unit)
{
	unit->queue_tail = 0;
	mmio_w64(&unit->regs, VTD_IQT, 0);
	mmio_w64(&unit->regs, VTD_IQA, unit->queue_pa | (unit->scalable ? VTD_IQA_WIDE : 0));
	return vtd_unit_command(unit, VTD_GCMD_QIE, true, "queued-invalidation");
}

err_t vtd_unit_start(struct vtd_unit *unit)
{
	TRY(allocate_tables(unit));
	reset_faults(unit);
	TRY(vtd_flush_write_buffer(unit));
	mmio_w64(&unit->regs, VTD_RTADDR,
	         unit->root_pa | (unit->scalable ? VTD_RTADDR_SCALABLE : 0));
	TRY(vtd_unit_command(unit, VTD_GCMD_SRTP, true, "root-table"));
	if (unit->ecap & VTD_ECAP_QI)
		TRY(vtd_start_queue(unit));
	TRY(vtd_invalidate_all(unit));
	TRY(vtd_unit_command(unit, VTD_GCMD_TE, true, "translation"));
	unit->running = true;
	return E_OK;
}
