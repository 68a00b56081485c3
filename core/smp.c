// SPDX-License-Identifier: BSD-2-Clause
#include "core/smp.h"

#include "boot/ap.h"
#include "core/apic.h"
#include "core/backend.h"
#include "core/deadline.h"
#include "core/facts.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/vcpu.h"
#include "lib/string.h"

/* 9.4.4.1: after INIT, and after a startup IPI that nobody answered. */
#define INIT_US 10000
#define SIPI_US 10000

static void __attribute__((noreturn)) ap_main(u64 index)
{
	struct cpu *cpu = &cpus[index];

	mem_load_tables();
	cpu_init((u32)index);
	if (!backend->cpu_enable(cpu))
		__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	vcpu_loop();
}

/* The highest two pages of RAM below 1 MiB; 0: there are none. */
static u64 find_low_pages(void)
{
	u64 found = 0;

	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		const struct boot_memory *m = &facts.boot.memory[i];
		u64 end = ALIGN_DOWN(MIN(m->base_pa + m->size, MIB(1)), PAGE_SIZE);

		if (m->type == BOOT_MEMORY_USABLE && end >= m->base_pa + 3 * PAGE_SIZE)
			found = end - 2 * PAGE_SIZE;
	}
	return found;
}

static void start(u32 index, u64 page_pa)
{
	struct ap_parameters *p = phys_to_virt(page_pa + (u64)(ap_parameters - ap_start));
	struct cpu *cpu = &cpus[index];
	u32 command = FIELD_PUT(ICR_MODE, APIC_SIPI) | ICR_ASSERT | (u32)(page_pa >> PAGE_SIZE_LG2);

	*p = (struct ap_parameters){page_pa, page_pa + PAGE_SIZE,
	                            (u64)(&cpu_stacks[index].stack[0] + 1), (u64)ap_main, index};
	apic_send(cpu->apic_id, FIELD_PUT(ICR_MODE, APIC_INIT) | ICR_ASSERT);
	(void)deadline_await(&cpu->online, INIT_US);
	for (u32 i = 0; i < 3 && !cpu->online; i++) {
		apic_send(cpu->apic_id, command);
		(void)deadline_await(&cpu->online, SIPI_US << 2 * i);
	}
	if (!cpu->online) { /* it may still come, and must not find the page changed */
		apic_send(cpu->apic_id, FIELD_PUT(ICR_MODE, APIC_INIT) | ICR_ASSERT);
		__atomic_store_n(&cpu->online, false, __ATOMIC_RELEASE); /* it had just come */
	}
	log_line("cpu %u apic-id=%u state=%s", index, cpu->apic_id,
	         cpu->online ? "running" : "missing");
}

/* The pages get their contents back: they are a guest's, or firmware's. */
err_t smp_start(void)
{
	u64 page_pa = find_low_pages(), saved_pa[2];
	u32 count = MIN(facts.madt.cpu_count, CPUS_MAX);

	log_line("cpu 0 apic-id=%u state=running", cpus[0].apic_id);
	if (count < 2)
		return E_OK;
	saved_pa[0] = page_alloc();
	saved_pa[1] = page_alloc();
	if (!page_pa || !saved_pa[0] || !saved_pa[1])
		return E_NO_MEMORY;
	for (u32 i = 0; i < 2; i++)
		memcpy(phys_to_virt(saved_pa[i]), phys_to_virt(page_pa + i * PAGE_SIZE), PAGE_SIZE);
	TRY(mem_map_low(page_pa, page_pa + PAGE_SIZE));
	memcpy(phys_to_virt(page_pa), ap_start, (size_t)(ap_end - ap_start));
	for (u32 i = 1; i < count; i++) {
		cpus[i].apic_id = facts.madt.apic_id[i];
		start(i, page_pa);
	}
	mem_unmap_low(page_pa);
	for (u32 i = 0; i < 2; i++) {
		memcpy(phys_to_virt(page_pa + i * PAGE_SIZE), phys_to_virt(saved_pa[i]), PAGE_SIZE);
		page_free(saved_pa[i]);
	}
	return E_OK;
}
