// SPDX-License-Identifier: BSD-2-Clause
#include "lib/elf.h"
#include "tests/fuzz/fuzz.h"

static void check_multiboot1(const u8 *file, size_t size)
{
	static const u8 magic[] = {0x02, 0xb0, 0xad, 0x1b};
	u32 flags;

	if (elf_find_multiboot1(file, size, &flags) == E_OK)
		assert_non_null(memmem(file, MIN(size, 8192), magic, sizeof(magic)));
}

/* Segments lie in the file and in the address space, and do not overlap in memory. */
static err_t parse(u8 *bytes, size_t size)
{
	struct elf_image image;

	check_multiboot1(bytes, size);
	TRY(elf_parse(bytes, size, &image));
	assert_in_range(image.segment_count, 1, ELF_SEGMENTS_MAX);
	for (const struct elf_segment *s = image.segment; s < image.segment + image.segment_count;
	     s++) {
		assert_true(s->offset <= size && s->file_size <= size - s->offset);
		assert_true(s->memory_size && s->file_size <= s->memory_size);
		assert_true(s->pa <= ~0ull - s->memory_size && s->va <= ~0ull - s->memory_size);
		for (const struct elf_segment *t = image.segment; t < s; t++)
			assert_true(s->pa + s->memory_size <= t->pa ||
			            t->pa + t->memory_size <= s->pa);
	}
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	parse_copy(data, size, parse);
	return 0;
}
