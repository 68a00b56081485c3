// SPDX-License-Identifier: BSD-2-Clause
#include "core/mem.h"

#include "core/cpu.h"
#include "core/lock.h"
#include "core/pagetable.h"
#include "core/x86.h"
#include "lib/string.h"

/* linker.ld */
extern u8 image_start[], text_start[], text_end[], rodata_start[], rodata_end[], data_start[],
	data_end[], pool_start[], pool_end[];

static const struct pt_format host_format = {
	.present = PTE_P,
	.table_bits = PTE_P | PTE_W,
	.large = PTE_PS,
	.address = PTE_ADDRESS,
};

/* Page tables translate 48 bits; the upper 16 repeat the last one. */
#define TABLE_VA(va) ((u64)(va)&MASK(47, 0))

#define RAM_BITS      (PTE_P | PTE_W | PTE_NX)
#define REGISTER_BITS (PTE_P | PTE_W | PTE_NX | PTE_PCD | PTE_PWT)

/* Set once by mem_init; afterwards only mem_map_* changes the tables, under mem_lock. */
static u64 image_pa;
static u64 direct_base; /* 0 while the door's identity map is in use */
static struct pagetable tables;
static struct lock mem_lock;

/* The pool: pages never used yet, and a list of freed ones; guarded by pool_lock. */
static struct lock pool_lock;
static u64 pool_next, pool_free;
static u64 pool_used; /* pages */
/* By page of the image and the pool; each belongs to the owner of the page. */
static u16 page_counts[HYPERVISOR_SIZE / PAGE_SIZE];

void *phys_to_virt(u64 pa)
{
	return (void *)(direct_base + pa);
}

u64 virt_to_phys(const void *va)
{
	if ((u64)va >= (u64)image_start)
		return image_pa + ((u64)va - (u64)image_start);
	return (u64)va - direct_base;
}

u64 page_alloc(void)
{
	u64 pa = 0;

	lock_take(&pool_lock);
	if (pool_free) {
		pa = pool_free;
		pool_free = *(u64 *)phys_to_virt(pa);
	} else if (pool_next < virt_to_phys(pool_end)) {
		pa = pool_next;
		pool_next += PAGE_SIZE;
	}
	pool_used += pa != 0;
	lock_give(&pool_lock);
	return pa;
}

u64 page_alloc_zeroed(void)
{
	u64 pa = page_alloc();

	if (pa)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

void page_free(u64 pa)
{
	lock_take(&pool_lock);
	*(u64 *)phys_to_virt(pa) = pool_free;
	pool_free = pa;
	pool_used--;
	lock_give(&pool_lock);
}

u64 page_used_count(void)
{
	return pool_used;
}

u32 page_used_percent(void)
{
	return (u32)(100 * pool_used / ((u64)(pool_end - pool_start) / PAGE_SIZE));
}

u16 *page_count(u64 pa)
{
	return &page_counts[(pa - image_pa) / PAGE_SIZE];
}

bool mem_is_hypervisor(u64 pa, u64 size)
{
	return pa < virt_to_phys(pool_end) && image_pa < pa + size;
}

static err_t map_image(const u8 *start, const u8 *end, u64 bits)
{
	return pt_map(&tables, TABLE_VA(start), virt_to_phys(start), (u64)(end - start), bits);
}

/* W^X: text RX, rodata R, data RW; then the guard pages go. */
static err_t map_whole_image(void)
{
	TRY(map_image(text_start, text_end, PTE_P));
	TRY(map_image(rodata_start, rodata_end, PTE_P | PTE_NX));
	TRY(map_image(data_start, data_end, RAM_BITS));
	for (u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		for (u32 i = 0; i < IST_END; i++)
			TRY(pt_unmap(&tables, TABLE_VA(cpu_stacks[cpu].stack[i].guard), PAGE_SIZE));
	}
	return E_OK;
}

/* All RAM, but not a second, writable name for the image; the pool is part of it. */
static err_t map_direct(const struct boot_info *info)
{
	u64 base = TABLE_VA(MEM_DIRECT_BASE);

	for (u32 i = 0; i < info->memory_count; i++) {
		const struct boot_memory *m = &info->memory[i];
		u64 start = ALIGN_UP(m->base_pa, PAGE_SIZE);
		u64 end = ALIGN_DOWN(m->base_pa + m->size, PAGE_SIZE);

		if (m->type != BOOT_MEMORY_RESERVED && m->type != BOOT_MEMORY_UNUSABLE &&
		    start < end)
			TRY(pt_map(&tables, base + start, start, end - start, RAM_BITS));
	}
	return pt_unmap(&tables, base + image_pa, (u64)(pool_start - image_start));
}

u8 mem_leaf_sizes(void)
{
	bool has_1g = cpuid(0x80000001, 0).edx & BIT(26);

	return PT_LEAF_4K | PT_LEAF_2M | (has_1g ? PT_LEAF_1G : 0);
}

void mem_load_tables(void)
{
	CPU_WRITE_CR(3, tables.root_pa);
}

err_t mem_map_low(u64 code_pa, u64 root_pa)
{
	TRY(pt_map(&tables, code_pa, code_pa, PAGE_SIZE, PTE_P));
	memcpy(phys_to_virt(root_pa), phys_to_virt(tables.root_pa), PAGE_SIZE);
	return E_OK;
}

void mem_unmap_low(u64 code_pa)
{
	if (!pt_unmap(&tables, code_pa, PAGE_SIZE)) /* a whole leaf: nothing is split */
		pt_release(&tables);
}

err_t mem_init(const struct boot_info *info)
{
	image_pa = info->image_pa;
	pool_next = virt_to_phys(pool_start);
	TRY(pt_init(&tables, &host_format, 4, mem_leaf_sizes(), false));
	TRY(map_whole_image());
	TRY(map_direct(info));
	mem_load_tables();
	direct_base = MEM_DIRECT_BASE;
	return E_OK;
}

/* Maps those pages that are not mapped yet; registers never where RAM is. */
static err_t map_missing_pages(u64 pa, u64 end, u64 bits)
{
	for (; pa < end; pa += PAGE_SIZE) {
		u64 leaf_size,
			leaf = pt_lookup(&tables, TABLE_VA(MEM_DIRECT_BASE) + pa, &leaf_size);

		if (!leaf)
			TRY(pt_map(&tables, TABLE_VA(MEM_DIRECT_BASE) + pa, pa, PAGE_SIZE, bits));
		else if ((bits & PTE_PCD) && !(leaf & PTE_PCD))
			return E_OVERLAP;
	}
	return E_OK;
}

static err_t map_pages(u64 pa, u64 size, u64 bits)
{
	u64 start = ALIGN_DOWN(pa, PAGE_SIZE), end = ALIGN_UP(pa + size, PAGE_SIZE);
	err_t e;

	if (!size || end <= start)
		return E_OUT_OF_RANGE;
	lock_take(&mem_lock);
	e = pt_map(&tables, TABLE_VA(MEM_DIRECT_BASE) + start, start, end - start, bits);
	if (e == E_ALREADY_MAPPED)
		e = map_missing_pages(start, end, bits);
	lock_give(&mem_lock);
	return e;
}

err_t mem_map_mmio(u64 pa, u64 size, struct mmio *mmio)
{
	TRY(map_pages(pa, size, REGISTER_BITS));
	mmio->base_pa = pa;
	mmio->base = phys_to_virt(pa);
	return E_OK;
}

err_t mem_map_firmware(u64 pa, u64 size, const u8 **bytes)
{
	TRY(map_pages(pa, size, RAM_BITS));
	*bytes = phys_to_virt(pa);
	return E_OK;
}
