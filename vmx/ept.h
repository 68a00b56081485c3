/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended page tables: their format, and the memory types of R16. */
#ifndef VMX_EPT_H
#define VMX_EPT_H

#include "core/pagetable.h"
#include "core/vm.h"

extern const struct pt_format ept_format;

/* Leaf attributes, all permissions: RAM of this memory type; device memory, never executable. */
u64 ept_ram(enum vm_memory_type type);
u64 ept_mmio(void);

/* The guest fetches an instruction at gpa: the 4 KiB page of RAM gets an executable leaf of its
 * own. E_NOT_MAPPED: no RAM is there; E_NO_MEMORY. The caller invalidates. */
err_t ept_allow_fetch(struct pagetable *pt, u64 gpa) must_check;

/* Every RAM leaf gets this memory type; device memory stays UC. The caller invalidates. */
void ept_set_memory_type(struct pagetable *pt, enum vm_memory_type type);

/* The pointer to these tables (SDM volume 3, 25.6.11). */
u64 ept_pointer(const struct pagetable *pt);

/* PT_LEAF_* of a CPU with this IA32_VMX_EPT_VPID_CAP. */
u8 ept_leaf_sizes(u64 ept_vpid);

#endif
