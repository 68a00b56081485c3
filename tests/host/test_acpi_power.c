// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/acpi_table.h"

/* What QEMU 7.2 makes for -M q35: the FADT, and the bytes around _S5_ in the DSDT. */
static const u8 qemu_facp[] = {
	0x46, 0x41, 0x43, 0x50, 0xf4, 0x00, 0x00, 0x00, 0x03, 0x28, 0x42, 0x4f, 0x43, 0x48, 0x53,
	0x20, 0x42, 0x58, 0x50, 0x43, 0x20, 0x20, 0x20, 0x20, 0x01, 0x00, 0x00, 0x00, 0x42, 0x58,
	0x50, 0x43, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0xfe, 0x07, 0x40, 0x00, 0xfe, 0x07, 0x01,
	0x00, 0x09, 0x00, 0xb2, 0x00, 0x00, 0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x04, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x08, 0x06, 0x00, 0x00, 0x20, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x02,
	0x00, 0x04, 0x10, 0x00, 0x00, 0x00, 0xff, 0x0f, 0xff, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x32, 0x02, 0x00, 0x00, 0xa5, 0x84, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00,
	0xf9, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0xfe, 0x07, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20,
	0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x10, 0x00, 0x00, 0x04, 0x06, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x20,
	0x00, 0x00, 0x08, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x80, 0x00, 0x00, 0x20,
	0x06, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00};

static const u8 qemu_s5[] = {0x02, 0x00, 0x00, 0x08, 0x5f, 0x53, 0x35, 0x5f,
                             0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00, 0x10,
                             0x3b, 0x5c, 0x2e, 0x5f, 0x53, 0x42, 0x5f, 0x50};

static err_t parse_fadt(u8 *bytes, size_t size)
{
	struct acpi_fadt fadt;

	return acpi_parse_fadt(bytes, size, &fadt);
}

static err_t parse_resealed_fadt(u8 *bytes, size_t size)
{
	table_seal(bytes, size);
	return parse_fadt(bytes, size);
}

static struct acpi_fadt changed_fadt(u32 offset, u8 byte, u32 size)
{
	u8 bytes[sizeof(qemu_facp)];
	struct acpi_fadt fadt;

	memcpy(bytes, qemu_facp, sizeof(bytes));
	bytes[offset] = byte;
	table_seal(bytes, size);
	assert_ok(acpi_parse_fadt(bytes, size, &fadt));
	return fadt;
}

static void test_fadt(void **state)
{
	const u32 whole = sizeof(qemu_facp);
	struct acpi_fadt fadt;

	(void)state;
	assert_ok(acpi_parse_fadt(qemu_facp, whole, &fadt));
	assert_int_equal(fadt.pm1a_control_port, 0x604);
	assert_int_equal(fadt.pm1b_control_port, 0);
	assert_int_equal(fadt.pm_timer_port, 0x608);
	assert_int_equal(fadt.reset_port, 0xcf9);
	assert_int_equal(fadt.reset_value, 0x0f);
	assert_int_equal(fadt.dsdt_pa, 0x7fe0040);
	/* the extended register counts before the old one, also when it is not a port */
	assert_int_equal(changed_fadt(176, 0x44, whole).pm1a_control_port, 0x644);
	assert_int_equal(changed_fadt(172, 0, whole).pm1a_control_port, 0);
	assert_int_equal(changed_fadt(178, 1, whole).pm1a_control_port, 0);
	assert_int_equal(changed_fadt(192, 0, whole).pm1b_control_port, 0);
	assert_int_equal(changed_fadt(208, 0, whole).pm_timer_port, 0); /* in memory */
	/* reset: no port, not supported */
	assert_int_equal(changed_fadt(116, 0, whole).reset_port, 0);
	assert_int_equal(changed_fadt(113, 0, whole).reset_port, 0);
	/* an ACPI 1.0 table ends before the extended fields */
	fadt = changed_fadt(0, 'F', 116);
	assert_int_equal(fadt.pm1a_control_port, 0x604);
	assert_int_equal(fadt.pm_timer_port, 0x608);
	assert_int_equal(fadt.reset_port, 0);
	assert_int_equal(fadt.dsdt_pa, 0x7fe0040);
	assert_int_equal(changed_fadt(66, 1, 116).pm1a_control_port, 0);
	refuse_truncated(qemu_facp, whole, parse_fadt);
	survive_flips(qemu_facp, whole, parse_resealed_fadt);
	for (u32 size = 0; size < whole; size++)
		assert_error(parse_copy(qemu_facp, size, parse_resealed_fadt),
		             size < ACPI_HEADER_SIZE ? E_TRUNCATED
		             : size < 116            ? E_BAD_LENGTH
		                                     : E_OK);
}

/* The AML sits behind a header, with other bytes before it. */
static err_t find_s5(const u8 *aml, size_t size, u8 *slp_typ)
{
	u8 *dsdt = malloc(ACPI_HEADER_SIZE + size);
	err_t e;

	assert_non_null(dsdt);
	memset(dsdt, 0x5f, ACPI_HEADER_SIZE);
	memcpy(dsdt + ACPI_HEADER_SIZE, aml, size);
	e = acpi_find_s5(dsdt, ACPI_HEADER_SIZE + size, slp_typ);
	free(dsdt);
	return e;
}

static err_t parse_s5(u8 *bytes, size_t size)
{
	u8 slp_typ;

	return find_s5(bytes, size, &slp_typ);
}

static void test_s5(void **state)
{
	static const struct {
		err_t error;
		u8 slp_typ, size, bytes[24];
	} cases[] = {
		{E_OK, 0, 9, "\x08_S5_\x12\x03\x01\x00"},
		{E_OK, 1, 9, "\x08_S5_\x12\x03\x01\x01"},
		{E_OK, 5, 14, "\x08_S5_\x12\x07\x02\x0a\x05\x0a\x05"},
		{E_OK, 7, 12, "\x08\\_S5_\x12\x05\x01\x0a\x07"},
		{E_OK, 3, 12, "\x08_S5_\x12\x06\x01\x0b\x03\x00"},
		{E_OK, 6, 14, "\x08_S5_\x12\x08\x01\x0c\x06\x00\x00\x00"},
		{E_OK, 4, 17, "\x08_S5_\x12\x0c\x01\x0e\x04\x00\x00\x00\x00\x00\x00\x00"},
		{E_OK, 2, 12, "\x08_S5_\x12\x45\x00\x01\x0a\x02"}, /* two bytes of length */
		{E_OK, 5, 15, "_S5_\x08_S5_\x12\x04\x01\x0a\x05"}, /* a mention comes first */
		{E_BAD_VALUE, 0, 10, "\x08_S5_\x12\x04\x01\x0a\x08"},
		{E_BAD_VALUE, 0, 12, "\x08_S5_\x12\x06\x01\x0b\x03\x01"},
		{E_BAD_VALUE, 0, 17, "\x08_S5_\x12\x0c\x01\x0e\x04\x00\x00\x00\x00\x00\x00\x01"},
		{E_BAD_VALUE, 0, 9, "\x08_S5_\x12\x03\x01\xff"}, /* OnesOp */
		{E_BAD_VALUE, 0, 9, "\x08_S5_\x12\x03\x01\x05"}, /* no integer */
		{E_BAD_VALUE, 0, 9, "\x08_S5_\x12\x03\x00\x01"}, /* no element */
		{E_BAD_VALUE, 0, 9, "\x08_S5_\x11\x03\x01\x01"}, /* a buffer */
		{E_BAD_VALUE, 0, 5, "\x08_S5_"},
		{E_BAD_VALUE, 0, 7, "\x08_S5_\x12\xff"},
		{E_NOT_FOUND, 0, 9, "\x14_S5_\x12\x03\x01\x01"},
		{E_NOT_FOUND, 0, 9, "\x08_S4_\x12\x03\x01\x01"},
		{E_NOT_FOUND, 0, 4, "_S5_"},
		{E_NOT_FOUND, 0, 0, ""},
	};
	u8 slp_typ;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		slp_typ = 0;
		assert_error(find_s5(cases[i].bytes, cases[i].size, &slp_typ), cases[i].error);
		assert_int_equal(slp_typ, cases[i].slp_typ);
	}
	assert_ok(find_s5(qemu_s5, sizeof(qemu_s5), &slp_typ));
	assert_int_equal(slp_typ, 0);
	refuse_truncated(qemu_s5, 12, parse_s5);
	survive_flips(qemu_s5, sizeof(qemu_s5), parse_s5);
	for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
		if (cases[i].size)
			survive_flips(cases[i].bytes, cases[i].size, parse_s5);
	assert_error(acpi_find_s5(NULL, 0, &slp_typ), E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_s5),
	};

	return cmocka_run_group_tests_name("acpi_power", tests, NULL, NULL);
}
