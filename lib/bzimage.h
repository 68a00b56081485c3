/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux bzImage headers (Documentation/arch/x86/boot.rst, protocol 2.12 with XLF_KERNEL_64). */
#ifndef LIB_BZIMAGE_H
#define LIB_BZIMAGE_H

#include "lib/error.h"
#include "lib/types.h"

struct bzimage {
	u32 setup_header_offset, setup_header_size; /* what is copied into boot_params at 0x1f1 */
	u32 kernel_offset, kernel_size;             /* protected-mode part in the file */
	u64 preferred_address;
	u32 alignment;
	u32 init_size; /* bytes the kernel needs from its load address */
	u32 command_line_max;
	bool relocatable;
};

/* E_BAD_SIGNATURE, E_TRUNCATED, E_UNSUPPORTED (protocol below 2.12, not 64-bit), E_BAD_LENGTH (of
 * the setup header), E_BAD_VALUE (no kernel, init_size below its size, alignment not a power of
 * two). */
err_t bzimage_parse(const u8 *file, size_t size, struct bzimage *image) must_check;

#endif
