// SPDX-License-Identifier: BSD-2-Clause
/* boot/memory_map.c against one type a page, with random entries that overlap and come in any
 * order. */
#include "tests/host/test.h"
#include "boot/memory_map.h"

#define PAGES  96
#define ROUNDS 4000

static struct boot_info info;

static void add(u32 first_page, u32 pages, u32 type)
{
	assert_int_equal(boot_memory_add(&info, first_page * PAGE_SIZE, pages * PAGE_SIZE, type),
	                 0);
}

static u32 type_of_page(u32 page)
{
	u32 type = 0;

	for (u32 i = 0; i < info.memory_count; i++) {
		const struct boot_memory *m = &info.memory[i];

		if (page * PAGE_SIZE >= m->base_pa && page * PAGE_SIZE < m->base_pa + m->size) {
			assert_int_equal(type, 0); /* no two entries for one page */
			type = m->type;
		}
	}
	return type;
}

static void check_canonical(void)
{
	for (u32 i = 1; i < info.memory_count; i++) {
		const struct boot_memory *m = &info.memory[i - 1];

		assert_true(m->size > 0);
		assert_true(m[0].base_pa + m[0].size <= m[1].base_pa);
		if (m[0].base_pa + m[0].size == m[1].base_pa)
			assert_int_not_equal(m[0].type, m[1].type);
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (u32 round = 0; round < ROUNDS; round++) {
		u32 oracle[PAGES] = {0};

		info.memory_count = 0;
		for (u32 n = (u32)rand() % 24; n; n--) {
			u32 first = (u32)rand() % PAGES, pages = (u32)rand() % (PAGES - first + 1);
			u32 type = BOOT_MEMORY_USABLE + (u32)rand() % 3;

			add(first, pages, type);
			for (u32 page = first; page < first + pages; page++)
				if (oracle[page] == 0 || oracle[page] == BOOT_MEMORY_USABLE)
					oracle[page] = type;
		}
		check_canonical();
		for (u32 page = 0; page < PAGES; page++)
			assert_int_equal(type_of_page(page), oracle[page]);
	}
}

static void test_full_map_gives_up_the_smallest_usable(void **state)
{
	(void)state;
	info.memory_count = 0;
	add(0, 1, BOOT_MEMORY_RESERVED);
	for (u32 i = 1; i < BOOT_MEMORY_MAX; i++)
		add(i * 10, i == 7 ? 2 : 3, BOOT_MEMORY_USABLE);
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX);
	assert_int_equal(boot_memory_add(&info, MIB(512), MIB(1), BOOT_MEMORY_USABLE),
	                 2 * PAGE_SIZE);
	assert_int_equal(type_of_page(70), 0);
	assert_int_equal(type_of_page(MIB(512) / PAGE_SIZE), BOOT_MEMORY_USABLE);
	add(13, 7, BOOT_MEMORY_USABLE); /* closes a gap: no room is needed */
	assert_int_equal(info.memory_count, BOOT_MEMORY_MAX - 1);
	check_canonical();
}

static void test_end_of_the_address_space(void **state)
{
	(void)state;
	info.memory_count = 0;
	assert_int_equal(boot_memory_add(&info, ~0ull - PAGE_SIZE, GIB(1), BOOT_MEMORY_RESERVED),
	                 0);
	assert_int_equal(info.memory[0].size, PAGE_SIZE);
	assert_int_equal(boot_memory_add(&info, 0, 0, BOOT_MEMORY_USABLE), 0);
	assert_int_equal(info.memory_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_full_map_gives_up_the_smallest_usable),
		cmocka_unit_test(test_end_of_the_address_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
