// SPDX-License-Identifier: BSD-2-Clause
/* Refused attaches (R4, R5, R9): each by its name, and nothing has changed. */
#include <stdio.h>
#include "core/facts.h"
#include "core/mem.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define NIC    BDF(0, 3, 0)
#define DISK   BDF(0, 4, 0)
#define SOUND  BDF(0, 5, 0)
#define BRIDGE BDF(0, 28, 0)
#define FAR    BDF(1, 0, 0) /* behind the second unit, if there is one */
#define LOST   BDF(3, 0, 0) /* behind none */

static struct device *nic, *disk;
static struct vm *vm, *other;
static struct ioasid *net, *rest;

/* One unit with SC; both VMs are RAM and nothing else; no IOASID is in use. */
static int set_up(void **state)
{
	(void)state;
	machine_reset();
	machine_add_unit(CAP_48, ECAP_SC);
	machine_add_function(NIC, true);
	machine_add_function(DISK, false);
	machine_add_function(SOUND, true);
	fake_config_add_bridge(BRIDGE, 1, 3);
	machine_add_function(FAR, true);
	machine_add_function(LOST, true);
	machine_scan();
	nic = device_find(NIC);
	disk = device_find(DISK);
	vm = machine_add_vm("guest");
	other = machine_add_vm("other");
	net = machine_add_ioasid("net", REQUEST_DEFAULT);
	rest = machine_add_ioasid("rest", REQUEST_DEFAULT);
	fake_log[0] = 0;
	return 0;
}

/* A second unit, which covers FAR. */
static void add_unit(u64 cap, u64 ecap)
{
	machine_add_unit(cap, ecap);
	device_find(FAR)->unit = &units[1];
}

/* ---- nothing has changed ---- */

static struct {
	struct vm vms[2];
	struct device device;
	enum coherency_format format;
	const struct vm *owner;
	u32 pages, writes;
	bool context;
	char trace[sizeof(fake_trace)];
} before;

static bool has_context(const struct device *d)
{
	return d->unit && machine_has_context(d);
}

static void remember(const struct ioasid *io, const struct device *d)
{
	memcpy(before.vms, vms, sizeof(before.vms));
	before.device = *d;
	before.format = io->format;
	before.owner = io->vm;
	before.pages = fake_mem_used();
	before.writes = fake_config_writes;
	before.context = has_context(d);
	strcpy(before.trace, fake_trace);
}

static void expect_same_vm(const struct vm *now, const struct vm *then)
{
	assert_memory_equal(now->devices_in_box, then->devices_in_box, sizeof(now->devices_in_box));
	assert_int_equal(now->verdict, then->verdict);
	assert_int_equal(now->because, then->because);
	assert_int_equal(now->memory_type, then->memory_type);
	assert_int_equal(now->stage2.removed_pa, 0);
}

static void expect_nothing_changed(const struct ioasid *io, const struct device *d)
{
	u64 size;

	for (u32 i = 0; i < vm_count; i++)
		expect_same_vm(&vms[i], &before.vms[i]);
	assert_ptr_equal(d->vm, before.device.vm);
	assert_ptr_equal(d->ioasid, before.device.ioasid);
	assert_int_equal(d->state, before.device.state);
	assert_int_equal(io->format, before.format);
	assert_ptr_equal(io->vm, before.owner);
	assert_int_equal(fake_mem_used(), before.pages);
	assert_int_equal(fake_config_writes, before.writes);
	assert_int_equal(has_context(d), before.context);
	if (!d->vm && d->bars[0].size)
		assert_int_equal(pt_lookup(&vm->stage2, d->bars[0].base, &size), 0);
}

/* Everything but what happened meanwhile to the caches, which may go up and down. */
static void refuse(struct ioasid *io, struct device *d, err_t reason)
{
	char line[128];

	remember(io, d);
	assert_error(ioasid_attach(io, d, vm), reason);
	expect_nothing_changed(io, d);
	snprintf(line, sizeof(line), "refused attach %02x:%02x.%x ioasid=%s reason=%s\n",
	         d->bdf >> 8, d->bdf >> 3 & 31, d->bdf & 7, io->name, error_name(reason));
	assert_non_null(strstr(fake_log, line));
}

/* What can be known beforehand touches no cache and no memory type either. */
static void refuse_untouched(struct ioasid *io, struct device *d, err_t reason)
{
	refuse(io, d, reason);
	assert_string_equal(fake_trace, before.trace);
}

/* ---- who and where ---- */

static void test_who(void **state)
{
	(void)state;
	refuse_untouched(net, device_find(BRIDGE), E_BRIDGE);
	refuse_untouched(net, device_find(LOST), E_NO_UNIT);
	nic->state = DEVICE_QUARANTINED;
	refuse_untouched(net, nic, E_QUARANTINED);
	assert_ok(ioasid_attach(net, disk, vm));
	refuse_untouched(net, disk, E_HAS_OWNER);
	refuse_untouched(rest, disk, E_HAS_OWNER);
}

/* R4: one VM's for good. */
static void test_ioasid_of_other_vm(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(net, disk, other));
	refuse_untouched(net, nic, E_IOASID_OF_OTHER_VM);
	ioasid_detach(disk);
	refuse_untouched(net, nic, E_IOASID_OF_OTHER_VM);
	refuse_untouched(net, disk, E_IOASID_OF_OTHER_VM);
}

/* ---- what the unit can do ---- */

/* R5: whatever the device, and the unit is asked that the device is behind. */
static void test_no_snoop_control(void **state)
{
	static const struct {
		bool capable;
		enum nosnoop_by by;
	} rows[] = {
		{true, NOSNOOP_BY_PROBE},     {false, NOSNOOP_BY_PROBE}, {true, NOSNOOP_BY_UNKNOWN},
		{false, NOSNOOP_BY_OVERRIDE}, {true, NOSNOOP_BY_CLASS},
	};
	struct ioasid *snoop;
	struct device *d;

	(void)state;
	add_unit(CAP_48, ECAP);
	snoop = machine_add_ioasid("snoop", REQUEST_SNOOP);
	d = device_find(FAR);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		d->nosnoop_capable = rows[i].capable;
		d->nosnoop_by = rows[i].by;
		refuse_untouched(snoop, d, E_NO_SNOOP_CONTROL);
	}
	/* also when the tables are there */
	assert_ok(ioasid_attach(snoop, nic, vm));
	refuse_untouched(snoop, d, E_NO_SNOOP_CONTROL);
	/* and when a default one has become snoop */
	assert_ok(ioasid_attach(net, disk, vm));
	assert_int_equal(net->format, FORMAT_SNOOP);
	refuse_untouched(net, d, E_NO_SNOOP_CONTROL);
}

static void test_address_width(void **state)
{
	(void)state;
	unit_count = 0;
	machine_add_unit(CAP_39, ECAP_SC);
	add_unit((CAP_48 & ~0x1f00ull) | 0x400, ECAP_SC); /* 48 bits alone */
	assert_ok(ioasid_attach(net, nic, vm));
	refuse(net, device_find(FAR), E_ADDRESS_WIDTH);
	/* memory that no table of the unit reaches */
	vm->ram[0].gpa = BIT(39);
	refuse(rest, disk, E_ADDRESS_WIDTH);
}

static void test_page_sizes(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(net, nic, vm));
	add_unit(CAP_48 & ~(3 * CAP_2M), ECAP_SC);
	refuse(net, device_find(FAR), E_PAGE_SIZES);
}

static void test_no_domain(void **state)
{
	char name[8];
	struct ioasid *io = NULL;

	(void)state;
	add_unit(CAP_48 & ~7ull, ECAP_SC); /* 16 domain ids */
	for (u32 i = ioasid_count; i < 16; i++) {
		snprintf(name, sizeof(name), "i%u", i);
		io = machine_add_ioasid(name, REQUEST_DEFAULT);
	}
	refuse(io, device_find(FAR), E_NO_DOMAIN);
}

static void test_failed_unit(void **state)
{
	(void)state;
	units[0].failed = true;
	units[0].running = false;
	refuse(net, nic, E_NO_HARDWARE);
}

/* Units that differ in all: one table for both where a format allows it, of what both can do; else
 * one table a format, each device by its own unit (R5). */
static void test_mixed_units(void **state)
{
	struct ioasid *nosnoop = machine_add_ioasid("nosnoop", REQUEST_NOSNOOP);
	struct device *far = device_find(FAR);

	(void)state;
	unit_count = 0;
	machine_add_unit(CAP_48 & ~(CAP_2M << 1), ECAP_SC | ECAP_C); /* no 1 GiB leaves */
	add_unit(CAP_39, ECAP);
	assert_ok(ioasid_attach(nosnoop, nic, vm));
	assert_ok(ioasid_attach(nosnoop, far, vm));
	assert_int_equal(nosnoop->space.table.levels, 3);
	assert_int_equal(nosnoop->space.table.leaf_sizes, PT_LEAF_4K | PT_LEAF_2M);
	assert_true(nosnoop->space.table.flush);
	ioasid_detach(nic);
	ioasid_detach(far);
	far->class_code = 0x030000; /* graphics, behind its own unit */
	assert_ok(ioasid_attach(NULL, nic, vm));
	assert_ok(ioasid_attach(NULL, far, vm));
	assert_int_equal(nic->ioasid->format, FORMAT_SNOOP);
	assert_int_equal(nic->box, BOX_1);
	assert_int_equal(far->ioasid->format, FORMAT_NOSNOOP);
	assert_int_equal(far->box, BOX_3);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	ioasid_detach(far);
	assert_int_equal(vm->verdict, VERDICT_IGNORE);
}

/* ---- reserved regions (R9) ---- */

#define FREE 0x7f000000ull

static void test_reserved_regions(void **state)
{
	const struct {
		u64 base_pa, limit_pa;
	} rows[] = {
		/* the VM has RAM at that address, but not that RAM */
		{MIB(1), MIB(1) + 0xfff},
		{MACHINE_RAM - 1, MACHINE_RAM},
		{0, FREE},
		/* RAM of the other VM, and of this one under another address */
		{other->ram[0].pa, other->ram[0].pa + 0xfff},
		{vm->ram[0].pa + MIB(1), vm->ram[0].pa + MIB(1) + 0xfff},
		/* the hypervisor's */
		{MIB(512), MIB(512) + 0xfff},
		{MIB(512) - 1, MIB(512)},
		{MIB(528) - 1, MIB(528)},
		/* never mapped */
		{0xfee00000, 0xfee00fff},
		{0xfedff000, 0xfee00000},
	};

	(void)state;
	facts.boot.image_pa = MIB(512);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&facts.dmar, 0, sizeof(facts.dmar));
		machine_add_rmrr(NIC, rows[i].base_pa, rows[i].limit_pa);
		refuse(net, nic, E_RESERVED_REGION);
	}
	/* a second region that cannot be had takes the first one back */
	memset(&facts.dmar, 0, sizeof(facts.dmar));
	machine_add_rmrr(NIC, FREE, FREE + 0x1fff);
	machine_add_rmrr(NIC, 0xfee00000, 0xfee00fff);
	refuse(net, nic, E_RESERVED_REGION);
	/* others have the regions of others */
	assert_ok(ioasid_attach(net, disk, vm));
}

/* Nobody shares a region with another VM's device. */
static void test_shared_reserved_region(void **state)
{
	(void)state;
	machine_add_rmrr(NIC, FREE, FREE + 0xfff);
	machine_add_rmrr(DISK, FREE, FREE + 0xfff);
	facts.dmar.rmrrs[0].scope_count = 2; /* both are named by the first */
	facts.dmar.rmrr_count = 1;
	assert_ok(ioasid_attach(rest, disk, other));
	refuse_untouched(net, nic, E_RESERVED_REGION);
	ioasid_detach(disk);
	assert_ok(ioasid_attach(net, nic, vm));
}

/* Nor one that firmware names twice, or that lies on the same page as another. */
static void test_region_named_twice(void **state)
{
	(void)state;
	machine_add_rmrr(NIC, FREE, FREE + 0xfff);
	machine_add_rmrr(DISK, FREE + 0x800, FREE + 0x1fff);
	assert_ok(ioasid_attach(rest, disk, other));
	refuse_untouched(net, nic, E_RESERVED_REGION);
	ioasid_detach(disk);
	assert_ok(ioasid_attach(net, nic, vm));
}

static bool maps(const struct ioasid *io, u64 iova)
{
	u64 size;

	return pt_lookup(&io->space.table, iova, &size) != 0;
}

/* Regions come with their devices, once, and go with the last of them. */
static void test_reserved_regions_come_and_go(void **state)
{
	(void)state;
	machine_add_rmrr(NIC, FREE + 0x800, FREE + 0x17ff); /* two pages */
	machine_add_rmrr(DISK, FREE, FREE);
	facts.dmar.rmrrs[0].scope_count = 2;
	facts.dmar.rmrr_count = 1;
	assert_ok(ioasid_attach(net, nic, vm));
	assert_true(maps(net, FREE) && maps(net, FREE + PAGE_SIZE));
	assert_false(maps(net, FREE + 2 * PAGE_SIZE));
	assert_ok(ioasid_attach(net, disk, vm));
	ioasid_detach(nic);
	assert_true(maps(net, FREE));
	ioasid_detach(disk);
	assert_false(maps(net, FREE) || maps(net, FREE + PAGE_SIZE));
	assert_true(maps(net, 0));
}

/* The same where each device has a structure of its own for the region, or even two. */
static void test_same_region_comes_and_goes(void **state)
{
	(void)state;
	machine_add_rmrr(NIC, FREE, FREE + 0xfff);
	machine_add_rmrr(DISK, FREE, FREE + 0xfff);
	machine_add_rmrr(DISK, FREE, FREE + 0x7ff);
	assert_ok(ioasid_attach(net, nic, vm));
	assert_ok(ioasid_attach(net, disk, vm));
	ioasid_detach(nic);
	assert_true(maps(net, FREE));
	assert_ok(ioasid_attach(net, nic, vm));
	ioasid_detach(disk);
	assert_true(maps(net, FREE));
	ioasid_detach(nic);
	assert_false(maps(net, FREE));
}

/* The platform VM's RAM is where the region is: it stays. */
static void test_reserved_region_in_own_ram(void **state)
{
	(void)state;
	vm->ram[0].gpa = vm->ram[0].pa;
	machine_add_rmrr(NIC, vm->ram[0].pa + MIB(1), vm->ram[0].pa + MIB(1) + 0xfff);
	assert_ok(ioasid_attach(net, nic, vm));
	ioasid_detach(nic);
	assert_true(maps(net, vm->ram[0].pa + MIB(1)));
}

/* ---- registers ---- */

static void test_overlapping_registers(void **state)
{
	(void)state;
	disk->bars[0].base = nic->bars[0].base + 0x800; /* on the same page */
	disk->bars[0].size = 0x100;
	assert_ok(ioasid_attach(rest, disk, other));
	refuse(net, nic, E_OVERLAP);
	ioasid_detach(disk);
	assert_ok(ioasid_attach(net, nic, vm));
	/* in one VM they may share */
	assert_ok(ioasid_attach(net, disk, vm));
	/* where the VM has RAM */
	device_find(SOUND)->bars[0].base = MIB(1);
	remember(net, device_find(SOUND));
	assert_error(ioasid_attach(net, device_find(SOUND), vm), E_OVERLAP);
	assert_int_equal(fake_mem_used(), before.pages);
}

/* ---- memory ---- */

/* Whichever allocation fails, and whoever needed it. */
static void test_no_memory(void **state)
{
	int failures = 0;

	(void)state;
	machine_add_rmrr(NIC, FREE, FREE + 0xfff);
	for (;; failures++) {
		err_t e;

		fake_mem_fail_after(failures);
		remember(net, nic);
		e = ioasid_attach(net, nic, vm);
		if (!e)
			break;
		assert_error(e, E_NO_MEMORY);
		expect_nothing_changed(net, nic);
	}
	assert_true(failures > 8); /* tables of both kinds, and the context table */
	assert_true(maps(net, FREE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_who, set_up),
		cmocka_unit_test_setup(test_ioasid_of_other_vm, set_up),
		cmocka_unit_test_setup(test_no_snoop_control, set_up),
		cmocka_unit_test_setup(test_address_width, set_up),
		cmocka_unit_test_setup(test_page_sizes, set_up),
		cmocka_unit_test_setup(test_no_domain, set_up),
		cmocka_unit_test_setup(test_failed_unit, set_up),
		cmocka_unit_test_setup(test_mixed_units, set_up),
		cmocka_unit_test_setup(test_reserved_regions, set_up),
		cmocka_unit_test_setup(test_shared_reserved_region, set_up),
		cmocka_unit_test_setup(test_reserved_regions_come_and_go, set_up),
		cmocka_unit_test_setup(test_region_named_twice, set_up),
		cmocka_unit_test_setup(test_same_region_comes_and_goes, set_up),
		cmocka_unit_test_setup(test_reserved_region_in_own_ram, set_up),
		cmocka_unit_test_setup(test_overlapping_registers, set_up),
		cmocka_unit_test_setup(test_no_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
