/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory map of struct boot_info, built one firmware entry at a time. */
#ifndef BOOT_MEMORY_MAP_H
#define BOOT_MEMORY_MAP_H

#include "boot/boot_info.h"

/*
 * Adds [base_pa, base_pa + size) in any order. The map stays sorted, merged and free of overlaps:
 * where two entries overlap, the one that is not USABLE wins. Returns how many bytes of usable
 * memory had to be given up because the map was full: the smallest usable entry goes, which is
 * safe.
 */
u64 boot_memory_add(struct boot_info *info, u64 base_pa, u64 size, u32 type);

#endif
