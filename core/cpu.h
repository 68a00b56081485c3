/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU state and the instructions C has no words for. */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "lib/error.h"
#include "lib/types.h"

#define CPUS_MAX       16
#define CPU_STACK_SIZE KIB(8)

/* Selectors of the hypervisor's GDT; every CPU has its own copy, for its TSS. */
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

/* 64-bit TSS (SDM volume 3, 8.7). */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} __attribute__((packed));

/* A stack with an unmapped page below it: running over it is a fault, not a silent overwrite. */
struct guarded_stack {
	u8 guard[PAGE_SIZE];
	u8 stack[CPU_STACK_SIZE];
};

/* The interrupts that must not run on the stack they hit (SDM volume 3, 6.14.5). */
enum cpu_ist { IST_DOUBLE_FAULT = 1, IST_NMI, IST_MACHINE_CHECK, IST_END };

struct cpu_stacks {
	struct guarded_stack
		stack[IST_END]; /* [0]: the stack the CPU runs on; others by enum cpu_ist */
};
extern struct cpu_stacks cpu_stacks[CPUS_MAX];

struct vcpu;

struct cpu {
	struct cpu *self; /* first: read through GS */
	u32 index;
	u32 apic_id;
	bool online;       /* it runs the hypervisor, and answers */
	struct vcpu *vcpu; /* the guest CPU that lives here, or NULL */
	u64 vendor_pa;     /* VMXON region, or SVM host save area */
	/* The mailbox (core/mailbox.h). */
	u32 requests, asked, served;
	bool kicked;
	bool nmi;     /* the guest CPU here is owed an NMI */
	bool stopped; /* for good, in a panic */
	struct tss tss;
	u64 gdt[5];
};

extern struct cpu cpus[CPUS_MAX];

/* Those that answer, by index. */
u64 cpu_online_mask(void);

static inline struct cpu *cpu_this(void)
{
	struct cpu *cpu;

	__asm__("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* Halts until something is asked of this CPU. */
void cpu_wait(const struct cpu *cpu);

/* Loads GDT, IDT and TSS with its interrupt stacks; sets NXE, WP, and SMEP, SMAP, UMIP where the
 * CPU has them. cpus[index] is this CPU from here on. */
void cpu_init(u32 index);

/* Takes what this CPU's local APIC has pending, at least one of it, and forgets it. */
void cpu_lose_interrupt(void);

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
	                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
	                 : "a"(leaf), "c"(subleaf));
	return r;
}

static inline u64 msr_read(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (u64)high << 32 | low;
}

static inline void msr_write(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

/* As msr_read and msr_write, but false where the CPU raises #GP; a read gives 0 then. */
bool msr_try_read(u32 msr, u64 *value);
bool msr_try_write(u32 msr, u64 value);
bool xcr_try_write(u32 index, u64 value);

#define CPU_READ_CR(n)                                                   \
	({                                                               \
		u64 cr_value;                                            \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(cr_value)); \
		cr_value;                                                \
	})
#define CPU_WRITE_CR(n, value) __asm__ volatile("mov %0, %%cr" #n : : "r"((u64)(value)) : "memory")

static inline u8 io_r8(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u16 io_r16(u16 port)
{
	u16 value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline u32 io_r32(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void io_w8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void io_w16(u16 port, u16 value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void io_w32(u16 port, u32 value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/* size: 1, 2 or 4. */
static inline u32 io_read(u16 port, u8 size)
{
	return size == 1 ? io_r8(port) : size == 2 ? io_r16(port) : io_r32(port);
}

static inline void io_write(u16 port, u8 size, u32 value)
{
	if (size == 1)
		io_w8(port, (u8)value);
	else if (size == 2)
		io_w16(port, (u16)value);
	else
		io_w32(port, value);
}

static inline u64 cpu_tsc(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

/* Widths of addresses: CPUID 0x80000008 EAX[7:0]. */
u8 cpu_physical_bits(void);

#endif
