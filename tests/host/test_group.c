// SPDX-License-Identifier: BSD-2-Clause
/* core/group.c (R9): who is in a group with whom, whose requests carry which ids, and what attach
 * and detach make of it. */
#include "core/group.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/pci.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define ENDPOINT    0
#define PCIE_TO_PCI 7
#define PCI_TO_PCIE 8
#define NETWORK     0x020000

static struct vm *vm, *other;
static struct ioasid *net, *rest;

static int set_up(void **state)
{
	(void)state;
	machine_reset();
	machine_add_unit(CAP_48, ECAP_SC);
	return 0;
}

static void add_acs(struct fake_function *f)
{
	fake_config_add_extended(f, 0x120, PCI_EXT_CAP_ACS);
	fake_config_define(f, 0x124, 4, 0x0000001f, 0x001f0000);
}

static void add_endpoint(u32 bdf, bool acs)
{
	struct fake_function *f = machine_add_function(bdf, true);

	fake_config_set(f, PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI);
	if (acs)
		add_acs(f);
}

/* type: -1 without a PCIe capability. */
static void add_bridge(u32 bdf, int type, u8 first, u8 last, bool acs)
{
	struct fake_function *f = fake_config_add_bridge(bdf, first, last);

	fake_config_set(f, PCI_HEADER_TYPE, 1, PCI_HEADER_MULTI | 1);
	if (type >= 0)
		fake_config_add_pcie(f, (u32)type, 0, 0);
	if (acs)
		add_acs(f);
}

/* Everything is behind the one unit. */
static void scan(void)
{
	machine_scan();
	for_each_device (d)
		d->unit = units;
	vm = machine_add_vm("guest");
	other = machine_add_vm("other");
	net = machine_add_ioasid("net", REQUEST_DEFAULT);
	rest = machine_add_ioasid("rest", REQUEST_DEFAULT);
	fake_log[0] = 0;
}

static void expect_group(u32 bdf, u32 group)
{
	assert_int_equal(device_find(bdf)->group, group);
}

/* ---- missing ACS ---- */

static void test_functions_of_one_device(void **state)
{
	(void)state;
	add_endpoint(BDF(0, 3, 0), false);
	add_endpoint(BDF(0, 4, 0), false); /* alone */
	add_endpoint(BDF(0, 31, 0), false);
	add_endpoint(BDF(0, 31, 2), false);
	add_endpoint(BDF(0, 31, 7), false);
	add_endpoint(BDF(0, 5, 0), true);
	add_endpoint(BDF(0, 5, 1), true);
	add_endpoint(BDF(0, 6, 0), true);
	add_endpoint(BDF(0, 6, 1), false); /* one that does not redirect reaches the others */
	add_endpoint(BDF(0, 6, 3), true);
	scan();
	expect_group(BDF(0, 3, 0), BDF(0, 3, 0));
	expect_group(BDF(0, 4, 0), BDF(0, 4, 0));
	expect_group(BDF(0, 31, 0), BDF(0, 31, 0));
	expect_group(BDF(0, 31, 2), BDF(0, 31, 0));
	expect_group(BDF(0, 31, 7), BDF(0, 31, 0));
	expect_group(BDF(0, 5, 0), BDF(0, 5, 0));
	expect_group(BDF(0, 5, 1), BDF(0, 5, 1));
	expect_group(BDF(0, 6, 1), BDF(0, 6, 0));
	expect_group(BDF(0, 6, 3), BDF(0, 6, 0));
}

/* What is there is also switched on. */
static void test_root_ports(void **state)
{
	(void)state;
	add_bridge(BDF(0, 28, 0), PCIE_TYPE_ROOT_PORT, 1, 1, true);
	add_bridge(BDF(0, 28, 1), PCIE_TYPE_ROOT_PORT, 2, 2, true);
	add_bridge(BDF(0, 29, 0), PCIE_TYPE_ROOT_PORT, 3, 3, false);
	add_endpoint(BDF(1, 0, 0), false);
	add_endpoint(BDF(2, 0, 0), false);
	add_endpoint(BDF(3, 0, 0), true);
	add_endpoint(BDF(3, 0, 1), true);
	scan();
	expect_group(BDF(0, 28, 1), BDF(0, 28, 1));
	expect_group(BDF(1, 0, 0), BDF(1, 0, 0));
	expect_group(BDF(2, 0, 0), BDF(2, 0, 0));
	expect_group(BDF(3, 0, 0), BDF(0, 29, 0));
	expect_group(BDF(3, 0, 1), BDF(0, 29, 0));
	assert_int_equal(pci_read(BDF(0, 28, 1), 0x126, 2), 0x1d);
	for_each_device (d)
		assert_null(d->alias);
}

/* 00:1c.0 - 01:00.0 - 02:00.0, 02:01.0 - 03:00.0, 04:00.0 */
static void add_switch(bool root, bool first, bool second)
{
	add_bridge(BDF(0, 28, 0), PCIE_TYPE_ROOT_PORT, 1, 4, root);
	add_bridge(BDF(1, 0, 0), PCIE_TYPE_UPSTREAM, 2, 4, false);
	add_bridge(BDF(2, 0, 0), PCIE_TYPE_DOWNSTREAM, 3, 3, first);
	add_bridge(BDF(2, 1, 0), PCIE_TYPE_DOWNSTREAM, 4, 4, second);
	add_endpoint(BDF(3, 0, 0), false);
	add_endpoint(BDF(4, 0, 0), false);
	scan();
}

static void test_switches(void **state)
{
	static const struct {
		bool root, first, second;
		u32 third, fourth; /* groups of the devices on buses 3 and 4 */
	} rows[] = {
		{true, true, true, BDF(3, 0, 0), BDF(4, 0, 0)},
		/* one port is a way to all others */
		{true, false, true, BDF(1, 0, 0), BDF(1, 0, 0)},
		{true, true, false, BDF(1, 0, 0), BDF(1, 0, 0)},
		{true, false, false, BDF(1, 0, 0), BDF(1, 0, 0)},
		{false, true, true, BDF(0, 28, 0), BDF(0, 28, 0)},
		{false, false, true, BDF(0, 28, 0), BDF(0, 28, 0)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		add_switch(rows[i].root, rows[i].first, rows[i].second);
		expect_group(BDF(3, 0, 0), rows[i].third);
		expect_group(BDF(4, 0, 0), rows[i].fourth);
	}
}

/* ---- requester ids ---- */

/* The machine of the rest: 01:01.0 and 01:00.0 behind a bridge on bus 0, a conventional bridge
 * behind that one with 02:05.0, and 00:03.0 beside. */
#define BRIDGE BDF(0, 30, 0)
#define FIRST  BDF(1, 1, 0)
#define ZERO   BDF(1, 0, 0) /* has the id that the bridge may give to all */
#define DEEP   BDF(2, 5, 0)
#define APART  BDF(0, 3, 0)

static void add_conventional(int type)
{
	add_bridge(BRIDGE, type, 1, 2, true); /* ACS says nothing here */
	add_bridge(BDF(1, 9, 0), -1, 2, 2, false);
	machine_add_function(FIRST, true);
	machine_add_function(ZERO, true);
	machine_add_function(DEEP, true);
	machine_add_function(APART, true);
	scan();
}

static int set_up_bridge(void **state)
{
	set_up(state);
	add_conventional(PCIE_TO_PCI);
	return 0;
}

static void expect_rids(u32 bdf, u32 count, u16 a, u16 b, u16 c)
{
	u16 expected[] = {a, b, c}, rids[GROUP_RIDS_MAX];

	assert_int_equal(group_rids(device_find(bdf), rids), count);
	assert_memory_equal(rids, expected, count * sizeof(*rids));
}

static void test_conventional_buses(void **state)
{
	static const int types[] = {PCIE_TO_PCI, PCI_TO_PCIE, -1};
	static const u16 ids[] = {ZERO, ZERO, BRIDGE};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		set_up(state);
		add_conventional(types[i]);
		expect_group(BRIDGE, BRIDGE);
		expect_group(FIRST, BRIDGE);
		expect_group(ZERO, BRIDGE);
		expect_group(DEEP, BRIDGE);
		expect_group(APART, APART);
		assert_ptr_equal(device_find(FIRST)->alias, device_find(BRIDGE));
		assert_ptr_equal(device_find(DEEP)->alias, device_find(BRIDGE));
		assert_null(device_find(BRIDGE)->alias);
		expect_rids(FIRST, 3, FIRST, BRIDGE, ZERO);
		expect_rids(DEEP, 3, DEEP, BRIDGE, ZERO);
		expect_rids(ZERO, 2, BRIDGE, ZERO, 0);
		expect_rids(APART, 1, APART, 0, 0);
		assert_int_equal(group_source_id(device_find(DEEP)), ids[i]);
		assert_int_equal(group_source_id(device_find(APART)), APART);
	}
}

/* Bridges that point at themselves, at each other, nowhere, backwards. */
static void test_nonsense_buses(void **state)
{
	(void)state;
	add_bridge(BDF(1, 0, 0), -1, 1, 2, false);
	add_bridge(BDF(2, 0, 0), -1, 1, 1, false);
	add_bridge(BDF(0, 28, 0), PCIE_TYPE_UPSTREAM, 0, 0xff, false);
	add_bridge(BDF(0, 29, 0), PCIE_TYPE_ROOT_PORT, 3, 1, false);
	add_endpoint(BDF(3, 0, 0), false);
	scan();
	expect_group(BDF(1, 0, 0), BDF(1, 0, 0));
	expect_group(BDF(2, 0, 0), BDF(1, 0, 0));
	expect_group(BDF(3, 0, 0), BDF(3, 0, 0));
	expect_group(BDF(0, 28, 0), BDF(0, 28, 0));
}

/* ---- attach and detach ---- */

static bool has_context(u16 rid)
{
	struct device d = {.bdf = rid, .unit = units};

	return machine_has_context(&d);
}

static void expect_contexts(bool first, bool zero, bool bridge, bool deep)
{
	assert_int_equal(has_context(FIRST), first);
	assert_int_equal(has_context(ZERO), zero);
	assert_int_equal(has_context(BRIDGE), bridge);
	assert_int_equal(has_context(DEEP), deep);
}

static void test_group_is_not_split(void **state)
{
	struct device *first = device_find(FIRST), *deep = device_find(DEEP);

	(void)state;
	assert_ok(ioasid_attach(rest, first, other));
	assert_error(ioasid_attach(net, deep, vm), E_GROUP_SPLIT);
	assert_non_null(strstr(fake_log, "refused attach 02:05.0 ioasid=net reason=group-split\n"));
	assert_null(deep->vm);
	assert_false(has_context(DEEP));
	assert_ok(ioasid_attach(net, device_find(APART), vm));
	ioasid_detach(first);
	assert_ok(ioasid_attach(net, deep, vm));
	assert_error(ioasid_attach(rest, first, other), E_GROUP_SPLIT);
	/* what a VM has in quarantine is still its */
	deep->state = DEVICE_QUARANTINED;
	assert_error(ioasid_attach(rest, first, other), E_GROUP_SPLIT);
}

/* One VM may spread a group over IOASIDs, but not one requester id. */
static void test_aliases_share_an_ioasid(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(net, device_find(FIRST), vm));
	assert_error(ioasid_attach(rest, device_find(DEEP), vm), E_GROUP_SPLIT);
	assert_ok(ioasid_attach(net, device_find(DEEP), vm));
	set_up(state);
	add_endpoint(BDF(0, 31, 0), false);
	add_endpoint(BDF(0, 31, 2), false);
	scan();
	assert_ok(ioasid_attach(net, device_find(BDF(0, 31, 0)), vm));
	assert_ok(ioasid_attach(rest, device_find(BDF(0, 31, 2)), vm));
	ioasid_detach(device_find(BDF(0, 31, 0)));
	assert_error(ioasid_attach(NULL, device_find(BDF(0, 31, 0)), other), E_GROUP_SPLIT);
}

/* The shared ids come with the first device and leave with the last, in any order. */
static void test_aliases_come_and_go(void **state)
{
	struct device *first = device_find(FIRST), *zero = device_find(ZERO),
		      *deep = device_find(DEEP);

	(void)state;
	assert_ok(ioasid_attach(net, first, vm));
	expect_contexts(true, true, true, false);
	assert_ok(ioasid_attach(net, zero, vm));
	assert_ok(ioasid_attach(net, deep, vm));
	expect_contexts(true, true, true, true);
	ioasid_detach(first);
	expect_contexts(false, true, true, true);
	ioasid_detach(zero);
	expect_contexts(false, true, true, true);
	ioasid_detach(deep);
	expect_contexts(false, false, false, false);
	assert_ok(ioasid_attach(net, zero, vm));
	expect_contexts(false, true, true, false);
	ioasid_detach(zero);
	expect_contexts(false, false, false, false);
	assert_int_equal(net->space.attached[0], 0);
}

/* Another table's entry under a shared id: what was there before is left, the rest undone. */
static void test_attach_is_undone(void **state)
{
	struct device *first = device_find(FIRST), *apart = device_find(APART);

	(void)state;
	assert_ok(ioasid_attach(rest, apart, vm));
	assert_ok(vtd_attach(units, ZERO, &rest->space));
	assert_error(ioasid_attach(net, first, vm), E_HAS_OWNER);
	expect_contexts(false, true, false, false);
	assert_null(first->vm);
	assert_int_equal(vm->devices_in_box[BOX_1], 1);
}

static void test_faults_find_their_vm(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(net, device_find(DEEP), vm));
	fake_unit_raise_fault(&fake_units[0], 0, ZERO, 5, false, 0x1000);
	fault_poll();
	fake_unit_raise_fault(&fake_units[0], 0, BRIDGE, 5, false, 0x1000);
	fault_poll();
	fake_unit_raise_fault(&fake_units[0], 0, DEEP, 5, false, 0x1000);
	fault_poll();
	fake_unit_raise_fault(&fake_units[0], 0, APART, 5, false, 0x1000);
	fault_poll();
	assert_int_equal(vm->counters.faults, 3);
	assert_non_null(strstr(fake_log, "device=01:00.0 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_functions_of_one_device, set_up),
		cmocka_unit_test_setup(test_root_ports, set_up),
		cmocka_unit_test_setup(test_switches, set_up),
		cmocka_unit_test_setup(test_conventional_buses, set_up),
		cmocka_unit_test_setup(test_nonsense_buses, set_up),
		cmocka_unit_test_setup(test_group_is_not_split, set_up_bridge),
		cmocka_unit_test_setup(test_aliases_share_an_ioasid, set_up_bridge),
		cmocka_unit_test_setup(test_aliases_come_and_go, set_up_bridge),
		cmocka_unit_test_setup(test_attach_is_undone, set_up_bridge),
		cmocka_unit_test_setup(test_faults_find_their_vm, set_up_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
