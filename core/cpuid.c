// SPDX-License-Identifier: BSD-2-Clause
#include "core/cpuid.h"

#include "core/backend.h"
#include "core/hypercall.h"
#include "lib/string.h"

#define LEAF_FEATURES          0x1
#define ECX_VMX                BIT(5)
#define ECX_OSXSAVE            BIT(27)
#define ECX_HYPERVISOR         BIT(31)
#define LEAF_EXTENDED_FEATURES 0x80000001
#define ECX_SVM                BIT(2)
#define LEAF_SVM               0x8000000a

static void answer(struct vcpu *vcpu, struct cpuid r)
{
	vcpu->gpr[GPR_RAX] = r.eax;
	vcpu->gpr[GPR_RBX] = r.ebx;
	vcpu->gpr[GPR_RCX] = r.ecx;
	vcpu->gpr[GPR_RDX] = r.edx;
}

static struct cpuid features(struct vcpu *vcpu, struct cpuid r)
{
	struct vcpu_state state;

	backend->read_state(vcpu, &state);
	r.ecx &= ~(u32)(ECX_VMX | ECX_OSXSAVE);
	r.ecx |= ECX_HYPERVISOR;
	if (state.cr4 & CR4_OSXSAVE)
		r.ecx |= ECX_OSXSAVE;
	return r;
}

static struct cpuid hypervisor(u32 leaf)
{
	struct cpuid r = {0, 0, 0, 0};

	if (leaf == HYPERVISOR_CPUID_BASE) {
		r.eax = HYPERVISOR_CPUID_BASE + 1;
		memcpy(&r.ebx, HYPERVISOR_SIGNATURE, 12); /* EBX, ECX, EDX in this order */
	} else if (leaf == HYPERVISOR_CPUID_BASE + 1) {
		r.eax = HYPERCALL_VERSION;
		r.ebx = backend->vmcall ? HYPERVISOR_VMCALL : HYPERVISOR_VMMCALL;
	}
	return r;
}

static bool is_ours(u32 leaf)
{
	return leaf >> 8 == HYPERVISOR_CPUID_BASE >> 8;
}

static __attribute__((noinline)) enum exit_result answer_amended(struct vcpu *vcpu, u32 leaf)
{
	struct cpuid r = cpuid(leaf, (u32)vcpu->gpr[GPR_RCX]);

	if (leaf == LEAF_FEATURES)
		r = features(vcpu, r);
	else if (leaf == LEAF_EXTENDED_FEATURES)
		r.ecx &= ~(u32)ECX_SVM;
	else if (leaf == LEAF_SVM)
		r = (struct cpuid){0, 0, 0, 0};
	else if (is_ours(leaf))
		r = hypervisor(leaf);
	answer(vcpu, r);
	return RESULT_ADVANCE;
}

enum exit_result cpuid_handle(struct vcpu *vcpu, struct exit *exit)
{
	u32 leaf = (u32)vcpu->gpr[GPR_RAX];

	(void)exit;
	if (leaf == LEAF_FEATURES || leaf == LEAF_EXTENDED_FEATURES || leaf == LEAF_SVM ||
	    is_ours(leaf))
		return answer_amended(vcpu, leaf);
	answer(vcpu, cpuid(leaf, (u32)vcpu->gpr[GPR_RCX]));
	return RESULT_ADVANCE;
}
