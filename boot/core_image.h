/* SPDX-License-Identifier: BSD-2-Clause */
/* The core's ELF file put into memory, and the page tables it is entered on: for a door that is in
 * long mode already, at identity. */
#ifndef BOOT_CORE_IMAGE_H
#define BOOT_CORE_IMAGE_H

#include "lib/elf.h"

#define CORE_IMAGE_ALIGNMENT MIB(2) /* of its physical address */

struct core_image {
	const u8 *file;
	struct elf_image elf;
	u64 va, size; /* in memory, page pool included */
	u64 pa;       /* the caller's choice */
};

/* Fills all but pa. Errors of elf_parse. */
err_t core_image_parse(struct core_image *core, const u8 *file, size_t file_size) must_check;
/* Copies the segments to core->pa; the rest is zero. */
void core_image_load(const struct core_image *core);

/* Four-level tables: identity from 0 up to and including `top`, and the core at its link address.
 * They take core_image_tables_size(top) bytes at root_pa. Supervisor, writable, executable. */
u64 core_image_tables_size(u64 top);
void core_image_map(const struct core_image *core, u64 top, u64 root_pa);

#endif
