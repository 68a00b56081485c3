// SPDX-License-Identifier: BSD-2-Clause
/* svm/svm.h: what a guest may set in EFER is what CPUID promises it (APM volume 2, 3.1.7). */
#include "svm/svm.h"
#include "tests/host/test.h"

#define ALWAYS (1u << 0 | 1u << 8 | 1u << 11 | 1u << 14) /* SCE, LME, NXE, FFXSR; never SVME */

static void test_bits(void **state)
{
	(void)state;
	assert_int_equal(svm_efer_bits(0, 0), ALWAYS);
	assert_int_equal(svm_efer_bits(1u << 17, 0), ALWAYS | 1u << 15);
	assert_int_equal(svm_efer_bits(0, 1u << 8), ALWAYS | 1u << 21);
	assert_int_equal(svm_efer_bits(~(1u << 17), ~(1u << 8)), ALWAYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
