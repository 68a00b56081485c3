// SPDX-License-Identifier: BSD-2-Clause
/* The shipped lib/string.c beside libc's, every length and alignment up to a few words. */
#include "tests/host/test.h"
#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
#define strlen  our_strlen
#define strcmp  our_strcmp
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp

#define SIZE 64

static void fill(u8 *bytes)
{
	for (u32 i = 0; i < SIZE; i++)
		bytes[i] = (u8)(i * 37 + 11);
}

static void test_move_and_copy(void **state)
{
	u8 ours[SIZE], libcs[SIZE];

	(void)state;
	for (u32 from = 0; from < 24; from++)
		for (u32 to = 0; to < 24; to++)
			for (u32 size = 0; size < 40; size++) {
				fill(ours);
				fill(libcs);
				assert_ptr_equal(our_memmove(ours + to, ours + from, size),
				                 ours + to);
				memmove(libcs + to, libcs + from, size);
				assert_memory_equal(ours, libcs, SIZE);
				fill(libcs);
				our_memcpy(ours + to, libcs + from, size);
				assert_memory_equal(ours + to, libcs + from, size);
			}
}

static void test_set(void **state)
{
	u8 ours[SIZE], libcs[SIZE];

	(void)state;
	for (u32 to = 0; to < 9; to++)
		for (u32 size = 0; size < 40; size++) {
			fill(ours);
			fill(libcs);
			assert_ptr_equal(our_memset(ours + to, 0x1a5, size), ours + to);
			memset(libcs + to, 0xa5, size);
			assert_memory_equal(ours, libcs, SIZE);
		}
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

static void test_compare(void **state)
{
	static const char *const words[] = {"", "a", "ab", "b", "\x80", "a\xff", "aa"};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(words); i++) {
		assert_int_equal(our_strlen(words[i]), strlen(words[i]));
		for (u32 j = 0; j < ARRAY_SIZE(words); j++) {
			assert_int_equal(sign(our_strcmp(words[i], words[j])),
			                 sign(strcmp(words[i], words[j])));
			for (size_t size = 0; size <= MIN(strlen(words[i]), strlen(words[j]));
			     size++)
				assert_int_equal(sign(our_memcmp(words[i], words[j], size)),
				                 sign(memcmp(words[i], words[j], size)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_move_and_copy),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests_name("string", tests, NULL, NULL);
}
