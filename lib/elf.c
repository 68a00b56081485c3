// SPDX-License-Identifier: BSD-2-Clause
#include "lib/elf.h"
#include "lib/bytes.h"

#define ELF_MAGIC          0x464c457fu
#define ELF_CLASS_32       1
#define ELF_CLASS_64       2
#define ELF_LITTLE_ENDIAN  1
#define ELF_TYPE_EXEC      2
#define ELF_MACHINE_386    3
#define ELF_MACHINE_X86_64 62
#define ELF_PT_LOAD        1

/* The program header table, from the file header of either class. */
struct program_headers {
	u64 offset;
	u32 entry_size, count;
};

static err_t parse_file_header(const u8 *file, size_t size, struct elf_image *image,
                               struct program_headers *headers)
{
	bool is_64;

	if (size < 4 || get_u32(file) != ELF_MAGIC)
		return E_BAD_SIGNATURE;
	if (size < 52)
		return E_TRUNCATED;
	is_64 = file[4] == ELF_CLASS_64;
	if (is_64 && size < 64)
		return E_TRUNCATED;
	if ((!is_64 && file[4] != ELF_CLASS_32) || file[5] != ELF_LITTLE_ENDIAN ||
	    get_u16(file + 16) != ELF_TYPE_EXEC ||
	    get_u16(file + 18) != (is_64 ? ELF_MACHINE_X86_64 : ELF_MACHINE_386))
		return E_UNSUPPORTED;
	image->is_64 = is_64;
	image->entry = is_64 ? get_u64(file + 24) : get_u32(file + 24);
	headers->offset = is_64 ? get_u64(file + 32) : get_u32(file + 28);
	headers->entry_size = get_u16(file + (is_64 ? 54 : 42));
	headers->count = get_u16(file + (is_64 ? 56 : 44));
	if (headers->entry_size != (is_64 ? 56 : 32))
		return E_BAD_VALUE;
	if (headers->offset > size || size - headers->offset < headers->entry_size * headers->count)
		return E_TRUNCATED;
	return E_OK;
}

static struct elf_segment get_segment(const u8 *header, bool is_64)
{
	if (is_64)
		return (struct elf_segment){
			.flags = get_u32(header + 4),
			.offset = get_u64(header + 8),
			.va = get_u64(header + 16),
			.pa = get_u64(header + 24),
			.file_size = get_u64(header + 32),
			.memory_size = get_u64(header + 40),
		};
	return (struct elf_segment){
		.offset = get_u32(header + 4),
		.va = get_u32(header + 8),
		.pa = get_u32(header + 12),
		.file_size = get_u32(header + 16),
		.memory_size = get_u32(header + 20),
		.flags = get_u32(header + 24),
	};
}

static err_t check_segment(const struct elf_segment *s, size_t size, bool is_64)
{
	u64 limit = is_64 ? ~0ull : 1ull << 32;

	if (s->file_size > s->memory_size || s->memory_size > limit ||
	    s->pa > limit - s->memory_size || s->va > limit - s->memory_size)
		return E_BAD_VALUE;
	if (s->offset > size || s->file_size > size - s->offset)
		return E_TRUNCATED;
	return E_OK;
}

static err_t add_segment(struct elf_image *image, const struct elf_segment *segment)
{
	for (u32 i = 0; i < image->segment_count; i++) {
		const struct elf_segment *other = &image->segment[i];

		if (segment->pa < other->pa + other->memory_size &&
		    other->pa < segment->pa + segment->memory_size)
			return E_OVERLAP;
	}
	if (image->segment_count == ELF_SEGMENTS_MAX)
		return E_TOO_MANY;
	image->segment[image->segment_count++] = *segment;
	return E_OK;
}

err_t elf_parse(const u8 *file, size_t size, struct elf_image *image)
{
	struct program_headers headers;

	*image = (struct elf_image){0};
	TRY(parse_file_header(file, size, image, &headers));
	for (u32 i = 0; i < headers.count; i++) {
		const u8 *header = file + headers.offset + i * headers.entry_size;
		struct elf_segment segment = get_segment(header, image->is_64);

		if (get_u32(header) != ELF_PT_LOAD)
			continue;
		TRY(check_segment(&segment, size, image->is_64));
		if (segment.memory_size)
			TRY(add_segment(image, &segment));
	}
	return image->segment_count ? E_OK : E_BAD_VALUE;
}

err_t elf_find_multiboot1(const u8 *file, size_t size, u32 *flags)
{
	const u32 magic = 0x1badb002;
	size_t end = MIN(size, 8192);

	for (size_t i = 0; i + 12 <= end; i += 4) {
		const u8 *at = file + i;

		if (get_u32(at) == magic && magic + get_u32(at + 4) + get_u32(at + 8) == 0) {
			*flags = get_u32(at + 4);
			return E_OK;
		}
	}
	return E_NO_MULTIBOOT1;
}
