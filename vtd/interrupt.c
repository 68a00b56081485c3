// SPDX-License-Identifier: BSD-2-Clause
/*
 * Interrupt remapping (chapter 5). An entry is allocated while it is present: freeing one is making
 * it absent and waiting until no cache has it, so that the next owner never meets the last one's.
 */
#include "core/cache.h"
#include "core/mem.h"
#include "core/publish.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

#define SIZE_LG2 8

_Static_assert(VTD_INTERRUPTS == 1u << SIZE_LG2, "IRTA's size field");

bool vtd_interrupt_supported(const struct vtd_unit *unit, bool x2apic)
{
	return unit->ecap & VTD_ECAP_IR && unit->ecap & VTD_ECAP_QI &&
	       (!x2apic || unit->ecap & VTD_ECAP_EIM);
}

err_t vtd_interrupt_start(struct vtd_unit *unit, bool x2apic)
{
	u64 pa = page_alloc_zeroed();

	if (!pa)
		return vtd_unit_fail(unit, "interrupt-table", E_NO_MEMORY);
	if (!unit->walk_coherent)
		cache_flush_range(phys_to_virt(pa), PAGE_SIZE);
	TRY(vtd_flush_write_buffer(unit));
	mmio_w64(&unit->regs, VTD_IRTA,
	         pa | (x2apic ? VTD_IRTA_EIME : 0) | FIELD_PUT(VTD_IRTA_SIZE, SIZE_LG2 - 1));
	TRY(vtd_unit_command(unit, VTD_GCMD_SIRTP, true, "interrupt-table"));
	TRY(vtd_invalidate_interrupts(unit, true, 0));
	TRY(vtd_unit_command(unit, VTD_GCMD_IRE, true, "interrupt-remapping"));
	unit->extended_ids = x2apic;
	unit->interrupts_pa = pa;
	return E_OK;
}

static struct vtd_irte *table_of(const struct vtd_unit *unit)
{
	return phys_to_virt(unit->interrupts_pa);
}

/* What CAP.CM and CAP.RWBF ask for when an entry becomes present (6.1, 6.8), the invalidation does;
 * it is done without them, too, for interrupts are not set up often. */
static err_t store(struct vtd_unit *unit, u16 index, const struct vtd_interrupt *interrupt)
{
	struct vtd_irte *slot = &table_of(unit)[index];
	struct vtd_irte entry = vtd_irte_entry(interrupt, unit->extended_ids);

	if (slot->low == entry.low && slot->high == entry.high)
		return E_OK;
	if (slot->low & VTD_IRTE_P) /* 128 bits cannot be stored at once; all that changes is low */
		publish_entries(&slot->low, entry.low, 0, 1, !unit->walk_coherent);
	else
		publish_pair(slot, entry.low, entry.high, !unit->walk_coherent);
	return vtd_invalidate_interrupts(unit, false, index);
}

err_t vtd_interrupt_change(struct vtd_unit *unit, u16 index, const struct vtd_interrupt *first,
                           u32 count)
{
	struct vtd_interrupt interrupt = *first;

	for (; count; count--, index++, interrupt.vector++)
		TRY(store(unit, index, &interrupt));
	return E_OK;
}

err_t vtd_interrupt_allocate(struct vtd_unit *unit, const struct vtd_interrupt *first, u32 count,
                             u16 *index)
{
	u32 run = 0;

	if (unit->failed)
		return E_TIMEOUT;
	for (u16 i = 0; i < VTD_INTERRUPTS; i++) {
		run = table_of(unit)[i].low & VTD_IRTE_P ? 0 : run + 1;
		if (run < count)
			continue;
		*index = (u16)(i + 1 - count);
		return vtd_interrupt_change(unit, *index, first, count);
	}
	return E_TOO_MANY;
}

void vtd_interrupt_free(struct vtd_unit *unit, u16 index, u32 count)
{
	for (; count; count--, index++) {
		publish_entries(&table_of(unit)[index].low, 0, 0, 1, !unit->walk_coherent);
		/* A time-out has marked the unit failed: it will allocate no more. */
		(void)!vtd_invalidate_interrupts(unit, false, index);
	}
}
