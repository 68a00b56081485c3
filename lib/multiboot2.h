/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 boot information (Multiboot2 2.0, section 3.6) as bytes in, one tag at a time out. */
#ifndef LIB_MULTIBOOT2_H
#define LIB_MULTIBOOT2_H

#include "lib/error.h"
#include "lib/types.h"

enum multiboot2_tag_type {
	MULTIBOOT2_TAG_END = 0,
	MULTIBOOT2_TAG_CMDLINE = 1,
	MULTIBOOT2_TAG_MODULE = 3,
	MULTIBOOT2_TAG_MMAP = 6,
	MULTIBOOT2_TAG_ACPI_OLD = 14,
	MULTIBOOT2_TAG_ACPI_NEW = 15,
};

struct multiboot2_tag {
	u32 type;
	const u8 *body; /* after type and size */
	u32 body_size;
};

/* *offset starts at 0 and is advanced. E_OK with type END at the end; E_TRUNCATED, E_BAD_LENGTH. */
err_t multiboot2_next(const u8 *info, size_t size, u32 *offset,
                      struct multiboot2_tag *tag) must_check;

struct multiboot2_module {
	u32 start, end;
	const char *command_line; /* inside the tag, terminated (checked) */
};
/* E_BAD_LENGTH; E_BAD_VALUE if it ends before it starts. */
err_t multiboot2_module(const struct multiboot2_tag *tag, struct multiboot2_module *m) must_check;

/* Entries of the memory map tag; index from 0. False past the end. */
bool multiboot2_mmap_entry(const struct multiboot2_tag *tag, u32 index, u64 *base, u64 *length,
                           u32 *type);

#endif
