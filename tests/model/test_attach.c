// SPDX-License-Identifier: BSD-2-Clause
/*
 * core/ioasid.c on the model: devices enter and leave IOASIDs, and at no moment does no-snoop DMA
 * meet a line that the caches still have, or a VM whose WBINVD is ignored (R11, R17).
 */
#include "core/facts.h"
#include "core/fault.h"
#include "core/mem.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"
#include "tests/model/model.h"

#define NIC       BDF(0, 3, 0)
#define DISK      BDF(0, 4, 0)
#define RAM_PAGES 4u

static struct vm *vm;

static int reset(void **state)
{
	(void)state;
	machine_reset();
	model_reset();
	return 0;
}

static int verify(void **state)
{
	(void)state;
	assert_string_equal(model_violation, "");
	return 0;
}

static void add_unit(u64 cap, u64 ecap)
{
	struct dmar_unit where = {.base_pa = FAKE_UNIT_BASE(unit_count), .size_pages = 1};

	fake_unit_reset(unit_count, cap, ecap);
	model_add_unit(unit_count);
	assert_ok(vtd_unit_probe(&units[unit_count], unit_count, &where));
	assert_ok(vtd_unit_start(&units[unit_count]));
	unit_count++;
}

/* Its RAM is in the pool, where the model knows its lines; all of them are dirty. */
static u64 add_vm(void)
{
	u64 ram_pa = page_alloc();

	for (u32 i = 1; i < RAM_PAGES; i++)
		assert_int_equal(page_alloc(), ram_pa + i * PAGE_SIZE);
	vm = fake_backend_add_vm("guest", ram_pa, RAM_PAGES * PAGE_SIZE);
	return ram_pa;
}

static void must_emulate(const struct model_device *d)
{
	if (vm->verdict != VERDICT_EMULATE)
		model_violate("verdict", "no-snoop DMA of %04x, and WBINVD is ignored (R11)",
		              d->rid);
}

static void attach(struct ioasid *io, struct device *d, struct model_device *m,
                   struct model_range *ram)
{
	m->space = &io->space;
	m->stage = STAGE_CHANGING;
	if (ram->stage == STAGE_OUT)
		ram->stage = STAGE_CHANGING;
	assert_ok(ioasid_attach(io, d, vm));
	m->stage = ram->stage = STAGE_IN;
	model_step();
}

static void detach(struct device *d, struct model_device *m)
{
	m->stage = STAGE_CHANGING;
	ioasid_detach(d);
	m->stage = STAGE_OUT;
	model_step();
}

static void run(u64 cap, u64 ecap, enum coherency_request request)
{
	struct model_device *nic, *disk;
	struct model_range *ram;
	struct ioasid *io;
	u64 ram_pa;

	add_unit(cap, ecap);
	machine_add_function(NIC, true);
	machine_add_function(DISK, false);
	machine_scan();
	ram_pa = add_vm();
	nic = model_add_device(0, NIC, true);
	disk = model_add_device(0, DISK, false);
	model_on_nosnoop = must_emulate;
	io = machine_add_ioasid("net", request);
	ram = model_range(&io->space, 0, ram_pa, RAM_PAGES * PAGE_SIZE, VTD_READ | VTD_WRITE);
	attach(io, device_find(NIC), nic, ram);
	attach(io, device_find(DISK), disk, ram);
	detach(device_find(NIC), nic);
	attach(io, device_find(NIC), nic, ram);
	assert_int_equal(model_is_behind_caches(ram_pa), io->format == FORMAT_NOSNOOP);
	detach(device_find(DISK), disk);
	detach(device_find(NIC), nic);
	for (u32 i = 0; i < RAM_PAGES; i++) /* before reuse */
		assert_false(model_is_behind_caches(ram_pa + i * PAGE_SIZE));
}

static void test_attach_and_detach(void **state)
{
	static const u64 caps[] = {CAP_48, CAP_48 | CAP_CM};
	static const u64 ecaps[] = {ECAP, ECAP_SC, ECAP_SC | ECAP_C};
	static const enum coherency_request requests[] = {REQUEST_DEFAULT, REQUEST_NOSNOOP};

	for (size_t i = 0; i < ARRAY_SIZE(caps) * ARRAY_SIZE(ecaps) * ARRAY_SIZE(requests); i++) {
		reset(state);
		run(caps[i % 2], ecaps[i / 4], requests[i / 2 % 2]);
		assert_string_equal(model_violation, "");
	}
}

/* R17 for a page that a guest takes out of a no-snoop IOASID, writes to, and puts in again. */
static void test_pages_come_and_go(void **state)
{
	struct model_range *page, *rest;
	struct ioasid *io;
	u64 ram_pa;

	(void)state;
	add_unit(CAP_48, ECAP_SC | ECAP_C);
	machine_add_function(NIC, true);
	machine_scan();
	ram_pa = add_vm();
	model_on_nosnoop = must_emulate;
	io = machine_add_ioasid("net", REQUEST_NOSNOOP);
	page = model_range(&io->space, 0, ram_pa, PAGE_SIZE, VTD_READ | VTD_WRITE);
	rest = model_range(&io->space, PAGE_SIZE, ram_pa + PAGE_SIZE, (RAM_PAGES - 1) * PAGE_SIZE,
	                   VTD_READ | VTD_WRITE);
	page->stage = STAGE_CHANGING;
	attach(io, device_find(NIC), model_add_device(0, NIC, true), rest);
	assert_true(model_is_behind_caches(ram_pa));
	assert_ok(ioasid_unmap(io, 0, PAGE_SIZE));
	page->stage = STAGE_OUT;
	model_step();
	assert_false(model_is_behind_caches(ram_pa));
	memset(phys_to_virt(ram_pa), 0x5a, PAGE_SIZE);
	page->stage = STAGE_CHANGING;
	assert_ok(ioasid_map(io, 0, 0, PAGE_SIZE, VTD_READ | VTD_WRITE));
	page->stage = STAGE_IN;
	model_step();
	assert_true(model_is_behind_caches(ram_pa));
}

/* A unit that walks four levels and nothing else, as laptops have. */
static void test_four_levels_only(void **state)
{
	(void)state;
	run((CAP_48 & ~MASK(12, 8)) | BIT(10), ECAP_SC, REQUEST_DEFAULT);
}

/* A fault is recorded, its device leaves, and only then is the record read. */
static void test_cve_2024_35843(void **state)
{
	struct model_device *nic;
	struct model_range *ram;
	struct ioasid *io;
	u64 ram_pa;

	(void)state;
	add_unit(CAP_48, ECAP_SC);
	machine_add_function(NIC, true);
	machine_scan();
	ram_pa = add_vm();
	nic = model_add_device(0, NIC, false);
	io = machine_add_ioasid("net", REQUEST_DEFAULT);
	ram = model_range(&io->space, 0, ram_pa, RAM_PAGES * PAGE_SIZE, VTD_READ | VTD_WRITE);
	attach(io, device_find(NIC), nic, ram);
	fake_unit_raise_fault(&fake_units[0], 0, NIC, FAULT_WRITE, false, MIB(64));
	detach(device_find(NIC), nic);
	fake_log[0] = 0;
	fault_poll();
	assert_non_null(strstr(fake_log, "fault unit=0 device=00:03.0 address=0x4000000"));
	assert_int_equal(vm->counters.faults, 0);
}

static void expect_no_region(const struct ioasid *io, u64 iova)
{
	u64 size;

	assert_int_equal(pt_lookup(&io->space.table, iova, &size), 0);
}

/* An attach that fails, wherever it does, leaves nothing of the device's reserved region. */
static void test_xsa_378(void **state)
{
	const u64 region = 0x7f000000;
	struct ioasid *io;
	err_t e;

	(void)state;
	add_unit(CAP_48 | CAP_CM, ECAP_SC);
	model_pause(true);
	machine_add_function(NIC, true);
	machine_add_function(DISK, false);
	machine_scan();
	machine_add_rmrr(NIC, region, region + PAGE_SIZE - 1);
	add_vm();
	io = machine_add_ioasid("net", REQUEST_DEFAULT);
	assert_ok(ioasid_attach(io, device_find(DISK), vm)); /* it is bound now, and stays */
	ioasid_detach(device_find(DISK));
	for (int pages = 0;; pages++) {
		fake_mem_fail_after(pages);
		e = ioasid_attach(io, device_find(NIC), vm);
		if (!e)
			break;
		assert_error(e, E_NO_MEMORY);
		expect_no_region(io, region);
	}
	fake_mem_fail_after(-1);
	ioasid_detach(device_find(NIC));
	expect_no_region(io, region);
	fake_units[0].queue_stopped = true; /* the context entry is the first thing announced */
	assert_error(ioasid_attach(io, device_find(NIC), vm), E_TIMEOUT);
	expect_no_region(io, region);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, verify)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_attach_and_detach), TEST(test_pages_come_and_go),
		TEST(test_four_levels_only),  TEST(test_cve_2024_35843),
		TEST(test_xsa_378),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
