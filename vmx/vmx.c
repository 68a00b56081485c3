// SPDX-License-Identifier: BSD-2-Clause
/* The VMX backend: what core/backend.h asks for. */
#include "core/io.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/msr.h"
#include "lib/string.h"
#include "vmx/ept.h"
#include "vmx/vmcs.h"

/* All written by vmx_check, once, before there is a second CPU or a VM. */
static struct vmx_capability capability;
static struct vmx_controls controls;
static bool itlb_multihit;

static bool vmx_is_present(void)
{
	return cpuid(1, 0).ecx & CPUID_1_ECX_VMX;
}

/* An unlocked IA32_FEATURE_CONTROL is ours to set: vmx_cpu_enable does. */
static u64 feature_control(void)
{
	u64 value = msr_read(MSR_FEATURE_CONTROL);

	return value & FEATURE_CONTROL_LOCK ? value : FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
}

static u64 arch_capabilities(void)
{
	if (cpuid(0, 0).eax < 7 || !(cpuid(7, 0).edx & CPUID_7_EDX_ARCH_CAPABILITIES))
		return 0;
	return msr_read(MSR_ARCH_CAPABILITIES);
}

static struct vmx_capability read_capability(void)
{
	struct vmx_capability c = {
		.feature_control = feature_control(),
		.basic = msr_read(MSR_VMX_BASIC),
	};

	/* The MSRs of the other needs exist only with these (SDM volume 3, A.2, A.3.3). */
	if (c.basic & VMX_BASIC_TRUE_CONTROLS) {
		c.pin = msr_read(MSR_VMX_TRUE_PIN);
		c.proc = msr_read(MSR_VMX_TRUE_PROC);
		c.exit = msr_read(MSR_VMX_TRUE_EXIT);
		c.entry = msr_read(MSR_VMX_TRUE_ENTRY);
	}
	if (c.proc >> 32 & PROC_SECONDARY)
		c.proc2 = msr_read(MSR_VMX_PROC2);
	if (c.proc2 >> 32 & (PROC2_EPT | PROC2_VPID))
		c.ept_vpid = msr_read(MSR_VMX_EPT_VPID);
	return c;
}

static err_t vmx_check(void)
{
	const char *missing;
	u32 next = 0;
	err_t result = E_OK;

	capability = read_capability();
	while ((missing = vmx_next_missing(&capability, &next))) {
		log_line("error cpu=%u backend=vmx missing=%s reason=unsupported",
		         cpu_this()->index, missing);
		result = E_UNSUPPORTED;
	}
	controls = vmx_choose_controls(&capability);
	itlb_multihit = vmx_has_itlb_multihit(arch_capabilities());
	if (!result && itlb_multihit)
		log_line("backend name=vmx itlb-multihit=split-on-fetch");
	return result;
}

static u64 alloc_with_revision(void)
{
	u64 pa = page_alloc_zeroed();

	if (pa)
		*(u32 *)phys_to_virt(pa) = (u32)FIELD_GET(VMX_BASIC_REVISION, capability.basic);
	return pa;
}

static err_t vmx_cpu_enable(struct cpu *cpu)
{
	bool ok;

	cpu->vendor_pa = alloc_with_revision();
	if (!cpu->vendor_pa)
		return E_NO_MEMORY;
	if (!(msr_read(MSR_FEATURE_CONTROL) & FEATURE_CONTROL_LOCK))
		msr_write(MSR_FEATURE_CONTROL, capability.feature_control);
	CPU_WRITE_CR(4, CPU_READ_CR(4) | CR4_VMXE);
	__asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(cpu->vendor_pa) : "cc", "memory");
	return ok ? E_OK : E_NO_HARDWARE;
}

static u8 vmx_leaf_sizes(void)
{
	return ept_leaf_sizes(capability.ept_vpid);
}

/* Where the erratum is, no leaf is executable before somebody executes from it. */
static u64 vmx_ram(enum vm_memory_type type)
{
	return itlb_multihit ? ept_ram(type) & ~EPT_X : ept_ram(type);
}

/* INVEPT and INVVPID: SDM volume 3, 31.3. Their operands are this guest's own, so they cannot fail.
 */
static void vmx_invalidate(struct vcpu *vcpu)
{
	struct {
		u64 eptp, reserved;
	} operand = {ept_pointer(&vcpu->vm->stage2), 0};

	__asm__ volatile("invept %0, %1"
	                 :
	                 : "m"(operand), "r"((u64)INVEPT_CONTEXT)
	                 : "cc", "memory");
}

bool vmx_allow_fetch(struct vcpu *vcpu, u64 gpa)
{
	if (!itlb_multihit || ept_allow_fetch(&vcpu->vm->stage2, gpa))
		return false;
	vmx_invalidate(vcpu);
	pt_release(&vcpu->vm->stage2);
	return true;
}

static void invalidate_linear(const struct vcpu *vcpu)
{
	struct {
		u64 vpid, linear;
	} operand = {vcpu->vm->index + 1, 0};

	__asm__ volatile("invvpid %0, %1"
	                 :
	                 : "m"(operand), "r"((u64)INVVPID_CONTEXT)
	                 : "cc", "memory");
}

/* The bitmap: reads of the low and the high range, then writes (25.6.9). */
#define MSR_RANGE      0x2000u
#define MSR_RANGE_HIGH 0xc0000000u

static void fill_msr_bitmap(u8 *bitmap, bool platform)
{
	for (u32 i = 0; i < 4 * MSR_RANGE; i++) {
		u32 msr = i % MSR_RANGE + (i / MSR_RANGE % 2 ? MSR_RANGE_HIGH : 0);

		if (msr_is_intercepted(platform, msr, i >= 2 * MSR_RANGE))
			bitmap[i / 8] |= (u8)(1 << i % 8);
	}
}

static void vmx_intercept_port(struct vcpu *vcpu, u16 port)
{
	u8 *bitmap = phys_to_virt(vmx_of(vcpu)->io_bitmap_pa[port >> 15]);
	u16 bit = port & 0x7fff;

	bitmap[bit / 8] |= (u8)(1 << bit % 8);
}

static void vmx_vcpu_destroy(struct vcpu *vcpu)
{
	struct vmx *vmx = vmx_of(vcpu);
	u64 pages[] = {vmx->vmcs_pa, vmx->msr_bitmap_pa, vmx->io_bitmap_pa[0], vmx->io_bitmap_pa[1],
	               virt_to_phys(vmx)};

	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i])
			page_free(pages[i]);
	}
	vcpu->vendor = NULL;
}

static err_t alloc_pages(struct vmx *vmx, bool platform)
{
	vmx->vmcs_pa = alloc_with_revision();
	vmx->msr_bitmap_pa = page_alloc_zeroed();
	vmx->io_bitmap_pa[0] = page_alloc();
	vmx->io_bitmap_pa[1] = page_alloc();
	if (!vmx->vmcs_pa || !vmx->msr_bitmap_pa || !vmx->io_bitmap_pa[0] || !vmx->io_bitmap_pa[1])
		return E_NO_MEMORY;
	fill_msr_bitmap(phys_to_virt(vmx->msr_bitmap_pa), platform);
	for (u32 i = 0; i < 2; i++)
		memset(phys_to_virt(vmx->io_bitmap_pa[i]), platform ? 0 : 0xff, PAGE_SIZE);
	return E_OK;
}

static err_t vmx_vcpu_init(struct vcpu *vcpu, const struct vcpu_start *start)
{
	u64 vendor_pa = page_alloc_zeroed();
	err_t result;

	if (!vendor_pa)
		return E_NO_MEMORY;
	vcpu->vendor = phys_to_virt(vendor_pa);
	result = alloc_pages(vmx_of(vcpu), vcpu->vm->platform);
	if (!result && !vmcs_load_cleared(vmx_of(vcpu)->vmcs_pa))
		result = E_NO_HARDWARE;
	if (result) {
		vmx_vcpu_destroy(vcpu);
		return result;
	}
	vmcs_build(vcpu, start, &controls);
	if (vcpu->vm->platform)
		io_intercept_platform(vcpu);
	vmcs_clear(vmx_of(vcpu)->vmcs_pa); /* it runs on vcpu->cpu, which need not be this one */
	return E_OK;
}

static void vmx_vcpu_run(struct vcpu *vcpu)
{
	if (!vmcs_load(vmx_of(vcpu)->vmcs_pa)) {
		vmx_entry_refused(vcpu);
		return;
	}
	vmcs_set_host(vcpu->cpu);
	vmx_invalidate(vcpu);
	invalidate_linear(vcpu);
	vmx_run(vcpu, VMCS_HOST_RSP);
	vmcs_clear(vmx_of(vcpu)->vmcs_pa);
}

static void vmx_read_state(const struct vcpu *vcpu, struct vcpu_state *state)
{
	u64 cs = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, SEG_CS));

	(void)vcpu;
	state->rip = vmcs_read(VMCS_GUEST_RIP);
	state->rsp = vmcs_read(VMCS_GUEST_RSP);
	state->rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	state->cr0 = (vmcs_read(VMCS_GUEST_CR0) & ~CR0_HOST_OWNED) |
	             (vmcs_read(VMCS_CR0_SHADOW) & CR0_HOST_OWNED);
	state->cr3 = vmcs_read(VMCS_GUEST_CR3);
	state->cr4 = vmcs_read(VMCS_GUEST_CR4) & ~CR4_VMXE;
	state->efer = vmcs_read(VMCS_GUEST_EFER);
	state->cs_base = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_BASE, SEG_CS));
	state->code_bits = cs & AR_DB ? 32 : 16;
	if (state->efer & EFER_LMA && cs & AR_L)
		state->code_bits = 64;
	state->cpl = (u8)FIELD_GET(AR_DPL, vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, SEG_SS)));
}

/* MOV to CR0 loads them when PAE paging is on afterwards (SDM volume 3, 4.4.1). */
static void load_pdptes(struct vcpu *vcpu)
{
	const u64 *entries =
		vm_ram(vcpu, vmcs_read(VMCS_GUEST_CR3) & PDPT_ADDRESS, 4 * sizeof(u64));

	for (u32 i = 0; i < 4 && entries; i++)
		vmcs_write((enum vmcs_field)(VMCS_GUEST_PDPTE + 2 * i), entries[i]);
}

static void vmx_write_cr0(struct vcpu *vcpu, u64 value)
{
	u64 efer = vmcs_read(VMCS_GUEST_EFER) & ~EFER_LMA;
	u64 entry = vmcs_read(VMCS_ENTRY) & ~VMENTRY_IA32E;

	value &= ~CR0_CACHE_BITS;
	vmcs_write(VMCS_CR0_SHADOW, value | vcpu->cr0_cache_bits);
	vmcs_write(VMCS_GUEST_CR0, value | CR0_NE | CR0_ET);
	if (efer & EFER_LME && value & CR0_PG) {
		efer |= EFER_LMA;
		entry |= VMENTRY_IA32E;
	} else if (value & CR0_PG && vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) {
		load_pdptes(vcpu);
	}
	vmcs_write(VMCS_GUEST_EFER, efer);
	vmcs_write(VMCS_ENTRY, entry);
	invalidate_linear(vcpu);
}

static void vmx_update_memory_type(struct vcpu *vcpu, enum vm_memory_type from)
{
	vmcs_write(VMCS_GUEST_PAT, vcpu->pat);
	if (vcpu->vm->memory_type != from)
		ept_set_memory_type(&vcpu->vm->stage2, vcpu->vm->memory_type);
	vmx_invalidate(vcpu);
}

const struct backend vmx_backend = {
	.name = "vmx",
	.vmcall = true,
	.stage2_format = &ept_format,
	.is_present = vmx_is_present,
	.check = vmx_check,
	.cpu_enable = vmx_cpu_enable,
	.stage2_leaf_sizes = vmx_leaf_sizes,
	.stage2_ram = vmx_ram,
	.stage2_mmio = ept_mmio,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_destroy = vmx_vcpu_destroy,
	.vcpu_run = vmx_vcpu_run,
	.read_state = vmx_read_state,
	.inject = vmx_inject,
	.write_cr0 = vmx_write_cr0,
	.update_memory_type = vmx_update_memory_type,
	.invalidate = vmx_invalidate,
	.dump = vmx_dump,
	.intercept_port = vmx_intercept_port,
};
