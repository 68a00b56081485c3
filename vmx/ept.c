// SPDX-License-Identifier: BSD-2-Clause
#include "vmx/ept.h"

#include "vmx/reg.h"

const struct pt_format ept_format = {
	.present = EPT_R | EPT_W | EPT_X,
	.table_bits = EPT_R | EPT_W | EPT_X,
	.large = EPT_LARGE,
	.address = EPT_ADDRESS,
};

/* R16. */
static const u64 memory_types[] = {
	[VM_MEMORY_WB] = EPT_TYPE_WB | EPT_IGNORE_PAT,
	[VM_MEMORY_GUEST] = EPT_TYPE_WB,
	[VM_MEMORY_UC] = EPT_TYPE_UC | EPT_IGNORE_PAT,
};

u64 ept_ram(enum vm_memory_type type)
{
	return EPT_R | EPT_W | EPT_X | memory_types[type];
}

u64 ept_mmio(void)
{
	return EPT_R | EPT_W | EPT_TYPE_UC | EPT_IGNORE_PAT | EPT_DEVICE;
}

err_t ept_allow_fetch(struct pagetable *pt, u64 gpa)
{
	u64 page = ALIGN_DOWN(gpa, PAGE_SIZE), leaf_size;
	u64 leaf = pt_lookup(pt, page, &leaf_size);
	u64 pa = (leaf & EPT_ADDRESS & ~(leaf_size - 1)) + (page & (leaf_size - 1));

	if (!leaf || leaf & EPT_DEVICE)
		return E_NOT_MAPPED;
	if (leaf & EPT_X)
		return E_OK;
	return pt_replace_page(pt, page, pa | (leaf & ~(EPT_ADDRESS | EPT_LARGE)) | EPT_X);
}

static u64 retype(void *context, u64 va, u64 entry, u64 leaf_size)
{
	const enum vm_memory_type *type = context;

	(void)va;
	(void)leaf_size;
	if (entry & EPT_DEVICE)
		return entry;
	return (entry & ~(EPT_MEMORY_TYPE | EPT_IGNORE_PAT)) | memory_types[*type];
}

void ept_set_memory_type(struct pagetable *pt, enum vm_memory_type type)
{
	pt_visit(pt, retype, &type);
}

u64 ept_pointer(const struct pagetable *pt)
{
	return pt->root_pa | EPTP_WALK(pt->levels) | EPTP_WB;
}

u8 ept_leaf_sizes(u64 ept_vpid)
{
	return (u8)(PT_LEAF_4K | (ept_vpid & EPT_CAP_2M ? PT_LEAF_2M : 0) |
	            (ept_vpid & EPT_CAP_1G ? PT_LEAF_1G : 0));
}
