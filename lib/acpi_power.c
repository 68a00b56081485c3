// SPDX-License-Identifier: BSD-2-Clause
/* How the machine is switched off and reset: the FADT and the \_S5 package of the DSDT. */
#include "lib/acpi.h"
#include "lib/bytes.h"

#define FADT_LENGTH_1_0 116u

/* A field that a short (old) table does not have reads as 0. */
static u64 fadt_field(const u8 *table, u32 offset, u32 size)
{
	if (offset + size > acpi_table_length(table))
		return 0;
	return size == 8 ? get_u64(table + offset) : get_u32(table + offset);
}

/* 5.2.3.2: a generic address; its port if it names one. */
static u16 fadt_generic_port(const u8 *table, u32 offset)
{
	const u8 system_io = 1;
	u64 address = fadt_field(table, offset + 4, 8);

	if (address > 0xffff || table[offset] != system_io)
		return 0;
	return (u16)address;
}

/* The 32-bit field counts where the extended one is absent. */
static u16 fadt_port(const u8 *table, u32 offset, u32 extended_offset)
{
	u64 address = fadt_field(table, offset, 4);

	if (fadt_field(table, extended_offset + 4, 8))
		return fadt_generic_port(table, extended_offset);
	return address > 0xffff ? 0 : (u16)address;
}

err_t acpi_parse_fadt(const u8 *table, size_t size, struct acpi_fadt *fadt)
{
	const u64 reset_supported = BIT(10);

	TRY(acpi_check_table(table, size, "FACP"));
	if (acpi_table_length(table) < FADT_LENGTH_1_0)
		return E_BAD_LENGTH;
	*fadt = (struct acpi_fadt){
		.pm1a_control_port = fadt_port(table, 64, 172),
		.pm1b_control_port = fadt_port(table, 68, 184),
		.dsdt_pa = fadt_field(table, 140, 8),
	};
	if (!fadt->dsdt_pa)
		fadt->dsdt_pa = fadt_field(table, 40, 4);
	if (fadt_field(table, 112, 4) & reset_supported && fadt_field(table, 120, 8)) {
		fadt->reset_port = fadt_generic_port(table, 116);
		fadt->reset_value = (u8)fadt_field(table, 128, 4);
	}
	return E_OK;
}

/* 20.2.3: a ComputationalData integer. Only values that fit a 3-bit SLP_TYP are good. */
static err_t parse_sleep_type(const u8 *at, const u8 *end, u8 *value)
{
	static const struct {
		u8 prefix, size;
	} integers[] = {{0x0a, 1}, {0x0b, 2}, {0x0c, 4}, {0x0e, 8}};
	u64 sum = *at;
	u32 size = 0;

	for (u32 i = 0; i < ARRAY_SIZE(integers); i++)
		if (*at == integers[i].prefix)
			size = integers[i].size;
	if ((size_t)(end - at) <= size)
		return E_BAD_VALUE;
	for (u32 i = size; i; i--)
		sum = (i == size ? 0 : sum << 8) | at[i];
	if (sum > (size ? 7 : 1)) /* without a prefix only ZeroOp and OneOp are integers */
		return E_BAD_VALUE;
	*value = (u8)sum;
	return E_OK;
}

/* 20.2.5.4: PackageOp PkgLength NumElements PackageElementList */
static err_t parse_s5_package(const u8 *at, const u8 *end, u8 *slp_typ_a)
{
	const u8 package_op = 0x12;
	u32 header; /* PackageOp, the bytes of PkgLength, NumElements */

	if (end - at < 2 || at[0] != package_op)
		return E_BAD_VALUE;
	header = 1 + 1 + (at[1] >> 6) + 1;
	if ((size_t)(end - at) <= header || at[header - 1] == 0)
		return E_BAD_VALUE;
	return parse_sleep_type(at + header, end, slp_typ_a);
}

err_t acpi_find_s5(const u8 *dsdt, size_t size, u8 *slp_typ_a)
{
	const u8 name_op = 0x08;

	for (size_t i = ACPI_HEADER_SIZE + 1; i + 4 <= size; i++) {
		const u8 *name = dsdt + i;
		const u8 *before = name[-1] == '\\' ? name - 2 : name - 1;

		if (acpi_table_is(name, "_S5_") && *before == name_op)
			return parse_s5_package(name + 4, dsdt + size, slp_typ_a);
	}
	return E_NOT_FOUND;
}
