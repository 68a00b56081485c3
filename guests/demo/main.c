// SPDX-License-Identifier: BSD-2-Clause
/*
 * The demo guest: shows, on the machine it runs on, what a VM may rely on. Options on its command
 * line: cpus=N is how many it has, 1 if it does not say; wbinvd=N executes N more;
 * remapped=0: there is no interrupt remapping; foreign=N: a function that is not this VM's,
 * bus << 8 | device << 3 | function, 0 if it does not say;
 * crash=triple-fault and crash=no-memory end it the bad way, crash=loop never does.
 */
#include "guests/demo/code.h"
#include "guests/lib/cpus.h"
#include "guests/lib/options.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

/* Neither returns if the hypervisor does its part: it kills this VM, and nothing else. */
static void crash(const char *how)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt;

	print("crash how=%s", how);
	while (*how == 'l')
		__asm__ volatile("wbinvd" : : : "memory");
	if (*how == 't')
		__asm__ volatile("lidt %0\n\tud2" : : "m"(no_idt));
	else
		*(volatile uint32_t *)0xf0000000 = 0;
	report(false, "crash how=%s", how);
}

void guest_main(const struct multiboot *info)
{
	const char *how = option_text(info, "crash");

	if (!snoopervisor_find(&hypervisor))
		for (;;)
			__asm__ volatile("cli\n\thlt");
	code_init();
	step_cpuid();
	step_hypercalls(option_number(info, "foreign", 0));
	step_verdict();
	step_flush();
	step_single_step();
	step_cache_disable();
	step_pat();
	step_mtrr();
	step_msr();
	step_undefined();
	report(info->flags & MULTIBOOT_HAS_MEMORY, "memory upper-kib=%u", info->mem_upper);
	step_bus_master();
	cpus_start((uint32_t)option_number(info, "cpus", 1));
	step_flush_begin();
	step_edu(memory_size(info), option_number(info, "remapped", 1));
	step_flush_end();
	step_verdict();
	step_wbinvd_loop(option_number(info, "wbinvd", 0));
	measure_exits();
	if (how)
		crash(how);
	print("demo failed=%u", report_failed);
	snoopervisor_end(&hypervisor, report_failed);
}
