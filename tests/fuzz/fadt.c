// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/fuzz.h"

static err_t parse(u8 *bytes, size_t size)
{
	struct acpi_fadt fadt;

	TRY(acpi_parse_fadt(bytes, size, &fadt));
	if (fadt.reset_port || fadt.reset_value)
		assert_true(bytes[113] & 4); /* RESET_REG_SUP */
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	return fuzz_table(data, size, parse);
}
