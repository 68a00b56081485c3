// SPDX-License-Identifier: BSD-2-Clause
/* The RSDP, and the lists of tables that it names. */
#include "tests/fuzz/fuzz.h"

static void seal_sum(u8 *bytes, size_t size, u8 *checksum)
{
	for (size_t i = 0; i < size; i++)
		*checksum -= bytes[i];
}

static err_t parse_rsdp(u8 *bytes, size_t size)
{
	struct acpi_root root;

	TRY(acpi_parse_rsdp(bytes, size, &root));
	assert_true(root.table_pa);
	assert_true(root.entry_size == 8 ? root.table_pa == root.xsdt_pa
	                                 : root.entry_size == 4 && root.table_pa == root.rsdt_pa);
	return E_OK;
}

/* Both checksums made good, the second over as much as there is. */
static err_t parse_sealed_rsdp(u8 *bytes, size_t size)
{
	if (size >= 20)
		seal_sum(bytes, 20, &bytes[8]);
	if (size >= ACPI_RSDP_SIZE)
		seal_sum(bytes, size, &bytes[32]);
	return parse_rsdp(bytes, size);
}

static bool is_listed(const u8 *table, u32 entry_size, u64 table_pa)
{
	u64 entry;

	for (u32 i = 0; acpi_root_entry(table, entry_size, i, &entry); i++) {
		if (entry == table_pa)
			return true;
	}
	return false;
}

/* What is taken out is gone, and the rest is a good table. */
static void take_first_out(u8 *table, size_t size, const char *signature, u32 entry_size)
{
	u32 length;
	u64 first;

	if (acpi_check_table(table, size, signature) ||
	    !acpi_root_entry(table, entry_size, 0, &first))
		return;
	length = acpi_table_length(table);
	assert_true(acpi_root_remove(table, entry_size, first) > 0);
	assert_true(acpi_table_length(table) < length);
	assert_ok(acpi_check_table(table, size, signature));
	assert_false(is_listed(table, entry_size, first));
}

static err_t parse_root(u8 *bytes, size_t size)
{
	take_first_out(bytes, size, "RSDT", 4);
	take_first_out(bytes, size, "XSDT", 8);
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	parse_copy(data, size, parse_rsdp);
	parse_copy(data, size, parse_sealed_rsdp);
	return fuzz_table(data, size, parse_root);
}
