// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/test.h"
#include "lib/bzimage.h"

#define SIZE (2 * 512 + 32) /* the boot sector, one setup sector, two paragraphs of kernel */

static void put(u8 *file, u32 offset, u32 size, u64 value)
{
	for (u32 i = 0; i < size; i++)
		file[offset + i] = (u8)(value >> (8 * i));
}

/* The fields of a Debian 12 kernel, with a smaller kernel. */
static void make(u8 file[SIZE])
{
	memset(file, 0x90, SIZE);
	put(file, 0x1f1, 1, 1);
	put(file, 0x1f4, 4, 2);
	put(file, 0x1fe, 2, 0xaa55);
	put(file, 0x200, 2, 0x6aeb);
	memcpy(file + 0x202, "HdrS", 4);
	put(file, 0x206, 2, 0x020f);
	put(file, 0x230, 4, 0x200000);
	put(file, 0x234, 1, 1);
	put(file, 0x236, 2, 0x7f);
	put(file, 0x238, 4, 2047);
	put(file, 0x258, 8, 0x1000000);
	put(file, 0x260, 4, 0x2ef2000);
}

static err_t parse(u8 *bytes, size_t size)
{
	struct bzimage image;

	return bzimage_parse(bytes, size, &image);
}

static void test_good(void **state)
{
	struct bzimage image;
	u8 file[SIZE];

	(void)state;
	make(file);
	assert_ok(bzimage_parse(file, SIZE, &image));
	assert_int_equal(image.setup_header_offset, 0x1f1);
	assert_int_equal(image.setup_header_size, 0x202 + 0x6a - 0x1f1);
	assert_int_equal(image.kernel_offset, 1024);
	assert_int_equal(image.kernel_size, 32);
	assert_int_equal(image.preferred_address, 0x1000000);
	assert_int_equal(image.alignment, 0x200000);
	assert_int_equal(image.init_size, 0x2ef2000);
	assert_int_equal(image.command_line_max, 2047);
	assert_true(image.relocatable);
	refuse_truncated(file, SIZE, parse);
	survive_flips(file, SIZE, parse);
}

static void test_no_setup_sectors_means_four(void **state)
{
	const size_t size = 5 * 512 + 32;
	u8 *file = calloc(1, size);
	struct bzimage image;

	(void)state;
	assert_non_null(file);
	make(file);
	put(file, 0x1f1, 1, 0);
	assert_ok(bzimage_parse(file, size, &image));
	assert_int_equal(image.kernel_offset, 5 * 512);
	refuse_truncated(file, size, parse);
	free(file);
}

static void test_broken(void **state)
{
	static const struct {
		u32 offset, size;
		u64 value;
		err_t error;
	} changes[] = {
		{0x1fe, 2, 0, E_BAD_SIGNATURE},
		{0x202, 4, 0, E_BAD_SIGNATURE},
		{0x206, 2, 0x020b, E_UNSUPPORTED},
		{0x206, 2, 0x020c, E_OK},
		{0x236, 2, 0x7e, E_UNSUPPORTED}, /* no 64-bit entry */
		{0x201, 1, 0x61, E_BAD_LENGTH},
		{0x201, 1, 0x62, E_OK},
		{0x201, 1, 0x8e, E_OK},
		{0x201, 1, 0x8f, E_BAD_LENGTH}, /* would run over the next field of boot_params */
		{0x1f1, 1, 2, E_TRUNCATED},
		{0x1f1, 1, 255, E_TRUNCATED},
		{0x1f4, 4, 3, E_TRUNCATED},
		{0x1f4, 4, 0x0fffffff, E_TRUNCATED},
		{0x1f4, 4, 0x10000002, E_BAD_VALUE}, /* 32 after an overflow */
		{0x1f4, 4, 0, E_BAD_VALUE},
		{0x230, 4, 0, E_BAD_VALUE},
		{0x230, 4, 0x300000, E_BAD_VALUE},
		{0x260, 4, 31, E_BAD_VALUE},
	};
	u8 file[SIZE];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(changes); i++) {
		make(file);
		put(file, changes[i].offset, changes[i].size, changes[i].value);
		assert_error(parse_copy(file, SIZE, parse), changes[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_no_setup_sectors_means_four),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests_name("bzimage", tests, NULL, NULL);
}
