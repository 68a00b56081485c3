/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF executables, 32 and 64 bit x86, as bytes in, load segments out (System V gABI, chapters 4,
 * 5). */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "lib/error.h"
#include "lib/types.h"

#define ELF_SEGMENTS_MAX 16
struct elf_segment {
	u64 offset, file_size; /* in the file */
	u64 pa, va, memory_size;
};

struct elf_image {
	u64 entry;
	u32 segment_count; /* PT_LOAD with memory_size > 0, in file order */
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* E_BAD_SIGNATURE, E_TRUNCATED, E_UNSUPPORTED (not x86, not an executable), E_BAD_VALUE (file size
 * above memory size, wrapping address, nothing to load), E_OVERLAP (two segments in physical
 * memory), E_TOO_MANY. */
err_t elf_parse(const u8 *file, size_t size, struct elf_image *image) must_check;

/* The Multiboot1 header (Multiboot 0.6.96, 3.1): magic, flags, checksum, 4-aligned in the first
 * 8192 bytes. E_NO_MULTIBOOT1. */
err_t elf_find_multiboot1(const u8 *file, size_t size, u32 *flags) must_check;

#endif
