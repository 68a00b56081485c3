// SPDX-License-Identifier: BSD-2-Clause
#include "lib/multiboot2.h"
#include "lib/bytes.h"

#define HEADER     8u /* two numbers begin the information, each tag, and the map in its tag */
#define MMAP_ENTRY 24u

err_t multiboot2_next(const u8 *info, size_t size, u32 *offset, struct multiboot2_tag *tag)
{
	u32 at = *offset ? *offset : HEADER, total, tag_size;

	if (size < HEADER)
		return E_TRUNCATED;
	total = get_u32(info);
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
	const u32 text = 8; /* after start and end */

	if (tag->body_size < text + 1 || tag->body[tag->body_size - 1] != '\0')
		return E_BAD_LENGTH;
	*m = (struct multiboot2_module){
		.start = get_u32(tag->body),
		.end = get_u32(tag->body + 4),
		.command_line = (const char *)tag->body + text,
	};
	return m->end < m->start ? E_BAD_VALUE : E_OK;
}

bool multiboot2_mmap_entry(const struct multiboot2_tag *tag, u32 index, u64 *base, u64 *length,
                           u32 *type)
{
	const u8 *entry;
	u32 entry_size;

	if (tag->body_size < HEADER)
		return false;
	entry_size = get_u32(tag->body);
	if (entry_size < MMAP_ENTRY || index >= (tag->body_size - HEADER) / entry_size)
		return false;
	entry = tag->body + HEADER + index * entry_size;
	*base = get_u64(entry);
	*length = get_u64(entry + 8);
	*type = get_u32(entry + 16);
	return true;
}
