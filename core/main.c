// SPDX-License-Identifier: BSD-2-Clause
/* The table of contents of the hypervisor. */
#include "core/apic.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/console.h"
#include "core/cpu.h"
#include "core/device.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/hpet.h"
#include "core/ioapic.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/pic.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/smp.h"
#include "core/vcpu.h"

const struct backend *backend;

void main(const struct boot_info *info);

/* Nothing has been started: firmware, CPU or manifest stand in the way, and the log says which. */
static void require(err_t e)
{
	if (e)
		power_end(POWER_STATUS_CONFIG);
}

static err_t start_cpus(void)
{
	static const struct backend *const backends[] = {&vmx_backend, &svm_backend};

	for (u32 i = 0; i < ARRAY_SIZE(backends); i++) {
		if (!backends[i]->is_present())
			continue;
		backend = backends[i];
		log_line("backend name=%s", backend->name);
		TRY(backend->check());
		TRY(backend->cpu_enable(&cpus[0]));
		cpus[0].online = true;
		return smp_start();
	}
	log_line("error cpu=0 reason=no-virtualization (neither VMX nor SVM in CPUID)");
	return E_UNSUPPORTED;
}

/* R21: no device masters the bus before every unit translates. */
static err_t take_devices(void)
{
	TRY(apic_init());
	TRY(pci_init(&facts.mcfg));
	device_scan();
	pic_mask_all();
	TRY(facts_start_units());
	TRY(ioapic_init());
	TRY(hpet_init());
	device_find_units();
	device_log_all();
	return E_OK;
}

void main(const struct boot_info *info)
{
	err_t e;

	log_init();
	facts.boot = *info;
	log_line("snoopervisor loader=%s image=0x%lx files=%u", facts.boot.loader,
	         facts.boot.image_pa, facts.boot.file_count);
	cpu_init(0);
	e = mem_init(&facts.boot);
	if (e) {
		log_line("error memory reason=%s", error_name(e));
		require(e);
	}
	plan_read_early();
	require(facts_collect());
	clock_init(facts.fadt.pm_timer_port);
	require(take_devices());
	require(start_cpus());
	require(plan_read_manifest());
	console_init();
	fault_start_events();
	require(plan_start());
	for_each_vm (vm)
		vm_run(vm);
	vcpu_loop();
}
