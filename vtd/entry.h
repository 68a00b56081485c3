/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything a unit reads from memory, built by one pure constructor per kind (house rule 2). */
#ifndef VTD_ENTRY_H
#define VTD_ENTRY_H

#include "core/pagetable.h"
#include "lib/types.h"
#include "vtd/vtd.h"

struct vtd_root {
	u64 low, high;
};

struct vtd_descriptor {
	u64 low, high;
};

struct vtd_irte {
	u64 low, high;
};

#define VTD_TABLE_ENTRIES 256u /* of a root table by bus, of a context table by devfn */

_Static_assert(sizeof(struct vtd_root) * VTD_TABLE_ENTRIES == PAGE_SIZE, "9.1");
_Static_assert(sizeof(struct vtd_context) * VTD_TABLE_ENTRIES == PAGE_SIZE, "9.3");
_Static_assert(sizeof(struct vtd_descriptor) == 16, "6.5.2");
_Static_assert(sizeof(struct vtd_irte) * VTD_INTERRUPTS == PAGE_SIZE, "9.10");

/* Second-stage tables (9.8). */
extern const struct pt_format vtd_second_stage;
/* access: VTD_READ, VTD_WRITE; at least one, for an entry without is absent. */
u64 vtd_leaf_attributes(u64 access, bool snoop);

struct vtd_root vtd_root_entry(u64 context_table_pa);
/* levels: 3, 4 or 5. Faults are reported; a device TLB is not allowed, but for VTD_CONTEXT_TLB. */
struct vtd_context vtd_context_entry(u64 table_pa, u8 levels, u16 domain_id);

/* Scalable mode. What vtd_context_entry is to a device, for all devices of a space (R20): the first
 * half of its PASID entry; the rest is 0. */
struct vtd_context vtd_pasid_entry(u64 table_pa, u8 levels, u16 domain_id, bool snoop);

/* Source id verified in full, one CPU in physical mode. extended: the unit has EIME set. */
struct vtd_irte vtd_irte_entry(const struct vtd_interrupt *interrupt, bool extended);

/* scope: VTD_DESC_GLOBAL, VTD_DESC_DEVICE. */
struct vtd_descriptor vtd_flush_contexts(u64 scope, u16 rid, u16 domain_id);
/* Every PASID entry. */
struct vtd_descriptor vtd_flush_pasids(void);
/* scope: VTD_DESC_GLOBAL, VTD_DESC_DOMAIN, VTD_DESC_PAGES: 2^pages_lg2 ones at iova, a multiple of
 * that; else both are 0. drain: of VTD_DESC_DRAIN, what the unit has. */
struct vtd_descriptor vtd_flush_iotlb(u64 scope, u16 domain_id, u64 iova, u8 pages_lg2, u64 drain);
/* What the device TLB of a function has of 2^pages_lg2 pages at iova. depth: how many of these it
 * can queue (PCIe 10.5.1.2); by_function: the unit has ECAP.DIT. */
struct vtd_descriptor vtd_flush_tlb(u16 rid, u8 depth, bool by_function, u64 iova, u8 pages_lg2);
/* What is cached of the interrupt remapping table. scope: VTD_DESC_INDEX, or 0: all. */
struct vtd_descriptor vtd_flush_interrupts(u64 scope, u16 index);
/* Writes data to status_pa (a multiple of 4) when all before it is done. Never with an
 * interrupt. */
struct vtd_descriptor vtd_wait(u64 status_pa, u32 data);

#endif
