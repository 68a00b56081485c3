// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/test.h"
#include "lib/multiboot2.h"

struct info {
	u8 bytes[512];
	u32 size;
};

static void put(struct info *info, u32 size, u64 value)
{
	for (u32 i = 0; i < size; i++)
		info->bytes[info->size++] = (u8)(value >> (8 * i));
}

static void put_tag(struct info *info, u32 type, u32 body_size)
{
	while (info->size % 8)
		put(info, 1, 0xaa); /* padding says nothing */
	put(info, 4, type);
	put(info, 4, 8 + body_size);
}

static void put_string(struct info *info, const char *s)
{
	memcpy(info->bytes + info->size, s, strlen(s) + 1);
	info->size += (u32)strlen(s) + 1;
}

static void end(struct info *info)
{
	u32 size = info->size;

	info->size = 0;
	put(info, 4, size);
	info->size = size;
}

static struct info make(void)
{
	struct info info = {.size = 8};

	put_tag(&info, MULTIBOOT2_TAG_CMDLINE, 1);
	put_string(&info, "");
	put_tag(&info, MULTIBOOT2_TAG_MODULE, 8 + 12);
	put(&info, 4, 0x200000);
	put(&info, 4, 0x234567);
	put_string(&info, "vmlinuz -- ");
	put_tag(&info, MULTIBOOT2_TAG_MMAP, 8 + 2 * 24);
	put(&info, 4, 24);
	put(&info, 4, 0);
	for (u32 i = 0; i < 2; i++) {
		put(&info, 8, 0x100000000 * i);
		put(&info, 8, 0x9fc00 + i);
		put(&info, 4, i + 1);
		put(&info, 4, 0);
	}
	put_tag(&info, MULTIBOOT2_TAG_END, 0);
	end(&info);
	return info;
}

/* Reads all there is, as the boot code does. */
static err_t parse(u8 *bytes, size_t size)
{
	struct multiboot2_module module;
	struct multiboot2_tag tag;
	u32 offset = 0, type;
	u64 base, length;

	do {
		TRY(multiboot2_next(bytes, size, &offset, &tag));
		if (tag.type == MULTIBOOT2_TAG_MODULE) {
			TRY(multiboot2_module(&tag, &module));
			if (strlen(module.command_line) > size)
				return E_TRUNCATED;
		}
		if (tag.type == MULTIBOOT2_TAG_MMAP)
			for (u32 i = 0; multiboot2_mmap_entry(&tag, i, &base, &length, &type); i++)
				;
	} while (tag.type != MULTIBOOT2_TAG_END);
	return E_OK;
}

static void expect_tag(struct info *info, u32 *offset, struct multiboot2_tag *tag, u32 type,
                       u32 body_size)
{
	assert_ok(multiboot2_next(info->bytes, info->size, offset, tag));
	assert_int_equal(tag->type, type);
	assert_int_equal(tag->body_size, body_size);
}

static void test_good(void **state)
{
	struct multiboot2_module module;
	struct info info = make();
	struct multiboot2_tag tag;
	u32 offset = 0, type;
	u64 base, length;

	(void)state;
	expect_tag(&info, &offset, &tag, MULTIBOOT2_TAG_CMDLINE, 1);
	expect_tag(&info, &offset, &tag, MULTIBOOT2_TAG_MODULE, 20);
	assert_ok(multiboot2_module(&tag, &module));
	assert_int_equal(module.start, 0x200000);
	assert_int_equal(module.end, 0x234567);
	assert_string_equal(module.command_line, "vmlinuz -- ");
	expect_tag(&info, &offset, &tag, MULTIBOOT2_TAG_MMAP, 56);
	assert_true(multiboot2_mmap_entry(&tag, 0, &base, &length, &type));
	assert_true(multiboot2_mmap_entry(&tag, 1, &base, &length, &type));
	assert_int_equal(base, 0x100000000);
	assert_int_equal(length, 0x9fc01);
	assert_int_equal(type, 2);
	assert_false(multiboot2_mmap_entry(&tag, 2, &base, &length, &type));
	assert_false(multiboot2_mmap_entry(&tag, UINT32_MAX, &base, &length, &type));
	expect_tag(&info, &offset, &tag, MULTIBOOT2_TAG_END, 0);
	refuse_truncated(info.bytes, info.size, parse);
	survive_flips(info.bytes, info.size, parse);
}

static void test_broken_tags(void **state)
{
	struct multiboot2_tag tag;

	(void)state;
	for (u32 size = 0; size <= 64; size++) { /* of the only tag; 16 bytes are there */
		struct info info = {.size = 8};
		u32 offset = 0;

		put(&info, 4, MULTIBOOT2_TAG_CMDLINE);
		put(&info, 4, size);
		put(&info, 8, 0);
		end(&info);
		assert_error(multiboot2_next(info.bytes, info.size, &offset, &tag),
		             size < 8 || size > 16 ? E_BAD_LENGTH : E_OK);
		if (size >= 8 && size <= 16) /* and no end tag behind it */
			assert_error(parse_copy(info.bytes, info.size, parse),
			             size == 8 ? E_BAD_LENGTH : E_TRUNCATED);
	}
}

static void test_huge_tag(void **state)
{
	struct info info = {.size = 8};

	(void)state;
	put(&info, 4, MULTIBOOT2_TAG_CMDLINE);
	put(&info, 4, UINT32_MAX);
	end(&info);
	assert_error(parse_copy(info.bytes, info.size, parse), E_BAD_LENGTH);
	info.bytes[0] = 7; /* the total is less than its own header */
	assert_error(parse_copy(info.bytes, info.size, parse), E_TRUNCATED);
	info.bytes[0] = 17;
	assert_error(parse_copy(info.bytes, info.size, parse), E_TRUNCATED);
}

static void test_broken_module(void **state)
{
	u8 body[] = {0, 0, 2, 0, 0, 0, 1, 0, 'a', 0};
	struct multiboot2_tag tag = {MULTIBOOT2_TAG_MODULE, body, sizeof(body)};
	struct multiboot2_module module;

	(void)state;
	assert_error(multiboot2_module(&tag, &module), E_BAD_VALUE); /* ends before it starts */
	body[6] = 2;
	assert_ok(multiboot2_module(&tag, &module));
	tag.body_size--; /* not terminated */
	assert_error(multiboot2_module(&tag, &module), E_BAD_LENGTH);
	tag.body_size--; /* no command line */
	assert_error(multiboot2_module(&tag, &module), E_BAD_LENGTH);
	tag.body_size = 0;
	assert_error(multiboot2_module(&tag, &module), E_BAD_LENGTH);
}

static void test_broken_memory_map(void **state)
{
	static const u8 entry_sizes[] = {0, 1, 23, 25, 255};
	u8 body[8 + 24] = {24};
	struct multiboot2_tag tag = {MULTIBOOT2_TAG_MMAP, body, sizeof(body)};
	u64 base, length;
	u32 type;

	(void)state;
	assert_true(multiboot2_mmap_entry(&tag, 0, &base, &length, &type));
	for (u32 i = 0; i < ARRAY_SIZE(entry_sizes); i++) {
		body[0] = entry_sizes[i];
		assert_false(multiboot2_mmap_entry(&tag, 0, &base, &length, &type));
	}
	body[0] = 24;
	for (tag.body_size = 0; tag.body_size < sizeof(body); tag.body_size++)
		assert_false(multiboot2_mmap_entry(&tag, 0, &base, &length, &type));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_broken_tags),
		cmocka_unit_test(test_huge_tag),
		cmocka_unit_test(test_broken_module),
		cmocka_unit_test(test_broken_memory_map),
	};

	return cmocka_run_group_tests_name("multiboot2", tests, NULL, NULL);
}
