// SPDX-License-Identifier: BSD-2-Clause
#include "vmx/capability.h"

#include "core/x86.h"
#include "vmx/reg.h"

const u32 vmx_capability_msrs[VMX_CAPABILITY_COUNT] = {
	[VMX_PIN] = MSR_VMX_TRUE_PIN,     [VMX_PROC] = MSR_VMX_TRUE_PROC,
	[VMX_PROC2] = MSR_VMX_PROC2,      [VMX_EXIT] = MSR_VMX_TRUE_EXIT,
	[VMX_ENTRY] = MSR_VMX_TRUE_ENTRY, [VMX_FEATURE_CONTROL] = MSR_FEATURE_CONTROL,
	[VMX_BASIC] = MSR_VMX_BASIC,      [VMX_EPT_VPID] = MSR_VMX_EPT_VPID,
};

/* All bits of the mask are there; of a control: they may be 1. */
static const struct {
	const char *name; /* NULL: not needed, but the guest gets what CPUID promises it */
	enum vmx_capability where;
	u64 mask;
} needs[] = {
	{"vmx-enabled-by-firmware", VMX_FEATURE_CONTROL,
         FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON},
	{"write-back-vmcs", VMX_BASIC, FIELD_PUT(VMX_BASIC_MEMORY_TYPE, 6)},
	{"true-controls", VMX_BASIC, VMX_BASIC_TRUE_CONTROLS},
	{"nmi-exiting", VMX_PIN, PIN_NMI_EXITING},
	{"virtual-nmis", VMX_PIN, PIN_VIRTUAL_NMIS},
	{"nmi-window-exiting", VMX_PROC, PROC_NMI_WINDOW},
	{"io-bitmaps", VMX_PROC, PROC_IO_BITMAPS},
	{"msr-bitmaps", VMX_PROC, PROC_MSR_BITMAPS},
	{"secondary-controls", VMX_PROC, PROC_SECONDARY},
	{"ept", VMX_PROC2, PROC2_EPT},
	{"vpid", VMX_PROC2, PROC2_VPID},
	{"wbinvd-exiting", VMX_PROC2, PROC2_WBINVD_EXITING},
	{"unrestricted-guest", VMX_PROC2, PROC2_UNRESTRICTED_GUEST},
	{NULL, VMX_PROC2, PROC2_RDTSCP | PROC2_INVPCID | PROC2_XSAVES | PROC2_USER_WAIT},
	{"exit-save-debug-controls", VMX_EXIT, VMEXIT_SAVE_DEBUG},
	{"exit-64-bit-host", VMX_EXIT, VMEXIT_HOST_64},
	{"exit-load-pat", VMX_EXIT, VMEXIT_LOAD_PAT},
	{"exit-save-efer", VMX_EXIT, VMEXIT_SAVE_EFER},
	{"exit-load-efer", VMX_EXIT, VMEXIT_LOAD_EFER},
	{"entry-load-debug-controls", VMX_ENTRY, VMENTRY_LOAD_DEBUG},
	{"entry-64-bit-guest", VMX_ENTRY, VMENTRY_IA32E},
	{"entry-load-pat", VMX_ENTRY, VMENTRY_LOAD_PAT},
	{"entry-load-efer", VMX_ENTRY, VMENTRY_LOAD_EFER},
	{"ept-4-levels", VMX_EPT_VPID, EPT_CAP_WALK_4},
	{"ept-write-back", VMX_EPT_VPID, EPT_CAP_WB},
	{"invept-single-context", VMX_EPT_VPID, EPT_CAP_INVEPT | EPT_CAP_INVEPT_CONTEXT},
};

const char *vmx_next_missing(const u64 values[VMX_CAPABILITY_COUNT], u32 *next)
{
	while (*next < ARRAY_SIZE(needs)) {
		u32 i = (*next)++;
		bool is_control = needs[i].where < VMX_CONTROL_COUNT;
		u64 have = values[needs[i].where] >> (is_control ? 32 : 0);

		if (needs[i].name && needs[i].mask & ~have)
			return needs[i].name;
	}
	return NULL;
}

u32 vmx_choose_control(enum vmx_capability control, u64 value)
{
	u32 wanted = 0;

	for (u32 i = 0; i < ARRAY_SIZE(needs); i++) {
		if (needs[i].where == control)
			wanted |= (u32)needs[i].mask;
	}
	return (wanted | (u32)value) & (u32)(value >> 32);
}

bool vmx_has_itlb_multihit(u64 arch_capabilities)
{
	return !(arch_capabilities & ARCH_CAP_PSCHANGE_MC_NO);
}
