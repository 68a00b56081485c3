// SPDX-License-Identifier: BSD-2-Clause
/* Version 2 of the hypercalls, on two units (the second without SC), the platform VM, two more and
 * a device for each: every answer and every refusal. Those of version 1 are in test_exit.c. */
#include <stdio.h>
#include "core/exit.h"
#include "core/facts.h"
#include "core/hypercall.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/plan.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define NIC    BDF(0, 3, 0) /* the guest's, no-snoop capable */
#define DISK   BDF(0, 4, 0) /* the guest's, not capable */
#define SOUND  BDF(0, 5, 0) /* the other VM's */
#define USB    BDF(0, 6, 0) /* no line names it: the platform VM's */
#define NOBODY BDF(0, 7, 0) /* kept from everybody */
#define BRIDGE BDF(0, 28, 0)
#define FAR    BDF(1, 0, 0) /* the guest's, behind the second unit */
#define LOST   BDF(3, 0, 0) /* the guest's, behind no unit */

#define NONE  HYPERCALL_IOASID_NONE
#define ALIAS GIB(64) /* an IOVA that is no RAM */

static u8 ram[MACHINE_RAM];
static struct vm *guest, *other, *platform, *caller;
static struct device *nic;

static void give(u32 bdf, struct vm *vm)
{
	struct device *d = device_find(bdf);

	d->named = true;
	d->wanted_vm = vm;
}

static int set_up(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	machine_reset();
	machine_add_unit(CAP_48 | CAP_2M, ECAP_SC | ECAP_C);
	machine_add_unit(CAP_48 | CAP_2M, ECAP);
	machine_add_function(NIC, true);
	machine_add_function(DISK, false);
	for (u32 i = 5; i < 8; i++)
		machine_add_function(BDF(0, i, 0), true);
	fake_config_add_bridge(BRIDGE, 1, 3);
	machine_add_function(FAR, true);
	machine_add_function(LOST, true);
	machine_scan();
	caller = guest = machine_add_vm("guest");
	other = machine_add_vm("other");
	platform = machine_add_vm("platform");
	platform->platform = true;
	guest->ram[0].host = ram;
	give(NIC, guest);
	give(DISK, guest);
	give(FAR, guest);
	give(LOST, guest);
	give(SOUND, other);
	give(NOBODY, NULL);
	nic = device_find(NIC);
	fake_log[0] = 0;
	return 0;
}

/* No register but RAX changes. */
static s64 call(u64 number, u64 b, u64 c, u64 d, u64 si, u64 di)
{
	struct exit exit = {.kind = EXIT_HYPERCALL};
	u64 *gpr = caller->vcpus[0]->gpr, before[GPR_COUNT];

	for (u32 i = 0; i < GPR_COUNT; i++)
		gpr[i] = 0x5a5a + i;
	gpr[GPR_RAX] = number;
	gpr[GPR_RBX] = b;
	gpr[GPR_RCX] = c;
	gpr[GPR_RDX] = d;
	gpr[GPR_RSI] = si;
	gpr[GPR_RDI] = di;
	memcpy(before, gpr, sizeof(before));
	assert_int_equal(exit_handle(caller->vcpus[0], &exit), RESULT_ADVANCE);
	before[GPR_RAX] = gpr[GPR_RAX];
	assert_memory_equal(before, gpr, sizeof(before));
	return (s64)gpr[GPR_RAX];
}

static s64 call_as(struct vm *vm, u64 number, u64 b, u64 c)
{
	s64 result;

	caller = vm;
	result = call(number, b, c, 0, 0, 0);
	caller = guest;
	return result;
}

static s64 alloc(u64 request)
{
	return call(HYPERCALL_IOASID_ALLOC, request, 0, 0, 0, 0);
}

static s64 attach(u64 bdf, u64 id)
{
	return call(HYPERCALL_ATTACH, bdf, id, 0, 0, 0);
}

static s64 detach(u64 bdf)
{
	return call(HYPERCALL_DETACH, bdf, 0, 0, 0, 0);
}

static s64 map(u64 id, u64 iova, u64 gpa, u64 size, u64 access)
{
	return call(HYPERCALL_IOASID_MAP, id, iova, gpa, size, access);
}

static s64 unmap(u64 id, u64 iova, u64 size)
{
	return call(HYPERCALL_IOASID_UNMAP, id, iova, size, 0, 0);
}

/* What attach answers. */
static s64 attached(enum coherency_format format, bool coherent, enum coherency_box box)
{
	return format | coherent << 8 | box << 16;
}

/* ---- devices ---- */

static void check_info(u64 bdf, u32 format, u32 box, u32 verdict, u32 nosnoop)
{
	u64 info = (u64)call(HYPERCALL_DEVICE_INFO, bdf, 0, 0, 0, 0);

	assert_int_equal(info >> 63, 0);
	assert_int_equal(HYPERCALL_INFO_FORMAT(info), format);
	assert_int_equal(HYPERCALL_INFO_BOX(info), box);
	assert_int_equal(HYPERCALL_INFO_VERDICT(info), verdict);
	assert_int_equal(HYPERCALL_INFO_NOSNOOP(info), nosnoop);
	assert_int_equal(HYPERCALL_INFO_GROUP(info), bdf >> 8 ? BRIDGE : bdf);
}

static void test_info(void **state)
{
	u64 info;

	(void)state;
	check_info(NIC, HYPERCALL_FORMAT_SNOOP, 1, HYPERCALL_VERDICT_IGNORE, 1);
	check_info(DISK, HYPERCALL_FORMAT_SNOOP, 2, HYPERCALL_VERDICT_IGNORE, 0);
	check_info(FAR, HYPERCALL_FORMAT_NOSNOOP, 3, HYPERCALL_VERDICT_EMULATE, 1);
	check_info(LOST, HYPERCALL_FORMAT_NONE, 3, HYPERCALL_VERDICT_EMULATE, 1);
	units[0].snoop_control = false;
	check_info(DISK, HYPERCALL_FORMAT_NOSNOOP, 4, HYPERCALL_VERDICT_EMULATE, 0);
	guest->policy = POLICY_DEVICE;
	check_info(DISK, HYPERCALL_FORMAT_NOSNOOP, 4, HYPERCALL_VERDICT_IGNORE, 0);
	info = (u64)call(HYPERCALL_DEVICE_INFO, NIC, 0, 0, 0, 0);
	assert_int_equal(HYPERCALL_INFO_ATTACHED(info), 0);
	assert_int_equal(HYPERCALL_INFO_IOASID(info), NONE);
	nic->nosnoop_by = NOSNOOP_BY_BLOCK;
	alloc(HYPERCALL_REQUEST_NOSNOOP);
	assert_int_equal(attach(NIC, 0), attached(FORMAT_NOSNOOP, false, BOX_3));
	info = (u64)call(HYPERCALL_DEVICE_INFO, NIC, 0, 0, 0, 0);
	assert_int_equal(HYPERCALL_INFO_BY(info), HYPERCALL_BY_BLOCK);
	assert_int_equal(HYPERCALL_INFO_ATTACHED(info), 1);
	assert_int_equal(HYPERCALL_INFO_QUARANTINED(info), 0);
	assert_int_equal(HYPERCALL_INFO_IOASID(info), 0);
}

/* Others' devices answer as those that do not exist. */
static void test_whose_device(void **state)
{
	static const u64 foreign[] = {
		SOUND, USB, NOBODY, BRIDGE, BDF(0, 9, 0), 1ull << 32 | NIC, ~0ull, BDF(0, 3, 1)};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		assert_int_equal(call(HYPERCALL_DEVICE_INFO, foreign[i], 0, 0, 0, 0),
		                 HYPERCALL_E_DEVICE);
		assert_int_equal(attach(foreign[i], NONE), HYPERCALL_E_DEVICE);
		assert_int_equal(detach(foreign[i]), HYPERCALL_E_DEVICE);
	}
	assert_string_equal(fake_log, "");
	assert_true(call_as(platform, HYPERCALL_DEVICE_INFO, USB, 0) > 0);
	assert_int_equal(call_as(platform, HYPERCALL_DEVICE_INFO, NIC, 0), HYPERCALL_E_DEVICE);
	assert_int_equal(call_as(platform, HYPERCALL_DEVICE_INFO, BRIDGE, 0), HYPERCALL_E_DEVICE);
	/* an operator gives one away, and takes one back */
	assert_ok(ioasid_attach(NULL, nic, other));
	assert_int_equal(detach(NIC), HYPERCALL_E_DEVICE);
	assert_int_equal(call_as(other, HYPERCALL_DETACH, NIC, 0), 0);
	assert_int_equal(call_as(other, HYPERCALL_ATTACH, NIC, NONE), HYPERCALL_E_DEVICE);
	assert_int_equal(attach(NIC, NONE), attached(FORMAT_SNOOP, true, BOX_1));
	assert_int_equal(detach(NIC), 0);
	nic->withdrawn = true;
	assert_int_equal(attach(NIC, NONE), HYPERCALL_E_DEVICE);
}

static void test_attach_and_detach(void **state)
{
	(void)state;
	assert_int_equal(detach(NIC), HYPERCALL_E_STATE);
	assert_int_equal(attach(DISK, NONE), attached(FORMAT_SNOOP, true, BOX_2));
	assert_int_equal(attach(FAR, NONE), attached(FORMAT_NOSNOOP, false, BOX_3));
	assert_int_equal(guest->verdict, VERDICT_EMULATE);
	assert_int_equal(attach(FAR, NONE), HYPERCALL_E_STATE);
	assert_int_equal(detach(FAR), 0);
	assert_int_equal(guest->verdict, VERDICT_IGNORE);
	assert_int_equal(detach(FAR), HYPERCALL_E_STATE);
	assert_int_equal(attach(FAR, 0), HYPERCALL_E_NO_SNOOP_CONTROL);
	assert_int_equal(attach(LOST, NONE), HYPERCALL_E_NO_UNIT);
	assert_int_equal(attach(NIC, 2), HYPERCALL_E_IOASID);
	assert_int_equal(attach(NIC, ~0ull), HYPERCALL_E_IOASID);
	assert_int_equal(attach(NIC, 1ull << 32), HYPERCALL_E_IOASID);
	assert_int_equal(attach(NIC, 1), attached(FORMAT_NOSNOOP, false, BOX_3));
	fake_units[0].queue_stopped = true;
	assert_int_equal(detach(NIC), HYPERCALL_E_QUARANTINED);
	assert_int_equal(detach(NIC), HYPERCALL_E_STATE);
	assert_int_equal(attach(NIC, 1), HYPERCALL_E_QUARANTINED);
	assert_true(HYPERCALL_INFO_QUARANTINED(call(HYPERCALL_DEVICE_INFO, NIC, 0, 0, 0, 0)));
	/* the unit has failed, and the disk was behind it, too */
	assert_int_equal(attach(DISK, 0), HYPERCALL_E_QUARANTINED);
}

static void test_refused_by_the_machine(void **state)
{
	(void)state;
	machine_add_rmrr(NIC, GIB(1), GIB(1) + PAGE_SIZE - 1);
	assert_int_equal(attach(NIC, NONE), HYPERCALL_E_RESERVED);
	fake_mem_fail_after(0);
	assert_int_equal(attach(DISK, NONE), HYPERCALL_E_MEMORY);
	fake_mem_fail_after(-1);
	device_find(DISK)->group = nic->group;
	nic->vm = other;
	assert_int_equal(attach(DISK, NONE), HYPERCALL_E_GROUP);
	nic->vm = NULL;
	fake_units[1].queue_stopped = true;
	units[1].cap |= CAP_CM;
	assert_int_equal(attach(FAR, NONE), HYPERCALL_E_HARDWARE);
	assert_int_equal(guest->verdict, VERDICT_IGNORE);
}

/* ---- IOASIDs ---- */

static void test_alloc_and_free(void **state)
{
	(void)state;
	assert_int_equal(alloc(3), HYPERCALL_E_ARGUMENT);
	assert_int_equal(alloc(1ull << 32), HYPERCALL_E_ARGUMENT);
	for (s64 id = 0; id < 4; id++)
		assert_int_equal(alloc((u64)id % 3), id);
	assert_string_equal(ioasids[2].name, "guest.2");
	assert_int_equal(ioasids[2].request, REQUEST_NOSNOOP);
	assert_ptr_equal(ioasids[2].vm, guest);
	assert_int_equal(alloc(HYPERCALL_REQUEST_SNOOP), HYPERCALL_E_LIMIT);
	assert_int_equal(call_as(other, HYPERCALL_IOASID_ALLOC, HYPERCALL_REQUEST_SNOOP, 0), 4);
	/* in use, not the VM's, not made by it */
	assert_true(attach(NIC, 2) > 0);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 2, 0, 0, 0, 0), HYPERCALL_E_STATE);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 4, 0, 0, 0, 0), HYPERCALL_E_IOASID);
	assert_true(attach(DISK, NONE) > 0);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 5, 0, 0, 0, 0), HYPERCALL_E_IOASID);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 6, 0, 0, 0, 0), HYPERCALL_E_IOASID);
	/* another one under the same id, of another format; freed, it is nobody's */
	assert_int_equal(detach(NIC), 0);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 2, 0, 0, 0, 0), 0);
	assert_int_equal(call(HYPERCALL_IOASID_FREE, 2, 0, 0, 0, 0), HYPERCALL_E_IOASID);
	assert_int_equal(attach(NIC, 2), HYPERCALL_E_IOASID);
	assert_error(ioasid_attach(&ioasids[2], nic, guest), E_NO_IOASID);
	assert_int_equal(alloc(HYPERCALL_REQUEST_SNOOP), 2);
	assert_int_equal(attach(NIC, 2), attached(FORMAT_SNOOP, true, BOX_1));
}

/* A name that the manifest has taken, too. */
static void test_alloc_fails(void **state)
{
	(void)state;
	machine_add_ioasid("guest.1", REQUEST_DEFAULT);
	assert_int_equal(alloc(0), HYPERCALL_E_LIMIT);
	machine_add_ioasid("net", REQUEST_DEFAULT);
	assert_int_equal(alloc(0), 2);
}

static void test_whose_ioasid(void **state)
{
	(void)state;
	machine_add_ioasid("theirs", REQUEST_DEFAULT);
	machine_add_ioasid("wanted", REQUEST_DEFAULT);
	machine_add_ioasid("free", REQUEST_DEFAULT);
	assert_ok(ioasid_attach(&ioasids[0], device_find(SOUND), other));
	device_find(NOBODY)->wanted_ioasid = &ioasids[1]; /* of whoever the line says */
	device_find(NOBODY)->wanted_vm = other;
	for (u64 id = 0; id < 2; id++) {
		assert_int_equal(attach(NIC, id), HYPERCALL_E_IOASID);
		assert_int_equal(map(id, ALIAS, 0, PAGE_SIZE, 3), HYPERCALL_E_IOASID);
		assert_int_equal(unmap(id, 0, PAGE_SIZE), HYPERCALL_E_IOASID);
	}
	assert_int_equal(map(2, ALIAS, 0, PAGE_SIZE, 3), HYPERCALL_E_STATE);
	assert_int_equal(attach(NIC, 2), attached(FORMAT_SNOOP, true, BOX_1));
	assert_ptr_equal(ioasids[2].vm, guest);
	assert_int_equal(call_as(other, HYPERCALL_ATTACH, SOUND, 2), HYPERCALL_E_IOASID);
	/* one that the guest has made is its own before anything is attached */
	assert_int_equal(alloc(0), 3);
	assert_int_equal(call_as(other, HYPERCALL_ATTACH, SOUND, 3), HYPERCALL_E_IOASID);
	ioasid_detach(device_find(SOUND));
	assert_error(ioasid_attach(&ioasids[3], device_find(SOUND), other), E_IOASID_OF_OTHER_VM);
	/* a VM's own default one, too, though its first attach was refused */
	fake_mem_fail_after(0);
	assert_error(ioasid_attach(NULL, device_find(SOUND), other), E_NO_MEMORY);
	fake_mem_fail_after(-1);
	assert_ptr_equal(ioasid_find("other.snoop"), &ioasids[4]);
	assert_int_equal(attach(DISK, 4), HYPERCALL_E_IOASID);
	assert_ok(ioasid_attach(NULL, device_find(SOUND), other));
}

/* ---- mappings ---- */

static u64 leaf_at(u64 iova)
{
	u64 size;

	return pt_lookup(&ioasids[0].space.table, iova, &size);
}

static void test_map_and_unmap(void **state)
{
	(void)state;
	alloc(HYPERCALL_REQUEST_SNOOP);
	assert_int_equal(map(0, ALIAS, 0, PAGE_SIZE, 3), HYPERCALL_E_STATE);
	assert_int_equal(unmap(0, 0, PAGE_SIZE), HYPERCALL_E_STATE);
	assert_true(attach(NIC, 0) > 0);
	assert_int_equal(map(0, ALIAS, 2 * PAGE_SIZE, PAGE_SIZE, HYPERCALL_ACCESS_READ), 0);
	assert_int_equal(leaf_at(ALIAS), (GIB(1) + 2 * PAGE_SIZE) | VTD_READ | VTD_SNOOP);
	assert_int_equal(map(0, ALIAS + PAGE_SIZE, MACHINE_RAM - PAGE_SIZE, PAGE_SIZE,
	                     HYPERCALL_ACCESS_WRITE),
	                 0);
	assert_int_equal(leaf_at(ALIAS + PAGE_SIZE),
	                 (GIB(1) + MACHINE_RAM - PAGE_SIZE) | VTD_WRITE | VTD_SNOOP);
	assert_int_equal(unmap(0, ALIAS, 2 * PAGE_SIZE), 0);
	assert_int_equal(leaf_at(ALIAS), 0);
	/* a part of the RAM itself, which is in larger leaves */
	assert_int_equal(unmap(0, MIB(4), PAGE_SIZE), 0);
	assert_int_equal(leaf_at(MIB(4)), 0);
	assert_true(leaf_at(MIB(4) + PAGE_SIZE));
	assert_int_equal(map(0, MIB(4), MIB(4), PAGE_SIZE, 3), 0);
}

static void test_map_refused(void **state)
{
	static const struct {
		u64 iova, gpa, size, access;
		s64 result;
	} rows[] = {
		{ALIAS, 0, PAGE_SIZE, 0, HYPERCALL_E_ARGUMENT},
		{ALIAS, 0, PAGE_SIZE, 4, HYPERCALL_E_ARGUMENT},
		{ALIAS, 0, PAGE_SIZE, VTD_SNOOP | 3, HYPERCALL_E_ARGUMENT},
		{ALIAS, 0, 0, 3, HYPERCALL_E_ARGUMENT},
		{ALIAS, 0, 1, 3, HYPERCALL_E_ARGUMENT},
		{ALIAS + 8, 0, PAGE_SIZE, 3, HYPERCALL_E_ARGUMENT},
		{ALIAS, 8, PAGE_SIZE, 3, HYPERCALL_E_ARGUMENT},
		{ALIAS, 0, GIB(1) + PAGE_SIZE, 3, HYPERCALL_E_ARGUMENT},
		{BIT(48), 0, PAGE_SIZE, 3, HYPERCALL_E_ARGUMENT},
		{-(u64)PAGE_SIZE, 0, 2 * PAGE_SIZE, 3, HYPERCALL_E_ARGUMENT},
		{ALIAS, MACHINE_RAM, PAGE_SIZE, 3, HYPERCALL_E_ADDRESS},
		{ALIAS, MACHINE_RAM - PAGE_SIZE, 2 * PAGE_SIZE, 3, HYPERCALL_E_ADDRESS},
		{ALIAS, GIB(1), PAGE_SIZE, 3, HYPERCALL_E_ADDRESS}, /* as the machine has it */
		{ALIAS, -(u64)PAGE_SIZE, 2 * PAGE_SIZE, 3, HYPERCALL_E_ADDRESS},
		{0, PAGE_SIZE, PAGE_SIZE, 3, HYPERCALL_E_MAPPED},
		{MACHINE_RAM - PAGE_SIZE, 0, 2 * PAGE_SIZE, 3, HYPERCALL_E_MAPPED},
		{0xfee00000, 0, PAGE_SIZE, 3, HYPERCALL_E_RESERVED},
		{0xfedff000, 0, 2 * PAGE_SIZE, 3, HYPERCALL_E_RESERVED},
		{0xfeeff000, 0, PAGE_SIZE, 3, HYPERCALL_E_RESERVED},
	};
	u32 pages;

	(void)state;
	alloc(HYPERCALL_REQUEST_SNOOP);
	assert_true(attach(NIC, 0) > 0);
	pages = fake_mem_used();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(map(0, rows[i].iova, rows[i].gpa, rows[i].size, rows[i].access),
		                 rows[i].result);
	assert_int_equal(unmap(0, 8, PAGE_SIZE), HYPERCALL_E_ARGUMENT);
	assert_int_equal(unmap(0, 0, 0), HYPERCALL_E_ARGUMENT);
	assert_int_equal(unmap(0, BIT(48), PAGE_SIZE), HYPERCALL_E_ARGUMENT);
	assert_int_equal(unmap(0, PAGE_SIZE, -(u64)PAGE_SIZE), HYPERCALL_E_ARGUMENT);
	assert_int_equal(unmap(1, 0, PAGE_SIZE), HYPERCALL_E_IOASID);
	assert_int_equal(fake_mem_used(), pages);
	/* the pool is not the guest's alone */
	fake_mem_used_percent = 50;
	assert_int_equal(map(0, ALIAS, 0, PAGE_SIZE, 3), HYPERCALL_E_MEMORY);
	assert_int_equal(unmap(0, 0, PAGE_SIZE), 0);
	fake_mem_used_percent = 75;
	assert_int_equal(unmap(0, PAGE_SIZE, PAGE_SIZE), HYPERCALL_E_MEMORY);
}

static u64 watched;

static void on_flush(void)
{
	fake_trace_step(leaf_at(watched) ? "flush-mapped" : "flush");
}

/* R17: flushed before a page enters a no-snoop IOASID, and after it has left. */
static void test_map_flushes(void **state)
{
	(void)state;
	units[1].walk_coherent = true; /* so that tables are not flushed (R19) */
	alloc(HYPERCALL_REQUEST_NOSNOOP);
	assert_true(attach(NIC, 0) > 0);
	watched = ALIAS;
	fake_mem_on_flush = on_flush;
	fake_trace[0] = 0;
	assert_int_equal(map(0, ALIAS, 0, PAGE_SIZE, 3), 0);
	assert_string_equal(fake_trace, "flush: ");
	assert_true(leaf_at(ALIAS));
	fake_trace[0] = 0;
	assert_int_equal(unmap(0, ALIAS, PAGE_SIZE), 0);
	assert_string_equal(fake_trace, "flush: ");
}

/* R15: what took others' time is waited for before the next one. */
static void test_turns(void **state)
{
	u64 start;

	(void)state;
	guest->turn_end = start = cpu_tsc();
	guest->turn_cost = 20000000;
	assert_int_equal(detach(NIC), HYPERCALL_E_STATE);
	assert_true(cpu_tsc() - start >= 20000000);
	assert_true(guest->turn_end > start && guest->turn_cost < 20000000);
}

/* What a VM has made of its IOASIDs ends with it; formats stay (R4). */
static void test_end_of_vm(void **state)
{
	u32 pages = fake_mem_used();

	(void)state;
	alloc(HYPERCALL_REQUEST_NOSNOOP);
	assert_true(attach(NIC, 0) > 0);
	assert_true(attach(DISK, NONE) > 0);
	assert_int_equal(map(0, ALIAS, 0, PAGE_SIZE, 3), 0);
	assert_int_equal(unmap(1, 0, PAGE_SIZE), 0);
	assert_int_equal(detach(NIC), 0);
	assert_int_equal(detach(DISK), 0);
	ioasid_reset_all(guest);
	assert_true(fake_mem_used() <= pages + 2); /* the units' own tables */
	assert_int_equal(ioasids[1].format, FORMAT_SNOOP);
	assert_int_equal(alloc(HYPERCALL_REQUEST_SNOOP), 0);
	assert_int_equal(attach(NIC, 0), attached(FORMAT_SNOOP, true, BOX_1));
	assert_int_equal(leaf_at(ALIAS), 0);
	assert_true(attach(DISK, 1) > 0);
	assert_int_equal(map(1, 0, 0, PAGE_SIZE, 3), HYPERCALL_E_MAPPED);
	/* one in quarantine may still know the tables */
	fake_units[0].queue_stopped = true;
	assert_int_equal(detach(NIC), HYPERCALL_E_QUARANTINED);
	fake_log[0] = 0;
	ioasid_detach(device_find(DISK));
	ioasid_reset_all(guest);
	assert_non_null(strstr(fake_log, "ioasid guest.0 state=left reason=quarantined\n"));
	assert_int_equal(alloc(HYPERCALL_REQUEST_SNOOP), 2);
}

/* ---- counters and commands ---- */

static void test_counters_of_cpus(void **state)
{
	static struct vcpu second;

	(void)state;
	second = (struct vcpu){.counters = {.wbinvd = 5, .emulated = 4, .ignored = 1, .invd = 2}};
	guest->vcpus[guest->vcpu_count++] = &second;
	guest->vcpus[0]->counters.wbinvd = 7;
	guest->counters.faults = 3;
	assert_int_equal(call(3, HYPERCALL_COUNTER_WBINVD, 0, 0, 0, 0), 12);
	assert_int_equal(
		call(3, HYPERCALL_COUNTER_WBINVD | HYPERCALL_COUNTER_OF_CPU(0), 0, 0, 0, 0), 7);
	for (u64 i = 0; i < 4; i++)
		assert_int_equal(call(3, i | HYPERCALL_COUNTER_OF_CPU(1), 0, 0, 0, 0),
		                 ((s64[]){5, 4, 1, 2})[i]);
	assert_int_equal(
		call(3, HYPERCALL_COUNTER_FAULTS | HYPERCALL_COUNTER_OF_CPU(1), 0, 0, 0, 0),
		HYPERCALL_E_ARGUMENT);
	assert_int_equal(call(3, HYPERCALL_COUNTER_OF_CPU(2), 0, 0, 0, 0), HYPERCALL_E_ARGUMENT);
	assert_int_equal(call(3, ~0ull << 8, 0, 0, 0, 0), HYPERCALL_E_ARGUMENT);
	guest->vcpu_count--;
}

#define ANSWER 0x1000

static s64 command(const char *text, u64 size)
{
	strcpy((char *)ram, text);
	memset(ram + ANSWER, '#', PAGE_SIZE);
	return call(HYPERCALL_COMMAND, 0, strlen(text), ANSWER, size, 0);
}

static void expect_answer(const char *text, u64 size, const char *answer)
{
	size_t shown = MIN(strlen(answer), size);

	assert_int_equal(command(text, size), strlen(answer));
	assert_memory_equal(ram + ANSWER, answer, shown);
	assert_int_equal(ram[ANSWER + shown], '#');
}

static void test_command(void **state)
{
	static const char list[] =
		"ioasid given request=default format=unresolved vm=none devices=0\n";

	(void)state;
	machine_add_ioasid("given", REQUEST_DEFAULT);
	assert_int_equal(command("audit", 64), HYPERCALL_E_PERMISSION);
	assert_int_equal(ram[ANSWER], '#');
	guest->config.control = true;
	expect_answer("ioasid", PAGE_SIZE, list);
	expect_answer("ioasid", sizeof(list) - 1, list);
	expect_answer("ioasid", 20, list);
	expect_answer("ioasid", 0, list);
	assert_non_null(strstr(fake_log, "command vm=guest text=\"ioasid\"\n"));
	expect_answer("detach 00:03.0", PAGE_SIZE,
	              "error command=detach word=\"00:03.0\" reason=not-attached\n");
	expect_answer("vm x", PAGE_SIZE, "error command=vm word=\"vm\" reason=unknown-word\n");
	fake_log[0] = 0;
	expect_answer("\x01\"\n", PAGE_SIZE,
	              "error command=... word=\"...\" reason=unknown-word\n");
	assert_string_equal(fake_log, "command vm=guest text=\"...\"\n");
	/* it may do what is not its own VM's */
	expect_answer("ioasid net snoop", PAGE_SIZE, "");
	expect_answer("attach 00:06.0 net vm=guest", PAGE_SIZE,
	              "device 00:06.0 format=snoop box=1 coherent=1 wbinvd=ignore because=none\n");
	/* what an operator takes back is gone */
	expect_answer("detach 00:06.0", PAGE_SIZE, "device 00:06.0 state=free group=00:06.0\n");
	assert_true(device_find(USB)->withdrawn);
}

static void test_command_addresses(void **state)
{
	static const struct {
		u64 text, bytes, answer, size;
		s64 result;
	} rows[] = {
		{0, 129, ANSWER, 64, HYPERCALL_E_ARGUMENT},
		{0, ~0ull, ANSWER, 64, HYPERCALL_E_ARGUMENT},
		{MACHINE_RAM, 4, ANSWER, 64, HYPERCALL_E_ADDRESS},
		{MACHINE_RAM - 3, 4, ANSWER, 64, HYPERCALL_E_ADDRESS},
		{~0ull, 4, ANSWER, 64, HYPERCALL_E_ADDRESS},
		{0, 4, MACHINE_RAM, 1, HYPERCALL_E_ADDRESS},
		{0, 4, MACHINE_RAM - 63, 64, HYPERCALL_E_ADDRESS},
		{0, 4, ANSWER, ~0ull, HYPERCALL_E_ADDRESS},
		{0, 4, ~0ull, 2, HYPERCALL_E_ADDRESS},
	};

	(void)state;
	guest->config.control = true;
	memcpy(ram, "list", 4);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(call(HYPERCALL_COMMAND, rows[i].text, rows[i].bytes,
		                      rows[i].answer, rows[i].size, 0),
		                 rows[i].result);
	assert_string_equal(fake_log, "");
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(call(HYPERCALL_VERSION_GET, 0, 0, 0, 0, 0), 2);
	assert_int_equal(call(13, 0, 0, 0, 0, 0), HYPERCALL_E_NUMBER);
	assert_int_equal(call(0xffffffff, 0, 0, 0, 0, 0), HYPERCALL_E_NUMBER);
	assert_int_equal(call(1ull << 32, 0, 0, 0, 0, 0), 2); /* EAX has the number */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_info, set_up),
		cmocka_unit_test_setup(test_whose_device, set_up),
		cmocka_unit_test_setup(test_attach_and_detach, set_up),
		cmocka_unit_test_setup(test_refused_by_the_machine, set_up),
		cmocka_unit_test_setup(test_alloc_and_free, set_up),
		cmocka_unit_test_setup(test_alloc_fails, set_up),
		cmocka_unit_test_setup(test_whose_ioasid, set_up),
		cmocka_unit_test_setup(test_map_and_unmap, set_up),
		cmocka_unit_test_setup(test_map_refused, set_up),
		cmocka_unit_test_setup(test_map_flushes, set_up),
		cmocka_unit_test_setup(test_turns, set_up),
		cmocka_unit_test_setup(test_end_of_vm, set_up),
		cmocka_unit_test_setup(test_counters_of_cpus, set_up),
		cmocka_unit_test_setup(test_command, set_up),
		cmocka_unit_test_setup(test_command_addresses, set_up),
		cmocka_unit_test_setup(test_numbers, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
