// SPDX-License-Identifier: BSD-2-Clause
/* core/log.c on a serial port that notes what is written: lines, the console's prompt, a guest's
 * bytes between them, and the ring. */
#include "core/log.h"
#include "core/uart.h"
#include "tests/host/fake_output.h"
#include "tests/host/test.h"

#define ERASE "\r\x1b[K"

static bool present;
static char written[1 << 16];

bool uart_init(void)
{
	return present;
}

void uart_write(const char *bytes, size_t size)
{
	strncat(written, bytes, size);
}

static void expect(const char *bytes)
{
	assert_string_equal(written, bytes);
	written[0] = 0;
}

static bool draws = true;

static bool draw(void)
{
	if (draws)
		uart_write("> le", 4);
	return draws;
}

static void guest(const char *bytes)
{
	while (*bytes)
		log_write_guest_byte((u8)*bytes++);
}

static void show(u32 lines, const char *expected)
{
	fake_answer[0] = 0;
	log_show(&fake_output, lines);
	assert_string_equal(fake_answer, expected);
}

/* In this order: the state is the log's own. */
static void test_without_uart(void **state)
{
	(void)state;
	log_init();
	log_line("one n=%u", 1);
	log_print("none", 4);
	expect("");
	assert_false(log_set_prompt(draw));
	show(5, "one n=1\n");
	log_replay(5);
	expect("");
}

static void test_lines(void **state)
{
	(void)state;
	present = true;
	log_init();
	log_line("two");
	expect("two\r\n");
	guest("login: ");
	expect("login: ");
	log_line("three");
	expect("\r\nthree\r\n");
	guest("x\r\n");
	log_print("answer", 6); /* no event: it is not kept */
	expect("x\r\nanswer\r\n");
	show(5, "one n=1\ntwo\nthree\n");
	show(2, "two\nthree\n");
	show(0, "");
	log_replay(1);
	expect("three\r\n");
}

static void test_prompt(void **state)
{
	(void)state;
	assert_true(log_set_prompt(draw));
	expect("");
	log_draw_prompt();
	expect("> le");
	log_line("four");
	expect(ERASE "four\r\n> le");
	guest("ab");
	expect(ERASE "ab");
	log_draw_prompt(); /* not into the guest's line */
	expect("");
	log_line("five");
	expect("\r\nfive\r\n> le");
	guest("c\n");
	expect(ERASE "c\n> le");
	draws = false;
	log_line("six");
	log_line("seven");
	expect(ERASE "six\r\nseven\r\n");
}

static void test_ring(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2000; i++) {
		log_line("a line of some length number=%u", i);
		written[0] = 0;
	}
	fake_answer[0] = 0;
	log_show(&fake_output, 3);
	assert_string_equal(fake_answer, "a line of some length number=1997\n"
	                                 "a line of some length number=1998\n"
	                                 "a line of some length number=1999\n");
	log_show(&fake_output, 300);
	assert_non_null(strstr(fake_answer, "number=1700\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_uart),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_prompt),
		cmocka_unit_test(test_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
