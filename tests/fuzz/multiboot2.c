// SPDX-License-Identifier: BSD-2-Clause
#include "lib/multiboot2.h"
#include "tests/fuzz/fuzz.h"

static void read_tag(const struct multiboot2_tag *tag)
{
	struct multiboot2_module module;
	u64 base, length;
	u32 type;

	for (u32 i = 0; multiboot2_mmap_entry(tag, i, &base, &length, &type); i++)
		assert_true(i < tag->body_size / 24);
	if (multiboot2_module(tag, &module))
		return;
	assert_true(module.start <= module.end);
	assert_true((const u8 *)module.command_line + strlen(module.command_line) <
	            tag->body + tag->body_size);
}

/* Every step goes forward, so that the end is reached. */
static err_t parse(u8 *bytes, size_t size)
{
	struct multiboot2_tag tag;
	u32 offset = 0, last;

	do {
		last = offset;
		TRY(multiboot2_next(bytes, size, &offset, &tag));
		assert_true(offset > last && offset <= size);
		assert_true(tag.body >= bytes && tag.body + tag.body_size <= bytes + size);
		read_tag(&tag);
	} while (tag.type != MULTIBOOT2_TAG_END);
	return E_OK;
}

/* As it stands, then with the size of the whole made good. */
static err_t parse_sized(u8 *bytes, size_t size)
{
	u32 total = (u32)size;

	if (size >= sizeof(total))
		memcpy(bytes, &total, sizeof(total));
	return parse(bytes, size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	parse_copy(data, size, parse);
	parse_copy(data, size, parse_sized);
	return 0;
}
