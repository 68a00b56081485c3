// SPDX-License-Identifier: BSD-2-Clause
/*
 * Device TLBs: who may have one, and the order in which it comes into use and out of it. Each step
 * is noted with what holds at that moment: whether the context entry is present (P) and allows a
 * device TLB (T), whether the device has it enabled (A), and masters the bus (M).
 */
#include "core/ats.h"
#include <stdio.h>
#include "core/audit.h"
#include "core/config_space.h"
#include "core/control.h"
#include "core/device_control.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/ioasid.h"
#include "core/mem.h"
#include "core/pci.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define PORT    BDF(0, 1, 0)
#define NIC     BDF(1, 0, 0)
#define DISK    BDF(0, 4, 0)
#define ATS     0x120u
#define PRI     0x130u
#define PASID   0x140u
#define ECAP_DT BIT(2)
#define UNIT    (ECAP_SC | ECAP_C | ECAP_DT)

static struct device *nic, *disk;
static struct fake_function *nic_function, *disk_function;
static struct vm *vm;
static struct ioasid *io;

static u32 control_of(u32 bdf)
{
	return pci_read(bdf, ATS + 6, 2);
}

static const char *watched_state(void)
{
	static char text[5];
	struct vtd_context entry;

	(void)vtd_read_context(nic->unit, (u16)nic->bdf, &entry);
	snprintf(text, sizeof(text), "%c%c%c%c", entry.low & 1 ? 'P' : '-',
	         entry.low & 4 ? 'T' : '-', control_of(nic->bdf) & 0x8000 ? 'A' : '-',
	         machine_has_master(nic) ? 'M' : '-');
	return text;
}

static void on_descriptor(struct fake_unit *unit, u64 low, u64 high)
{
	static const char *const names[8] = {
		[1] = "context", [2] = "iotlb", [3] = "tlb", [7] = "pasids"};

	(void)unit, (void)high;
	fake_trace_step(names[low & 7]);
}

static void on_write(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)f, (void)size, (void)value;
	if (offset == PCI_COMMAND)
		fake_trace_step("command");
	else if (offset == ATS + 6)
		fake_trace_step("ats");
}

static void add_ats(struct fake_function *f)
{
	fake_config_add_extended(f, ATS, PCI_EXT_CAP_ATS);
	fake_config_define(f, ATS + 4, 4, 0x0025, 0x801f0000); /* aligned, depth 5 */
	fake_config_set(f, ATS + 6, 2, 0x8000);                /* firmware has left it on */
	for (u32 at = PRI; at <= PASID; at += PASID - PRI) {
		fake_config_add_extended(f, at, at == PRI ? PCI_EXT_CAP_PRI : PCI_EXT_CAP_PASID);
		fake_config_define(f, at + 4, 4, 0, ~0u);
	}
}

/* For all ports of the segment. */
static void add_atsr(u16 segment)
{
	facts.dmar.ats[facts.dmar.ats_count++] = (struct dmar_ats){false, true, segment, 0, 0};
}

/* A named port, or an integrated device. */
static void add_named(bool integrated, bool flag, u32 bdf)
{
	struct dmar *dmar = &facts.dmar;

	dmar->scopes[dmar->scope_count] = (struct dmar_scope){
		integrated ? DMAR_SCOPE_ENDPOINT : DMAR_SCOPE_BRIDGE, 0, 0, 1, {(u8)bdf}};
	dmar->ats[dmar->ats_count++] =
		(struct dmar_ats){integrated, flag, 0, dmar->scope_count++, 1};
}

static int set_up(void **state)
{
	(void)state;
	machine_reset();
	machine_add_unit(CAP_48, UNIT);
	fake_config_add_pcie(fake_config_add_bridge(PORT, 1, 1), PCIE_TYPE_ROOT_PORT, 0, 0);
	nic_function = machine_add_function(NIC, false);
	fake_config_add_flr(nic_function);
	fake_config_add_pm(nic_function, true);
	add_ats(nic_function);
	disk_function = machine_add_function(DISK, false);
	add_ats(disk_function);
	machine_scan();
	for_each_device (d)
		d->unit = units;
	nic = device_find(NIC);
	disk = device_find(DISK);
	vm = machine_add_vm("guest");
	io = machine_add_ioasid("net", REQUEST_DEFAULT);
	fake_trace_state = watched_state;
	fake_units[0].on_descriptor = on_descriptor;
	fake_config_on_write = on_write;
	fake_log[0] = 0;
	return 0;
}

/* ---- who may ---- */

static void test_refused(void **state)
{
	(void)state;
	assert_error(ats_allow(nic, true), E_NO_ATSR);
	add_atsr(1); /* of another segment */
	assert_error(ats_allow(nic, true), E_NO_ATSR);
	add_named(false, false, BDF(0, 2, 0)); /* another port */
	assert_error(ats_allow(nic, true), E_NO_ATSR);
	add_named(false, false, PORT);
	assert_ok(ats_allow(nic, true));
	assert_log("device 01:00.0 ats=allowed trusted=translated-requests\n");
	nic->alias = device_find(PORT); /* as if a conventional bus were between */
	assert_error(ats_allow(nic, true), E_NO_ATSR);
	nic->alias = NULL;
	units[0].ecap &= ~ECAP_DT;
	assert_error(ats_allow(nic, true), E_NO_DEVICE_TLB);
	units[0].ecap = UNIT & ~BIT(1); /* no queue */
	assert_error(ats_allow(nic, true), E_NO_DEVICE_TLB);
	nic->unit = NULL;
	assert_error(ats_allow(nic, true), E_NO_UNIT);
	fake_config_set(nic_function, ATS + 4, 1, 5); /* not aligned */
	assert_error(ats_allow(nic, true), E_NO_ATS);
	assert_error(ats_allow(device_find(PORT), true), E_NO_ATS);
	assert_ok(ats_allow(nic, false));
	assert_string_equal(ats_text(nic), "no");
	assert_string_equal(ats_text(device_find(PORT)), "none");
}

/* 8.8: what a SATC says of integrated devices counts; an ATSR is for what is behind ports. */
static void test_integrated(void **state)
{
	(void)state;
	add_atsr(0);
	assert_ok(ats_allow(disk, true));
	add_named(true, false, BDF(0, 5, 0));
	add_named(true, true, DISK); /* ATC_REQUIRED: in legacy mode the unit does it */
	assert_error(ats_allow(disk, true), E_ATS_BY_HARDWARE);
	units[0].scalable = true;
	assert_ok(ats_allow(disk, true));
}

/* SNP binds what a device TLB sends as far as the device obeys. */
static void test_no_snoop(void **state)
{
	(void)state;
	add_atsr(0);
	assert_ok(ats_allow(nic, true));
	nic->nosnoop_capable = true;
	assert_error(ioasid_attach(io, nic, vm), E_USE_BLOCK);
	assert_ok(ioasid_attach(machine_add_ioasid("loose", REQUEST_NOSNOOP), nic, vm));
	assert_int_equal(nic->box, BOX_3);
	assert_true(nic->ats_on);
	assert_error(ats_allow(nic, false), E_ATTACHED);
}

/* ---- order ---- */

static void attach_nic(void)
{
	add_atsr(0);
	assert_ok(ats_allow(nic, true));
	fake_log[0] = fake_trace[0] = 0;
	assert_ok(ioasid_attach(io, nic, vm));
}

static void test_comes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(control_of(NIC) | control_of(DISK), 0);
	attach_nic();
	assert_trace("command:P--- context:PT-- iotlb:PT-- ats:PTA- command:PTAM ");
	assert_log("attach 01:00.0 ioasid=net format=snoop vm=guest box=2 coherent=1 ats=yes\n");
	assert_string_equal(ats_text(nic), "yes");
	assert_int_equal(audit_run(&output_log), 0);
	fake_units[0].notes[0] = 0;
	assert_ok(ioasid_unmap(io, MIB(2), MIB(2)));
	assert_trace("iotlb:PTAM tlb:PTAM ");
	assert_string_equal(fake_units[0].notes,
	                    "iotlb one domain=1 drain=3 address=200000 pages=512\n"
	                    "tlb rid=0100 address=200000 pages-lg2=9 depth=5\nwait\n");
	ioasid_detach(nic);
	assert_trace("refresh:PTAM command:PTA- tlb:PTA- ats:PT-- context:P--- iotlb:P--- "
	             "command:P--- context:---- iotlb:---- ");
	assert_int_equal(units[0].tlb_count, 0);
	assert_int_equal(audit_run(&output_log), 0);
}

/* One more than the unit's list holds: attached without, and nothing of it stays on. */
static void test_too_many(void **state)
{
	(void)state;
	add_atsr(0);
	assert_ok(ats_allow(nic, true));
	for (u16 rid = 0x200; units[0].tlb_count < VTD_TLBS_MAX; rid++)
		assert_ok(vtd_add_tlb(&units[0], rid, &io->space, 0));
	fake_log[0] = 0;
	assert_ok(ioasid_attach(io, nic, vm));
	assert_log("error device 01:00.0 ats=no reason=too-many\n"
	           "attach 01:00.0 ioasid=net format=snoop vm=guest box=2 coherent=1\n");
	assert_string_equal(watched_state(), "P--M");
	assert_int_equal(audit_run(&output_log), 0);
}

/* Without ats=yes nothing of all that, and nothing a guest writes turns it on. */
static void test_off(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(io, nic, vm));
	assert_trace("command:P--- command:P--M ");
	for (u32 at = ATS; at <= PASID; at += 0x10) {
		config_space_write(vm, NIC, at + 4, 4, ~0u);
		config_space_write(vm, NIC, at + 6, 2, 0x8000);
		config_space_write(vm, NIC, at + 7, 1, 0x80);
	}
	assert_int_equal(control_of(NIC), 0);
	assert_int_equal(pci_read(NIC, PRI + 4, 4) | pci_read(NIC, PASID + 4, 4), 0);
	assert_int_equal(audit_run(&output_log), 0);
	pci_write(NIC, ATS + 6, 2, 0x8000); /* by other ways */
	assert_int_equal(audit_run(&output_log), 1);
	assert_non_null(strstr(fake_log, "finding what=ats in=01:00.0 "));
}

/* In a reset nobody answers; afterwards it comes back. Asleep it would not answer either. */
static void test_reset_by_guest(void **state)
{
	(void)state;
	attach_nic();
	fake_trace[0] = 0;
	config_space_write(vm, NIC, 0x40 + PCIE_DEVICE_CONTROL, 2, PCIE_FLR);
	assert_int_equal(nic_function->resets, 1);
	assert_trace("command:PTA- tlb:PTA- ats:PT-- context:P--- iotlb:P--- context:PT-- "
	             "iotlb:PT-- ats:PTA- command:PTA- ");
	assert_true(nic->ats_on);
	config_space_write(vm, NIC, nic_function->pm, 2, 3);
	assert_int_equal(pci_read(NIC, nic_function->pm, 1) & 3, 0);
	assert_int_equal(audit_run(&output_log), 0);
}

static void test_planted(void **state)
{
	struct vtd_context *entry;
	const u64 *root = phys_to_virt(units[0].root_pa);

	(void)state;
	attach_nic();
	entry = (struct vtd_context *)phys_to_virt(ALIGN_DOWN(root[2], PAGE_SIZE));
	entry->low &= ~4ull;
	assert_int_equal(audit_run(&output_log), 1);
	entry->low |= 4;
	assert_int_equal(audit_run(&output_log), 0);
	pci_write(NIC, ATS + 6, 2, 0);
	assert_int_equal(audit_run(&output_log), 1);
}

/* ---- one that does not answer ---- */

static void attach_disk(bool for_ever)
{
	attach_nic();
	assert_ok(ats_allow(disk, true));
	assert_ok(ioasid_attach(io, disk, vm));
	fake_units[0].silent_rids = 1 << (DISK >> 3);
	fake_units[0].silent_for_ever = for_ever;
	fake_log[0] = 0;
}

static void check_lost(void)
{
	assert_int_equal(disk->state, DEVICE_QUARANTINED);
	assert_false(machine_has_context(disk) || machine_has_master(disk));
	assert_int_equal(control_of(DISK), 0);
	assert_int_equal(nic->state, DEVICE_ATTACHED);
	assert_true(machine_has_context(nic) && machine_has_master(nic) && nic->ats_on);
	assert_false(units[0].failed);
	assert_int_equal(vm->devices_in_box[BOX_3], 1);
	assert_error(ioasid_attach(io, disk, vm), E_QUARANTINED);
	assert_int_equal(audit_run(&output_log), 0);
	assert_ok(ioasid_unmap(io, MIB(6), MIB(1)));
	ioasid_detach(nic);
	assert_int_equal(nic->state, DEVICE_FREE);
}

static void test_silent_at_unmap(void **state)
{
	for (u32 for_ever = 0; for_ever < 2; for_ever++) {
		set_up(state);
		attach_disk(for_ever);
		control_take();
		assert_ok(ioasid_unmap(io, MIB(2), MIB(2)));
		assert_false(machine_has_context(disk)); /* before anybody knows */
		assert_true(machine_has_context(nic));
		control_give();
		assert_non_null(strstr(fake_log,
		                       "quarantine 00:04.0 vm=guest reason=device-tlb-timeout\n"));
		check_lost();
	}
}

static void test_silent_at_detach(void **state)
{
	(void)state;
	attach_disk(false);
	ioasid_detach(disk);
	assert_non_null(
		strstr(fake_log, "quarantine 00:04.0 vm=guest reason=device-tlb-timeout\n"));
	check_lost();
}

/* In a reset that its guest asked for; nobody has the control lock then. */
static void test_silent_at_reset(void **state)
{
	(void)state;
	attach_disk(true);
	lock_take(&disk->lock);
	(void)device_reset(disk);
	lock_give(&disk->lock);
	assert_int_equal(disk->state, DEVICE_ATTACHED);
	fault_poll();
	check_lost();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_integrated),
		TEST(test_no_snoop),
		TEST(test_comes_and_goes),
		TEST(test_off),
		TEST(test_reset_by_guest),
		TEST(test_planted),
		TEST(test_too_many),
		TEST(test_silent_at_unmap),
		TEST(test_silent_at_detach),
		TEST(test_silent_at_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
