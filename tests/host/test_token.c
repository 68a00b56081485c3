// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/test.h"
#include "lib/format.h"
#include "lib/token.h"

static struct text text_of(const char *s)
{
	return (struct text){s, strlen(s)};
}

static void expect_line(struct text *rest, const char *expected)
{
	struct text line;

	assert_true(text_next_line(rest, &line));
	if (!text_is(line, expected))
		fail_msg("line is '%.*s', not '%s'", (int)line.length, line.at, expected);
}

static void expect_word(struct text *rest, const char *expected)
{
	struct text word;

	assert_ok(text_next_word(rest, &word));
	if (!text_is(word, expected))
		fail_msg("word is '%.*s', not '%s'", (int)word.length, word.at, expected);
}

static void test_text_is(void **state)
{
	(void)state;
	assert_true(text_is(text_of("vm"), "vm"));
	assert_false(text_is(text_of("vm"), "vmx"));
	assert_false(text_is(text_of("vmx"), "vm"));
	assert_false(text_is(text_of("vm"), ""));
	assert_true(text_is(text_of(""), ""));
	assert_false(text_is(text_of(""), "vm"));
	assert_false(text_is((struct text){"v\0", 2}, "v"));
}

static void test_text_copy(void **state)
{
	char buffer[4] = "???";

	(void)state;
	assert_ok(text_copy(text_of("net"), buffer, sizeof(buffer)));
	assert_string_equal(buffer, "net");
	assert_error(text_copy(text_of("nets"), buffer, sizeof(buffer)), E_TOO_LONG);
	assert_string_equal(buffer, "");
	assert_error(text_copy(text_of(""), buffer, 0), E_TOO_LONG);
	assert_ok(text_copy(text_of(""), buffer, 1));
}

static void test_lines(void **state)
{
	struct text rest = text_of("a\r\n\nb # c\n# d\nx=\"#\" y#z\r\nlast");
	struct text line;

	(void)state;
	expect_line(&rest, "a");
	expect_line(&rest, "");
	expect_line(&rest, "b ");
	expect_line(&rest, "");
	expect_line(&rest, "x=\"#\" y");
	expect_line(&rest, "last");
	assert_false(text_next_line(&rest, &line));
	rest = text_of("");
	assert_false(text_next_line(&rest, &line));
	rest = text_of("one\n");
	expect_line(&rest, "one");
	assert_false(text_next_line(&rest, &line));
}

static void test_nul_is_a_character(void **state)
{
	struct text rest = {"a\0b\nc", 5}, line, word;

	(void)state;
	assert_true(text_next_line(&rest, &line));
	assert_int_equal(line.length, 3);
	assert_ok(text_next_word(&line, &word));
	assert_int_equal(word.length, 3);
	expect_line(&rest, "c");
}

static void test_words(void **state)
{
	struct text rest = text_of(" \tvm  linux\tcmdline=\"a  b\" x\"y z\"w ");
	struct text word;

	(void)state;
	expect_word(&rest, "vm");
	expect_word(&rest, "linux");
	expect_word(&rest, "cmdline=\"a  b\"");
	expect_word(&rest, "x\"y z\"w");
	expect_word(&rest, "");
	expect_word(&rest, "");
	rest = text_of("good \"bad");
	expect_word(&rest, "good");
	assert_error(text_next_word(&rest, &word), E_BAD_QUOTE);
	expect_word(&rest, "");
}

static void test_key(void **state)
{
	struct text value;

	(void)state;
	assert_true(text_key(text_of("vm=linux"), "vm", &value));
	assert_true(text_is(value, "linux"));
	assert_true(text_key(text_of("c=\"a b=c\""), "c", &value));
	assert_true(text_is(value, "a b=c"));
	assert_true(text_key(text_of("vm="), "vm", &value));
	assert_true(text_is(value, ""));
	assert_true(text_key(text_of("vm=\"\""), "vm", &value));
	assert_true(text_is(value, ""));
	assert_true(text_key(text_of("vm=\""), "vm", &value));
	assert_true(text_is(value, "\""));
	assert_false(text_key(text_of("vm"), "vm", &value));
	assert_false(text_key(text_of("vmx=1"), "vm", &value));
	assert_false(text_key(text_of("v=1"), "vm", &value));
	assert_false(text_key(text_of("=1"), "vm", &value));
}

static void expect_number(const char *s, u64 expected)
{
	u64 value = ~expected;

	assert_ok(parse_u64(text_of(s), &value));
	assert_int_equal(value, expected);
}

static void test_numbers(void **state)
{
	static const char *const bad[] = {"",
	                                  "0x",
	                                  "-1",
	                                  "+1",
	                                  "1 ",
	                                  " 1",
	                                  "12a",
	                                  "0x1g",
	                                  "1.0",
	                                  "18446744073709551616",
	                                  "99999999999999999999",
	                                  "0x10000000000000000",
	                                  "0X1",
	                                  "x1",
	                                  "0x-1"};
	u64 value = 42;

	(void)state;
	expect_number("0", 0);
	expect_number("007", 7);
	expect_number("18446744073709551615", UINT64_MAX);
	expect_number("0xffffffffffffffff", UINT64_MAX);
	expect_number("0x00000000000000000001", 1);
	expect_number("0xDeadBeef", 0xdeadbeef);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_error(parse_u64(text_of(bad[i]), &value), E_BAD_NUMBER);
	assert_int_equal(value, 42);
}

static void test_sizes(void **state)
{
	static const char *const bad[] = {"",
	                                  "K",
	                                  "M",
	                                  "1k",
	                                  "1KK",
	                                  "1T",
	                                  "1 M",
	                                  "17179869184G",
	                                  "0xffffffffffffffffK",
	                                  "18014398509481984K"};
	static const struct {
		const char *text;
		u64 bytes;
	} good[] = {{"0", 0},
	            {"4096", 4096},
	            {"4K", 4096},
	            {"512M", MIB(512)},
	            {"3G", GIB(3)},
	            {"0x10M", MIB(16)},
	            {"17179869183G", GIB(17179869183)}};
	u64 bytes = 42;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(good); i++) {
		assert_ok(parse_size(text_of(good[i].text), &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_error(parse_size(text_of(bad[i]), &bytes), E_BAD_NUMBER);
}

static void test_bdf(void **state)
{
	static const char *const bad[] = {"",
	                                  "0",
	                                  "00:03",
	                                  "00:03.",
	                                  "0:3.0",
	                                  "00:20.0",
	                                  "00:1f.8",
	                                  "100:00.0",
	                                  "00:00.00",
	                                  "00-03.0",
	                                  "00:03:0",
	                                  "g0:00.0",
	                                  ":00:00.0",
	                                  "00:00.0 ",
	                                  " 00:00.0",
	                                  "0000:00:00",
	                                  "00000:00:00.0",
	                                  "0x0:00.0",
	                                  "0000:00:20.0"};
	u32 bdf;

	(void)state;
	assert_ok(parse_bdf(text_of("00:03.0"), &bdf));
	assert_int_equal(bdf, 3 << 3);
	assert_ok(parse_bdf(text_of("ff:1f.7"), &bdf));
	assert_int_equal(bdf, 0xffff);
	assert_ok(parse_bdf(text_of("abCD:0A:1e.5"), &bdf));
	assert_int_equal(bdf, 0xabcd0000 | 0x0a << 8 | 0x1e << 3 | 5);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_error(parse_bdf(text_of(bad[i]), &bdf), E_BAD_BDF);
}

static void test_bdf_round_trip(void **state)
{
	(void)state;
	for (u64 bdf = 0; bdf <= UINT32_MAX; bdf += 0x10001 * 7 + 12345) {
		u32 back;

		assert_ok(parse_bdf(text_of(BDF_TEXT((u32)bdf)), &back));
		assert_int_equal(back, bdf);
	}
}

static void test_cpus(void **state)
{
	static const struct {
		const char *text;
		err_t error;
		u64 mask;
	} cases[] = {
		{"0", E_OK, 1},
		{"0,2-3", E_OK, 0xd},
		{"63", E_OK, 1ull << 63},
		{"0-63", E_OK, ~0ull},
		{"5-5,4", E_OK, 0x30},
		{"", E_BAD_NUMBER, 0},
		{",", E_BAD_NUMBER, 0},
		{"1,", E_BAD_NUMBER, 0},
		{"1-", E_BAD_NUMBER, 0},
		{"-1", E_BAD_NUMBER, 0},
		{"3-2", E_BAD_NUMBER, 0},
		{"64", E_BAD_NUMBER, 0},
		{"0-64", E_BAD_NUMBER, 0},
		{"1-2-3", E_BAD_NUMBER, 0},
		{"0 1", E_BAD_NUMBER, 0},
		{"99999999999999999999", E_BAD_NUMBER, 0},
		{"1,1", E_DUPLICATE, 0},
		{"0-3,2", E_DUPLICATE, 0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		u64 mask = 0;

		assert_error(parse_cpus(text_of(cases[i].text), &mask), cases[i].error);
		assert_int_equal(mask, cases[i].mask);
	}
}

static u32 read_everything(struct text rest)
{
	struct text line, word;
	u32 words = 0;

	while (text_next_line(&rest, &line))
		while (text_next_word(&line, &word) == E_OK && word.length)
			words++;
	return words;
}

/* 1 MiB of each byte value, and of words: the text is read to its end, with nothing behind it. */
static void test_huge_text(void **state)
{
	const size_t size = MIB(1);
	char *huge = malloc(size);

	(void)state;
	assert_non_null(huge);
	for (u32 byte = 0; byte < 256; byte++) {
		bool is_nothing = byte == ' ' || byte == '\t' || byte == '\n' || byte == '#';

		memset(huge, (int)byte, size);
		/* quotes come in pairs; a lone CR is the end of the last line */
		assert_int_equal(read_everything((struct text){huge, size}), !is_nothing);
	}
	for (size_t i = 0; i < size; i++)
		huge[i] = "word\r\n"[i % 6];
	assert_int_equal(read_everything((struct text){huge, size}), (size + 5) / 6);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is), cmocka_unit_test(test_text_copy),
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_nul_is_a_character),
		cmocka_unit_test(test_words),   cmocka_unit_test(test_key),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bdf),     cmocka_unit_test(test_bdf_round_trip),
		cmocka_unit_test(test_cpus),    cmocka_unit_test(test_huge_text),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
