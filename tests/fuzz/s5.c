// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/fuzz.h"

/* SLP_TYP has three bits. */
static err_t parse(u8 *bytes, size_t size)
{
	u8 slp_typ_a = 0xff;

	TRY(acpi_find_s5(bytes, size, &slp_typ_a));
	assert_true(slp_typ_a <= 7);
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	parse_copy(data, size, parse);
	return 0;
}
