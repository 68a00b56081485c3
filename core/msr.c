// SPDX-License-Identifier: BSD-2-Clause
#include "core/msr.h"

#include "core/apic.h"
#include "core/backend.h"
#include "core/fault.h"
#include "core/guest_apic.h"

/* What happens to an access that exits. */
enum msr_action {
	MSR_FAULT,     /* #GP */
	MSR_PASS,      /* the CPU's own register */
	MSR_READ_ONLY, /* reads are the CPU's, writes are dropped */
	MSR_ZERO,      /* reads 0, writes are dropped */
	MSR_SHADOW,    /* the guest's own value: PAT and MTRRs (R16) */
	MSR_APIC,
	MSR_LOCKED, /* FEATURE_CONTROL: locked, virtualization off */
};

/* Sorted by range; what is not here passes for the platform VM and faults for others. Numbers: SDM
 * volume 4; AMD APM volume 2, appendix A, from 0xc0010000 on. Trace, debug stores and
 * the hardware feedback table are faults, for they go to memory past the nested tables, or from
 * host mode (R22): SDM volume 3, 18.4.9, 33 and 15.6. */
static const struct {
	u32 first, last;
	enum msr_action platform, other;
} rules[] = {
	{0x10, 0x10, MSR_READ_ONLY, MSR_READ_ONLY}, /* TSC: turns are taken by it (R15) */
	{MSR_APIC_BASE, MSR_APIC_BASE, MSR_READ_ONLY, MSR_READ_ONLY},
	{MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, MSR_LOCKED, MSR_LOCKED},
	{0x3b, 0x3b, MSR_ZERO, MSR_ZERO},   /* TSC_ADJUST */
	{0x48, 0x49, MSR_PASS, MSR_PASS},   /* SPEC_CTRL, PRED_CMD: this CPU's speculation */
	{0x79, 0x79, MSR_ZERO, MSR_FAULT},  /* microcode update */
	{0x9b, 0x9b, MSR_FAULT, MSR_FAULT}, /* SMM monitor */
	{MSR_MTRRCAP, MSR_MTRRCAP, MSR_READ_ONLY, MSR_READ_ONLY},
	{0x10a, 0x10b, MSR_PASS, MSR_PASS}, /* ARCH_CAPABILITIES, FLUSH_CMD */
	{MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_PASS, MSR_PASS},
	/* MISC_ENABLE, whose XD disable would take away the NX that our own tables use. */
	{0x1a0, 0x1a0, MSR_READ_ONLY, MSR_READ_ONLY},
	{0x1f2, 0x1f3, MSR_FAULT, MSR_FAULT}, /* SMRR */
	{MSR_MTRR_PHYS_FIRST, MSR_MTRR_PHYS_LAST, MSR_SHADOW, MSR_SHADOW},
	{MSR_MTRR_FIX_FIRST, MSR_MTRR_FIX_LAST, MSR_SHADOW, MSR_SHADOW},
	{MSR_PAT, MSR_PAT, MSR_SHADOW, MSR_SHADOW},
	{MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, MSR_SHADOW, MSR_SHADOW},
	{0x3f1, 0x3f5, MSR_FAULT, MSR_FAULT}, /* PEBS_ENABLE to PEBS_INDEX */
	{0x480, 0x4ff, MSR_FAULT, MSR_FAULT}, /* VMX capabilities */
	{0x560, 0x587, MSR_FAULT, MSR_FAULT}, /* processor trace */
	{0x600, 0x600, MSR_FAULT, MSR_FAULT}, /* DS_AREA */
	{0x6e0, 0x6e0, MSR_PASS, MSR_PASS},   /* TSC_DEADLINE */
	{MSR_X2APIC, 0x8ff, MSR_APIC, MSR_APIC},
	{0xda0, 0xda0, MSR_PASS, MSR_PASS},                 /* XSS */
	{0x17d0, 0x17d1, MSR_FAULT, MSR_FAULT},             /* HW_FEEDBACK_PTR, and its switch */
	{MSR_EFER, 0xc0000084, MSR_PASS, MSR_PASS},         /* EFER and the SYSCALL registers */
	{MSR_FS_BASE, 0xc0000103, MSR_PASS, MSR_PASS},      /* FS, GS, KERNEL_GS base, TSC_AUX */
	{0xc0002000, 0xc0002fff, MSR_PASS, MSR_FAULT},      /* MCA banks; in no bitmap */
	{0xc0010010, 0xc0010010, MSR_READ_ONLY, MSR_FAULT}, /* SYSCFG */
	{0xc0010016, 0xc001001a, MSR_READ_ONLY, MSR_FAULT}, /* IORRs, TOP_MEM */
	{0xc001001d, 0xc001001d, MSR_READ_ONLY, MSR_FAULT}, /* TOP_MEM2 */
	{0xc0010020, 0xc0010020, MSR_ZERO, MSR_FAULT},      /* microcode update */
	{0xc0010058, 0xc0010058, MSR_READ_ONLY, MSR_FAULT}, /* base of ECAM */
	{0xc0010111, 0xc0010117, MSR_FAULT, MSR_FAULT},     /* SMM's memory, VM_CR to VM_HSAVE_PA */
};

static enum msr_action action_of(bool platform, u32 msr, enum msr_action missing)
{
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		if (msr >= rules[i].first && msr <= rules[i].last)
			return platform ? rules[i].platform : rules[i].other;
	}
	return missing;
}

bool msr_is_intercepted(bool platform, u32 msr, bool write)
{
	enum msr_action action = action_of(platform, msr, platform ? MSR_PASS : MSR_FAULT);

	return action != MSR_PASS && (write || action != MSR_READ_ONLY);
}

static u64 *shadow(struct vcpu *vcpu, u32 msr)
{
	return msr == MSR_PAT ? &vcpu->pat : &vcpu->vm->mtrrs[msr - MSR_MTRR_PHYS_FIRST];
}

/* SDM volume 3, 12.12.2: each byte is a memory type; 2, 3 and 8 up are reserved. */
static bool pat_is_valid(u64 pat)
{
	for (u32 i = 0; i < 8; i++, pat >>= 8) {
		u8 type = (u8)pat;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

static bool read(struct vcpu *vcpu, u32 msr, u64 *value)
{
	enum msr_action action = action_of(vcpu->vm->platform, msr, MSR_FAULT);

	if (action == MSR_PASS || action == MSR_READ_ONLY)
		return msr_try_read(msr, value);
	if (action == MSR_APIC)
		return guest_apic_read_msr(vcpu, msr, value);
	*value = action == MSR_SHADOW ? *shadow(vcpu, msr) : action == MSR_LOCKED;
	return action != MSR_FAULT;
}

static bool write_shadow(struct vcpu *vcpu, u32 msr, u64 value)
{
	if (msr == MSR_PAT && !pat_is_valid(value))
		return false;
	*shadow(vcpu, msr) = value;
	if (msr == MSR_PAT)
		backend->refresh(vcpu);
	return true;
}

static bool write(struct vcpu *vcpu, u32 msr, u64 value)
{
	enum msr_action action = action_of(vcpu->vm->platform, msr, MSR_FAULT);

	if (action == MSR_PASS)
		return msr_try_write(msr, value);
	if (action == MSR_APIC)
		return guest_apic_write_msr(vcpu, msr, value);
	if (action == MSR_SHADOW)
		return write_shadow(vcpu, msr, value);
	return action != MSR_FAULT && action != MSR_LOCKED;
}

enum exit_result msr_handle_read(struct vcpu *vcpu, struct exit *exit)
{
	u64 value;

	(void)exit;
	fault_poll();
	if (!read(vcpu, (u32)vcpu->gpr[GPR_RCX], &value))
		return exit_inject(vcpu, VECTOR_GP, 0);
	vcpu_set_edx_eax(vcpu, value);
	return RESULT_ADVANCE;
}

enum exit_result msr_handle_write(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	fault_poll();
	if (!write(vcpu, (u32)vcpu->gpr[GPR_RCX], vcpu_edx_eax(vcpu)))
		return exit_inject(vcpu, VECTOR_GP, 0);
	return RESULT_ADVANCE;
}
