// SPDX-License-Identifier: BSD-2-Clause
/* The tables boot/core_image.c builds, walked as the CPU does (SDM volume 3, 4.5). */
#include "tests/host/test.h"
#include "boot/core_image.h"

#define NOT_MAPPED    (~0ull)
#define PTE_PRESENT   BIT(0)
#define PTE_PAGE_SIZE BIT(7)

static u64 translate(u64 root, u64 va)
{
	u64 table = root, entry;

	for (u32 shift = 39; shift >= 21; shift -= 9) {
		entry = ((u64 *)table)[va >> shift & 511];
		if (!(entry & PTE_PRESENT))
			return NOT_MAPPED;
		if (entry & PTE_PAGE_SIZE) {
			assert_int_equal(shift, 21);
			return (entry & MASK(51, 21)) | (va & MASK(20, 0));
		}
		table = entry & MASK(51, 12);
	}
	return NOT_MAPPED;
}

static void check_tables(u64 top)
{
	struct core_image core = {.va = 0xffffffff80000000ull, .size = MIB(16), .pa = 0x3ce00000};
	u64 size = core_image_tables_size(top);
	void *tables = aligned_alloc(PAGE_SIZE, size);

	assert_non_null(tables);
	core_image_map(&core, top, (u64)tables);
	for (u64 pa = 0; pa <= top; pa += MIB(250) + 12345)
		assert_int_equal(translate((u64)tables, pa), pa);
	assert_int_equal(translate((u64)tables, top), top);
	assert_int_equal(translate((u64)tables, ALIGN_UP(top + 1, GIB(1))), NOT_MAPPED);
	for (u64 at = 0; at < core.size; at += MIB(1) + 4097)
		assert_int_equal(translate((u64)tables, core.va + at), core.pa + at);
	assert_int_equal(translate((u64)tables, core.va - 1), NOT_MAPPED);
	assert_int_equal(translate((u64)tables, core.va + core.size), NOT_MAPPED);
	free(tables);
}

static void test_tables(void **state)
{
	(void)state;
	check_tables(GIB(4) - 1);
	check_tables(GIB(4)); /* one byte more takes one more directory */
	check_tables(GIB(512) - 1);
	check_tables(GIB(512) + MIB(77)); /* a second PML4 entry */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_tables)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
