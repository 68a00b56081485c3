// SPDX-License-Identifier: BSD-2-Clause
/* core/msi.c and core/interrupt.c: what a guest programs, what hardware gets for it, and what the
 * entries of the interrupt remapping table say (R22). */
#include "core/config_space.h"
#include "core/mem.h"
#include "core/msi.h"
#include "core/pci.h"
#include "core/trapped.h"
#include "core/vm_memory.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define NIC    BDF(0, 3, 0)
#define OTHERS BDF(0, 4, 0)
#define BAR    0xfd000000ull /* 64 KiB: the table at 0x2010 in it */
#define TABLE  (BAR + 0x2010)
#define PAGE   (BAR + 0x2000)
#define COUNT  8u
#define MSI_AT 0x60
#define CPU    0 /* the APIC id of the VM's CPU */

#define GOOD 0xfee00000ull

static struct fake_function *nic_function;
static struct device *nic;
static struct vtd_unit *unit;
static struct vm *vm;

/* The page of the table in hardware. */
#define UNTOUCHED 0xa5a5a5a5 /* of the device's registers */
static struct fake_page page = FAKE_PAGE(PAGE);

static void add_msi(struct fake_function *f, bool wide)
{
	u32 data = MSI_AT + (wide ? 12 : 8);

	fake_config_add_capability(f, MSI_AT, PCI_CAP_MSI);
	/* firmware has left it enabled; five messages at most, rounded up */
	fake_config_define(f, MSI_AT + 2, 2, 1 | 3 << 1 | wide << 7, 0x71);
	fake_config_define(f, MSI_AT + 4, 4, 0xfee00000, ~3u);
	if (wide)
		fake_config_define(f, MSI_AT + 8, 4, 0, ~0u);
	fake_config_define(f, data, 2, 0x99, 0xffff);
	fake_config_define(f, data + 4, 4, 0, ~0u); /* mask bits */
}

static void add_msix(struct fake_function *f)
{
	fake_config_add_bar(f, 1, BAR, KIB(64), false);
	fake_config_add_capability(f, 0x80, PCI_CAP_MSIX);
	fake_config_define(f, 0x82, 2, 0x8000 | (COUNT - 1), 0xc000);
	fake_config_define(f, 0x84, 4, 0x2011, 0);
}

static void start(bool remap, bool wide)
{
	machine_reset();
	fake_mmio_add(&page.mmio);
	memset(page.bytes, (u8)UNTOUCHED, sizeof(page.bytes));
	unit = machine_add_unit(CAP_48, ECAP_SC);
	if (remap)
		assert_ok(vtd_interrupt_start(unit, false));
	nic_function = machine_add_function(NIC, false);
	fake_config_add_flr(nic_function);
	add_msi(nic_function, wide);
	add_msix(nic_function);
	add_msi(machine_add_function(OTHERS, false), true);
	machine_scan();
	nic = device_find(NIC);
	vm = machine_add_vm("guest");
	machine_add_vm("other");
	assert_ok(ioasid_attach(NULL, nic, vm));
	fake_log[0] = 0;
}

static int set_up(void **state)
{
	(void)state;
	start(true, true);
	return 0;
}

/* ---- looking ---- */

static const u64 *irte(u32 index)
{
	return machine_irte(unit, index);
}

static u32 present(void)
{
	return machine_count_irtes(unit);
}

static void write_table(u32 offset, u8 size, u64 value)
{
	const struct trapped *t = trapped_find(vm, TABLE + offset);

	assert_ptr_equal(t, &msi_trapped);
	t->write(vm->vcpus[0], TABLE + offset, size, value);
}

static u64 read_table(u32 offset, u8 size)
{
	return trapped_find(vm, TABLE + offset)->read(vm->vcpus[0], TABLE + offset, size);
}

static u32 hardware(u32 offset)
{
	return (u32)fake_page_read(&page.mmio, 0x10 + offset, 4);
}

static void program(u32 i, u64 address, u32 data)
{
	write_table(16 * i, 4, (u32)address);
	write_table(16 * i + 4, 4, address >> 32);
	write_table(16 * i + 8, 4, data);
	write_table(16 * i + 12, 4, 0);
}

static u32 config(u32 offset, u8 size)
{
	return config_space_read(vm, NIC, offset, size);
}

static void write_config(u32 offset, u8 size, u32 value)
{
	config_space_write(vm, NIC, offset, size, value);
}

static u32 hardware_config(u32 offset, u8 size)
{
	return fake_config_get(nic_function, offset, size);
}

/* ---- MSI-X ---- */

/* Only the table's page is trapped, and what firmware left is off. */
static void test_trapped_page(void **state)
{
	u64 size;

	(void)state;
	assert_int_equal(pt_lookup(&vm->stage2, PAGE, &size), 0);
	assert_int_not_equal(pt_lookup(&vm->stage2, PAGE - PAGE_SIZE, &size), 0);
	assert_int_not_equal(pt_lookup(&vm->stage2, PAGE + PAGE_SIZE, &size), 0);
	assert_null(trapped_find(vm, PAGE - 1));
	assert_null(trapped_find(vm, PAGE + PAGE_SIZE));
	assert_null(trapped_find(&vms[1], TABLE));
	assert_int_equal(hardware_config(0x82, 2), COUNT - 1);
	assert_int_equal(hardware_config(MSI_AT + 2, 2) & 0x71, 0);
	assert_int_equal(present(), 0);
}

static void test_msix_entry(void **state)
{
	(void)state;
	write_table(0x20, 8, GOOD | CPU << 12);
	write_table(0x28, 8, 0x0000000100000041); /* masked */
	assert_int_equal(present(), 0);
	assert_int_equal(hardware(0x2c), 1);
	write_table(0x2c, 4, 0);
	assert_int_equal(present(), 1);
	assert_int_equal(irte(0)[0], 0x0000000000410001);
	assert_int_equal(irte(0)[1], 0x40000 | NIC);
	assert_int_equal(hardware(0x20), 0xfee00010);
	assert_int_equal(hardware(0x24) | hardware(0x28) | hardware(0x2c), 0);
	/* as the guest wrote it, in all widths */
	assert_int_equal(read_table(0x20, 8), GOOD);
	assert_int_equal(read_table(0x28, 4), 0x41);
	assert_int_equal(read_table(0x28, 1), 0x41);
	assert_int_equal(read_table(0x23, 1), 0xfe);
	assert_int_equal(read_table(0x22, 2), 0xfee0);
	assert_int_equal(read_table(0x2c, 4), 0);
	/* its neighbour gets one of its own; one moves in place */
	program(3, GOOD, 0x52);
	assert_int_equal(irte(1)[0] & 0xffffff, 0x520001);
	assert_int_equal(hardware(0x30), 0xfee00030);
	write_table(0x28, 1, 0x77);
	assert_int_equal(present(), 2);
	assert_int_equal(irte(0)[0], 0x0000000000770001);
	assert_int_equal(hardware(0x20), 0xfee00010);
}

/* What was sent before still arrives; nothing new is sent. */
static void test_msix_mask(void **state)
{
	(void)state;
	program(1, GOOD, 0x41);
	write_table(0x1c, 4, 1);
	assert_int_equal(hardware(0x1c), 1);
	assert_int_equal(read_table(0x1c, 4), 1);
	assert_int_equal(present(), 1);
	write_table(0x1c, 4, 0);
	assert_int_equal(hardware(0x1c), 0);
	assert_int_equal(present(), 1);
}

static const struct {
	u64 address;
	u32 data;
	const char *reason; /* NULL: it is allowed */
	u64 entry;
} messages[] = {
	{GOOD, 0x10, NULL, 0x0000000000100001},
	{GOOD, 0xff, NULL, 0x0000000000ff0001},
	{GOOD | 0x8, 0x141, NULL, 0x0000000000410021},   /* lowest priority, redirection hint */
	{GOOD | 0x1004, 0x41, NULL, 0x0000000000410001}, /* logical */
	{GOOD, 0xc041, NULL, 0x0000000000410011},        /* level */
	{GOOD, 0xffff0041, NULL, 0x0000000000410001},    /* nothing is up there */
	{GOOD | 0x1000, 0x41, "reason=destination", 0},  /* another's CPU */
	{GOOD | 0xff000, 0x41, "reason=destination", 0}, /* everybody's */
	{GOOD | 0x4, 0x41, "reason=destination", 0},     /* logical, nobody */
	{GOOD, 0x0f, "reason=vector", 0},
	{GOOD, 0x241, "reason=delivery-mode", 0}, /* SMI */
	{GOOD, 0x441, "reason=delivery-mode", 0}, /* NMI */
	{GOOD, 0x541, "reason=delivery-mode", 0}, /* INIT */
	{GOOD, 0x741, "reason=delivery-mode", 0}, /* ExtINT */
	{0xfef00000, 0x41, "reason=address", 0},
	{0x1fee00000, 0x41, "reason=address", 0},
	{0x1000, 0x41, "reason=address", 0},
};

/* A message that is refused is not sent, whatever was sent before; and the guest reads what it has
 * written. */
static void test_msix_messages(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		u64 address = messages[i].address;

		set_up(state);
		program(0, GOOD, 0x99);
		fake_log[0] = 0;
		write_table(0xc, 4, 1);
		program(0, address, messages[i].data);
		assert_int_equal(read_table(0, 8), address);
		assert_int_equal(read_table(8, 8), messages[i].data);
		assert_int_equal(vm->counters.interrupts_refused != 0, !!messages[i].reason);
		if (messages[i].reason) {
			assert_int_equal(present(), 0);
			assert_int_equal(hardware(0xc), 1);
			assert_non_null(strstr(fake_log, messages[i].reason));
			assert_non_null(
				strstr(fake_log, "refused interrupt vm=guest source=00:03.0 "));
		} else {
			assert_int_equal(irte(0)[0], messages[i].entry);
			assert_int_equal(hardware(0), 0xfee00010);
			assert_int_equal(hardware(0xc), 0);
		}
	}
}

/* Linux writes zeroes over the message of an interrupt that it gives up: nothing worth a line. */
static void test_no_message_is_no_refusal(void **state)
{
	(void)state;
	program(0, GOOD, 0x99);
	program(0, 0, 0);
	assert_int_equal(present(), 0);
	assert_int_equal(hardware(0xc), 1);
	assert_int_equal(vm->counters.interrupts_refused, 0);
	assert_null(strstr(fake_log, "refused interrupt"));
}

/* Refusals are many when a guest wants them to be; lines are few. */
static void test_refusals_are_rate_limited(void **state)
{
	u32 lines = 0;

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		program(i % COUNT, GOOD | 0x1000, 0x41);
	for (const char *at = fake_log; (at = strstr(at, "refused interrupt")); at++)
		lines++;
	assert_true(vm->counters.interrupts_refused >= 1000);
	assert_true(lines <= 16);
}

/* Registers that share the page reach the device; entries that the table does not have do not. */
static void test_other_registers(void **state)
{
	const struct trapped *t = trapped_find(vm, PAGE);

	(void)state;
	t->write(vm->vcpus[0], PAGE + 8, 8, 0x1122334455667788);
	assert_int_equal(fake_page_read(&page.mmio, 8, 8), 0x1122334455667788);
	assert_int_equal(t->read(vm->vcpus[0], PAGE + 10, 2), 0x5566);
	write_table(16 * COUNT, 1, 0x12);
	assert_int_equal(page.bytes[0x10 + 16 * COUNT], 0x12);
	assert_int_equal(present(), 0);
}

/* No page for the shadows: the table is out of the guest's reach all the same. */
static void test_msix_without_memory(void **state)
{
	(void)state;
	page_free(nic->msix.shadows_pa);
	nic->msix.shadows_pa = 0;
	memset(page.bytes, 0, sizeof(page.bytes));
	program(0, GOOD, 0x41);
	assert_int_equal(hardware(0) | hardware(8) | present(), 0);
	assert_int_equal(read_table(0, 4), 0);
}

static void test_no_more_entries(void **state)
{
	static const struct vtd_interrupt other = {.source_id = OTHERS, .vector = 0x20};
	u16 index;

	(void)state;
	for (u32 i = 1; i < VTD_INTERRUPTS; i++)
		assert_ok(vtd_interrupt_allocate(unit, &other, 1, &index));
	program(0, GOOD, 0x41);
	assert_int_equal(hardware(0xc), 0);
	program(1, GOOD, 0x42);
	assert_int_equal(hardware(0x1c), 1);
	assert_non_null(strstr(fake_log, "reason=too-many"));
}

/* ---- MSI ---- */

static void program_msi(bool wide, u64 address, u16 data, u16 control)
{
	write_config(MSI_AT + 4, 4, (u32)address);
	if (wide)
		write_config(MSI_AT + 8, 4, address >> 32);
	write_config(MSI_AT + (wide ? 12 : 8), 2, data);
	write_config(MSI_AT + 2, 2, control);
}

static void test_msi(void **state)
{
	(void)state;
	for (u32 wide = 0; wide < 2; wide++) {
		u32 data = MSI_AT + (wide ? 12 : 8), fixed = 3 << 1 | wide << 7;

		start(true, wide);
		program_msi(wide, GOOD, 0x4041, 0);
		assert_int_equal(present(), 0);
		write_config(MSI_AT + 2, 2, 0xffff & ~0x70);
		assert_int_equal(present(), 1);
		assert_int_equal(irte(0)[0], 0x0000000000410001);
		assert_int_equal(irte(0)[1], 0x40000 | NIC);
		assert_int_equal(hardware_config(MSI_AT + 4, 4), 0xfee00010);
		assert_int_equal(hardware_config(data, 2), 0);
		assert_int_equal(hardware_config(MSI_AT + 2, 2), 1 | fixed);
		assert_int_equal(config(MSI_AT + 4, 4), GOOD);
		assert_int_equal(config(data, 2), 0x4041);
		assert_int_equal(config(MSI_AT + 2, 2), 1 | fixed);
		assert_int_equal(config(MSI_AT, 4), (1 | fixed) << 16 | hardware_config(MSI_AT, 2));
		/* a byte at a time; and the mask bits behind are the function's */
		write_config(data, 1, 0x55);
		assert_int_equal(irte(0)[0], 0x0000000000550001);
		write_config(data + 4, 4, 0x3);
		assert_int_equal(hardware_config(data + 4, 4), 0x3);
		write_config(MSI_AT + 2, 1, 0);
		assert_int_equal(hardware_config(MSI_AT + 2, 2), fixed);
	}
}

/* The function adds the number of the message to the index, in the low bits of the data. */
static void test_several_messages(void **state)
{
	(void)state;
	program(0, GOOD, 0x31); /* so that the first index is 1 */
	program_msi(true, GOOD, 0x47, 1 | 2 << 4);
	assert_int_equal(present(), 5);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(irte(1 + i)[0], 0x440001 + (u64)i * 0x10000);
		assert_int_equal(irte(1 + i)[1], 0x40000 | NIC);
	}
	assert_int_equal(hardware_config(MSI_AT + 4, 4), 0xfee00038);
	assert_int_equal(hardware_config(MSI_AT + 12, 2), 0);
	assert_int_equal(hardware_config(MSI_AT + 2, 2), 1 | 3 << 1 | 2 << 4 | 1 << 7);
	program_msi(true, GOOD, 0x61, 1);
	assert_int_equal(present(), 2);
	write_config(MSI_AT + 2, 2, 1 | 7 << 4); /* more than there can be */
	assert_true(present() <= 129);
}

static void test_msi_messages(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		set_up(state);
		program_msi(true, GOOD, 0x99, 1);
		write_config(MSI_AT + 2, 2, 0);
		program_msi(true, messages[i].address, (u16)messages[i].data, 1);
		assert_int_equal(config(MSI_AT + 4, 4), (u32)messages[i].address);
		assert_int_equal(config(MSI_AT + 2, 2) & 1, 1);
		assert_int_equal(hardware_config(MSI_AT + 2, 2) & 1, !messages[i].reason);
		assert_int_equal(present(), !messages[i].reason);
		if (messages[i].reason)
			assert_non_null(strstr(fake_log, messages[i].reason));
		else
			assert_int_equal(irte(0)[0], messages[i].entry);
	}
}

/* Behind a bridge that takes requests for its own, the message carries another id. */
static void test_source_of_alias(void **state)
{
	struct device bridge = {.bdf = BDF(0, 28, 0), .first_bus = 5};

	(void)state;
	nic->alias = &bridge;
	program(0, GOOD, 0x41);
	assert_int_equal(irte(0)[1], 0x40000 | BDF(0, 28, 0));
	bridge.pcie = 0x40;
	program(1, GOOD, 0x42);
	assert_int_equal(irte(1)[1], 0x40000 | BDF(5, 0, 0));
	nic->alias = NULL;
}

/* On the way out: another CPU of its VM is too late. */
static void test_quiesced(void **state)
{
	(void)state;
	nic->may_master = false;
	program(0, GOOD, 0x41);
	program_msi(true, GOOD, 0x41, 1);
	write_table(COUNT * 16, 4, 0x1234); /* other registers share the page */
	assert_int_equal(hardware(COUNT * 16), UNTOUCHED);
	assert_int_equal(read_table(0, 8), 0);
	assert_int_equal(present(), 0);
	assert_int_equal(hardware(0xc), UNTOUCHED);
	assert_int_equal(hardware_config(MSI_AT + 2, 2) & 1, 0);
}

/* ---- the end ---- */

static void test_detach(void **state)
{
	u64 size;

	(void)state;
	program(0, GOOD, 0x31);
	program(7, GOOD, 0x32);
	program_msi(true, GOOD, 0x40, 1 | 2 << 4);
	write_config(0x82, 2, 0x8000);
	assert_int_equal(hardware_config(0x82, 2),
	                 0x8000 | (COUNT - 1)); /* the enable bit is the guest's */
	assert_int_equal(present(), 6);
	ioasid_detach(nic);
	assert_int_equal(present(), 0);
	assert_int_equal(hardware_config(MSI_AT + 2, 2) & 0x71, 0);
	assert_int_equal(hardware_config(0x82, 2), COUNT - 1);
	assert_null(trapped_find(vm, TABLE));
	/* the next owner finds it as after a reset */
	vm = &vms[1];
	assert_ok(ioasid_attach(NULL, nic, vm));
	assert_int_equal(pt_lookup(&vm->stage2, PAGE, &size), 0);
	assert_int_equal(config(MSI_AT + 2, 2) & 0x71, 0);
	assert_int_equal(read_table(0xc, 4), 1);
	write_table(0xc, 4, 0);
	assert_int_equal(present(), 0);
}

/* A reset of the function takes the messages with it, and the entries; the owner sees that. */
static void test_function_level_reset(void **state)
{
	(void)state;
	program(0, GOOD, 0x31);
	program_msi(true, GOOD, 0x40, 1 | 2 << 4);
	assert_int_equal(present(), 5);
	write_config(0x40 + PCIE_DEVICE_CONTROL, 2, 0x8000);
	assert_int_equal(nic_function->resets, 1);
	assert_int_equal(present(), 0);
	assert_int_equal(config(MSI_AT + 2, 2) & 0x71, 0);
	assert_int_equal(hardware_config(MSI_AT + 2, 2) & 0x71, 0);
	assert_int_equal(read_table(0xc, 4), 1);
	program(0, GOOD, 0x31);
	assert_int_equal(present(), 1);
}

/* Nothing is mediated where nothing can be remapped. */
static void test_without_remapping(void **state)
{
	u64 size;

	(void)state;
	start(false, true);
	assert_int_not_equal(pt_lookup(&vm->stage2, PAGE, &size), 0);
	assert_null(trapped_find(vm, TABLE));
	program_msi(true, GOOD | 0x5000, 0x441, 1);
	assert_int_equal(hardware_config(MSI_AT + 4, 4), GOOD | 0x5000);
	assert_int_equal(hardware_config(MSI_AT + 12, 2), 0x441);
	assert_int_equal(hardware_config(MSI_AT + 2, 2) & 1, 1);
	assert_int_equal(hardware_config(0x82, 2) & 0x8000, 0x8000);
	ioasid_detach(nic);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_trapped_page),
		TEST(test_msix_entry),
		TEST(test_msix_mask),
		TEST(test_msix_messages),
		TEST(test_no_message_is_no_refusal),
		TEST(test_refusals_are_rate_limited),
		TEST(test_other_registers),
		TEST(test_msix_without_memory),
		TEST(test_no_more_entries),
		TEST(test_msi),
		TEST(test_several_messages),
		TEST(test_msi_messages),
		TEST(test_source_of_alias),
		TEST(test_quiesced),
		TEST(test_detach),
		TEST(test_function_level_reset),
		TEST(test_without_remapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
