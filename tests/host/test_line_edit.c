// SPDX-License-Identifier: BSD-2-Clause
/* lib/line_edit.c: what is typed, and what the line and the cursor are then. */
#include "lib/line_edit.h"
#include "tests/host/test.h"

#define UP     "\x1b[A"
#define DOWN   "\x1b[B"
#define RIGHT  "\x1b[C"
#define LEFT   "\x1b[D"
#define DELETE "\x1b[3~"

static struct line_edit e;

static int set_up(void **state)
{
	(void)state;
	memset(&e, 0, sizeof(e));
	return 0;
}

/* Types, and takes Enter's line away as the console does. Returns the last result. */
static enum line_edit_result type(const char *bytes)
{
	enum line_edit_result result = LINE_EDIT_NOTHING;

	for (; *bytes; bytes++) {
		result = line_edit_key(&e, *bytes);
		assert_in_range(e.length, 0, LINE_EDIT_MAX);
		assert_in_range(e.cursor, 0, e.length);
		if (result == LINE_EDIT_ENTERED)
			line_edit_clear(&e);
	}
	return result;
}

static void expect(const char *text, u32 cursor)
{
	assert_int_equal(e.length, strlen(text));
	assert_memory_equal(e.text, text, e.length);
	assert_int_equal(e.cursor, cursor);
}

static void test_editing(void **state)
{
	static const struct {
		const char *bytes, *text;
		u32 cursor;
	} rows[] = {
		{"list", "list", 4},
		{"lst" LEFT LEFT "i", "list", 2},
		{"lst" LEFT LEFT LEFT LEFT "i", "ilst", 1},
		{"ab" RIGHT "c", "abc", 3},
		{"abc" LEFT LEFT RIGHT "x", "abxc", 3},
		{"abc\b", "ab", 2},
		{"abc\x7f\x7f\x7f\x7f", "", 0},
		{"abc" LEFT "\x7f", "ac", 1},
		{"abc\x01x", "xabc", 1},
		{"abc\x01\x05x", "abcx", 4},
		{"abc" LEFT "\x0b", "ab", 2},
		{"abc" LEFT "\x15", "c", 0},
		{"abc" LEFT "\x03", "", 0},
		{"abc\x02\x02\x06x", "abxc", 3},
		{"abc\x01\x04", "bc", 0},
		{"abc\x04", "abc", 3},
		{"abc\x01" DELETE DELETE, "c", 0},
		{"abc\x1b[H" DELETE, "bc", 0},
		{"abc\x1b[1~x\x1b[4~y", "xabcy", 5},
		{"abc\x1b[7~x\x1b[8~y", "xabcy", 5},
		{"abc\x1bOHx\x1bOFy", "xabcy", 5},
		{"a\x1b[5~b\x1b[15~c\x1b[3;5~d", "abcd", 4}, /* keys that do nothing */
		{"a\x1b\x1b[Db", "ba", 1},
		{"a\x80\xff\x07z", "az", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		type(rows[i].bytes);
		expect(rows[i].text, rows[i].cursor);
	}
}

static void test_results(void **state)
{
	(void)state;
	assert_int_equal(type("a"), LINE_EDIT_DRAW);
	assert_int_equal(type("\x1b"), LINE_EDIT_NOTHING);
	assert_int_equal(type("["), LINE_EDIT_NOTHING);
	assert_int_equal(type("D"), LINE_EDIT_DRAW);
	assert_int_equal(type("\t"), LINE_EDIT_COMPLETE);
	expect("a", 0);
	assert_int_equal(type("\r"), LINE_EDIT_ENTERED);
	assert_int_equal(type("b\n"), LINE_EDIT_ENTERED);
}

static void test_full(void **state)
{
	(void)state;
	for (u32 i = 0; i < LINE_EDIT_MAX + 10; i++)
		type("x");
	assert_int_equal(e.length, LINE_EDIT_MAX);
	type(LEFT "y");
	assert_int_equal(e.length, LINE_EDIT_MAX);
	assert_int_equal(e.text[LINE_EDIT_MAX - 1], 'x');
	line_edit_insert(&e, "long", 4);
	assert_int_equal(e.length, LINE_EDIT_MAX);
	type("\x7f");
	line_edit_insert(&e, "long", 4);
	assert_int_equal(e.text[LINE_EDIT_MAX - 2], 'l');
}

static void test_history(void **state)
{
	(void)state;
	type(UP);
	expect("", 0);
	type("one\r\r\rtwo\r"); /* empty lines do not count */
	type(UP);
	expect("two", 3);
	type(UP UP UP);
	expect("one", 3);
	type(DOWN);
	expect("two", 3);
	type(DOWN);
	expect("", 0);
	type(DOWN);
	expect("", 0);
	type(UP "!\r" UP);
	expect("two!", 4);
	type("\x03");
	for (char c = 'a'; c < 'a' + 9; c++)
		type((char[]){c, '\r', 0});
	for (u32 i = 0; i < 20; i++)
		type(UP);
	expect("b", 1); /* eight are kept */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_editing, set_up),
		cmocka_unit_test_setup(test_results, set_up),
		cmocka_unit_test_setup(test_full, set_up),
		cmocka_unit_test_setup(test_history, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
