// SPDX-License-Identifier: BSD-2-Clause
#include "vmx/vmcs.h"

#include "core/mem.h"
#include "core/trap.h"
#include "vmx/ept.h"

bool vmcs_load(u64 vmcs_pa)
{
	bool ok;

	__asm__ volatile("vmptrld %1" : "=@cca"(ok) : "m"(vmcs_pa) : "cc", "memory");
	return ok;
}

void vmcs_clear(u64 vmcs_pa)
{
	__asm__ volatile("vmclear %0" : : "m"(vmcs_pa) : "cc", "memory");
}

bool vmcs_load_cleared(u64 vmcs_pa)
{
	vmcs_clear(vmcs_pa);
	return vmcs_load(vmcs_pa);
}

/* The fields written here exist on every CPU that has what capability.c asks for. */
static void set(enum vmcs_field field, u64 value)
{
	if (!vmcs_write(field, value))
		panic("vmcs field=0x%x value=0x%lx refused", field, value);
}

static void set_controls(const struct vcpu *vcpu, const struct vmx_controls *controls,
                         bool long_mode)
{
	const struct vmx *vmx = vmx_of(vcpu);

	set(VMCS_PIN, controls->pin);
	set(VMCS_PROC, controls->proc);
	set(VMCS_PROC2, controls->proc2);
	set(VMCS_EXIT, controls->exit);
	set(VMCS_ENTRY, controls->entry | (long_mode ? VMENTRY_IA32E : 0));
	set(VMCS_VPID, vcpu->vm->index + 1); /* 0 is the host's */
	set(VMCS_EPTP, ept_pointer(&vcpu->vm->stage2));
	set(VMCS_MSR_BITMAP, vmx->msr_bitmap_pa);
	set(VMCS_IO_BITMAP_A, vmx->io_bitmap_pa[0]);
	set(VMCS_IO_BITMAP_B, vmx->io_bitmap_pa[1]);
	if (controls->proc2 & PROC2_XSAVES)
		set(VMCS_XSS_EXITING, 0);
	set(VMCS_EXCEPTIONS, 0);
	set(VMCS_PF_MASK, 0);
	set(VMCS_PF_MATCH, 0);
	set(VMCS_CR3_TARGETS, 0);
	set(VMCS_EXIT_MSR_STORES, 0);
	set(VMCS_EXIT_MSR_LOADS, 0);
	set(VMCS_ENTRY_MSR_LOADS, 0);
	set(VMCS_ENTRY_EVENT, 0);
	set(VMCS_LINK_POINTER, ~0ull);
}

static void set_segment(enum vmx_segment segment, u16 selector, u32 limit, u32 rights)
{
	set(VMCS_SEGMENT(VMCS_GUEST_SELECTOR, segment), selector);
	set(VMCS_SEGMENT(VMCS_GUEST_BASE, segment), 0);
	set(VMCS_SEGMENT(VMCS_GUEST_LIMIT, segment), limit);
	set(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, segment), rights);
}

#define START_CODE 0x10
#define START_DATA 0x18

static void set_segments(const struct vcpu_start *start)
{
	for (enum vmx_segment segment = SEG_ES; segment <= SEG_GS; segment++)
		set_segment(segment, START_DATA, ~0u, AR_DATA);
	set_segment(SEG_CS, START_CODE, ~0u, start->long_mode ? AR_CODE_64 : AR_CODE_32);
	set_segment(SEG_LDTR, 0, 0, AR_UNUSABLE);
	set_segment(SEG_TR, 0, sizeof(struct tss) - 1, AR_TSS_BUSY);
	set(VMCS_GUEST_GDTR_BASE, start->gdt_gpa);
	set(VMCS_GUEST_GDTR_LIMIT, START_DATA + 7);
	set(VMCS_GUEST_IDTR_BASE, 0);
	set(VMCS_GUEST_IDTR_LIMIT, 0);
}

static void set_control_registers(const struct vcpu *vcpu, const struct vcpu_start *start)
{
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE | (start->long_mode ? CR0_PG : 0);

	set(VMCS_GUEST_CR0, cr0);
	set(VMCS_CR0_SHADOW, cr0);
	set(VMCS_CR0_MASK, CR0_HOST_OWNED);
	set(VMCS_GUEST_CR3, start->cr3);
	set(VMCS_GUEST_CR4, CR4_VMXE | (start->long_mode ? CR4_PAE : 0));
	set(VMCS_CR4_SHADOW, 0);
	set(VMCS_CR4_MASK, CR4_VMXE); /* on here, off to the guest, which has no VMX */
	set(VMCS_GUEST_EFER, start->long_mode ? EFER_LME | EFER_LMA : 0);
	set(VMCS_GUEST_PAT, vcpu->pat);
}

void vmcs_build(struct vcpu *vcpu, const struct vcpu_start *start,
                const struct vmx_controls *controls)
{
	set_controls(vcpu, controls, start->long_mode);
	set_segments(start);
	set_control_registers(vcpu, start);
	set(VMCS_GUEST_RIP, start->rip);
	set(VMCS_GUEST_RSP, 0);
	set(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	set(VMCS_GUEST_DR7, DR7_RESET);
	set(VMCS_GUEST_DEBUGCTL, 0);
	set(VMCS_GUEST_BLOCKING, 0);
	set(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	set(VMCS_GUEST_PENDING_DEBUG, 0);
	set(VMCS_GUEST_SYSENTER_CS, 0);
	set(VMCS_GUEST_SYSENTER_ESP, 0);
	set(VMCS_GUEST_SYSENTER_EIP, 0);
	vcpu->gpr[GPR_RAX] = start->rax;
	vcpu->gpr[GPR_RBX] = start->rbx;
	vcpu->gpr[GPR_RSI] = start->rsi;
}

struct table_register {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* SDM volume 3, 28.5: what exits load. Limits of GDT and IDT become 64 KiB whatever they were. */
void vmcs_set_host(const struct cpu *cpu)
{
	struct table_register gdtr, idtr;

	__asm__ volatile("sgdt %0\n\tsidt %1" : "=m"(gdtr), "=m"(idtr));
	set(VMCS_HOST_CR0, CPU_READ_CR(0));
	set(VMCS_HOST_CR3, CPU_READ_CR(3));
	set(VMCS_HOST_CR4, CPU_READ_CR(4));
	set(VMCS_HOST_CS, SELECTOR_CODE);
	set(VMCS_HOST_SS, SELECTOR_DATA);
	set(VMCS_HOST_DS, SELECTOR_DATA);
	set(VMCS_HOST_ES, SELECTOR_DATA);
	set(VMCS_HOST_FS, 0);
	set(VMCS_HOST_GS, 0);
	set(VMCS_HOST_TR, SELECTOR_TSS);
	set(VMCS_HOST_FS_BASE, 0);
	set(VMCS_HOST_GS_BASE, (u64)cpu);
	set(VMCS_HOST_TR_BASE, (u64)&cpu->tss);
	set(VMCS_HOST_GDTR_BASE, gdtr.base);
	set(VMCS_HOST_IDTR_BASE, idtr.base);
	set(VMCS_HOST_SYSENTER_CS, 0);
	set(VMCS_HOST_SYSENTER_ESP, 0);
	set(VMCS_HOST_SYSENTER_EIP, 0);
	set(VMCS_HOST_PAT, msr_read(MSR_PAT));
	set(VMCS_HOST_EFER, msr_read(MSR_EFER));
	set(VMCS_HOST_RIP, (u64)vmx_exit_entry);
}
