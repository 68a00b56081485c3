// SPDX-License-Identifier: BSD-2-Clause
#include "guests/demo/paging.h"

#define PTE_TABLE   0x003u /* present, writable */
#define PTE_LARGE   0x083u /* and large */
#define PTE_PRESENT 0x001u

#define LG2_4K 12
#define LG2_2M 21
#define LG2_4M 22

#define CR0_PG   (1u << 31)
#define CR4_PSE  (1u << 4)
#define CR4_PAE  (1u << 5)
#define EFER_LME (1u << 8)

#define ENTRIES    512  /* of 8 bytes */
#define ENTRIES_32 1024 /* of 4 bytes */

#define PAGE_ALIGNED __attribute__((aligned(4096)))

extern uint64_t page_directories[4 * ENTRIES];

/* 64-bit entries, for long mode and PAE: one page table, and PAE's own top level. */
static void map_64(uint32_t first, uint32_t second, uint32_t *pae_cr3)
{
	static uint64_t table[ENTRIES] PAGE_ALIGNED, top[4] PAGE_ALIGNED;

	table[0] = first | PTE_TABLE;
	table[1] = second | PTE_TABLE;
	page_directories[PAGING_WINDOW >> LG2_2M] = (uintptr_t)table | PTE_TABLE;
	for (int i = 0; i < 4; i++)
		top[i] = (uintptr_t)&page_directories[i * ENTRIES] | PTE_PRESENT;
	*pae_cr3 = (uint32_t)(uintptr_t)top;
}

/* 32-bit entries: 4 MiB pages, and a page table around the window. */
static void map_32(uint32_t first, uint32_t second, uint32_t *cr3)
{
	static uint32_t table[ENTRIES_32] PAGE_ALIGNED, directory[ENTRIES_32] PAGE_ALIGNED;
	uint32_t *entry = &table[PAGING_WINDOW >> LG2_4K & (ENTRIES_32 - 1)];

	entry[0] = first | PTE_TABLE;
	entry[1] = second | PTE_TABLE;
	for (uint32_t i = 0; i < ENTRIES_32; i++)
		directory[i] = i << LG2_4M | PTE_LARGE;
	directory[PAGING_WINDOW >> LG2_4M] = (uint32_t)(uintptr_t)table | PTE_TABLE;
	*cr3 = (uint32_t)(uintptr_t)directory;
}

void paging_init(const void *first, const void *second, struct paging_modes *modes)
{
	uint32_t first_pa = (uint32_t)(uintptr_t)first, second_pa = (uint32_t)(uintptr_t)second;
	uint64_t cr0, cr3, cr4;

	__asm__ volatile("mov %%cr0, %0\n\tmov %%cr3, %1\n\tmov %%cr4, %2"
	                 : "=r"(cr0), "=r"(cr3), "=r"(cr4));
	modes->long_mode = (struct paging){(uint32_t)cr0, (uint32_t)cr3, (uint32_t)cr4, EFER_LME};
	modes->none = (struct paging){modes->long_mode.cr0 & ~CR0_PG, 0, 0, 0};
	modes->pae = modes->long_mode;
	modes->pae.efer = 0;
	modes->bits32 = modes->pae;
	modes->bits32.cr4 = (modes->pae.cr4 & ~CR4_PAE) | CR4_PSE;
	map_64(first_pa, second_pa, &modes->pae.cr3);
	map_32(first_pa, second_pa, &modes->bits32.cr3);
	__asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
}
