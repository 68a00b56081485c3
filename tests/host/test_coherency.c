// SPDX-License-Identifier: BSD-2-Clause
/*
 * core/coherency.c, exhaustively, against tables typed by hand from the rules: the matrix, R3-R6,
 * R8, R10, and R11, R12 over every order in which two devices come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "core/coherency.h"

/* ---- the matrix: one row a box, every column a rule's word on it ---- */

static const struct {
	enum coherency_format format; /* does the table block no-snoop? */
	bool capable;
	enum coherency_box box;
	bool coherent;          /* R8 */
	bool kernel_authorises; /* R10, policy kernel */
	bool device_authorises; /* R10, policy device */
} matrix[] = {
	{FORMAT_SNOOP, true, BOX_1, true, false, false},
	{FORMAT_SNOOP, false, BOX_2, true, false, false},
	{FORMAT_NOSNOOP, true, BOX_3, false, true, true},
	{FORMAT_NOSNOOP, false, BOX_4, true, true, false},
	/* no table at all: what a no-snoop one would do */
	{FORMAT_UNRESOLVED, true, BOX_3, false, true, true},
	{FORMAT_UNRESOLVED, false, BOX_4, true, true, false},
};

#define ROWS (sizeof(matrix) / sizeof(matrix[0]))

static void test_matrix(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		enum coherency_box box = matrix[i].box;

		assert_int_equal(coherency_box(matrix[i].format, matrix[i].capable), box);
		assert_int_equal(coherency_is_coherent(box), matrix[i].coherent);
		assert_int_equal(coherency_box_authorises(POLICY_KERNEL, box),
		                 matrix[i].kernel_authorises);
		assert_int_equal(coherency_box_authorises(POLICY_DEVICE, box),
		                 matrix[i].device_authorises);
	}
	assert_true(coherency_is_coherent(BOX_NONE));
	assert_false(coherency_box_authorises(POLICY_KERNEL, BOX_NONE));
	assert_false(coherency_box_authorises(POLICY_DEVICE, BOX_NONE));
}

/* ---- R3, R4: what a request becomes ---- */

static void test_resolve(void **state)
{
	static const struct {
		enum coherency_request request;
		bool snoop_control;
		enum coherency_format format;
	} rows[] = {
		{REQUEST_DEFAULT, true, FORMAT_SNOOP},
		{REQUEST_DEFAULT, false, FORMAT_NOSNOOP},
		{REQUEST_SNOOP, true, FORMAT_SNOOP},
		{REQUEST_SNOOP, false, FORMAT_SNOOP},    /* R5: refused at attach, not downgraded */
		{REQUEST_NOSNOOP, true, FORMAT_NOSNOOP}, /* the user's force-enable */
		{REQUEST_NOSNOOP, false, FORMAT_NOSNOOP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(coherency_resolve(rows[i].request, rows[i].snoop_control),
		                 rows[i].format);
}

/* R5, R6 */
static void test_may_attach(void **state)
{
	(void)state;
	assert_true(coherency_may_attach(FORMAT_SNOOP, true));
	assert_false(coherency_may_attach(FORMAT_SNOOP, false));
	assert_true(coherency_may_attach(FORMAT_NOSNOOP, true));
	assert_true(coherency_may_attach(FORMAT_NOSNOOP, false));
}

/* ---- R10-R12: verdicts ---- */

/* By which boxes are occupied (bit 0: box 1): because, under policy kernel and device. */
static const struct {
	enum coherency_box kernel, device;
} verdicts[16] = {
	/* none, 1, 2, 1+2 */
	{BOX_NONE, BOX_NONE},
	{BOX_NONE, BOX_NONE},
	{BOX_NONE, BOX_NONE},
	{BOX_NONE, BOX_NONE},
	/* the same with 3 */
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
	/* with 4 */
	{BOX_4, BOX_NONE},
	{BOX_4, BOX_NONE},
	{BOX_4, BOX_NONE},
	{BOX_4, BOX_NONE},
	/* with 3 and 4 */
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
	{BOX_3, BOX_3},
};

static void expect_verdict(const uint32_t counts[BOX_COUNT])
{
	unsigned int occupied = 0;
	enum coherency_box because;

	for (int box = BOX_1; box <= BOX_4; box++)
		occupied |= (counts[box] != 0) << (box - BOX_1);
	assert_int_equal(coherency_verdict(POLICY_KERNEL, counts, &because),
	                 verdicts[occupied].kernel ? VERDICT_EMULATE : VERDICT_IGNORE);
	assert_int_equal(because, verdicts[occupied].kernel);
	assert_int_equal(coherency_verdict(POLICY_DEVICE, counts, &because),
	                 verdicts[occupied].device ? VERDICT_EMULATE : VERDICT_IGNORE);
	assert_int_equal(because, verdicts[occupied].device);
}

static void test_verdict_of_every_occupation(void **state)
{
	static const uint32_t choices[] = {0, 1, 2, UINT32_MAX};

	(void)state;
	for (unsigned int n = 0; n < 256; n++) {
		uint32_t counts[BOX_COUNT] = {
			[BOX_NONE] = n, /* counts for nothing */
			[BOX_1] = choices[n & 3],
			[BOX_2] = choices[n >> 2 & 3],
			[BOX_3] = choices[n >> 4 & 3],
			[BOX_4] = choices[n >> 6 & 3],
		};

		expect_verdict(counts);
	}
}

/*
 * Two devices, each in any box, come and go in every order of eight steps: the verdict follows who
 * is there now, not who came first. The device that authorised WBINVD may be the first to leave.
 */
static void test_every_order_of_two_devices(void **state)
{
	(void)state;
	for (int a = BOX_1; a <= BOX_4; a++) {
		for (int b = BOX_1; b <= BOX_4; b++) {
			for (unsigned int order = 0; order < 256; order++) {
				uint32_t counts[BOX_COUNT] = {0};
				bool attached[2] = {false, false};

				for (int step = 0; step < 8; step++) {
					int who = order >> step & 1, box = who ? b : a;

					attached[who] = !attached[who];
					counts[box] += attached[who] ? 1 : UINT32_MAX;
					expect_verdict(counts);
				}
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_may_attach),
		cmocka_unit_test(test_verdict_of_every_occupation),
		cmocka_unit_test(test_every_order_of_two_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
