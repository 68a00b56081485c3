/* SPDX-License-Identifier: BSD-2-Clause */
/* Which VMX controls this CPU has, and which of them we run with: pure functions of the MSRs'
 * values. */
#ifndef VMX_CAPABILITY_H
#define VMX_CAPABILITY_H

#include "lib/types.h"

/* Values of the MSRs of the same names. A control's low half: must be 1; high half: may be 1. */
struct vmx_capability {
	u64 feature_control;
	u64 basic;
	u64 pin, proc, proc2, exit, entry;
	u64 ept_vpid;
};

struct vmx_controls {
	u32 pin, proc, proc2, exit, entry;
};

/* What the hypervisor cannot do without, by name, one a call: NULL when there is no more.
 * *next: 0 at first. */
const char *vmx_next_missing(const struct vmx_capability *capability, u32 *next);

/*
 * XSA-304: a guest that changes the size of a page it executes from can stop the machine, unless
 * large leaves are not executable. Later CPUs say that they have the erratum no more, in
 * IA32_ARCH_CAPABILITIES; 0 where the CPU has no such MSR.
 */
bool vmx_has_itlb_multihit(u64 arch_capabilities);

/* A control as the CPU accepts it: SDM volume 3, A.3.1. */
u32 vmx_adjust_control(u64 wanted, u64 capability);

/* What is needed, and of what is wanted for the guest's sake as much as there is. */
struct vmx_controls vmx_choose_controls(const struct vmx_capability *capability);

#endif
