/* SPDX-License-Identifier: BSD-2-Clause */
/* Which VMX controls this CPU has, and which of them we run with: pure functions of the MSRs'
 * values. */
#ifndef VMX_CAPABILITY_H
#define VMX_CAPABILITY_H

#include "lib/types.h"

/* The MSRs that tell what a CPU has. Those of the controls come first; low half: must be 1; high
 * half: may be 1. */
enum vmx_capability {
	VMX_PIN,
	VMX_PROC,
	VMX_PROC2,
	VMX_EXIT,
	VMX_ENTRY,
	VMX_CONTROL_COUNT,
	VMX_FEATURE_CONTROL = VMX_CONTROL_COUNT,
	VMX_BASIC,
	VMX_EPT_VPID,
	VMX_CAPABILITY_COUNT
};
extern const u32 vmx_capability_msrs[VMX_CAPABILITY_COUNT];

/* What the hypervisor cannot do without, by name, one a call: NULL when there is no more. values:
 * of these MSRs, 0 for one that the CPU does not have. *next: 0 at first. */
const char *vmx_next_missing(const u64 values[VMX_CAPABILITY_COUNT], u32 *next);

/* The bits of a control that are needed or wanted, as the CPU with this value of its MSR accepts
 * them: SDM volume 3, A.3.1. */
u32 vmx_choose_control(enum vmx_capability control, u64 value);

/*
 * XSA-304: a guest that changes the size of a page it executes from can stop the machine, unless
 * large leaves are not executable. Later CPUs say that they have the erratum no more, in
 * IA32_ARCH_CAPABILITIES; 0 where the CPU has no such MSR.
 */
bool vmx_has_itlb_multihit(u64 arch_capabilities);

#endif
