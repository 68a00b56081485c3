// SPDX-License-Identifier: BSD-2-Clause
/* Building the VMCB and its permission maps. */
#include "core/io.h"
#include "core/mem.h"
#include "core/msr.h"
#include "lib/string.h"
#include "svm/svm.h"

/* 15.10.1 and 15.11: one bit a port (an access to the last ports looks at bits beyond them), two
 * bits an MSR. One pair of maps for the platform VM, one for all others; written when a VM starts.
 */
#define MSRPM_SIZE 0x2000
#define IOPM_SIZE  0x3000
static struct {
	u8 msr[MSRPM_SIZE], io[IOPM_SIZE];
} maps[2] __attribute__((aligned(PAGE_SIZE)));

static void fill_msr_map(u8 *map, bool platform)
{
	static const u32 bases[] = {0, 0xc0000000, 0xc0010000};

	for (u32 i = 0; i < ARRAY_SIZE(bases) * 0x2000; i++) {
		u32 msr = bases[i / 0x2000] + i % 0x2000;
		/* EFER.SVME is not for the guest to see. */
		bool mine = msr == MSR_EFER;
		u32 read = mine || msr_is_intercepted(platform, msr, false);
		u32 write = mine || msr_is_intercepted(platform, msr, true);

		map[i / 4] |= (u8)((read | write << 1) << i % 4 * 2);
	}
}

static void fill_controls(struct vmcb *vmcb, const struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	vmcb->intercepts3 =
		(u32)(INTERCEPT_NMI | INTERCEPT_CR0_SEL | INTERCEPT_CPUID | INTERCEPT_INVD |
	              INTERCEPT_INVLPGA | INTERCEPT_IO | INTERCEPT_MSR | INTERCEPT_SHUTDOWN);
	vmcb->intercepts4 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD |
	                    INTERCEPT_VMSAVE | INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT |
	                    INTERCEPT_WBINVD | INTERCEPT_XSETBV;
	vmcb->iopm_pa = virt_to_phys(maps[vm->platform].io);
	vmcb->msrpm_pa = virt_to_phys(maps[vm->platform].msr);
	vmcb->asid = vm->index + 1;
	vmcb->tlb_control = TLB_FLUSH_ALL;
	vmcb->nested_control = NESTED_PAGING;
	vmcb->nested_cr3 = vm->stage2.root_pa;
}

/* As the door hands over to a kernel: flat segments. */
static void fill_flat(struct vmcb *vmcb, const struct vcpu_start *start)
{
	struct vmcb_segment data = {0x18, SEGMENT_DATA, ~0u, 0};

	vmcb->cs = (struct vmcb_segment){0x10, start->long_mode ? SEGMENT_CODE_64 : SEGMENT_CODE_32,
	                                 ~0u, 0};
	vmcb->ds = vmcb->es = vmcb->ss = vmcb->fs = vmcb->gs = data;
	vmcb->gdtr.base = start->gdt_gpa;
	vmcb->gdtr.limit = 4 * 8 - 1;
	vmcb->cr0 |= CR0_PE | CR0_NE;
	if (start->long_mode) {
		vmcb->efer |= EFER_LME | EFER_LMA;
		vmcb->cr0 |= CR0_PG;
		vmcb->cr4 = CR4_PAE;
		vmcb->cr3 = start->cr3;
	}
}

/* As after INIT and a startup IPI (14.1.3). */
static void fill_real(struct vmcb *vmcb, u8 vector)
{
	struct vmcb_segment data = {0, SEGMENT_DATA_16, 0xffff, 0};

	vmcb->cs = (struct vmcb_segment){(u16)(vector << 8), SEGMENT_CODE_16, 0xffff,
	                                 (u64)vector << 12};
	vmcb->ds = vmcb->es = vmcb->ss = vmcb->fs = vmcb->gs = data;
	vmcb->gdtr.limit = vmcb->idtr.limit = 0xffff;
}

void svm_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 own_pa = vmcb->own_pa;

	memset(vmcb, 0, sizeof(*vmcb));
	memcpy(vcpu->gpr, start->gpr, sizeof(vcpu->gpr));
	vmcb->own_pa = own_pa;
	vmcb->host_pa = vcpu->cpu->vendor_pa + PAGE_SIZE;
	fill_controls(vmcb, vcpu);
	vmcb->efer = EFER_SVME; /* required by VMRUN (15.5.1) */
	vmcb->cr0 = CR0_ET;
	vmcb->tr = (struct vmcb_segment){0, SEGMENT_TSS, 0x67, 0};
	vmcb->ldtr = (struct vmcb_segment){0, SEGMENT_LDT, 0, 0};
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->rflags = RFLAGS_FIXED;
	vmcb->rip = start->rip;
	if (start->real_mode)
		fill_real(vmcb, start->vector);
	else
		fill_flat(vmcb, start);
	svm_write_cr0(vcpu, vmcb->cr0);
	vmcb->rax = start->gpr[GPR_RAX];
	svm_refresh(vcpu);
}

err_t svm_vcpu_init(struct vcpu *vcpu)
{
	bool platform = vcpu->vm->platform;
	u64 pa = page_alloc_zeroed();

	if (!pa)
		return E_NO_MEMORY;
	vcpu->vendor = phys_to_virt(pa);
	svm_vmcb(vcpu)->own_pa = pa;
	fill_msr_map(maps[platform].msr, platform);
	io_fill_bitmap(platform, maps[platform].io);
	return E_OK;
}

void svm_vcpu_destroy(struct vcpu *vcpu)
{
	page_free(svm_vmcb(vcpu)->own_pa);
}
