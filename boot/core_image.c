// SPDX-License-Identifier: BSD-2-Clause
#include "boot/core_image.h"
#include "lib/string.h"

/* Page-table entries (SDM volume 3, 4.5). */
#define ENTRIES   512
#define PTE_TABLE 0x3 /* present, writable */
#define PTE_LARGE 0x83
#define LARGE     MIB(2)

/* Tables that are always there: PML4, and the core's own PDPT and PD. */
#define FIXED_TABLES 3

err_t core_image_parse(struct core_image *core, const u8 *file, size_t file_size)
{
	u64 end = 0;

	TRY(elf_parse(file, file_size, &core->elf));
	core->file = file;
	core->va = core->elf.segment[0].va;
	for (u32 i = 0; i < core->elf.segment_count; i++)
		end = MAX(end, core->elf.segment[i].va + core->elf.segment[i].memory_size);
	core->size = end - core->va;
	return E_OK;
}

void core_image_load(const struct core_image *core)
{
	memset((void *)core->pa, 0, core->size);
	for (u32 i = 0; i < core->elf.segment_count; i++) {
		const struct elf_segment *segment = &core->elf.segment[i];

		memcpy((void *)(core->pa + segment->va - core->va), core->file + segment->offset,
		       segment->file_size);
	}
}

static u64 page_directories(u64 top)
{
	return top / GIB(1) + 1;
}

static u64 directory_pointer_tables(u64 top)
{
	return (page_directories(top) + ENTRIES - 1) / ENTRIES;
}

u64 core_image_tables_size(u64 top)
{
	return (FIXED_TABLES + directory_pointer_tables(top) + page_directories(top)) * PAGE_SIZE;
}

void core_image_map(const struct core_image *core, u64 top, u64 root_pa)
{
	u64 pds = page_directories(top), pdpts = directory_pointer_tables(top);
	u64 *pml4 = (u64 *)root_pa, *core_pdpt = pml4 + ENTRIES, *core_pd = core_pdpt + ENTRIES;
	u64 *pdpt = pml4 + FIXED_TABLES * ENTRIES, *pd = pdpt + pdpts * ENTRIES;

	memset(pml4, 0, core_image_tables_size(top));
	for (u64 i = 0; i < pds * ENTRIES; i++)
		pd[i] = i * LARGE | PTE_LARGE;
	for (u64 i = 0; i < pds; i++)
		pdpt[i] = (u64)(pd + i * ENTRIES) | PTE_TABLE;
	for (u64 i = 0; i < pdpts; i++)
		pml4[i] = (u64)(pdpt + i * ENTRIES) | PTE_TABLE;

	pml4[core->va >> 39 & (ENTRIES - 1)] = (u64)core_pdpt | PTE_TABLE;
	core_pdpt[core->va >> 30 & (ENTRIES - 1)] = (u64)core_pd | PTE_TABLE;
	for (u64 at = 0; at < core->size; at += LARGE)
		core_pd[(core->va + at) >> 21 & (ENTRIES - 1)] = (core->pa + at) | PTE_LARGE;
}
