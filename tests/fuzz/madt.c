// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/fuzz.h"

static err_t parse(u8 *bytes, size_t size)
{
	static struct acpi_madt madt;

	TRY(acpi_parse_madt(bytes, size, &madt));
	assert_true(madt.cpu_count <= ACPI_CPUS_MAX);
	assert_true(madt.ioapic_count <= ACPI_IOAPICS_MAX);
	for (u32 i = 0; i < madt.cpu_count; i++) {
		for (u32 j = 0; j < i; j++)
			assert_true(madt.apic_id[i] != madt.apic_id[j]);
	}
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	return fuzz_table(data, size, parse);
}
