// SPDX-License-Identifier: BSD-2-Clause
/* core/console.c: what is typed at the serial port, what is carried out, who has the keyboard. */
#include <stdio.h>
#include "core/console.h"
#include "core/log.h"
#include "core/pci.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/uart.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define SWITCH "\x1d"

static bool (*draw_prompt)(void);
static bool present, latch;
static char screen[1 << 14];   /* what has been written */
static const char *typed = ""; /* what is still to be read */

void power_set_action(enum power_action action)
{
	(void)action;
}

/* ---- the log and the port ---- */

void uart_write(const char *bytes, size_t size)
{
	strncat(screen, bytes, size);
}

bool uart_read(u8 *byte)
{
	if (!*typed)
		return false;
	*byte = (u8)*typed++;
	return true;
}

u8 uart_status(void)
{
	return 0x60 | (*typed ? 1 : 0);
}

bool uart_has_latch(void)
{
	return latch;
}

bool log_set_prompt(bool (*draw)(void))
{
	draw_prompt = draw;
	return present;
}

void log_draw_prompt(void)
{
	draw_prompt();
}

void log_print(const char *text, size_t length)
{
	strncat(screen, text, length);
	strcat(screen, "\n");
	draw_prompt();
}

/* ---- */

static struct vm *platform;

static int start(void **state)
{
	(void)state;
	machine_reset();
	machine_add_unit(CAP_48, ECAP_SC | ECAP_C);
	machine_add_function(BDF(0, 3, 0), true);
	machine_add_function(BDF(0, 4, 0), true);
	machine_scan();
	platform = machine_add_vm("linux");
	machine_add_vm("lab");
	platform->platform = true;
	platform->state = VM_RUNNING;
	machine_add_ioasid("loose", REQUEST_NOSNOOP);
	present = true;
	latch = false;
	platform->config.cpu_mask = 2;
	console_init();
	screen[0] = 0;
	return 0;
}

static int set_up(void **state)
{
	start(state);
	typed = "\x03"; /* what a test before has left */
	console_poll();
	screen[0] = 0;
	return 0;
}

static void type(const char *bytes)
{
	screen[0] = 0;
	typed = bytes;
	console_poll();
}

/* The line as it is drawn last. */
static void expect_line(const char *line)
{
	char expected[256];
	size_t length = (size_t)snprintf(expected, sizeof(expected), "\r\x1b[K> %s", line);

	assert_true(strlen(screen) >= length);
	assert_string_equal(screen + strlen(screen) - length, expected);
}

/* The first test: until somebody types, the log is plain text. */
static void test_silent(void **state)
{
	(void)state;
	console_poll();
	log_print("wbinvd vm=linux", 15);
	assert_string_equal(screen, "wbinvd vm=linux\n");
	type("w");
	expect_line("w");
}

static void test_who_serves(void **state)
{
	(void)state;
	console_cpu = NULL;
	present = false;
	console_init();
	assert_null(console_cpu);
	assert_false(console_answers(UART_DATA, 1));
	present = true;
	platform->config.cpu_mask = cpu_online_mask() & ~2u;
	vms[1].config.cpu_mask = 2;
	console_init();
	assert_null(console_cpu);
	vms[1].config.cpu_mask = 0;
	console_init();
	assert_ptr_equal(console_cpu, &cpus[1]);
}

static void test_command(void **state)
{
	(void)state;
	type("verdict\r");
	assert_non_null(strstr(screen, "> verdict\nverdict vm=linux wbinvd=ignore because=none "));
	expect_line("");
	type("wy linux\r");
	assert_non_null(
		strstr(screen, "> wy linux\nerror command=wy word=\"wy\" reason=unknown-word\n"));
	type("\x1b[A\x01\x06h");
	expect_line("why linux\x1b[7D");
	type("\r");
	assert_non_null(strstr(screen, "> why linux\nverdict vm=linux "));
	expect_line("");
	type("");
	assert_string_equal(screen, "");
}

/* No prompt stands between an answer's lines; one comes again behind a line of the log. */
static void test_prompt(void **state)
{
	(void)state;
	type("list\r");
	assert_null(strstr(strstr(screen, "> list"), "\x1b[K> \nvm"));
	assert_ptr_equal(strstr(strstr(screen, "\nvm linux"), "\x1b[K"),
	                 screen + strlen(screen) - strlen("\x1b[K> "));
	type("ver");
	screen[0] = 0;
	log_print("wbinvd vm=linux", 15);
	expect_line("ver");
}

static void test_completion(void **state)
{
	static const struct {
		const char *typed, *line;
	} rows[] = {
		{"verd\t", "verdict "},
		{"zzz\t", "zzz"},
		{"wa\t", "walk "},
		{"w\t", "w"}, /* why, walk */
		{"de\t", "de"},
		{"det\t", "detach "},
		{"why li\t", "why linux "},
		{"why l\t", "why l"}, /* linux, lab, loose */
		{"walk lo\t0", "walk loose 0"},
		{"info 0\t", "info 00:0"},
		{"info 00:04\t", "info 00:04.0 "},
		{"attach 00:03.0 loose vm=lin\t", "attach 00:03.0 loose vm=linux "},
		{"w\x1b[D\t", "w\x1b[1D"}, /* nothing is typed before the cursor */
		{"verX\x1b[D\t", "verdict X\x1b[1D"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		type(rows[i].typed);
		expect_line(rows[i].line);
	}
}

/* What the guest reads: status, then the byte if there is one. */
static int guest_reads(void)
{
	assert_true(console_answers(UART_LINE_STATUS, 1));
	assert_int_equal(console_guest_read(UART_LINE_STATUS) & 0x60, 0x60);
	if (!(console_guest_read(UART_LINE_STATUS) & UART_DATA_READY))
		return -1;
	return console_guest_read(UART_DATA);
}

static void test_keyboard(void **state)
{
	(void)state;
	typed = "x";
	assert_int_equal(guest_reads(), -1); /* it is not the guest's */
	assert_string_equal(typed, "x");
	type(SWITCH "ab" SWITCH "list");
	assert_string_equal(typed, "ab" SWITCH "list");
	assert_int_equal(guest_reads(), 'a');
	console_poll();
	assert_int_equal(guest_reads(), 'b');
	assert_int_equal(guest_reads(), -1); /* the switch is for nobody */
	console_poll();
	expect_line("list");
	typed = "";
	assert_int_equal(guest_reads(), -1);
}

/* The keyboard of a guest that has ended comes back. */
static void test_guest_ends(void **state)
{
	(void)state;
	type(SWITCH);
	typed = "help";
	console_poll();
	assert_string_equal(typed, "help");
	platform->state = VM_ENDED;
	console_poll();
	expect_line("help");
}

static void test_no_platform(void **state)
{
	(void)state;
	platform->platform = false;
	type(SWITCH "list");
	console_poll();
	expect_line("list");
}

static void test_what_is_trapped(void **state)
{
	(void)state;
	assert_true(console_answers(UART_DATA, 1));
	assert_false(console_answers(UART_DATA, 2));
	assert_false(console_answers(UART_DATA + 1, 1));
	latch = true; /* the divisor is the guest's business */
	assert_false(console_answers(UART_DATA, 1));
	assert_true(console_answers(UART_LINE_STATUS, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_silent, start),
		cmocka_unit_test_setup(test_who_serves, set_up),
		cmocka_unit_test_setup(test_command, set_up),
		cmocka_unit_test_setup(test_prompt, set_up),
		cmocka_unit_test_setup(test_completion, set_up),
		cmocka_unit_test_setup(test_keyboard, set_up),
		cmocka_unit_test_setup(test_guest_ends, set_up),
		cmocka_unit_test_setup(test_no_platform, set_up),
		cmocka_unit_test_setup(test_what_is_trapped, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
