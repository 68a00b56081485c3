// SPDX-License-Identifier: BSD-2-Clause
/*
 * The demo guest: shows, on the machine it runs on, what a VM may rely on. Options on its command
 * line: cpus=N is how many it has, 1 if it does not say; wbinvd=N executes N more;
 * crash=triple-fault and crash=no-memory end it the bad way, crash=loop never does.
 */
#include <stddef.h>

#include "guests/demo/code.h"
#include "guests/demo/report.h"
#include "guests/demo/steps.h"

/* Multiboot 0.6.96, 3.3. */
#define MULTIBOOT_HAS_MEMORY  (1u << 0)
#define MULTIBOOT_HAS_CMDLINE (1u << 2)

struct multiboot {
	uint32_t flags;
	uint32_t mem_lower, mem_upper; /* KiB; upper memory begins at 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
};

/* The text behind NAME= on the command line, or NULL. */
static const char *option(const struct multiboot *info, const char *name)
{
	const char *p = (const char *)(uintptr_t)info->cmdline;

	if (!(info->flags & MULTIBOOT_HAS_CMDLINE))
		return NULL;
	while (*p) {
		const char *n = name;

		while (*n && *p == *n)
			p++, n++;
		if (!*n && *p == '=')
			return p + 1;
		while (*p && *p++ != ' ')
			;
	}
	return NULL;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	while (text && *text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

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

void demo_main(const struct multiboot *info);

void demo_main(const struct multiboot *info)
{
	const char *how = option(info, "crash"), *cpus = option(info, "cpus");

	if (!snoopervisor_find(&hypervisor))
		for (;;)
			__asm__ volatile("cli\n\thlt");
	code_init();
	step_cpuid();
	step_hypercalls();
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
	step_cpus(cpus ? (uint32_t)number(cpus) : 1);
	step_flush_begin();
	step_edu(((uint64_t)info->mem_upper << 10) + (1 << 20));
	step_flush_end();
	step_verdict();
	step_wbinvd_loop(number(option(info, "wbinvd")));
	measure_exits();
	if (how)
		crash(how);
	print("demo failed=%u", report_failed);
	snoopervisor_end(&hypervisor, report_failed);
}
