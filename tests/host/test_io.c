// SPDX-License-Identifier: BSD-2-Clause
/* core/io.c and core/power.c: ports that are trapped. Those that pass to the machine cannot run
 * here. */
#include "core/device.h"
#include "core/facts.h"
#include "core/io.h"
#include "core/power.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define NIC                  BDF(0, 3, 0)
#define ENABLE               0x80000000u
#define ADDRESS(bdf, offset) (ENABLE | (bdf) << 8 | (offset))

static struct vm *vm;
static struct fake_function *nic;

static int set_up(void **state)
{
	static const struct acpi_fadt none;

	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_config_reset();
	fake_backend_reset();
	memset(devices, 0, sizeof(devices));
	device_count = 0;
	power_init(&none, -1);
	vm = fake_backend_add_vm("linux", MIB(64), MIB(2));
	vm->platform = true;
	nic = fake_config_add(NIC, 0x020000);
	fake_config_define(nic, 0x3c, 1, 11, 0xff);
	device_scan();
	devices[0].vm = vm;
	devices[0].state = DEVICE_ATTACHED;
	devices[0].may_master = true;
	fake_config_writes = 0;
	return 0;
}

#define RUBBISH 0xdeadbeefdeadbeefull

static u64 in(u16 port, u8 size)
{
	struct exit exit = {.kind = EXIT_IO, .io = {.port = port, .size = size, .in = true}};

	vm->vcpus[0]->gpr[GPR_RAX] = RUBBISH;
	assert_int_equal(exit_handle(vm->vcpus[0], &exit), RESULT_ADVANCE);
	return vm->vcpus[0]->gpr[GPR_RAX];
}

static enum exit_result out(u16 port, u8 size, u32 value)
{
	struct exit exit = {.kind = EXIT_IO, .io = {.port = port, .size = size}};

	vm->vcpus[0]->gpr[GPR_RAX] = 0xdead000000000000ull | value;
	return exit_handle(vm->vcpus[0], &exit);
}

/* ---- configuration mechanism 1 ---- */

static void test_config_reads(void **state)
{
	static const struct {
		u32 address;
		u16 port;
		u8 size;
		u64 rax;
	} rows[] = {
		{ADDRESS(NIC, 0), 0xcfc, 4, 0x10d38086},
		{ADDRESS(NIC, 0), 0xcfc, 2, 0xdeadbeefdead8086},
		{ADDRESS(NIC, 0), 0xcfe, 2, 0xdeadbeefdead10d3},
		{ADDRESS(NIC, 0), 0xcff, 1, 0xdeadbeefdeadbe10},
		{ADDRESS(NIC, 3), 0xcfc, 4,
	         0x10d38086}, /* the low two bits are not the address's */
		{ADDRESS(NIC, 0x3c), 0xcfc, 1, 0xdeadbeefdeadbe0b},
		{ADDRESS(NIC, 0) & ~ENABLE, 0xcfc, 4, 0xffffffff},
		{ADDRESS(NIC, 0), 0xcfd, 2, 0xdeadbeefdeadffff}, /* not aligned */
		{ADDRESS(NIC, 0), 0xcfe, 4, 0xffffffff},
		{ADDRESS(BDF(0, 4, 0), 0), 0xcfc, 4, 0xffffffff},
		{ADDRESS(NIC, 0), 0xcf8, 4, ADDRESS(NIC, 0)},
		{ADDRESS(NIC, 0), 0xcf8, 2, 0xdeadbeefdeadffff}, /* no dword: not there */
		{ADDRESS(NIC, 0), 0xcf9, 1, 0xdeadbeefdeadbeff},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(out(0xcf8, 4, rows[i].address), RESULT_ADVANCE);
		assert_int_equal(in(rows[i].port, rows[i].size), rows[i].rax);
	}
	assert_int_equal(fake_config_writes, 0);
}

static void test_config_writes(void **state)
{
	(void)state;
	out(0xcf8, 4, ADDRESS(NIC, 0x3c));
	out(0xcfc, 1, 9);
	assert_int_equal(fake_config_get(nic, 0x3c, 1), 9);
	out(0xcfd, 2, 0xffff); /* not aligned */
	out(0xcf8, 2, 0xffff); /* no dword */
	out(0xcf8, 4, ADDRESS(NIC, 0x3c) & ~ENABLE);
	out(0xcfc, 4, ~0u);
	out(0xcf8, 4, ADDRESS(BDF(0, 4, 0), 0x3c));
	out(0xcfc, 4, ~0u);
	assert_int_equal(fake_config_writes, 1);
}

/* ---- power-off and reset ---- */

#define PM1A  0x604
#define PM1B  0x704
#define RESET 0xb2

static void test_end_requests(void **state)
{
	static const struct acpi_fadt fadt = {.pm1a_control_port = PM1A,
	                                      .pm1b_control_port = PM1B,
	                                      .reset_port = RESET,
	                                      .reset_value = 0x42};
	static const struct {
		u16 port;
		u8 size;
		u32 value;
		bool ends;
	} rows[] = {
		{PM1A, 2, 0x2000, true},
		{PM1A, 2, 0x3c01, true},
		{PM1A, 2, 0x1c01, false},
		{PM1A, 1, 0x20, false},
		{PM1A + 1, 1, 0x20, true},
		{PM1A + 1, 1, 0x1c, false},
		{PM1A, 4, 0x00002000, true},
		{PM1B, 2, 0x2000, true},
		{PM1B + 1, 1, 0x34, true},
		{PM1A - 2, 4, 1u << 29, true},
		{RESET, 1, 0x42, true},
		{RESET, 1, 0x43, false},
		{RESET - 1, 2, 0x4200, true},
		{0x64, 1, 0xfe, true},
		{0x64, 1, 0xf0, true},
		{0x64, 1, 0xff, false},
		{0x64, 1, 0xae, false},
		{0x64, 2, 0x12fe, true},
		{0x92, 1, 0x03, true},
		{0x92, 1, 0x02, false},
		{0xcf9, 1, 0x06, true},
		{0xcf9, 1, 0x02, false},
		{0xcf8, 2, 0x0400, true},
		{0x80, 1, 0xfe, false},
		{0, 1, 0, false},
	};

	(void)state;
	power_init(&fadt, 5);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(power_is_end_request(rows[i].port, rows[i].size, rows[i].value),
		                 rows[i].ends);
}

/* The platform VM ends, and the register is not reached; the address register lies over the reset
 * register, and is another. */
static void test_platform_vm_ends(void **state)
{
	(void)state;
	assert_int_equal(out(0xcf8, 4, ENABLE | 0x0600), RESULT_ADVANCE);
	assert_int_equal(vm->state, VM_RUNNING);
	assert_int_equal(out(0xcf9, 1, 0x06), RESULT_STOP);
	assert_int_equal(vm->state, VM_ENDED);
	assert_string_equal(fake_log, "end vm=linux by=power-register port=0xcf9 value=0x6\n");
}

/* Other VMs have no ports, and cannot end the machine. */
static void test_other_vms_have_no_ports(void **state)
{
	static const u16 ports[] = {0x00, 0x64, 0x92, 0x3f8, 0xcf9, 0x604};

	(void)state;
	vm->platform = false;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		assert_int_equal(out(ports[i], 1, 0xfe), RESULT_ADVANCE);
		assert_int_equal(in(ports[i], 1), 0xdeadbeefdeadbeff);
	}
	assert_int_equal(in(0x60, 4), 0xffffffff);
	assert_int_equal(vm->state, VM_RUNNING);
}

/* ---- what exits ---- */

static void test_string_io_kills(void **state)
{
	struct exit exit = {.kind = EXIT_IO,
	                    .io = {.port = 0xcfc, .size = 4, .in = true, .string = true}};

	(void)state;
	assert_int_equal(exit_handle(vm->vcpus[0], &exit), RESULT_STOP);
	assert_int_equal(vm->state, VM_KILLED);
	assert_non_null(strstr(fake_log, "killed vm=linux cpu=0 reason=string-io-on-trapped-port"));
}

static u8 bitmap[IO_BITMAP_SIZE];

static bool is_intercepted(u32 port)
{
	return bitmap[port / 8] >> port % 8 & 1;
}

static u32 count_intercepted(bool platform)
{
	u32 count = 0;

	memset(bitmap, 0, sizeof(bitmap));
	io_fill_bitmap(platform, bitmap);
	for (u32 port = 0; port <= 0xffff; port++)
		count += is_intercepted(port);
	return count;
}

static void test_intercepted_ports(void **state)
{
	static const struct acpi_fadt fadt = {.pm1a_control_port = PM1A, .reset_port = RESET};
	static const u16 expected[] = {0x64,  0x92,  0x3f8, 0xcf8, 0xcf9,    0xcfa, 0xcfb,
	                               0xcfc, 0xcfd, 0xcfe, 0xcff, PM1A + 1, RESET};

	(void)state;
	power_init(&fadt, 5);
	unit_count = 1;
	assert_int_equal(count_intercepted(true), ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_true(is_intercepted(expected[i]));
	/* R21: without a unit nothing holds the ISA DMA controllers back */
	unit_count = 0;
	assert_int_equal(count_intercepted(true), ARRAY_SIZE(expected) + 16 + 32);
	assert_true(is_intercepted(0x00) && is_intercepted(0x0f));
	assert_true(is_intercepted(0xc0) && is_intercepted(0xdf));
	assert_int_equal(count_intercepted(false), 1 << 16);
}

static void test_isa_dma_is_not_there(void **state)
{
	(void)state;
	assert_int_equal(out(0x0b, 1, 0x14), RESULT_ADVANCE);
	assert_int_equal(in(0x08, 1), 0xdeadbeefdeadbeff);
	assert_int_equal(in(0xde, 2), 0xdeadbeefdeadffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_config_reads, set_up),
		cmocka_unit_test_setup(test_config_writes, set_up),
		cmocka_unit_test_setup(test_end_requests, set_up),
		cmocka_unit_test_setup(test_platform_vm_ends, set_up),
		cmocka_unit_test_setup(test_other_vms_have_no_ports, set_up),
		cmocka_unit_test_setup(test_string_io_kills, set_up),
		cmocka_unit_test_setup(test_intercepted_ports, set_up),
		cmocka_unit_test_setup(test_isa_dma_is_not_there, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
