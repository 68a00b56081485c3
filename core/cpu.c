// SPDX-License-Identifier: BSD-2-Clause
#include "core/cpu.h"

#include "core/trap.h"

struct cpu cpus[CPUS_MAX]; /* each entry belongs to its CPU */
struct cpu_stacks cpu_stacks[CPUS_MAX] __attribute__((aligned(PAGE_SIZE)));

/* Interrupt gates (SDM volume 3, 6.14.1): type 0xe, present, DPL 0. Shared, read-only after boot.
 */
struct gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "64-bit gate");
static struct gate idt[TRAP_COUNT];
static struct gate losing_idt[256]; /* the same up to where interrupts begin, which it loses */
#define VECTOR_INTERRUPT 16

struct table_register {
	u16 limit;
	u64 base;
} __attribute__((packed));

#define GATE_INTERRUPT    0x8e
#define GDT_CODE          0x00af9b000000ffffull
#define GDT_DATA          0x00cf93000000ffffull
#define GDT_TSS_AVAILABLE 0x89ull

static struct gate make_gate(u64 handler, u8 ist)
{
	return (struct gate){.offset_low = (u16)handler,
	                     .offset_middle = (u16)(handler >> 16),
	                     .offset_high = (u32)(handler >> 32),
	                     .selector = SELECTOR_CODE,
	                     .ist = ist,
	                     .type = GATE_INTERRUPT};
}

static void build_idt(void)
{
	static const u8 ist[TRAP_COUNT] = {
		[VECTOR_NMI] = IST_NMI, [VECTOR_DF] = IST_DOUBLE_FAULT, [18] = IST_MACHINE_CHECK};

	for (u32 vector = 0; vector < ARRAY_SIZE(losing_idt); vector++) {
		u64 stub = (u64)trap_stubs + vector * TRAP_STUB_SIZE;

		if (vector < TRAP_COUNT)
			idt[vector] = make_gate(stub, ist[vector]);
		losing_idt[vector] =
			vector < VECTOR_INTERRUPT ? idt[vector] : make_gate((u64)trap_lost, 0);
	}
}

static void load_tables(struct cpu *cpu)
{
	struct table_register gdtr = {sizeof(cpu->gdt) - 1, (u64)cpu->gdt};
	struct table_register idtr = {sizeof(idt) - 1, (u64)idt};
	u64 tss = (u64)&cpu->tss;

	cpu->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	cpu->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	cpu->gdt[SELECTOR_TSS / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
	                             GDT_TSS_AVAILABLE << 40 | (tss >> 24 & 0xff) << 56;
	cpu->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
	cpu->tss.io_map_base = sizeof(struct tss);
	for (u32 i = 1; i < IST_END; i++)
		cpu->tss.ist[i - 1] = (u64)(&cpu_stacks[cpu->index].stack[i] + 1);

	__asm__ volatile("lgdt %0\n\t"
	                 "pushq %q2\n\t"
	                 "leaq 1f(%%rip), %%rax\n\t"
	                 "pushq %%rax\n\t"
	                 "lretq\n"
	                 "1:\tmovl %3, %%ds\n\t"
	                 "movl %3, %%es\n\t"
	                 "movl %3, %%ss\n\t"
	                 "movl %4, %%fs\n\t"
	                 "movl %4, %%gs\n\t"
	                 "ltr %w5\n\t"
	                 "lidt %1"
	                 :
	                 : "m"(gdtr), "m"(idtr), "i"(SELECTOR_CODE), "r"(SELECTOR_DATA), "r"(0),
	                   "r"(SELECTOR_TSS)
	                 : "rax", "memory");
	msr_write(MSR_FS_BASE, 0);
	msr_write(MSR_GS_BASE, (u64)cpu);
}

static void set_control_registers(void)
{
	u64 cr4 = CPU_READ_CR(4);
	struct cpuid features = cpuid(7, 0);

	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
	msr_write(MSR_PAT, PAT_RESET); /* with which PCD and PWT make leaves UC (R16) */
	CPU_WRITE_CR(0, (CPU_READ_CR(0) | CR0_WP | CR0_NE) & ~CR0_CACHE_BITS & ~CR0_TS);
	if (features.ebx & BIT(7))
		cr4 |= CR4_SMEP;
	if (features.ebx & BIT(20))
		cr4 |= CR4_SMAP;
	if (features.ecx & BIT(2))
		cr4 |= CR4_UMIP;
	if (cpuid(1, 0).ecx & BIT(26)) /* XSAVE: XSETBV is executed for guests */
		cr4 |= CR4_OSXSAVE;
	CPU_WRITE_CR(4, cr4);
}

void cpu_init(u32 index)
{
	struct cpu *cpu = &cpus[index];

	cpu->self = cpu;
	cpu->index = index;
	if (index == 0) {
		cpu->apic_id = cpuid(1, 0).ebx >> 24;
		build_idt();
	}
	load_tables(cpu);
	set_control_registers();
}

void cpu_lose_interrupt(void)
{
	struct table_register losing = {sizeof(losing_idt) - 1, (u64)losing_idt};
	struct table_register idtr = {sizeof(idt) - 1, (u64)idt};

	__asm__ volatile("lidt %0; sti; nop; cli; lidt %1" : : "m"(losing), "m"(idtr) : "memory");
}

u64 cpu_online_mask(void)
{
	u64 mask = 0;

	for (u32 i = 0; i < CPUS_MAX; i++)
		mask |= cpus[i].online ? BIT(i) : 0;
	return mask;
}

u8 cpu_physical_bits(void)
{
	return (u8)cpuid(0x80000008, 0).eax;
}

/* An instruction that may raise #GP: then trap_handle goes on at label `fault`. */
#define MAY_FAULT(instruction)          \
	"1:\t" instruction "\n\t"       \
	".pushsection fixup, \"a\"\n\t" \
	".quad 1b, %l[fault]\n\t"       \
	".popsection"

bool msr_try_read(u32 msr, u64 *value)
{
	u32 low, high;

	*value = 0;
	__asm__ goto(MAY_FAULT("rdmsr") : "=a"(low), "=d"(high) : "c"(msr) : : fault);
	*value = (u64)high << 32 | low;
	return true;
fault:
	return false;
}

#define DEFINE_TRY_WRITE(name, instruction)                      \
	bool name(u32 index, u64 value)                          \
	{                                                        \
		u32 low = (u32)value, high = (u32)(value >> 32); \
                                                                 \
		__asm__ goto(MAY_FAULT(instruction)              \
		             :                                   \
		             : "c"(index), "a"(low), "d"(high)   \
		             : "memory"                          \
		             : fault);                           \
		return true;                                     \
	fault:                                                   \
		return false;                                    \
	}

DEFINE_TRY_WRITE(msr_try_write, "wrmsr")
DEFINE_TRY_WRITE(xcr_try_write, "xsetbv")
