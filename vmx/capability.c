// SPDX-License-Identifier: BSD-2-Clause
#include "vmx/capability.h"

#include "vmx/reg.h"

/* Found by reading this MSR's value: all bits of the mask are there. */
struct need {
	const char *name;
	size_t offset;
	u64 mask;
};

#define NEED(name, member, mask)                                    \
	{                                                           \
		name, offsetof(struct vmx_capability, member), mask \
	}
#define CONTROL(name, member, mask) NEED(name, member, (mask) << 32) /* it may be 1 */

static const struct need needs[] = {
	NEED("vmx-enabled-by-firmware", feature_control,
             FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON),
	NEED("write-back-vmcs", basic, FIELD_PUT(VMX_BASIC_MEMORY_TYPE, 6)),
	NEED("true-controls", basic, VMX_BASIC_TRUE_CONTROLS),
	CONTROL("nmi-exiting", pin, PIN_NMI_EXITING),
	CONTROL("virtual-nmis", pin, PIN_VIRTUAL_NMIS),
	CONTROL("nmi-window-exiting", proc, PROC_NMI_WINDOW),
	CONTROL("io-bitmaps", proc, PROC_IO_BITMAPS),
	CONTROL("msr-bitmaps", proc, PROC_MSR_BITMAPS),
	CONTROL("secondary-controls", proc, PROC_SECONDARY),
	CONTROL("ept", proc2, PROC2_EPT),
	CONTROL("vpid", proc2, PROC2_VPID),
	CONTROL("wbinvd-exiting", proc2, PROC2_WBINVD_EXITING),
	CONTROL("unrestricted-guest", proc2, PROC2_UNRESTRICTED_GUEST),
	CONTROL("exit-save-debug-controls", exit, VMEXIT_SAVE_DEBUG),
	CONTROL("exit-64-bit-host", exit, VMEXIT_HOST_64),
	CONTROL("exit-load-pat", exit, VMEXIT_LOAD_PAT),
	CONTROL("exit-save-efer", exit, VMEXIT_SAVE_EFER),
	CONTROL("exit-load-efer", exit, VMEXIT_LOAD_EFER),
	CONTROL("entry-load-debug-controls", entry, VMENTRY_LOAD_DEBUG),
	CONTROL("entry-64-bit-guest", entry, VMENTRY_IA32E),
	CONTROL("entry-load-pat", entry, VMENTRY_LOAD_PAT),
	CONTROL("entry-load-efer", entry, VMENTRY_LOAD_EFER),
	NEED("ept-4-levels", ept_vpid, EPT_CAP_WALK_4),
	NEED("ept-write-back", ept_vpid, EPT_CAP_WB),
	NEED("invept-single-context", ept_vpid, EPT_CAP_INVEPT | EPT_CAP_INVEPT_CONTEXT),
	NEED("invvpid-single-context", ept_vpid, EPT_CAP_INVVPID | EPT_CAP_INVVPID_CONTEXT),
};

const char *vmx_next_missing(const struct vmx_capability *capability, u32 *next)
{
	while (*next < ARRAY_SIZE(needs)) {
		const struct need *need = &needs[(*next)++];
		u64 value = *(const u64 *)((const u8 *)capability + need->offset);

		if ((value & need->mask) != need->mask)
			return need->name;
	}
	return NULL;
}

bool vmx_has_itlb_multihit(u64 arch_capabilities)
{
	return !(arch_capabilities & ARCH_CAP_PSCHANGE_MC_NO);
}

u32 vmx_adjust_control(u64 wanted, u64 capability)
{
	return ((u32)wanted | (u32)capability) & (u32)(capability >> 32);
}

struct vmx_controls vmx_choose_controls(const struct vmx_capability *capability)
{
	/* The second line of proc2 gives the guest instructions that CPUID promises it. */
	return (struct vmx_controls){
		.pin = vmx_adjust_control(PIN_NMI_EXITING | PIN_VIRTUAL_NMIS, capability->pin),
		.proc = vmx_adjust_control(PROC_IO_BITMAPS | PROC_MSR_BITMAPS | PROC_SECONDARY,
	                                   capability->proc),
		.proc2 = vmx_adjust_control(PROC2_EPT | PROC2_VPID | PROC2_WBINVD_EXITING |
	                                            PROC2_UNRESTRICTED_GUEST | PROC2_RDTSCP |
	                                            PROC2_INVPCID | PROC2_XSAVES | PROC2_USER_WAIT,
	                                    capability->proc2),
		.exit = vmx_adjust_control(VMEXIT_SAVE_DEBUG | VMEXIT_HOST_64 | VMEXIT_LOAD_PAT |
	                                           VMEXIT_SAVE_EFER | VMEXIT_LOAD_EFER,
	                                   capability->exit),
		.entry = vmx_adjust_control(VMENTRY_LOAD_DEBUG | VMENTRY_LOAD_PAT |
	                                            VMENTRY_LOAD_EFER,
	                                    capability->entry),
	};
}
