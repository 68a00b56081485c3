// SPDX-License-Identifier: BSD-2-Clause
#include "core/cpuid.h"

#include "core/apic.h"
#include "core/backend.h"
#include "core/hypercall.h"
#include "lib/bytes.h"

#define LEAF_FEATURES          0x1
#define ECX_DEBUG_STORE        (BIT(2) | BIT(4)) /* core/msr.c says why not */
#define EDX_DEBUG_STORE        BIT(21)
#define EDX_MACHINE_CHECK      (BIT(7) | BIT(14)) /* its banks are the platform VM's */
#define ECX_VMX                BIT(5)
#define ECX_X2APIC             BIT(21)
#define ECX_OSXSAVE            BIT(27)
#define ECX_HYPERVISOR         BIT(31)
#define LEAF_POWER             0x6
#define EAX_FEEDBACK           (BIT(19) | BIT(23)) /* a table that hardware writes: core/msr.c */
#define LEAF_MORE_FEATURES     0x7
#define EBX_PROCESSOR_TRACE    BIT(25)
#define ECX_OSPKE              BIT(4)
#define EDX_USER_INTERRUPTS    BIT(5)
#define LEAF_PROCESSOR_TRACE   0x14
#define LEAF_MORE_MONITORING   0x23 /* PEBS among it */
#define LEAF_EXTENDED_FEATURES 0x80000001
#define ECX_SVM                BIT(2)
#define LEAF_SIZES             0x80000008
#define EBX_INVLPGB            BIT(3) /* reaches all CPUs; #UD in guests (APM volume 3) */
#define LEAF_SVM               0x8000000a
/* The low bytes of these. */
#define AMENDED_LEAVES \
	(BIT(0x1) | BIT(0x6) | BIT(0x7) | BIT(0x8) | BIT(0xa) | BIT(0x14) | BIT(0x23))

/* The upper halves of the registers are cleared (SDM volume 2), as if the guest had executed it. */
static void execute(u64 gpr[GPR_COUNT])
{
	__asm__ volatile("cpuid"
	                 : "=a"(gpr[GPR_RAX]), "=b"(gpr[GPR_RBX]), "=c"(gpr[GPR_RCX]),
	                   "=d"(gpr[GPR_RDX])
	                 : "a"(gpr[GPR_RAX]), "c"(gpr[GPR_RCX]));
}

static void answer(u64 gpr[GPR_COUNT], u32 eax, u32 ebx, u32 ecx, u32 edx)
{
	gpr[GPR_RAX] = eax;
	gpr[GPR_RBX] = ebx;
	gpr[GPR_RCX] = ecx;
	gpr[GPR_RDX] = edx;
}

static void amend_features(struct vcpu *vcpu)
{
	struct vcpu_state state;

	backend->read_state(vcpu, &state);
	vcpu->gpr[GPR_RCX] &= ~(ECX_VMX | ECX_OSXSAVE | ECX_DEBUG_STORE);
	vcpu->gpr[GPR_RDX] &= ~EDX_DEBUG_STORE;
	if (!vcpu->vm->platform)
		vcpu->gpr[GPR_RDX] &= ~EDX_MACHINE_CHECK;
	if (!apic_is_x2apic()) /* the guest cannot change the mode */
		vcpu->gpr[GPR_RCX] &= ~ECX_X2APIC;
	vcpu->gpr[GPR_RCX] |= ECX_HYPERVISOR;
	if (state.cr4 & CR4_OSXSAVE)
		vcpu->gpr[GPR_RCX] |= ECX_OSXSAVE;
}

static void amend_more_features(struct vcpu *vcpu)
{
	struct vcpu_state state;

	backend->read_state(vcpu, &state);
	vcpu->gpr[GPR_RBX] &= ~EBX_PROCESSOR_TRACE;
	vcpu->gpr[GPR_RCX] &= ~ECX_OSPKE;
	vcpu->gpr[GPR_RDX] &= ~EDX_USER_INTERRUPTS; /* SENDUIPI reaches any CPU (R22) */
	if (state.cr4 & CR4_PKE)
		vcpu->gpr[GPR_RCX] |= ECX_OSPKE;
}

static bool is_ours(u32 leaf)
{
	return leaf >> 8 == HYPERVISOR_CPUID_BASE >> 8;
}

__attribute__((noinline)) enum exit_result cpuid_amend(struct vcpu *vcpu, u32 leaf, u32 subleaf)
{
	static const char signature[] = HYPERVISOR_SIGNATURE;
	const u8 *name = (const u8 *)signature;
	u64 *gpr = vcpu->gpr;

	if (leaf == LEAF_FEATURES)
		amend_features(vcpu);
	else if (leaf == LEAF_MORE_FEATURES && !subleaf)
		amend_more_features(vcpu);
	else if (leaf == LEAF_POWER)
		gpr[GPR_RAX] &= ~EAX_FEEDBACK;
	else if (leaf == LEAF_SIZES)
		gpr[GPR_RBX] &= ~EBX_INVLPGB;
	else if (leaf == LEAF_EXTENDED_FEATURES)
		gpr[GPR_RCX] &= ~ECX_SVM;
	else if (leaf == HYPERVISOR_CPUID_BASE)
		answer(gpr, HYPERVISOR_CPUID_BASE + 1, get_u32(name), get_u32(name + 4),
		       get_u32(name + 8));
	else if (leaf == HYPERVISOR_CPUID_BASE + 1)
		answer(gpr, HYPERCALL_VERSION,
		       backend->vmcall ? HYPERVISOR_VMCALL : HYPERVISOR_VMMCALL, 0, 0);
	else if (leaf == LEAF_SVM || leaf == LEAF_PROCESSOR_TRACE || leaf == LEAF_MORE_MONITORING ||
	         is_ours(leaf))
		answer(gpr, 0, 0, 0, 0);
	return RESULT_ADVANCE;
}

enum exit_result cpuid_handle(struct vcpu *vcpu, struct exit *exit)
{
	u32 leaf = (u32)vcpu->gpr[GPR_RAX], subleaf = (u32)vcpu->gpr[GPR_RCX];
	u8 low = (u8)leaf;

	(void)exit;
	execute(vcpu->gpr);
	if ((low < 64 && AMENDED_LEAVES >> low & 1) || is_ours(leaf))
		return cpuid_amend(vcpu, leaf, subleaf);
	return RESULT_ADVANCE;
}
