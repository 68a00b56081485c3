// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/test.h"
#include "lib/elf.h"

#define HEADER_64  64u
#define PROGRAM_64 56u
#define HEADER_32  52u
#define PROGRAM_32 32u

struct load {
	u32 type; /* 1: PT_LOAD */
	u64 offset, pa, va, file_size, memory_size;
};

struct file {
	u8 bytes[4096];
	u32 size;
};

static void put(u8 *at, u32 size, u64 value)
{
	for (u32 i = 0; i < size; i++)
		at[i] = (u8)(value >> (8 * i));
}

static struct file make_64(const struct load *loads, u32 count, u32 size)
{
	struct file f = {.size = size};

	memcpy(f.bytes,
	       "\x7f"
	       "ELF\x02\x01\x01",
	       7);
	put(f.bytes + 16, 2, 2);
	put(f.bytes + 18, 2, 62);
	put(f.bytes + 24, 8, 0xffffffff80001234);
	put(f.bytes + 32, 8, HEADER_64);
	put(f.bytes + 54, 2, PROGRAM_64);
	put(f.bytes + 56, 2, count);
	for (u32 i = 0; i < count; i++) {
		u8 *at = f.bytes + HEADER_64 + i * PROGRAM_64;

		put(at, 4, loads[i].type);
		put(at + 4, 4, 5);
		put(at + 8, 8, loads[i].offset);
		put(at + 16, 8, loads[i].va);
		put(at + 24, 8, loads[i].pa);
		put(at + 32, 8, loads[i].file_size);
		put(at + 40, 8, loads[i].memory_size);
	}
	return f;
}

static struct file make_32(const struct load *loads, u32 count, u32 size)
{
	struct file f = {.size = size};

	memcpy(f.bytes,
	       "\x7f"
	       "ELF\x01\x01\x01",
	       7);
	put(f.bytes + 16, 2, 2);
	put(f.bytes + 18, 2, 3);
	put(f.bytes + 24, 4, 0x100010);
	put(f.bytes + 28, 4, HEADER_32);
	put(f.bytes + 42, 2, PROGRAM_32);
	put(f.bytes + 44, 2, count);
	for (u32 i = 0; i < count; i++) {
		u8 *at = f.bytes + HEADER_32 + i * PROGRAM_32;

		put(at, 4, loads[i].type);
		put(at + 4, 4, loads[i].offset);
		put(at + 8, 4, loads[i].va);
		put(at + 12, 4, loads[i].pa);
		put(at + 16, 4, loads[i].file_size);
		put(at + 20, 4, loads[i].memory_size);
		put(at + 24, 4, 6);
	}
	return f;
}

static err_t parse(u8 *bytes, size_t size)
{
	struct elf_image image;

	return elf_parse(bytes, size, &image);
}

static void expect(struct file f, err_t expected)
{
	assert_error(parse_copy(f.bytes, f.size, parse), expected);
}

/* text, a note, bss without bytes in the file, nothing at all */
static const struct load good[] = {
	{1, 512, 0x100000, 0xffffffff80000000, 512, 512},
	{4, 0, 0, 0, ~0ull, 1},
	{1, 1024, 0x200000, 0xffffffff80200000, 16, 0x10000},
	{1, 0, 0x100000, 0, 0, 0},
};

static void test_elf64(void **state)
{
	struct file f = make_64(good, ARRAY_SIZE(good), 1040);
	struct elf_image image;

	(void)state;
	assert_ok(elf_parse(f.bytes, f.size, &image));
	assert_int_equal(image.entry, 0xffffffff80001234);
	assert_int_equal(image.segment_count, 2);
	assert_int_equal(image.segment[0].offset, 512);
	assert_int_equal(image.segment[0].pa, 0x100000);
	assert_int_equal(image.segment[0].va, 0xffffffff80000000);
	assert_int_equal(image.segment[1].file_size, 16);
	assert_int_equal(image.segment[1].memory_size, 0x10000);
	refuse_truncated(f.bytes, f.size, parse);
	survive_flips(f.bytes, HEADER_64 + 4 * PROGRAM_64, parse);
}

static void test_elf32(void **state)
{
	const struct load loads[] = {{1, 116, 0x100000, 0x100000, 84, 0x1000},
	                             {1, 200, 0xfffff000, 0xfffff000, 0, 0x1000}};
	struct file f = make_32(loads, 2, 200);
	struct elf_image image;

	(void)state;
	assert_ok(elf_parse(f.bytes, f.size, &image));
	assert_int_equal(image.entry, 0x100010);
	assert_int_equal(image.segment_count, 2);
	assert_int_equal(image.segment[0].file_size, 84);
	assert_int_equal(image.segment[1].pa, 0xfffff000);
	refuse_truncated(f.bytes, f.size, parse);
	survive_flips(f.bytes, f.size, parse);
}

static void test_file_header(void **state)
{
	static const struct {
		u32 offset, size;
		u64 value;
		err_t error;
	} changes[] = {
		{0, 1, 0x7e, E_BAD_SIGNATURE}, {4, 1, 0, E_UNSUPPORTED},
		{4, 1, 3, E_UNSUPPORTED},      {5, 1, 2, E_UNSUPPORTED},
		{16, 2, 3, E_UNSUPPORTED},     {16, 2, 1, E_UNSUPPORTED},
		{18, 2, 3, E_UNSUPPORTED},     {18, 2, 183, E_UNSUPPORTED},
		{4, 1, 1, E_UNSUPPORTED},      {54, 2, 32, E_BAD_VALUE},
		{54, 2, 0, E_BAD_VALUE},       {56, 2, 0xffff, E_TRUNCATED},
		{56, 2, 0, E_BAD_VALUE},       {32, 8, 1041, E_TRUNCATED},
		{32, 8, ~0ull, E_TRUNCATED},   {32, 8, 1040 - 4 * PROGRAM_64 + 1, E_TRUNCATED},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(changes); i++) {
		struct file f = make_64(good, ARRAY_SIZE(good), 1040);

		put(f.bytes + changes[i].offset, changes[i].size, changes[i].value);
		expect(f, changes[i].error);
	}
}

static void test_segments(void **state)
{
	static const struct {
		err_t error;
		struct load loads[2];
	} pairs[] = {
		/* neighbours, and the same addresses in virtual memory only */
		{E_OK, {{1, 0, 0x1000, 0, 8, 0x1000}, {1, 0, 0x2000, 0, 8, 0x1000}}},
		{E_OVERLAP, {{1, 0, 0x1000, 0, 8, 0x1001}, {1, 0, 0x2000, 0, 8, 0x1000}}},
		{E_OVERLAP, {{1, 0, 0x2000, 0, 8, 0x1000}, {1, 0, 0x1000, 0, 8, 0x1001}}},
		{E_OVERLAP, {{1, 0, 0x1000, 0, 8, 0x9000}, {1, 0, 0x2000, 0, 8, 0x1000}}},
		{E_OVERLAP, {{1, 0, 0x1000, 0, 8, 8}, {1, 0, 0x1000, 0, 8, 8}}},
		{E_BAD_VALUE, {{1, 0, 0x1000, 0, 9, 8}}},
		{E_BAD_VALUE, {{1, 0, 0x1000, 0, 1, 0}}},
		{E_BAD_VALUE, {{1, 0, ~0ull, 0, 0, 2}}},
		{E_BAD_VALUE, {{1, 0, 0x1000, 0, 0, ~0ull}}},
		{E_BAD_VALUE, {{1, 0, 0, 0x1000, 0, ~0ull - 0xffe}}},
		{E_TRUNCATED, {{1, 257, 0x1000, 0, 0, 1}}},
		{E_TRUNCATED, {{1, 256, 0x1000, 0, 1, 1}}},
		{E_TRUNCATED, {{1, ~0ull, 0x1000, 0, 2, 2}}},
		{E_TRUNCATED, {{1, 0, 0x1000, 0, 257, 257}}},
		{E_TRUNCATED, {{1, 0, 0x1000, 0, ~0ull >> 1, ~0ull >> 1}}},
		{E_BAD_VALUE, {{2, 0, 0x1000, 0, 8, 8}}},
	};
	const struct load wraps_32 = {1, 0, 0xfffff000, 0, 0, 0x1001};
	struct load many[ELF_SEGMENTS_MAX + 1];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(pairs); i++)
		expect(make_64(pairs[i].loads, pairs[i].loads[1].type ? 2 : 1, 256),
		       pairs[i].error);
	expect(make_32(&wraps_32, 1, 256), E_BAD_VALUE);
	for (u32 i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct load){1, 0, i * PAGE_SIZE, 0, 8, PAGE_SIZE};
	expect(make_64(many, ELF_SEGMENTS_MAX, 4096), E_OK);
	expect(make_64(many, ELF_SEGMENTS_MAX + 1, 4096), E_TOO_MANY);
}

static err_t find_multiboot1(u8 *bytes, size_t size)
{
	u32 flags;

	return elf_find_multiboot1(bytes, size, &flags);
}

static void put_multiboot1(u8 *at, u32 flags)
{
	put(at, 4, 0x1badb002);
	put(at + 4, 4, flags);
	put(at + 8, 4, 0u - 0x1badb002u - flags);
}

static void test_multiboot1(void **state)
{
	u8 *file = calloc(1, 16384);
	u32 flags;

	(void)state;
	assert_non_null(file);
	assert_error(find_multiboot1(file, 16384), E_NO_MULTIBOOT1);
	put_multiboot1(file + 8192 - 8, 3); /* ends too late */
	put_multiboot1(file + 1001, 3);     /* not aligned */
	put(file + 2000, 4, 0x1badb002);    /* no checksum */
	assert_error(find_multiboot1(file, 16384), E_NO_MULTIBOOT1);
	put_multiboot1(file + 8192 - 12, 0x10003);
	assert_ok(elf_find_multiboot1(file, 16384, &flags));
	assert_int_equal(flags, 0x10003);
	put_multiboot1(file + 4, 2);
	assert_ok(elf_find_multiboot1(file, 16384, &flags));
	assert_int_equal(flags, 2);
	refuse_truncated(file, 16, find_multiboot1);
	survive_flips(file, 16, find_multiboot1);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf64),       cmocka_unit_test(test_elf32),
		cmocka_unit_test(test_file_header), cmocka_unit_test(test_segments),
		cmocka_unit_test(test_multiboot1),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
