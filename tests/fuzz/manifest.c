// SPDX-License-Identifier: BSD-2-Clause
/* The grammar from the first line to VMs with their devices (core/command.c, core/plan.c). */
#include "core/facts.h"
#include "core/mem.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/fuzz/machine.h"

/* The hypervisor ends in the first MiB, where the page pool begins; manifests end where memory
 * ends, so that the sanitizer sees one byte too many. */
#define MEMORY_END   (FAKE_MEM_BASE_PA + FAKE_MEM_PAGES * PAGE_SIZE)
#define MANIFEST_MAX KIB(64)

static struct device fresh[DEVICES_MAX];
static bool started = true;

void power_set_action(enum power_action action)
{
	assert_in_range(action, POWER_HALT, POWER_QEMU);
}

static void reset_machine(void)
{
	fuzz_machine_reset();
	facts.boot.image_pa = FAKE_MEM_BASE_PA + MIB(1) - HYPERVISOR_SIZE;
	facts.boot.memory[facts.boot.memory_count++] = (struct boot_memory){
		FAKE_MEM_BASE_PA, MEMORY_END - MANIFEST_MAX - FAKE_MEM_BASE_PA, BOOT_MEMORY_USABLE};
	strcpy(facts.boot.manifest.name, "m.cfg");
	memcpy(fresh, devices, sizeof(fresh));
}

/* Reading takes notes only: what it wrote is few. */
static void forget_notes(void)
{
	memcpy(devices, fresh, device_count * sizeof(devices[0]));
	memset(vms, 0, sizeof(vms));
	memset(ioasids, 0, sizeof(ioasids));
	memset(&plan, 0, sizeof(plan));
	vm_count = ioasid_count = 0;
	fake_log[0] = 0;
}

/* A mistake ends it with one line that says where, and nothing has been done. */
static void check_refused(u32 pages)
{
	const char *error = strstr(fake_log, "error manifest=m.cfg ");

	assert_non_null(error);
	assert_non_null(strstr(error, " reason="));
	assert_int_equal(fake_config_writes, 0);
	assert_int_equal(fake_mem_used(), pages);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size > MANIFEST_MAX)
		return 0;
	if (started)
		reset_machine();
	forget_notes();
	facts.boot.manifest.pa = MEMORY_END - size;
	facts.boot.manifest.size = size;
	if (size)
		memcpy(phys_to_virt(MEMORY_END - size), data, size);
	else
		facts.boot.manifest.pa = 0;
	plan_read_early();
	started = !plan_read_manifest();
	if (!started) {
		check_refused(fake_mem_used());
		return 0;
	}
	if (plan_start())
		assert_non_null(strstr(fake_log, "error manifest=m.cfg line="));
	fuzz_machine_check();
	return 0;
}
