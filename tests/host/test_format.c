// SPDX-License-Identifier: BSD-2-Clause
/* The oracle is libc's snprintf, for all that ours knows. */
#include <limits.h>
#include <stdio.h>
#include "tests/host/test.h"
#include "lib/format.h"

#define assert_same_as_libc(...)                                              \
	do {                                                                  \
		char ours[256], libcs[256];                                   \
		size_t length = format_text(ours, sizeof(ours), __VA_ARGS__); \
		int expected = snprintf(libcs, sizeof(libcs), __VA_ARGS__);   \
		assert_string_equal(ours, libcs);                             \
		assert_int_equal(length, expected);                           \
	} while (0)

/* Without the compiler's look at the arguments. */
static size_t (*volatile unchecked_format)(char *, size_t, const char *, ...) = format_text;

static void test_plain(void **state)
{
	char buffer[8];

	(void)state;
	assert_same_as_libc("plain text");
	assert_same_as_libc("100%% %c|%5c|", 'x', 'y');
	assert_int_equal(format_text(buffer, sizeof(buffer), "%s", ""), 0);
	assert_string_equal(buffer, "");
}

static void test_strings(void **state)
{
	char buffer[16], unterminated[3] = {'a', 'b', 'c'};

	(void)state;
	assert_same_as_libc("%s|%8s|%2s|", "abc", "abc", "abc");
	assert_same_as_libc("%.*s|%.*s|%.*s", 2, "abc", 0, "abc", -1, "abc");
	assert_same_as_libc("%8.*s|%.*s", 2, "abc", 3, unterminated);
	unchecked_format(buffer, sizeof(buffer), "%s", NULL);
	assert_string_equal(buffer, "(null)");
}

static void test_integers(void **state)
{
	static const int values[] = {0, 1, -1, 9, 10, -10, 4711, INT_MAX, INT_MIN};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		int v = values[i];
		unsigned int u = (unsigned int)v;

		assert_same_as_libc("%d|%6d|%06d|%12d|%014d|%030d|", v, v, v, v, v, v);
		assert_same_as_libc("%u|%6u|%06u|", u, u, u);
		assert_same_as_libc("%x|%4x|%08x|%010x|", u, u, u, u);
	}
}

static void test_long_integers(void **state)
{
	static const long values[] = {0, -1, LONG_MAX, LONG_MIN, 0x123456789abcdef};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		long v = values[i];

		assert_same_as_libc("%ld|%24ld|%024ld|%lu|%lx|%016lx", v, v, v, (unsigned long)v,
		                    (unsigned long)v, (unsigned long)v);
		assert_same_as_libc("%lld|%llu|%llx", (long long)v, (unsigned long long)v,
		                    (unsigned long long)v);
	}
}

static void test_unknown(void **state)
{
	static const struct {
		const char *format, *text;
	} unknown[] = {
		{"%", ""},    {"50% ", "50 "}, {"%q", "q"}, {"%-08.3ly|", "-08.3ly|"},
		{"%08l", ""}, {"%.", "."},     {"%i", "i"},
	};
	char buffer[32];

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(unchecked_format(buffer, sizeof(buffer), unknown[i].format),
		                 strlen(unknown[i].text));
		assert_string_equal(buffer, unknown[i].text);
	}
}

/* Every buffer size: the text is cut, terminated, and its whole length is told. */
static void test_small_buffers(void **state)
{
	static const char whole[] = "device 00:04.0 id=0x0010 -5   x";

	(void)state;
	for (size_t size = 0; size <= sizeof(whole) + 1; size++) {
		char *buffer = malloc(size + 1);

		assert_non_null(buffer);
		memset(buffer, '!', size + 1);
		assert_int_equal(format_text(buffer, size, "device %s id=0x%04x %d%4c", "00:04.0",
		                             0x10, -5, 'x'),
		                 sizeof(whole) - 1);
		assert_int_equal(buffer[size], '!');
		if (size) {
			assert_memory_equal(buffer, whole, MIN(size, sizeof(whole)) - 1);
			assert_int_equal(buffer[MIN(size, sizeof(whole)) - 1], '\0');
		}
		free(buffer);
	}
}

static void test_bdf(void **state)
{
	(void)state;
	assert_string_equal(BDF_TEXT(0), "00:00.0");
	assert_string_equal(BDF_TEXT(0x20), "00:04.0");
	assert_string_equal(BDF_TEXT(0xffff), "ff:1f.7");
	assert_string_equal(BDF_TEXT(0x00010018), "0001:00:03.0");
	assert_string_equal(BDF_TEXT(0xffffffff), "ffff:ff:1f.7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),    cmocka_unit_test(test_strings),
		cmocka_unit_test(test_integers), cmocka_unit_test(test_long_integers),
		cmocka_unit_test(test_unknown),  cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_bdf),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
