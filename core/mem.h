/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own memory: its address space and its page pool.
 *
 * Layout: the image at its link address, W^X; all RAM but the image's text, rodata and data at
 * MEM_DIRECT_BASE + pa, RW and NX; mapped device registers at the same base, uncached.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "boot/boot_info.h"
#include "lib/error.h"
#include "lib/types.h"
#include "core/mmio.h"

#define MEM_DIRECT_BASE 0xffff800000000000ull
#define HYPERVISOR_SIZE MIB(16) /* image and pool, as linker.ld lays them out */

/* Builds and loads the page tables; from here on phys_to_virt works. */
err_t mem_init(const struct boot_info *info) must_check;

/* On another CPU than the first. */
void mem_load_tables(void);
/* For a CPU on its way into long mode: this page of code is mapped at its own address, too, and
 * another page gets a copy of the root table, to be loaded with 32 bits. E_NO_MEMORY. */
err_t mem_map_low(u64 code_pa, u64 root_pa) must_check;
void mem_unmap_low(u64 code_pa);

/* PT_LEAF_* that the CPU's own page tables may use, and AMD's nested ones. */
u8 mem_leaf_sizes(void);

/* RAM and mapped registers only; anything else faults when touched. */
void *phys_to_virt(u64 pa);
/* Of an address in the image or in the direct map. */
u64 virt_to_phys(const void *va);

/* Pages of the pool (4 KiB). 0 when it is empty. Contents undefined, or zero. */
u64 page_alloc(void);
u64 page_alloc_zeroed(void);
void page_free(u64 pa);
/* Pages of the pool in use; how much of it that is. */
u64 page_used_count(void);
u32 page_used_percent(void);
/* A number that goes with a page of the pool, for whoever has allocated it. */
u16 *page_count(u64 pa);

/* Uncached mapping of registers; pa and size need not be aligned. Mapped twice is fine.
 * E_OVERLAP where RAM is. */
err_t mem_map_mmio(u64 pa, u64 size, struct mmio *mmio) must_check;
/* Firmware's memory that the memory map may not call RAM (ACPI tables). */
err_t mem_map_firmware(u64 pa, u64 size, const u8 **bytes) must_check;

/* [pa, pa + size) is touched by the hypervisor's image and pool. */
bool mem_is_hypervisor(u64 pa, u64 size);

#endif
