// SPDX-License-Identifier: BSD-2-Clause
#include "lib/bzimage.h"
#include "lib/bytes.h"

/* Offsets of "The Real-Mode Kernel Header"; boot_params has the header at the same place. */
#define SETUP_SECTS    0x1f1 /* 0 means 4 */
#define SYSSIZE        0x1f4 /* in units of 16 bytes */
#define BOOT_FLAG      0x1fe
#define JUMP_DISTANCE  0x201 /* from 0x202 to the header's end */
#define HEADER_MAGIC   0x202 /* "HdrS" */
#define VERSION        0x206
#define XLOADFLAGS     0x236
#define HEADER_END     0x264 /* of what protocol 2.12 has and we read */
#define HEADER_END_MAX 0x290 /* what follows in boot_params belongs to others */
#define XLF_KERNEL_64  BIT(0)
#define PROTOCOL_2_12  0x020c
#define SECTOR         512u

err_t bzimage_parse(const u8 *file, size_t size, struct bzimage *image)
{
	u32 header_end;

	if (size < BOOT_FLAG + 2)
		return E_TRUNCATED;
	if (get_u16(file + BOOT_FLAG) != 0xaa55)
		return E_BAD_SIGNATURE;
	if (size < HEADER_END)
		return E_TRUNCATED;
	if (get_u32(file + HEADER_MAGIC) != 0x53726448)
		return E_BAD_SIGNATURE;
	if (get_u32(file + SYSSIZE) > UINT32_MAX / 16)
		return E_BAD_VALUE;
	if (get_u16(file + VERSION) < PROTOCOL_2_12 || !(file[XLOADFLAGS] & XLF_KERNEL_64))
		return E_UNSUPPORTED;
	header_end = HEADER_MAGIC + file[JUMP_DISTANCE];
	if (header_end < HEADER_END || header_end > HEADER_END_MAX)
		return E_BAD_LENGTH;
	*image = (struct bzimage){
		.setup_header_offset = SETUP_SECTS,
		.setup_header_size = header_end - SETUP_SECTS,
		.kernel_offset = ((file[SETUP_SECTS] ?: 4) + 1) * SECTOR,
		.kernel_size = get_u32(file + SYSSIZE) * 16,
		.preferred_address = get_u64(file + 0x258),
		.alignment = get_u32(file + 0x230),
		.init_size = get_u32(file + 0x260),
		.command_line_max = get_u32(file + 0x238),
		.relocatable = file[0x234],
	};
	if (header_end > size || image->kernel_offset > size ||
	    image->kernel_size > size - image->kernel_offset)
		return E_TRUNCATED;
	if (!image->kernel_size || image->init_size < image->kernel_size || !image->alignment ||
	    (image->alignment & (image->alignment - 1)))
		return E_BAD_VALUE;
	return E_OK;
}
