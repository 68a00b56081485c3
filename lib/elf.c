// SPDX-License-Identifier: BSD-2-Clause
#include "lib/elf.h"
#include "lib/bytes.h"

#define ELF_MAGIC         0x464c457fu
#define ELF_LITTLE_ENDIAN 1
#define ELF_TYPE_EXEC     2
#define ELF_PT_LOAD       1

/* What differs between the classes, ELFCLASS32 and ELFCLASS64: a word is an address or offset. */
static const struct elf_class {
	u8 word, header_size, program_header_size, machine;
} classes[] = {{4, 52, 32, 3 /* EM_386 */}, {8, 64, 56, 62 /* EM_X86_64 */}};

static err_t check_segment(const struct elf_segment *s, size_t size, u32 word)
{
	u64 limit = word == 8 ? ~0ull : 1ull << 32;

	if (s->file_size > s->memory_size || s->memory_size > limit ||
	    s->pa > limit - s->memory_size || s->va > limit - s->memory_size)
		return E_BAD_VALUE;
	return s->offset > size || s->file_size > size - s->offset ? E_TRUNCATED : E_OK;
}

/* In both classes the n-th word of a program header is the same field. */
static err_t add_segment(struct elf_image *image, const u8 *header, u32 word, size_t size)
{
	const struct elf_segment *other = image->segment;
	struct elf_segment segment = {
		.offset = get_uint(header + word, word),
		.va = get_uint(header + 2 * word, word),
		.pa = get_uint(header + 3 * word, word),
		.file_size = get_uint(header + 4 * word, word),
		.memory_size = get_uint(header + 5 * word, word),
	};

	TRY(check_segment(&segment, size, word));
	if (!segment.memory_size)
		return E_OK;
	for (; other < image->segment + image->segment_count; other++)
		if (segment.pa < other->pa + other->memory_size &&
		    other->pa < segment.pa + segment.memory_size)
			return E_OVERLAP;
	if (image->segment_count == ELF_SEGMENTS_MAX)
		return E_TOO_MANY;
	image->segment[image->segment_count++] = segment;
	return E_OK;
}

err_t elf_parse(const u8 *file, size_t size, struct elf_image *image)
{
	const struct elf_class *class;
	const u8 *header;
	u64 offset;
	u32 count;

	if (size < 4 || get_u32(file) != ELF_MAGIC)
		return E_BAD_SIGNATURE;
	if (size < classes[0].header_size)
		return E_TRUNCATED;
	if (file[4] < 1 || file[4] > ARRAY_SIZE(classes))
		return E_UNSUPPORTED;
	class = &classes[file[4] - 1];
	if (size < class->header_size)
		return E_TRUNCATED;
	if (file[5] != ELF_LITTLE_ENDIAN || get_u16(file + 16) != ELF_TYPE_EXEC ||
	    get_u16(file + 18) != class->machine)
		return E_UNSUPPORTED;
	*image = (struct elf_image){.entry = get_uint(file + 24, class->word)};
	offset = get_uint(file + 24 + class->word, class->word); /* e_phoff follows e_entry */
	count = get_u16(file + class->header_size - 8);          /* e_phnum follows e_phentsize */
	if (get_u16(file + class->header_size - 10) != class->program_header_size)
		return E_BAD_VALUE;
	if (offset > size || size - offset < count * class->program_header_size)
		return E_TRUNCATED;
	for (header = file + offset; count--; header += class->program_header_size)
		if (get_u32(header) == ELF_PT_LOAD)
			TRY(add_segment(image, header, class->word, size));
	return image->segment_count ? E_OK : E_BAD_VALUE;
}

err_t elf_find_multiboot1(const u8 *file, size_t size, u32 *flags)
{
	const u32 magic = 0x1badb002;
	size_t end = MIN(size, 8192);

	for (size_t i = 0; i + 12 <= end; i += 4) {
		*flags = get_u32(file + i + 4);
		if (get_u32(file + i) == magic && magic + *flags + get_u32(file + i + 8) == 0)
			return E_OK;
	}
	return E_NO_MULTIBOOT1;
}
