// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/fuzz.h"

/* A window's first byte and the first one behind it. */
static u64 start(const struct acpi_ecam *e)
{
	return e->base_pa + MIB(e->first_bus);
}

static u64 end(const struct acpi_ecam *e)
{
	return e->base_pa + MIB(e->last_bus + 1);
}

/* Neither a bus nor a byte belongs to two windows. */
static err_t parse(u8 *bytes, size_t size)
{
	static struct acpi_mcfg mcfg;

	TRY(acpi_parse_mcfg(bytes, size, &mcfg));
	assert_true(mcfg.count <= ACPI_ECAMS_MAX);
	for (const struct acpi_ecam *a = mcfg.ecam; a < mcfg.ecam + mcfg.count; a++) {
		assert_true(a->base_pa && start(a) < end(a));
		for (const struct acpi_ecam *b = mcfg.ecam; b < a; b++) {
			assert_true(end(a) <= start(b) || end(b) <= start(a));
			assert_true(a->segment != b->segment || a->last_bus < b->first_bus ||
			            b->last_bus < a->first_bus);
		}
	}
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	return fuzz_table(data, size, parse);
}
