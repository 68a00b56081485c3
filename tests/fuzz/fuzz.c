// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>

/* Outside a test of its own cmocka answers a failed assertion with exit(), which no fuzzer counts
 * as a finding. */
__attribute__((constructor)) static void abort_on_failure(void)
{
	setenv("CMOCKA_TEST_ABORT", "1", 1);
}
