// SPDX-License-Identifier: BSD-2-Clause
/* From a manifest to VMs with their devices (core/plan.c): what the log says of it, line by line.
 */
#include "core/facts.h"
#include "core/mem.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

/* The hypervisor has the lower half of the memory, the page pool lies there. */
#define MEMORY      (FAKE_MEM_PAGES * PAGE_SIZE)
#define MANIFEST_PA (FAKE_MEM_BASE_PA + HYPERVISOR_SIZE - PAGE_SIZE)

#define GUEST    "vm guest cpus=0 memory=4M image=x\n"
#define PLATFORM "vm linux cpus=0 memory=rest image=x\n"

void power_set_action(enum power_action a)
{
	(void)a;
}

static void add_functions(void)
{
	machine_add_function(BDF(0, 3, 0), true);
	machine_add_function(BDF(0, 4, 0), false);
	machine_add_function(BDF(1, 0, 0), true);
	fake_config_add_bridge(BDF(0, 28, 0), 1, 1);
	machine_scan();
}

/* The first unit has SC, the second has not. */
static int set_up(void **state)
{
	(void)state;
	machine_reset();
	memset(&plan, 0, sizeof(plan));
	machine_add_unit(CAP_48, ECAP_SC);
	machine_add_unit(CAP_48, ECAP);
	add_functions();
	facts.boot.image_pa = FAKE_MEM_BASE_PA;
	facts.boot.memory[facts.boot.memory_count++] =
		(struct boot_memory){FAKE_MEM_BASE_PA, MEMORY, BOOT_MEMORY_USABLE};
	strcpy(facts.boot.manifest.name, "m.cfg");
	facts.boot.manifest.pa = MANIFEST_PA;
	return 0;
}

/* No VT-d at all. */
static int set_up_without_units(void **state)
{
	set_up(state);
	unit_count = 0;
	device_find_units();
	return 0;
}

static void start(const char *manifest, err_t result, const char *log)
{
	facts.boot.manifest.size = strlen(manifest);
	memcpy(phys_to_virt(MANIFEST_PA), manifest, strlen(manifest));
	assert_ok(plan_read_manifest());
	fake_log[0] = 0;
	assert_error(plan_start(), result);
	assert_string_equal(fake_log, log);
}

/* ---- R4: what default means ---- */

static void test_default_is_snoop_where_all_units_can(void **state)
{
	(void)state;
	start(GUEST "ioasid io default\n"
	            "device 00:03.0 vm=guest ioasid=io\ndevice 00:04.0 vm=guest ioasid=io\n",
	      E_OK,
	      "attach 00:03.0 ioasid=io format=snoop vm=guest box=1 coherent=1\n"
	      "attach 00:04.0 ioasid=io format=snoop vm=guest box=2 coherent=1\n");
}

/* The first device alone would make it snoop. */
static void test_default_looks_at_all_devices_named(void **state)
{
	(void)state;
	start(GUEST "ioasid io default\n"
	            "device 00:04.0 vm=guest ioasid=io\ndevice 01:00.0 vm=guest ioasid=io\n",
	      E_OK,
	      "verdict vm=guest wbinvd=emulate because=box4\n"
	      "attach 00:04.0 ioasid=io format=nosnoop vm=guest box=4 coherent=1\n"
	      "verdict vm=guest wbinvd=emulate because=box3\n"
	      "attach 01:00.0 ioasid=io format=nosnoop vm=guest box=3 coherent=0\n");
}

static void test_implicit_ioasids_by_format(void **state)
{
	(void)state;
	start(PLATFORM, E_OK,
	      "attach 00:03.0 ioasid=linux.snoop format=snoop vm=linux box=1 coherent=1\n"
	      "attach 00:04.0 ioasid=linux.snoop format=snoop vm=linux box=2 coherent=1\n"
	      "verdict vm=linux wbinvd=emulate because=box3\n"
	      "attach 01:00.0 ioasid=linux.nosnoop format=nosnoop vm=linux box=3 coherent=0\n");
}

static void test_implicit_ioasid_of_a_named_device(void **state)
{
	(void)state;
	start(GUEST "device 00:03.0 vm=guest\n", E_OK,
	      "attach 00:03.0 ioasid=guest.snoop format=snoop vm=guest box=1 coherent=1\n");
	assert_null(device_find(BDF(0, 4, 0))->vm);
}

/* ---- who gets what ---- */

/* A line without vm= keeps a device from everybody; one with ioasid= takes it from the implicit. */
static void test_platform_vm_gets_the_rest(void **state)
{
	(void)state;
	start("policy device\n" PLATFORM "ioasid force nosnoop\n"
	      "device 01:00.0\ndevice 00:04.0 vm=linux ioasid=force\n",
	      E_OK,
	      "attach 00:04.0 ioasid=force format=nosnoop vm=linux box=4 coherent=1\n"
	      "attach 00:03.0 ioasid=linux.snoop format=snoop vm=linux box=1 coherent=1\n");
	assert_null(device_find(BDF(1, 0, 0))->vm);
	assert_false(machine_has_master(device_find(BDF(1, 0, 0))));
}

/* A refused device stays blocked, and the VM starts without it. */
static void test_refused(void **state)
{
	(void)state;
	start("policy device\n"
	      "vm guest cpus=0 memory=4M image=x policy=kernel\nioasid io snoop\n"
	      "device 01:00.0 vm=guest ioasid=io\ndevice 00:04.0 vm=guest ioasid=io\n",
	      E_OK,
	      "refused attach 01:00.0 ioasid=io reason=no-snoop-control\n"
	      "attach 00:04.0 ioasid=io format=snoop vm=guest box=2 coherent=1\n");
	assert_false(machine_has_master(device_find(BDF(1, 0, 0))));
	assert_int_equal(vms[0].policy, POLICY_KERNEL);
}

static void test_bad_image(void **state)
{
	(void)state;
	start("\nvm linux cpus=0 memory=rest image=missing\n", E_NOT_FOUND,
	      "error manifest=m.cfg line=2 vm=linux file=missing reason=not-found\n");
	assert_int_equal(fake_config_writes, 0);
}

static void test_too_much_memory(void **state)
{
	(void)state;
	start("vm guest cpus=0 memory=1G image=x\ndevice 00:03.0 vm=guest\n", E_NO_MEMORY,
	      "error manifest=m.cfg line=1 vm=guest reason=no-memory\n");
	assert_int_equal(fake_config_writes, 0);
}

/* R22: neither the hypervisor nor what it traps, nor registers of devices that others may have. */
static void test_memory_of_the_platform_vm(void **state)
{
	const struct vm *vm = &vms[0];
	u64 size;

	(void)state;
	facts.mcfg.count = facts.dmar.unit_count = 1;
	facts.mcfg.ecam[0] =
		(struct acpi_ecam){.base_pa = FAKE_ECAM_BASE, .last_bus = FAKE_BUSES - 1};
	facts.dmar.units[0] = (struct dmar_unit){.base_pa = FAKE_UNIT_BASE(0), .size_pages = 1};
	start(PLATFORM "device 00:03.0\ndevice 00:04.0\ndevice 01:00.0\n", E_OK, "");
	for (u64 pa = FAKE_MEM_BASE_PA; pa < FAKE_MEM_BASE_PA + MEMORY; pa += PAGE_SIZE)
		assert_int_equal(pt_lookup(&vm->stage2, pa, &size) != 0,
		                 pa >= FAKE_MEM_BASE_PA + HYPERVISOR_SIZE);
	assert_int_equal(pt_lookup(&vm->stage2, FAKE_ECAM_BASE, &size), 0);
	assert_int_equal(pt_lookup(&vm->stage2, FAKE_UNIT_BASE(0), &size), 0);
	assert_int_not_equal(pt_lookup(&vm->stage2, FAKE_UNIT_BASE(0) + PAGE_SIZE, &size), 0);
	for_each_device (d) {
		if (d->bars[0].size)
			assert_int_equal(pt_lookup(&vm->stage2, d->bars[0].base, &size), 0);
	}
}

/* ---- without VT-d ---- */

static void test_unprotected_refused(void **state)
{
	(void)state;
	start(PLATFORM, E_OK, "blocked devices=3 reason=no-dmar\n");
	for_each_device (d)
		assert_false(machine_has_master(d));
}

static void test_unprotected_named(void **state)
{
	(void)state;
	start(GUEST "ioasid io nosnoop\ndevice 00:03.0 vm=guest ioasid=io\n", E_OK,
	      "refused attach 00:03.0 ioasid=io reason=no-unit\n");
	assert_false(machine_has_master(device_find(BDF(0, 3, 0))));
}

static void test_unprotected_allowed(void **state)
{
	(void)state;
	start(PLATFORM "unprotected-dma allow\n", E_OK,
	      "verdict vm=linux wbinvd=emulate because=box3\n"
	      "attach 00:03.0 ioasid=none format=unprotected vm=linux box=3 coherent=0\n"
	      "attach 00:04.0 ioasid=none format=unprotected vm=linux box=4 coherent=1\n"
	      "attach 01:00.0 ioasid=none format=unprotected vm=linux box=3 coherent=0\n");
	assert_true(machine_has_master(device_find(BDF(1, 0, 0))));
	assert_true(machine_has_master(device_find(BDF(0, 28, 0))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_default_is_snoop_where_all_units_can, set_up),
		cmocka_unit_test_setup(test_default_looks_at_all_devices_named, set_up),
		cmocka_unit_test_setup(test_implicit_ioasids_by_format, set_up),
		cmocka_unit_test_setup(test_implicit_ioasid_of_a_named_device, set_up),
		cmocka_unit_test_setup(test_platform_vm_gets_the_rest, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
		cmocka_unit_test_setup(test_bad_image, set_up),
		cmocka_unit_test_setup(test_too_much_memory, set_up),
		cmocka_unit_test_setup(test_memory_of_the_platform_vm, set_up),
		cmocka_unit_test_setup(test_unprotected_refused, set_up_without_units),
		cmocka_unit_test_setup(test_unprotected_named, set_up_without_units),
		cmocka_unit_test_setup(test_unprotected_allowed, set_up_without_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
