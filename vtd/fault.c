// SPDX-License-Identifier: BSD-2-Clause
#include "vtd/reg.h"
#include "vtd/vtd.h"

/* 7.1.3: by reason code; interrupts from 0x20. */
static const char *const reasons[] = {
	[0x00] = "unknown reason",
	[0x01] = "root entry not present",
	[0x02] = "context entry not present",
	[0x03] = "invalid context entry",
	[0x04] = "address beyond the width",
	[0x05] = "no write permission",
	[0x06] = "no read permission",
	[0x07] = "page table not readable",
	[0x08] = "root table not readable",
	[0x09] = "context table not readable",
	[0x0a] = "reserved bit in root entry",
	[0x0b] = "reserved bit in context entry",
	[0x0c] = "reserved bit in page-table entry",
	[0x0d] = "request type blocked by context entry",
	[0x0e] = "address in the interrupt range",
	[0x20] = "reserved bit in interrupt request",
	[0x21] = "interrupt index beyond the table",
	[0x22] = "interrupt entry not present",
	[0x23] = "interrupt table not readable",
	[0x24] = "reserved bit in interrupt entry",
	[0x25] = "compatibility-format interrupt blocked",
	[0x26] = "source id is not the interrupt entry's",
};

const char *vtd_fault_reason(u8 reason)
{
	const char *text = reason < ARRAY_SIZE(reasons) ? reasons[reason] : NULL;

	return text ?: reasons[0];
}

/* 11.4.14: takes one record out of the unit if it is valid. */
static bool take_record(const struct vtd_unit *unit, u32 index, struct vtd_fault *fault)
{
	u32 at = unit->fault_offset + index % unit->fault_records * VTD_FRCD_SIZE;
	u64 high = mmio_r64(&unit->regs, at + VTD_FRCD_HIGH);

	if (!(high & VTD_FRCD_F))
		return false;
	*fault = (struct vtd_fault){
		.rid = FIELD_GET(VTD_FRCD_SID, high),
		.reason = FIELD_GET(VTD_FRCD_FR, high),
		.read = high & VTD_FRCD_T1,
		.address = mmio_r64(&unit->regs, at + VTD_FRCD_LOW) & VTD_FRCD_FI,
	};
	mmio_w32(&unit->regs, at + VTD_FRCD_CLEAR, VTD_FRCD_CLEAR_F);
	return true;
}

bool vtd_next_fault(struct vtd_unit *unit, struct vtd_fault *fault, bool *overflow)
{
	u32 status = mmio_r32(&unit->regs, VTD_FSTS);
	u32 first = FIELD_GET(VTD_FSTS_FRI, status);
	bool found = false;

	if (status == ~0u) /* the unit is gone */
		status = 0;
	for (u32 i = 0; (status & VTD_FSTS_PPF) && i < unit->fault_records && !found; i++)
		found = take_record(unit, first + i, fault);
	*overflow = status & VTD_FSTS_PFO;
	if (*overflow) /* nothing is recorded until it is cleared, so a place is made first */
		mmio_w32(&unit->regs, VTD_FSTS, VTD_FSTS_PFO);
	return found;
}
