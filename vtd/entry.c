// SPDX-License-Identifier: BSD-2-Clause
#include "vtd/entry.h"
#include "vtd/reg.h"
#include "vtd/vtd.h"

_Static_assert(VTD_READ == VTD_SS_R && VTD_WRITE == VTD_SS_W, "access bits are the entry's");
_Static_assert(VTD_SNOOP == VTD_SS_SNP, "so is this one");

const struct pt_format vtd_second_stage = {
	.present = VTD_SS_R | VTD_SS_W,
	.table_bits = VTD_SS_R | VTD_SS_W,
	.large = VTD_SS_PS,
	.address = VTD_TABLE_ADDRESS,
};

u64 vtd_leaf_attributes(u64 access, bool snoop)
{
	return access | (snoop ? VTD_SS_SNP : 0);
}

struct vtd_root vtd_root_entry(u64 context_table_pa)
{
	return (struct vtd_root){.low = context_table_pa | VTD_ROOT_P};
}

struct vtd_context vtd_context_entry(u64 table_pa, u8 levels, u16 domain_id)
{
	return (struct vtd_context){
		.low = table_pa | VTD_CONTEXT_P,
		.high = FIELD_PUT(VTD_CONTEXT_AW, levels - 2) |
	                FIELD_PUT(VTD_CONTEXT_DID, domain_id),
	};
}

struct vtd_context vtd_pasid_entry(u64 table_pa, u8 levels, u16 domain_id, bool snoop)
{
	return (struct vtd_context){
		.low = table_pa | VTD_PASID_P | VTD_PASID_SECOND |
	               FIELD_PUT(VTD_PASID_AW, levels - 2),
		.high = FIELD_PUT(VTD_PASID_DID, domain_id) | (snoop ? VTD_PASID_PGSNP : 0),
	};
}

struct vtd_irte vtd_irte_entry(const struct vtd_interrupt *i, bool extended)
{
	return (struct vtd_irte){
		.low = VTD_IRTE_P | (i->level ? VTD_IRTE_TM : 0) |
	               FIELD_PUT(VTD_IRTE_DLM, i->lowest_priority) |
	               FIELD_PUT(VTD_IRTE_V, i->vector) |
	               FIELD_PUT(extended ? VTD_IRTE_DST : VTD_IRTE_DST_8, i->apic_id),
		.high = FIELD_PUT(VTD_IRTE_SID, i->source_id) | VTD_IRTE_SVT_ALL,
	};
}

u32 vtd_msi_address(u16 index, bool add_data)
{
	return (u32)(VTD_MSI_ADDRESS | FIELD_PUT(VTD_MSI_INDEX, index) |
	             (add_data ? VTD_MSI_SHV : 0));
}

u64 vtd_ioapic_entry(u16 index)
{
	return VTD_IOAPIC_FORMAT | FIELD_PUT(VTD_IOAPIC_INDEX, index);
}

struct vtd_descriptor vtd_flush_contexts(u64 scope, u16 rid, u16 domain_id)
{
	return (struct vtd_descriptor){
		.low = VTD_DESC_CONTEXT | scope | FIELD_PUT(VTD_DESC_DOMAIN_ID, domain_id) |
	               FIELD_PUT(VTD_DESC_SOURCE_ID, rid),
	};
}

struct vtd_descriptor vtd_flush_pasids(void)
{
	return (struct vtd_descriptor){.low = VTD_DESC_PASIDS | VTD_DESC_ALL_PASIDS};
}

struct vtd_descriptor vtd_flush_iotlb(u64 scope, u16 domain_id, u64 iova, u8 pages_lg2, u64 drain)
{
	return (struct vtd_descriptor){
		.low = VTD_DESC_IOTLB | scope | drain | FIELD_PUT(VTD_DESC_DOMAIN_ID, domain_id),
		.high = iova | FIELD_PUT(VTD_DESC_ADDRESS_MASK, pages_lg2),
	};
}

struct vtd_descriptor vtd_flush_tlb(u16 rid, u8 depth, bool by_function, u64 iova, u8 pages_lg2)
{
	u64 ones = pages_lg2 ? (PAGE_SIZE << (pages_lg2 - 1)) - PAGE_SIZE : 0;
	u16 function = by_function ? rid : 0;

	return (struct vtd_descriptor){
		.low = VTD_DESC_TLB | FIELD_PUT(VTD_DESC_SOURCE_ID, rid) |
	               FIELD_PUT(VTD_DESC_DEPTH, depth) | FIELD_PUT(VTD_DESC_PF_LOW, function) |
	               FIELD_PUT(VTD_DESC_PF_HIGH, function >> 4),
		.high = iova | ones | (pages_lg2 ? VTD_DESC_SIZE : 0),
	};
}

struct vtd_descriptor vtd_flush_interrupts(u64 scope, u16 index)
{
	return (struct vtd_descriptor){
		.low = VTD_DESC_INTERRUPT | scope | FIELD_PUT(VTD_DESC_ENTRY, index),
	};
}

struct vtd_descriptor vtd_wait(u64 status_pa, u32 data)
{
	return (struct vtd_descriptor){
		.low = VTD_DESC_WAIT | VTD_DESC_STATUS | FIELD_PUT(VTD_DESC_STATUS_DATA, data),
		.high = status_pa,
	};
}
