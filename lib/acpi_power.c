// SPDX-License-Identifier: BSD-2-Clause
/* How the machine is switched off and reset: the FADT and the \_S5 package of the DSDT. */
#include "lib/acpi.h"
#include "lib/bytes.h"

#define FADT_LENGTH_1_0      116u
#define FADT_RESET_SUPPORTED BIT(10)
#define SYSTEM_IO            1 /* 5.2.3.2: address space of a generic address */

/* 20.2: AML */
#define NAME_OP    0x08
#define PACKAGE_OP 0x12

/* A field that a short (old) table does not have reads as 0. */
static u64 fadt_field(const u8 *table, u32 offset, u32 size)
{
	return offset + size > acpi_table_length(table) ? 0 : get_uint(table + offset, size);
}

/* The port that a generic address names, or the older field where that is absent. */
static u16 fadt_port(const u8 *table, u32 generic, u64 older)
{
	u64 address = fadt_field(table, generic + 4, 8);

	if (address && table[generic] != SYSTEM_IO)
		return 0;
	address = address ?: older;
	return address > 0xffff ? 0 : (u16)address;
}

err_t acpi_parse_fadt(const u8 *table, size_t size, struct acpi_fadt *fadt)
{
	u32 end;

	TRY(acpi_check_body(table, size, "FACP", FADT_LENGTH_1_0, &end));
	*fadt = (struct acpi_fadt){
		.pm1a_control_port = fadt_port(table, 172, fadt_field(table, 64, 4)),
		.pm1b_control_port = fadt_port(table, 184, fadt_field(table, 68, 4)),
		.pm_timer_port = fadt_port(table, 208, fadt_field(table, 76, 4)),
		.dsdt_pa = fadt_field(table, 140, 8) ?: fadt_field(table, 40, 4),
	};
	if (fadt_field(table, 112, 4) & FADT_RESET_SUPPORTED && fadt_field(table, 120, 8)) {
		fadt->reset_port = fadt_port(table, 116, 0);
		fadt->reset_value = (u8)fadt_field(table, 128, 4);
	}
	return E_OK;
}

/* 20.2.5.4: PackageOp PkgLength NumElements PackageElementList. The first element, an integer
 * (20.2.3), must fit the three bits of SLP_TYP. */
static err_t parse_s5_package(const u8 *at, const u8 *end, u8 *slp_typ_a)
{
	static const u8 sizes[] = {[0x0a] = 1, [0x0b] = 2, [0x0c] = 4, [0x0e] = 8};
	u32 header, size;
	u64 value;

	if (end - at < 2 || at[0] != PACKAGE_OP)
		return E_BAD_VALUE;
	header = 3 + (at[1] >> 6); /* PkgLength may have three bytes more */
	if (end - at <= header || at[header - 1] == 0)
		return E_BAD_VALUE;
	at += header;
	size = *at < ARRAY_SIZE(sizes) ? sizes[*at] : 0;
	if (end - at <= size)
		return E_BAD_VALUE;
	value = size ? get_uint(at + 1, size) : *at;
	if (value > (size ? 7 : 1)) /* without a prefix only ZeroOp and OneOp are integers */
		return E_BAD_VALUE;
	*slp_typ_a = (u8)value;
	return E_OK;
}

err_t acpi_find_s5(const u8 *dsdt, size_t size, u8 *slp_typ_a)
{
	for (size_t i = ACPI_HEADER_SIZE + 1; i + 4 <= size; i++) {
		const u8 *name = dsdt + i, *before = name[-1] == '\\' ? name - 2 : name - 1;

		if (acpi_table_is(name, "_S5_") && *before == NAME_OP)
			return parse_s5_package(name + 4, dsdt + size, slp_typ_a);
	}
	return E_NOT_FOUND;
}
