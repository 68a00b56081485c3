/* SPDX-License-Identifier: BSD-2-Clause */
/* The C half of the Multiboot2 door, called by its assembler half. */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "lib/types.h"

/* In: physical address of the loader's boot information. Out: that of a filled struct boot_info, or
 * 0 after an error line. */
u64 multiboot2_collect(u64 info_pa);

#endif
