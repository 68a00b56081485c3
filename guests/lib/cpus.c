// SPDX-License-Identifier: BSD-2-Clause
/*
 * The CPUs of this VM (SDM volume 3, 9.4): each APIC id is sent INIT and SIPI, and those that are
 * not the VM's never hear of it. They halt until they are woken, and then execute WBINVD until they
 * are told to stop.
 */
#include "guests/lib/cpus.h"
#include "guests/lib/idt.h"
#include "guests/lib/report.h"
#include "guests/lib/ticks.h"

#define APIC            0xfee00000u
#define APIC_ID         0x20
#define APIC_SVR        0xf0
#define APIC_SVR_ENABLE 0x100u
#define APIC_IRR        0x200
#define APIC_ICR        0x300
#define APIC_ICR_HIGH   0x310

#define WAKE       0x60u
#define VECTOR_NMI 2

#define MSR_APIC_BASE    0x1b
#define APIC_BASE_X2APIC (1u << 10)

/* Below 1 MiB, where no firmware keeps anything. */
#define TRAMPOLINE 0x8000u

#define NMI_ROUNDS 16

struct cpu {
	uint32_t apic_id;
	bool idle;
	uint64_t executed;
};

extern const uint8_t ap_start[], ap_gdt_pointer[], ap_end[];
extern const uint8_t cpu_interrupt[], cpu_nmi[];
extern uint32_t ap_count, cpu_nmis;
extern uint8_t cpu_stacks[CPUS_MAX][4096];

void cpu_main(uint32_t number);

uint8_t cpu_stacks[CPUS_MAX][4096] __attribute__((aligned(4096)));
static volatile struct cpu cpus[CPUS_MAX];
static volatile bool flushing;
static uint32_t cpu_count = 1;
static struct gate idt[256];

static volatile uint32_t *apic(uint32_t offset)
{
	return (volatile uint32_t *)(uintptr_t)(APIC + offset);
}

static bool is_x2apic(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	return low & APIC_BASE_X2APIC;
}

uint32_t cpus_own_apic_id(void)
{
	return is_x2apic() ? *apic(APIC_ID) : *apic(APIC_ID) >> 24;
}

void cpus_send(uint32_t apic_id, uint32_t command)
{
	*apic(APIC_ICR_HIGH) = is_x2apic() ? apic_id : apic_id << 24;
	*apic(APIC_ICR) = command;
}

void cpus_take_interrupts(void)
{
	idt[VECTOR_NMI] = idt_gate(cpu_nmi);
	idt_load(idt, sizeof(idt));
	*apic(APIC_SVR) |= APIC_SVR_ENABLE;
}

bool cpus_interrupt_waits(void)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < 8; i++)
		waiting |= *apic(APIC_IRR + 16 * i);
	return waiting;
}

void cpu_main(uint32_t number)
{
	volatile struct cpu *cpu = &cpus[number];

	idt_load(idt, sizeof(idt));
	*apic(APIC_SVR) |= APIC_SVR_ENABLE;
	cpu->apic_id = cpus_own_apic_id();
	for (;;) {
		cpu->idle = true;
		__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
		cpu->idle = false;
		while (flushing) {
			__asm__ volatile("wbinvd" : : : "memory");
			cpu->executed++;
		}
	}
}

static void prepare(void)
{
	uint8_t *trampoline = (uint8_t *)(uintptr_t)TRAMPOLINE;

	for (int vector = 32; vector < 256; vector++)
		idt[vector] = idt_gate(cpu_interrupt);
	idt[VECTOR_NMI] = idt_gate(cpu_nmi);
	__builtin_memcpy(trampoline, ap_start, (uintptr_t)(ap_end - ap_start));
	__asm__ volatile("sgdt (%0)" : : "r"(trampoline + (ap_gdt_pointer - ap_start)) : "memory");
}

static bool all_are_idle(void)
{
	for (uint32_t i = 1; i < cpu_count; i++)
		if (!cpus[i].idle)
			return false;
	return true;
}

static bool all_have_flushed(void)
{
	for (uint32_t i = 1; i < cpu_count; i++)
		if (!cpus[i].executed)
			return false;
	return true;
}

static uint32_t count_cpus(void)
{
	return 1 + *(volatile uint32_t *)&ap_count;
}

void cpus_start(uint32_t expected)
{
	uint32_t own = cpus_own_apic_id(), found;
	bool idle;

	prepare();
	cpus[0].apic_id = own;
	for (uint32_t id = 0; id < CPUS_MAX; id++)
		if (id != own)
			cpus_send(id, ICR_INIT);
	for (uint32_t id = 0; id < 2 * CPUS_MAX; id++)
		if (id % CPUS_MAX != own)
			cpus_send(id % CPUS_MAX, ICR_SIPI | TRAMPOLINE >> 12);
	if (WAIT_FOR(count_cpus() >= expected))
		cpu_count = expected;
	idle = WAIT_FOR(all_are_idle());
	found = count_cpus();
	report(idle && found == expected, "cpus expected=%u found=%u", expected, found);
}

/* While they flush, each gets every NMI that is sent to it. */
static bool send_nmis(void)
{
	uint32_t sent = 0;

	for (uint32_t round = 0; round < NMI_ROUNDS; round++) {
		for (uint32_t i = 1; i < cpu_count; i++) {
			cpus_send(cpus[i].apic_id, ICR_NMI);
			sent++;
			if (!WAIT_FOR(*(volatile uint32_t *)&cpu_nmis == sent))
				return false;
		}
	}
	return true;
}

bool cpus_flush_begin(void)
{
	bool taken;

	if (cpu_count == 1)
		return false;
	flushing = true;
	for (uint32_t i = 1; i < cpu_count; i++)
		cpus_send(cpus[i].apic_id, ICR_FIXED | WAKE);
	report(WAIT_FOR(all_have_flushed()), "wake cpus=%u", cpu_count - 1);
	taken = send_nmis();
	report(taken, "nmi cpus=%u taken=%u", cpu_count - 1, cpu_nmis);
	return true;
}

uint64_t cpus_flush_end(void)
{
	uint64_t sum = 0;

	flushing = false;
	report(WAIT_FOR(all_are_idle()) && count_cpus() == cpu_count, "sleep cpus=%u",
	       cpu_count - 1);
	for (uint32_t i = 1; i < cpu_count; i++) {
		print("cpu number=%u apic-id=%u wbinvd=%lu", i, cpus[i].apic_id, cpus[i].executed);
		sum += cpus[i].executed;
	}
	return sum;
}
