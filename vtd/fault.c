// SPDX-License-Identifier: BSD-2-Clause
#include "vtd/reg.h"
#include "vtd/vtd.h"

/* 7.1.3: by reason code; interrupts from 0x20, scalable mode from 0x30. */
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
	[0x27] = "posted-interrupt descriptor not accessible",
	[0x30] = "invalid root table address",
	[0x31] = "request with PASID in legacy mode",
	[0x32] = "page group request in legacy mode",
	[0x38] = "root table not readable",
	[0x39] = "root entry not present",
	[0x3a] = "reserved bit in root entry",
	[0x40] = "context table not readable",
	[0x41] = "context entry not present",
	[0x42] = "reserved bit in context entry",
	[0x43] = "invalid context entry",
	[0x44] = "device TLB not enabled in context entry",
	[0x45] = "PASID not enabled in context entry",
	[0x46] = "PASID beyond the context entry's limit",
	[0x47] = "page requests not enabled in context entry",
	[0x48] = "invalid RID_PASID in context entry",
	[0x50] = "PASID directory not readable",
	[0x51] = "PASID directory entry not present",
	[0x52] = "reserved bit in PASID directory entry",
	[0x58] = "PASID table not readable",
	[0x59] = "PASID entry not present",
	[0x5a] = "reserved bit in PASID entry",
	[0x5b] = "invalid PASID entry",
	[0x5c] = "execute request not enabled in PASID entry",
	[0x5d] = "supervisor request not enabled in PASID entry",
	[0x70] = "first-stage table not readable",
	[0x71] = "first-stage entry not present",
	[0x72] = "reserved bit in first-stage entry",
	[0x73] = "first-stage root table not readable",
	[0x74] = "first-stage table beyond the nested width",
	[0x75] = "no permission to read the first-stage root table",
	[0x76] = "no permission to read a first-stage table",
	[0x77] = "no permission to write a first-stage table",
	[0x78] = "second-stage table not readable",
	[0x79] = "no permission in second-stage entry",
	[0x7a] = "reserved bit in second-stage entry",
	[0x7b] = "invalid second-stage root table",
	[0x7c] = "second-stage A/D update in no-snoop mode",
	[0x80] = "first-stage address not canonical",
	[0x81] = "user access to a supervisor page",
	[0x82] = "no execute permission",
	[0x83] = "address beyond the hardware's width",
	[0x84] = "second-stage address beyond the width",
	[0x85] = "no write permission",
	[0x86] = "no read permission",
	[0x87] = "address in the interrupt range",
	[0x90] = "first-stage A/D update in no-snoop mode",
	[0x91] = "first-stage A/D update failed",
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

static bool change_event(struct vtd_unit *unit, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&unit->fault_event, &from, to, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_SEQ_CST);
}

void vtd_start_fault_event(struct vtd_unit *unit, u32 apic_id)
{
	if (apic_id > 0xff && !(unit->ecap & VTD_ECAP_EIM))
		return;
	mmio_w32(&unit->regs, VTD_FEDATA, VTD_FEDATA_NMI);
	mmio_w32(&unit->regs, VTD_FEADDR,
	         (u32)(VTD_INTERRUPT_FIRST | FIELD_PUT(VTD_FEADDR_ID, apic_id)));
	mmio_w32(&unit->regs, VTD_FEUADDR, apic_id & VTD_FEUADDR_ID);
	unit->fault_event = VTD_EVENT_TAKEN;
}

bool vtd_take_fault_event(struct vtd_unit *unit)
{
	bool pending = mmio_r32(&unit->regs, VTD_FSTS) & VTD_FSTS_EVENTS;

	return (pending && change_event(unit, VTD_EVENT_ARMED, VTD_EVENT_TAKEN)) ||
	       change_event(unit, VTD_EVENT_OWED, VTD_EVENT_TAKEN);
}

/* What came since FSTS was clear is sent when the mask goes. What has been taken is not, but QEMU
 * sees that only when FSTS is written. Queue errors keep new events away: it is polled while they
 * last. */
void vtd_arm_fault_event(struct vtd_unit *unit)
{
	if (unit->fault_event != VTD_EVENT_TAKEN ||
	    mmio_r32(&unit->regs, VTD_FSTS) & VTD_FSTS_QUEUE)
		return;
	mmio_w32(&unit->regs, VTD_FSTS, 0);
	__atomic_store_n(&unit->fault_event, VTD_EVENT_ARMED, __ATOMIC_SEQ_CST);
	mmio_w32(&unit->regs, VTD_FECTL, 0);
}

bool vtd_next_fault(struct vtd_unit *unit, struct vtd_fault *fault, bool *overflow)
{
	u32 status = mmio_r32(&unit->regs, VTD_FSTS);
	u32 first = FIELD_GET(VTD_FSTS_FRI, status);
	bool found = false, sent;

	if (status == ~0u) /* the unit is gone */
		status = 0;
	if (status & VTD_FSTS_EVENTS && unit->fault_event != VTD_EVENT_NONE) {
		mmio_w32(&unit->regs, VTD_FECTL, VTD_FECTL_IM);
		/* What is still pending now will not be sent (11.4.7.2). */
		sent = !(mmio_r32(&unit->regs, VTD_FECTL) & VTD_FECTL_IP);
		change_event(unit, VTD_EVENT_ARMED, sent ? VTD_EVENT_OWED : VTD_EVENT_TAKEN);
	}
	for (u32 i = 0; (status & VTD_FSTS_PPF) && i < unit->fault_records && !found; i++)
		found = take_record(unit, first + i, fault);
	*overflow = status & VTD_FSTS_PFO;
	if (*overflow) /* nothing is recorded until it is cleared, so a place is made first */
		mmio_w32(&unit->regs, VTD_FSTS, VTD_FSTS_PFO);
	return found;
}
