/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every door hands to the core: one structure, filled by boot/efi.c or boot/multiboot2.c.
 * Below this line nobody asks how we were booted.
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include "lib/types.h"

#define BOOT_INFO_MAGIC 0x534e4f4f50493031ull /* "SNOOPI01" */
#define BOOT_MEMORY_MAX 256
#define BOOT_FILES_MAX  16
#define BOOT_NAME_MAX   64

/* ACPI 6.5, 15: address range types, as in the E820 map. */
enum boot_memory_type {
	BOOT_MEMORY_USABLE = 1,
	BOOT_MEMORY_RESERVED = 2,
	BOOT_MEMORY_ACPI_RECLAIM = 3,
	BOOT_MEMORY_ACPI_NVS = 4,
	BOOT_MEMORY_UNUSABLE = 5,
};

struct boot_memory {
	u64 base_pa, size;
	u32 type;
};

/* A file the loader has put into memory. pa = 0: it was asked for and is not there. Page-aligned.
 */
struct boot_file {
	char name[BOOT_NAME_MAX];
	u64 pa, size;
};

struct boot_info {
	u64 magic;
	char loader[16]; /* "uefi" or "multiboot2", for the log */
	u64 image_pa;    /* of the first byte of the core image; .bss and the page pool follow it */
	u64 rsdp_pa;     /* 0: none */
	struct boot_file manifest;
	u32 file_count;
	u32 memory_count; /* sorted by base, not overlapping; the image's own range is still USABLE
	                   */
	struct boot_file files[BOOT_FILES_MAX];
	struct boot_memory memory[BOOT_MEMORY_MAX];
};

#endif
