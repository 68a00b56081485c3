// SPDX-License-Identifier: BSD-2-Clause
#include "core/msr.h"

#include "core/backend.h"
#include "core/fault.h"
#include "core/log.h"

/* What happens to an access that exits. */
enum msr_action {
	MSR_FAULT,     /* #GP */
	MSR_PASS,      /* the CPU's own register */
	MSR_READ_ONLY, /* reads are the CPU's, writes are dropped */
	MSR_ZERO,      /* reads 0, writes are dropped */
	MSR_PAT_SHADOW,
	MSR_MTRR_SHADOW,
	MSR_LOCKED, /* FEATURE_CONTROL: locked, virtualization off */
};

/* AMD APM volume 2, appendix A, for those from 0xc0010000. */
#define MSR_SYSCFG      0xc0010010
#define MSR_IORR_FIRST  0xc0010016
#define MSR_IORR_LAST   0xc0010019
#define MSR_TOP_MEM     0xc001001a
#define MSR_TOM2        0xc001001d
#define MSR_PATCH_AMD   0xc0010020
#define MSR_VM_CR       0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117
#define MSR_PATCH_INTEL 0x79
#define MSR_SMM_MONITOR 0x9b
#define MSR_SMRR_FIRST  0x1f2
#define MSR_SMRR_LAST   0x1f3
#define MSR_VMX_FIRST   0x480
#define MSR_VMX_LAST    0x4ff
#define MSR_XSS         0xda0
#define MSR_TSC         0x10
/* Trace and debug stores go to memory past the nested tables, or from host mode (R22): SDM volume
 * 3, 18.4.9 and 33. */
#define MSR_PEBS_ENABLE 0x3f1
#define MSR_RTIT_FIRST  0x560
#define MSR_RTIT_LAST   0x587
#define MSR_DS_AREA     0x600

/* Sorted by range; what is not here passes for the platform VM and faults for others. */
static const struct {
	u32 first, last;
	enum msr_action platform, other;
} rules[] = {
	{MSR_TSC, MSR_TSC, MSR_PASS, MSR_PASS},
	{MSR_APIC_BASE, MSR_APIC_BASE, MSR_READ_ONLY, MSR_FAULT},
	{MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, MSR_LOCKED, MSR_LOCKED},
	{MSR_PATCH_INTEL, MSR_PATCH_INTEL, MSR_ZERO, MSR_FAULT},
	{MSR_SMM_MONITOR, MSR_SMM_MONITOR, MSR_FAULT, MSR_FAULT},
	{MSR_MTRRCAP, MSR_MTRRCAP, MSR_READ_ONLY, MSR_READ_ONLY},
	{MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_PASS, MSR_PASS},
	{MSR_SMRR_FIRST, MSR_SMRR_LAST, MSR_FAULT, MSR_FAULT},
	{MSR_MTRR_PHYS_FIRST, MSR_MTRR_PHYS_LAST, MSR_MTRR_SHADOW, MSR_MTRR_SHADOW},
	{MSR_MTRR_FIX64K, MSR_MTRR_FIX64K, MSR_MTRR_SHADOW, MSR_MTRR_SHADOW},
	{MSR_MTRR_FIX16K_FIRST, MSR_MTRR_FIX16K_LAST, MSR_MTRR_SHADOW, MSR_MTRR_SHADOW},
	{MSR_MTRR_FIX4K_FIRST, MSR_MTRR_FIX4K_LAST, MSR_MTRR_SHADOW, MSR_MTRR_SHADOW},
	{MSR_PAT, MSR_PAT, MSR_PAT_SHADOW, MSR_PAT_SHADOW},
	{MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, MSR_MTRR_SHADOW, MSR_MTRR_SHADOW},
	{MSR_PEBS_ENABLE, MSR_PEBS_ENABLE, MSR_FAULT, MSR_FAULT},
	{MSR_VMX_FIRST, MSR_VMX_LAST, MSR_FAULT, MSR_FAULT},
	{MSR_RTIT_FIRST, MSR_RTIT_LAST, MSR_FAULT, MSR_FAULT},
	{MSR_DS_AREA, MSR_DS_AREA, MSR_FAULT, MSR_FAULT},
	{MSR_XSS, MSR_XSS, MSR_PASS, MSR_PASS},
	{MSR_EFER, 0xc0000084, MSR_PASS, MSR_PASS},    /* EFER and the SYSCALL registers */
	{MSR_FS_BASE, 0xc0000103, MSR_PASS, MSR_PASS}, /* FS, GS, KERNEL_GS base, TSC_AUX */
	{MSR_SYSCFG, MSR_SYSCFG, MSR_READ_ONLY, MSR_FAULT},
	{MSR_IORR_FIRST, MSR_TOP_MEM, MSR_READ_ONLY, MSR_FAULT},
	{MSR_TOM2, MSR_TOM2, MSR_READ_ONLY, MSR_FAULT},
	{MSR_PATCH_AMD, MSR_PATCH_AMD, MSR_ZERO, MSR_FAULT},
	{MSR_VM_CR, MSR_VM_HSAVE_PA, MSR_FAULT, MSR_FAULT},
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

static u64 *mtrr_shadow(struct vm_mtrrs *m, u32 msr)
{
	if (msr == MSR_MTRR_DEF_TYPE)
		return &m->def_type;
	if (msr <= MSR_MTRR_PHYS_LAST)
		return &m->variable[msr - MSR_MTRR_PHYS_FIRST];
	if (msr == MSR_MTRR_FIX64K)
		return &m->fixed[0];
	if (msr <= MSR_MTRR_FIX16K_LAST)
		return &m->fixed[1 + msr - MSR_MTRR_FIX16K_FIRST];
	return &m->fixed[3 + msr - MSR_MTRR_FIX4K_FIRST];
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
	switch (action_of(vcpu->vm->platform, msr, MSR_FAULT)) {
	case MSR_PASS:
	case MSR_READ_ONLY:
		return msr_try_read(msr, value);
	case MSR_ZERO:
		*value = 0;
		return true;
	case MSR_PAT_SHADOW:
		*value = vcpu->pat;
		return true;
	case MSR_MTRR_SHADOW:
		*value = *mtrr_shadow(&vcpu->vm->mtrrs, msr);
		return true;
	case MSR_LOCKED:
		*value = 1;
		return true;
	case MSR_FAULT:
		break;
	}
	return false;
}

static bool write_pat(struct vcpu *vcpu, u64 value)
{
	if (!pat_is_valid(value))
		return false;
	vcpu->pat = value;
	backend->update_memory_type(vcpu, vcpu->vm->memory_type);
	return true;
}

static bool write(struct vcpu *vcpu, u32 msr, u64 value)
{
	switch (action_of(vcpu->vm->platform, msr, MSR_FAULT)) {
	case MSR_PASS:
		return msr_try_write(msr, value);
	case MSR_READ_ONLY:
	case MSR_ZERO:
		return true;
	case MSR_PAT_SHADOW:
		return write_pat(vcpu, value);
	case MSR_MTRR_SHADOW:
		*mtrr_shadow(&vcpu->vm->mtrrs, msr) = value;
		return true;
	case MSR_LOCKED:
	case MSR_FAULT:
		break;
	}
	return false;
}

enum exit_result msr_handle_read(struct vcpu *vcpu, struct exit *exit)
{
	u64 value;

	(void)exit;
	fault_poll();
	if (!read(vcpu, (u32)vcpu->gpr[GPR_RCX], &value)) {
		backend->inject(vcpu, VECTOR_GP, 0);
		return RESULT_RETRY;
	}
	vcpu->gpr[GPR_RAX] = (u32)value;
	vcpu->gpr[GPR_RDX] = value >> 32;
	return RESULT_ADVANCE;
}

enum exit_result msr_handle_write(struct vcpu *vcpu, struct exit *exit)
{
	u64 value = (u32)vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RDX] << 32;

	(void)exit;
	fault_poll();
	if (!write(vcpu, (u32)vcpu->gpr[GPR_RCX], value)) {
		backend->inject(vcpu, VECTOR_GP, 0);
		return RESULT_RETRY;
	}
	return RESULT_ADVANCE;
}
