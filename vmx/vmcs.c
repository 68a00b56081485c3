// SPDX-License-Identifier: BSD-2-Clause
/* A guest CPU's VMCS and its bitmaps: built, run, given back. */
#include "vmx/vmcs.h"

#include "core/io.h"
#include "core/mem.h"
#include "core/msr.h"
#include "core/trap.h"
#include "lib/string.h"
#include "vmx/capability.h"
#include "vmx/ept.h"

/* What exits (25.6.4, 25.6.9): ports; reads of the low and the high range of MSRs, then writes. One
 * set for the platform VM, one for all others; written when a VM starts. */
#define MSR_RANGE      0x2000u
#define MSR_RANGE_HIGH 0xc0000000u
static struct {
	u8 ports[IO_BITMAP_SIZE], msrs[PAGE_SIZE];
} bitmaps[2] __attribute__((aligned(PAGE_SIZE)));

static void fill_bitmaps(bool platform)
{
	io_fill_bitmap(platform, bitmaps[platform].ports);
	for (u32 i = 0; i < 4 * MSR_RANGE; i++) {
		u32 msr = i % MSR_RANGE + (i / MSR_RANGE % 2 ? MSR_RANGE_HIGH : 0);

		if (msr_is_intercepted(platform, msr, i >= 2 * MSR_RANGE))
			bitmaps[platform].msrs[i / 8] |= (u8)BIT(i % 8);
	}
}

/* The fields written here exist on every CPU that has what capability.c asks for. */
static void set(enum vmcs_field field, u64 value)
{
	if (!vmcs_write(field, value))
		panic("vmcs field=0x%x value=0x%lx refused", field, value);
}

/* A new VMCS holds anything (25.11.3). Encodings (25.11.2) have the width and the type of a field
 * in the upper bits; CPUs refuse those that they do not have. */
static void clear_fields(void)
{
	for (u32 group = 0; group < 0x8000; group += 0x400) {
		for (u32 field = group; field < group + 0x40; field += 2)
			vmcs_write((enum vmcs_field)field, 0);
	}
}

/* NMI-window exiting and IA-32e mode come and go with the guest. */
static void set_controls(const struct vcpu *vcpu, bool long_mode)
{
	static const enum vmcs_field fields[VMX_CONTROL_COUNT] = {VMCS_PIN, VMCS_PROC, VMCS_PROC2,
	                                                          VMCS_EXIT, VMCS_ENTRY};
	u64 bitmaps_pa = virt_to_phys(&bitmaps[vcpu->vm->platform]);

	for (enum vmx_capability i = VMX_PIN; i < VMX_CONTROL_COUNT; i++)
		set(fields[i], vmx_choose_control(i, msr_read(vmx_capability_msrs[i])));
	vmcs_clear_bits(VMCS_PROC, PROC_NMI_WINDOW);
	if (!long_mode)
		vmcs_clear_bits(VMCS_ENTRY, VMENTRY_IA32E);
	set(VMCS_VPID, vcpu->vm->index + 1); /* 0 is the host's */
	set(VMCS_EPTP, ept_pointer(&vcpu->vm->stage2));
	set(VMCS_IO_BITMAP_A, bitmaps_pa);
	set(VMCS_IO_BITMAP_B, bitmaps_pa + PAGE_SIZE);
	set(VMCS_MSR_BITMAP, bitmaps_pa + 2 * PAGE_SIZE);
	set(VMCS_LINK_POINTER, ~0ull);
}

static void set_segment(enum vmx_segment segment, u16 selector, u32 limit, u32 rights)
{
	set(VMCS_SEGMENT(VMCS_GUEST_SELECTOR, segment), selector);
	set(VMCS_SEGMENT(VMCS_GUEST_LIMIT, segment), limit);
	set(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, segment), rights);
}

#define START_CODE 0x10
#define START_DATA 0x18

/* As the door hands over to a kernel: flat; or as after INIT and a startup IPI. */
static void set_segments(const struct vcpu_start *start)
{
	bool real = start->real_mode;

	for (enum vmx_segment segment = SEG_ES; segment <= SEG_GS; segment++)
		set_segment(segment, real ? 0 : START_DATA, real ? 0xffff : ~0u,
		            real ? AR_DATA_16 : AR_DATA);
	if (real)
		set_segment(SEG_CS, (u16)(start->vector << 8), 0xffff, AR_CODE_16);
	else
		set_segment(SEG_CS, START_CODE, ~0u, start->long_mode ? AR_CODE_64 : AR_CODE_32);
	set(VMCS_SEGMENT(VMCS_GUEST_BASE, SEG_CS), (u64)start->vector << 12);
	set_segment(SEG_LDTR, 0, 0, AR_UNUSABLE);
	set_segment(SEG_TR, 0, sizeof(struct tss) - 1, AR_TSS_BUSY);
	set(VMCS_GUEST_GDTR_BASE, start->gdt_gpa);
	set(VMCS_GUEST_GDTR_LIMIT, real ? 0xffff : START_DATA + 7);
	set(VMCS_GUEST_IDTR_LIMIT, real ? 0xffff : 0);
}

static void set_registers(struct vcpu *vcpu, const struct vcpu_start *start)
{
	u64 cr0 =
		CR0_ET | CR0_NE | (start->real_mode ? 0 : CR0_PE) | (start->long_mode ? CR0_PG : 0);

	set(VMCS_GUEST_CR0, cr0);
	set(VMCS_CR0_SHADOW, (start->real_mode ? CR0_ET : cr0) | vcpu->cr0_cache_bits);
	set(VMCS_CR0_MASK, CR0_HOST_OWNED);
	set(VMCS_GUEST_CR3, start->cr3);
	set(VMCS_GUEST_CR4, CR4_VMXE | (start->long_mode ? CR4_PAE : 0));
	/* Off to the guest: VMX, and user interrupts, for SENDUIPI sends to any CPU (R22). */
	set(VMCS_CR4_MASK, CR4_VMXE | CR4_UINTR);
	set(VMCS_GUEST_EFER, start->long_mode ? EFER_LME | EFER_LMA : 0);
	set(VMCS_GUEST_PAT, vcpu->pat);
	set(VMCS_GUEST_DR7, DR7_RESET);
	set(VMCS_GUEST_RIP, start->rip);
	set(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	memcpy(vcpu->gpr, start->gpr, sizeof(vcpu->gpr));
}

/* SDM volume 3, 28.5: what exits load. Limits of GDT and IDT become 64 KiB whatever they were. */
static void set_host(const struct cpu *cpu)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) idtr;

	__asm__ volatile("sidt %0" : "=m"(idtr));
	set(VMCS_HOST_CR0, CPU_READ_CR(0));
	set(VMCS_HOST_CR3, CPU_READ_CR(3));
	set(VMCS_HOST_CR4, CPU_READ_CR(4));
	set(VMCS_HOST_CS, SELECTOR_CODE);
	set(VMCS_HOST_SS, SELECTOR_DATA);
	set(VMCS_HOST_DS, SELECTOR_DATA);
	set(VMCS_HOST_ES, SELECTOR_DATA);
	set(VMCS_HOST_TR, SELECTOR_TSS);
	set(VMCS_HOST_GS_BASE, (u64)cpu);
	set(VMCS_HOST_TR_BASE, (u64)&cpu->tss);
	set(VMCS_HOST_GDTR_BASE, (u64)cpu->gdt);
	set(VMCS_HOST_IDTR_BASE, idtr.base);
	set(VMCS_HOST_PAT, msr_read(MSR_PAT));
	set(VMCS_HOST_EFER, msr_read(MSR_EFER));
	set(VMCS_HOST_RIP, (u64)vmx_exit_entry);
}

/* Made current on this CPU; from here the fields are its. */
static void load(u64 vmcs_pa)
{
	__asm__ volatile("vmptrld %0" : : "m"(vmcs_pa) : "cc", "memory");
}

/* Back in memory: it may be loaded on any CPU, and is launched there. */
static void clear(u64 vmcs_pa)
{
	__asm__ volatile("vmclear %0" : : "m"(vmcs_pa) : "cc", "memory");
}

u64 vmx_alloc_region(void)
{
	u64 pa = page_alloc_zeroed();

	if (pa)
		*(u32 *)phys_to_virt(pa) = msr_read(MSR_VMX_BASIC) & VMX_BASIC_REVISION;
	return pa;
}

err_t vmx_vcpu_init(struct vcpu *vcpu)
{
	u64 vmcs_pa = vmx_alloc_region();

	if (!vmcs_pa)
		return E_NO_MEMORY;
	vcpu->vendor = phys_to_virt(vmcs_pa);
	fill_bitmaps(vcpu->vm->platform);
	return E_OK;
}

void vmx_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start)
{
	u64 vmcs_pa = virt_to_phys(vcpu->vendor);

	clear(vmcs_pa);
	load(vmcs_pa);
	clear_fields();
	set_controls(vcpu, start->long_mode);
	set_segments(start);
	set_registers(vcpu, start);
	clear(vmcs_pa);
}

void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	page_free(virt_to_phys(vcpu->vendor));
}

void vmx_vcpu_run(struct vcpu *vcpu)
{
	u64 vmcs_pa = virt_to_phys(vcpu->vendor);

	load(vmcs_pa);
	set_host(vcpu->cpu);
	vmcs_write(VMCS_GUEST_PAT, vcpu->pat);
	vmx_invalidate(vcpu);
	vmx_run(vcpu, VMCS_HOST_RSP);
	clear(vmcs_pa);
}
