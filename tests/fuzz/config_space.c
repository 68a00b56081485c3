// SPDX-License-Identifier: BSD-2-Clause
/* The mediator of configuration space: two VMs read and write whatever they like. */
#include "core/config_space.h"
#include "core/pci.h"
#include "tests/fuzz/machine.h"

/* An input is a list of these. */
struct access {
	u8 function; /* of the list below */
	u8 how;      /* bit 0: which VM; bit 1: write; bits 3:2: size, log2 */
	u16 offset;
	u32 value;
};

#define RICH    BDF(0, 3, 0) /* the first VM's; every register that a mediator must look at */
#define BLOCKED BDF(0, 4, 0) /* the first VM's, nosnoop=block */
#define MSI_AT  0x60
#define SRIOV   0x160

static const u32 functions[] = {RICH,         BLOCKED,       BDF(0, 28, 0), BDF(0, 0, 0),
                                BDF(1, 0, 0), BDF(0, 5, 0),  BDF(0, 6, 0),  BDF(0, 7, 0),
                                BDF(0, 8, 0), 0x10000 | RICH};

static struct vm *first, *second, *writer;
static u8 bars[32][4 * BARS_MAX]; /* of device n, as firmware left them */

static bool is_visible(const struct vm *vm, const struct device *d)
{
	return d && (d->bridge ? vm->platform
	                       : d->vm == vm && d->state == DEVICE_ATTACHED && d->may_master);
}

/* Nobody's write reaches what it does not see. */
static void on_write(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)offset, (void)size, (void)value;
	assert_true(is_visible(writer, device_find(f->bdf)));
}

static void add_msi(struct fake_function *f)
{
	fake_config_add_capability(f, MSI_AT, PCI_CAP_MSI);
	fake_config_define(f, MSI_AT + 2, 2, 3 << 1 | 1 << 7, 0x71);
	fake_config_define(f, MSI_AT + 4, 4, 0, ~3u);
	fake_config_define(f, MSI_AT + 8, 4, 0, ~0u);
	fake_config_define(f, MSI_AT + 12, 2, 0, 0xffff);
}

static void add_rich(void)
{
	struct fake_function *f = fake_config_add(RICH, 0x020000);

	memset(f->writable + 0xe0, 0xff, 0x20);
	memset(f->writable + 0x200, 0xff, sizeof(f->writable) - 0x200);
	fake_config_add_bar(f, 0, 0xe0000000, MIB(2), false);
	fake_config_add_bar(f, 1, 0x1234500000, MIB(1), true);
	fake_config_define(f, PCI_BAR + 4 * 3, 4, 0xc001, 0xffffffe0);
	fake_config_define(f, PCI_ROM, 4, 0xfe400000, 0xfff00001);
	fake_config_add_pcie(f, 0, 0x2010, 0x7fff);
	fake_config_add_flr(f);
	fake_config_add_pm(f, true);
	add_msi(f);
	fake_config_add_sriov(f, false);
}

static void add_functions(void)
{
	struct fake_function *blocked = machine_add_function(BLOCKED, true);

	add_rich();
	fake_config_add_af(blocked);
	fake_config_add_pm(blocked, true);
	fake_config_add(BDF(0, 0, 0), PCI_CLASS_HOST_BRIDGE << 8);
	machine_add_function(BDF(0, 5, 0), true);
	machine_add_function(BDF(0, 6, 0), true);
	machine_add_function(BDF(0, 7, 0), true);
	machine_add_function(BDF(1, 0, 0), true);
	fake_config_add_bridge(BDF(0, 28, 0), 1, 1);
	machine_scan();
}

static void attach(u32 bdf, struct vm *vm)
{
	assert_ok(ioasid_attach(NULL, device_find(bdf), vm));
}

/* 6 is nobody's, 7 in quarantine, 8 is not there. */
static void reset_machine(void)
{
	machine_reset();
	assert_ok(vtd_interrupt_start(machine_add_unit(CAP_48 | CAP_2M, ECAP_SC | ECAP_C), false));
	machine_add_unit(CAP_48, ECAP);
	add_functions();
	first = machine_add_vm("first");
	second = machine_add_vm("second");
	first->platform = true;
	assert_ok(device_block_nosnoop(device_find(BLOCKED)));
	attach(RICH, first);
	attach(BLOCKED, first);
	attach(BDF(0, 0, 0), first);
	attach(BDF(1, 0, 0), first);
	attach(BDF(0, 5, 0), second);
	device_find(BDF(0, 7, 0))->state = DEVICE_QUARANTINED;
	device_find(BDF(0, 7, 0))->vm = first;
	for (u32 i = 0; i < device_count; i++)
		memcpy(bars[i], fake_config_find(devices[i].bdf)->bytes + PCI_BAR, sizeof(bars[i]));
	fake_config_on_write = on_write;
}

/* R2: Enable No Snoop is off while the function masters the bus, and phantom functions are always.
 */
static void check_control(const struct device *d)
{
	u32 control = pci_read(d->bdf, d->pcie + PCIE_DEVICE_CONTROL, 2);

	assert_true(!machine_has_master(d) || !(control & d->control_off));
	assert_true(d->bdf != BLOCKED || d->control_off & PCIE_NO_SNOOP);
}

static void check_registers(void)
{
	u32 msi = pci_read(RICH, MSI_AT, 4);

	for (u32 i = 0; i < device_count; i++) {
		const struct fake_function *f = fake_config_find(devices[i].bdf);

		assert_memory_equal(f->bytes + PCI_BAR, bars[i],
		                    devices[i].bridge ? 8 : sizeof(bars[i]));
		assert_int_equal(devices[i].lock.next, devices[i].lock.serving);
		if (devices[i].pcie)
			check_control(&devices[i]);
	}
	assert_false(machine_has_master(device_find(BDF(0, 6, 0))));
	assert_false(machine_has_master(device_find(BDF(0, 7, 0))));
	assert_int_equal(pci_read(BDF(0, 28, 0), PCI_SECONDARY_BUS, 1), 1);
	assert_int_equal(pci_read(BDF(0, 28, 0), PCI_SECONDARY_BUS + 1, 1), 1);
	assert_true(machine_has_master(device_find(BDF(0, 28, 0)))); /* its function is attached */
	assert_false(pci_read(RICH, SRIOV + SRIOV_CONTROL, 2) & SRIOV_VF_ENABLE);
	if (msi & MSI_ENABLE) /* R22: the remappable format (VT-d 5.1.2.2) */
		assert_int_equal(pci_read(RICH, MSI_AT + 4, 4) & 0xfff00010, 0xfee00010);
}

static void run(const struct access *a)
{
	struct vm *vm = a->how & 1 ? second : first;
	u32 bdf = functions[a->function % ARRAY_SIZE(functions)];
	u8 size = 1u << (a->how >> 2 & 3) % 3;
	u32 offset = (u32)ALIGN_DOWN(a->offset % PCI_CONFIG_SIZE, size), value;

	writer = vm;
	fake_config_notes[0] = fake_log[0] = 0;
	if (a->how & 2) {
		config_space_write(vm, bdf, offset, size, a->value);
		return;
	}
	value = config_space_read(vm, bdf, offset, size);
	assert_true((u64)value >> 8 * size == 0);
	if (!is_visible(vm, device_find(bdf)))
		assert_int_equal(value, MASK(8 * size - 1, 0));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct access a;

	reset_machine();
	for (size_t i = 0; i + sizeof(a) <= MIN(size, 512 * sizeof(a)); i += sizeof(a)) {
		memcpy(&a, data + i, sizeof(a));
		run(&a);
		check_registers();
	}
	return 0;
}
