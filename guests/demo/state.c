// SPDX-License-Identifier: BSD-2-Clause
/* What a guest may set without setting it for the machine (R16), and what it does not have. */
#include "guests/demo/code.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

#define CR0_NW (1ull << 29)
#define CR0_CD (1ull << 30)
#define CR0_PG (1ull << 31)

#define MSR_PAT           0x277
#define MSR_MTRR_DEF_TYPE 0x2ff
#define PAT_RESET         0x0007040600070406ull
#define PAT_BAD           0x0007040600070402ull /* 2 is no memory type */

#define MTRR_ENABLE 0x800ull /* all memory uncached */

/* In no range that a VMX or SVM bitmap covers. */
#define MSR_OUTSIDE 0x12345678

static uint64_t read_cr0(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static void write_cr0(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

void step_cache_disable(void)
{
	static const struct code mov_to_cr0 = {3, {0x0f, 0x22, 0xc0}}; /* from RAX */
	uint64_t cr0 = read_cr0() & ~(CR0_CD | CR0_NW), disabled, both, enabled;
	struct registers unpaged = {.gpr = {[RAX] = (cr0 | CR0_CD) & ~CR0_PG}};
	struct registers wide = {.gpr = {[RAX] = cr0 | CR0_CD | 1ull << 32}};

	write_cr0(cr0 | CR0_CD);
	disabled = read_cr0();
	__asm__ volatile("wbinvd" : : : "memory");
	write_cr0(cr0 | CR0_CD | CR0_NW);
	both = read_cr0();
	write_cr0(cr0);
	enabled = read_cr0();
	/* 64-bit code needs paging, and the upper half is reserved. */
	report(code_trap(&mov_to_cr0, &unpaged) == TRAP_GP &&
	               code_trap(&mov_to_cr0, &wide) == TRAP_GP && disabled == (cr0 | CR0_CD) &&
	               both == (cr0 | CR0_CD | CR0_NW) && enabled == cr0,
	       "cache-disable set=0x%lx clear=0x%lx", disabled, enabled);
}

/* The vector; *value is read or written. */
static int msr_access(bool write, uint32_t msr, uint64_t *value)
{
	static const struct code wrmsr = {2, {0x0f, 0x30}}, rdmsr = {2, {0x0f, 0x32}};
	struct registers registers = {
		.gpr = {[RAX] = (uint32_t)*value, [RCX] = msr, [RDX] = *value >> 32}};
	int vector = code_trap(write ? &wrmsr : &rdmsr, &registers);

	*value = registers.gpr[RDX] << 32 | (uint32_t)registers.gpr[RAX];
	return vector;
}

static bool msr_holds(uint32_t msr, uint64_t value)
{
	uint64_t written = value, read = 0;

	return msr_access(true, msr, &written) == CODE_NO_TRAP &&
	       msr_access(false, msr, &read) == CODE_NO_TRAP && read == value;
}

void step_pat(void)
{
	uint64_t first = 0, bad = PAT_BAD;
	int vector;

	msr_access(false, MSR_PAT, &first);
	vector = msr_access(true, MSR_PAT, &bad);
	report(msr_holds(MSR_PAT, 0) && msr_holds(MSR_PAT, PAT_RESET) && vector == TRAP_GP,
	       "pat first=0x%lx bad-type-vector=%d", first, vector);
}

/* The real MTRRs are never written: this VM's are its own. */
void step_mtrr(void)
{
	uint64_t first = 0;
	int vector = msr_access(false, MSR_MTRR_DEF_TYPE, &first);

	report(vector == CODE_NO_TRAP && msr_holds(MSR_MTRR_DEF_TYPE, MTRR_ENABLE) &&
	               msr_holds(MSR_MTRR_DEF_TYPE, first),
	       "mtrr first=0x%lx", first);
}

void step_msr(void)
{
	uint64_t value = 0;
	int read = msr_access(false, MSR_OUTSIDE, &value);
	int write = msr_access(true, MSR_OUTSIDE, &value);

	report(read == TRAP_GP && write == TRAP_GP, "msr msr=0x%x read-vector=%d write-vector=%d",
	       MSR_OUTSIDE, read, write);
}

/* 0F 01 /r: one vendor's are not known to the other's CPUs, and ours are not for guests. */
void step_undefined(void)
{
	static const struct {
		const char *name;
		uint8_t modrm;
	} instructions[] = {
		{"vmlaunch", 0xc2}, {"vmresume", 0xc3}, {"vmxoff", 0xc4}, {"vmrun", 0xd8},
		{"vmload", 0xda},   {"vmsave", 0xdb},   {"stgi", 0xdc},   {"clgi", 0xdd},
		{"skinit", 0xde},   {"invlpga", 0xdf},
	};
	const unsigned int count = sizeof(instructions) / sizeof(*instructions);
	unsigned int undefined = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct code code = {3, {0x0f, 0x01, instructions[i].modrm}};
		struct registers registers = {0};
		int vector = code_trap(&code, &registers);

		if (vector == TRAP_UD)
			undefined++;
		else
			report(false, "undefined instruction=%s vector=%d", instructions[i].name,
			       vector);
	}
	report(undefined == count, "undefined instructions=%u", undefined);
}
