// SPDX-License-Identifier: BSD-2-Clause
/* The VMX backend: what core/backend.h asks for. */
#include "core/control.h"
#include "core/log.h"
#include "vmx/capability.h"
#include "vmx/ept.h"
#include "vmx/vmcs.h"

static bool vmx_is_present(void)
{
	return cpuid(1, 0).ecx & CPUID_1_ECX_VMX;
}

/* An unlocked IA32_FEATURE_CONTROL is ours to set. */
static void lock_feature_control(void)
{
	if (!(msr_read(MSR_FEATURE_CONTROL) & FEATURE_CONTROL_LOCK))
		msr_write(MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON);
}

static bool has_itlb_multihit(void)
{
	u64 value;

	msr_try_read(MSR_ARCH_CAPABILITIES, &value);
	return vmx_has_itlb_multihit(value);
}

static err_t vmx_check(void)
{
	u64 values[VMX_CAPABILITY_COUNT];
	const char *missing;
	u32 next = 0;
	err_t result = E_OK;

	lock_feature_control();
	for (u32 i = 0; i < VMX_CAPABILITY_COUNT; i++)
		msr_try_read(vmx_capability_msrs[i], &values[i]);
	while ((missing = vmx_next_missing(values, &next))) {
		log_line("error cpu=%u backend=vmx missing=%s reason=unsupported",
		         cpu_this()->index, missing);
		result = E_UNSUPPORTED;
	}
	if (!result && has_itlb_multihit())
		log_line("backend name=vmx itlb-multihit=split-on-fetch");
	return result;
}

static err_t vmx_cpu_enable(struct cpu *cpu)
{
	bool ok;

	cpu->vendor_pa = vmx_alloc_region();
	if (!cpu->vendor_pa)
		return E_NO_MEMORY;
	lock_feature_control();
	CPU_WRITE_CR(4, CPU_READ_CR(4) | CR4_VMXE);
	__asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(cpu->vendor_pa) : "cc", "memory");
	return ok ? E_OK : E_NO_HARDWARE;
}

static u8 vmx_leaf_sizes(void)
{
	return ept_leaf_sizes(msr_read(MSR_VMX_EPT_VPID));
}

/* Where the erratum is, no leaf is executable before somebody executes from it. */
static u64 vmx_ram(enum vm_memory_type type)
{
	return has_itlb_multihit() ? ept_ram(type) & ~EPT_X : ept_ram(type);
}

/*
 * INVEPT (SDM volume 3, 31.3) of one context: its guest-physical mappings and all combined ones,
 * whatever their VPID (29.4.3.1); with EPT there are no others. Its operand is this guest's own, so
 * it cannot fail.
 */
void vmx_invalidate(struct vcpu *vcpu)
{
	struct {
		u64 eptp, reserved;
	} operand = {ept_pointer(&vcpu->vm->stage2), 0};

	__asm__ volatile("invept %0, %1"
	                 :
	                 : "m"(operand), "r"((u64)INVEPT_CONTEXT)
	                 : "cc", "memory");
}

/* Another CPU may have been here first. */
bool vmx_allow_fetch(struct vcpu *vcpu, u64 gpa)
{
	bool allowed;

	if (!has_itlb_multihit())
		return false;
	control_take();
	allowed = !ept_allow_fetch(&vcpu->vm->stage2, gpa);
	control_give();
	vmx_invalidate(vcpu);
	return allowed;
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
	state->code_bits = vmx_is_code_64() ? 64 : cs & AR_DB ? 32 : 16;
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
	vmcs_write(VMCS_CR0_SHADOW, value | vcpu->cr0_cache_bits);
	vmcs_write(VMCS_GUEST_CR0, value | CR0_NE | CR0_ET);
	vmcs_clear_bits(VMCS_GUEST_EFER, EFER_LMA);
	vmcs_clear_bits(VMCS_ENTRY, VMENTRY_IA32E);
	if (value & CR0_PG && vmcs_read(VMCS_GUEST_EFER) & EFER_LME) {
		vmcs_set_bits(VMCS_GUEST_EFER, EFER_LMA);
		vmcs_set_bits(VMCS_ENTRY, VMENTRY_IA32E);
	} else if (value & CR0_PG && vmcs_read(VMCS_GUEST_CR4) & CR4_PAE) {
		load_pdptes(vcpu);
	}
	vmx_invalidate(vcpu);
}

static void vmx_retype_ram(struct vm *vm)
{
	ept_set_memory_type(&vm->stage2, vm->memory_type);
}

static void vmx_refresh(struct vcpu *vcpu)
{
	vmcs_write(VMCS_GUEST_PAT, vcpu->pat);
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
	.vcpu_reset = vmx_vcpu_reset,
	.vcpu_destroy = vmx_vcpu_destroy,
	.vcpu_run = vmx_vcpu_run,
	.read_state = vmx_read_state,
	.inject = vmx_inject,
	.write_cr0 = vmx_write_cr0,
	.retype_ram = vmx_retype_ram,
	.refresh = vmx_refresh,
	.dump = vmx_dump,
};
