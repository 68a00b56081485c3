// SPDX-License-Identifier: BSD-2-Clause
#include "lib/multiboot2.h"
#include "lib/bytes.h"

#define HEADER     8u /* two numbers: they begin the information, each tag, modules and the map */
#define MMAP_ENTRY 24u

err_t multiboot2_next(const u8 *info, size_t size, u32 *offset, struct multiboot2_tag *tag)
{
	u32 total = size < HEADER ? 0 : get_u32(info);
	u32 at = *offset ?: HEADER, tag_size;

	if (total > size || at > total || total - at < HEADER)
		return E_TRUNCATED;
	tag_size = get_u32(info + at + 4);
	if (tag_size < HEADER || tag_size > total - at)
		return E_BAD_LENGTH;
	*tag = (struct multiboot2_tag){
		.type = get_u32(info + at),
		.body = info + at + HEADER,
		.body_size = tag_size - HEADER,
	};
	/* Tags start at multiples of 8; the last one's padding may be missing. */
	*offset = (u32)MIN((u64)total, ALIGN_UP((u64)at + tag_size, 8));
	return E_OK;
}

err_t multiboot2_module(const struct multiboot2_tag *tag, struct multiboot2_module *m)
{
	if (tag->body_size < HEADER + 1 || tag->body[tag->body_size - 1] != '\0')
		return E_BAD_LENGTH;
	*m = (struct multiboot2_module){
		.start = get_u32(tag->body),
		.end = get_u32(tag->body + 4),
		.command_line = (const char *)tag->body + HEADER,
	};
	return m->end < m->start ? E_BAD_VALUE : E_OK;
}

bool multiboot2_mmap_entry(const struct multiboot2_tag *tag, u32 index, u64 *base, u64 *length,
                           u32 *type)
{
	u32 entry_size = tag->body_size < HEADER ? 0 : get_u32(tag->body);
	const u8 *entry;

	if (entry_size < MMAP_ENTRY || index >= (tag->body_size - HEADER) / entry_size)
		return false;
	entry = tag->body + HEADER + index * entry_size;
	*base = get_u64(entry);
	*length = get_u64(entry + 8);
	*type = get_u32(entry + 16);
	return true;
}
