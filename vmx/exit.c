// SPDX-License-Identifier: BSD-2-Clause
/* From an exit reason to a struct exit, and on from there. vmx_exit is the hot path: each VMREAD
 * counts. */
#include "core/exit.h"
#include "core/vcpu.h"

#include "vmx/vmcs.h"

/* Exits that their number describes. All are instructions, and hardware gives their length. What a
 * guest does not have is #UD, SDM volume 3, 26.1.2. */
static const u8 instruction_kinds[REASON_COUNT] = {
	[REASON_CPUID] = EXIT_CPUID,      [REASON_GETSEC] = EXIT_UNDEFINED,
	[REASON_VMCALL] = EXIT_HYPERCALL, [REASON_VMCLEAR... REASON_VMXON] = EXIT_UNDEFINED,
	[REASON_RDMSR] = EXIT_MSR_READ,   [REASON_WRMSR] = EXIT_MSR_WRITE,
	[REASON_INVEPT] = EXIT_UNDEFINED, [REASON_INVVPID] = EXIT_UNDEFINED,
	[REASON_XSETBV] = EXIT_XSETBV,
};

static inline void advance(u64 rip, u64 length)
{
	u64 blocking = vmcs_read(VMCS_GUEST_BLOCKING), next = rip + length;

	/* Only 64-bit code goes on beyond 4 GiB; other code goes round. */
	if ((rip ^ next) >> 32 && !vmx_is_code_64())
		next = (u32)next;
	vmcs_write(VMCS_GUEST_RIP, next);
	if (blocking & (BLOCKING_STI | BLOCKING_MOV_SS))
		vmcs_write(VMCS_GUEST_BLOCKING, blocking & ~(BLOCKING_STI | BLOCKING_MOV_SS));
	/* A trap that the CPU would have taken after this instruction (R14; table 25-4). */
	if (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF &&
	    !(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmcs_set_bits(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
}

/* Of CR4 VMXE and UINTR exit, when the guest tries to set what is hidden from it. */
static bool decode_cr_access(struct vcpu *vcpu, struct exit *exit)
{
	if (FIELD_GET(QUAL_CR_NUMBER, exit->qualification) == 4) {
		vmx_inject(vcpu, VECTOR_GP, 0);
		return false;
	}
	exit->kind = EXIT_CR0_WRITE;
	exit->cr0 = vcpu->gpr[FIELD_GET(QUAL_CR_GPR, exit->qualification)];
	return true;
}

static void decode_io(struct exit *exit)
{
	exit->kind = EXIT_IO;
	exit->io.port = (u16)FIELD_GET(QUAL_IO_PORT, exit->qualification);
	exit->io.size = (u8)FIELD_GET(QUAL_IO_SIZE, exit->qualification) + 1;
	exit->io.in = exit->qualification & QUAL_IO_IN;
	exit->io.string = exit->qualification & QUAL_IO_STRING;
}

static bool decode_ept_violation(struct vcpu *vcpu, struct exit *exit)
{
	exit->kind = EXIT_NESTED_FAULT;
	exit->fault.gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
	exit->fault.write = exit->qualification & QUAL_EPT_WRITE;
	exit->fault.fetch = exit->qualification & QUAL_EPT_FETCH;
	if (exit->qualification & QUAL_EPT_IRET_NMI &&
	    !(vmcs_read(VMCS_VECTORING_EVENT) & EVENT_VALID))
		vmcs_set_bits(VMCS_GUEST_BLOCKING, BLOCKING_NMI);
	return !exit->fault.fetch || !vmx_allow_fetch(vcpu, exit->fault.gpa);
}

/* False: it concerned nobody but this room, and is done. */
static bool decode(struct vcpu *vcpu, struct exit *exit)
{
	switch (exit->reason) {
	case REASON_EXCEPTION_NMI: /* no exceptions: their bitmap is 0 */
		/* NMIs are blocked now (28.5.5): the hypervisor's handler takes this one, and its
		 * IRET unblocks them. */
		__asm__ volatile("int %0" : : "i"(VECTOR_NMI) : "cc", "memory");
		return false;
	case REASON_NMI_WINDOW:
		vmcs_clear_bits(VMCS_PROC, PROC_NMI_WINDOW);
		vmx_inject(vcpu, VECTOR_NMI, VECTOR_NO_ERROR_CODE);
		return false;
	case REASON_INVD:
		exit->kind = EXIT_INVD;
		vcpu->wbinvd.rip = vmcs_read(VMCS_GUEST_RIP);
		return true;
	case REASON_TRIPLE_FAULT:
		exit->kind = EXIT_SHUTDOWN;
		return true;
	case REASON_CR_ACCESS:
		return decode_cr_access(vcpu, exit);
	case REASON_IO:
		decode_io(exit);
		return true;
	case REASON_EPT_VIOLATION:
		return decode_ept_violation(vcpu, exit);
	}
	return true;
}

static enum exit_result serve(struct vcpu *vcpu, struct exit *exit)
{
	if (exit->reason & REASON_ENTRY_FAILED)
		return vmx_entry_failed(vcpu, exit);
	if (decode(vcpu, exit))
		return exit_handle(vcpu, exit);
	vcpu->counters.exits++;
	return RESULT_RETRY;
}

static __attribute__((noinline)) bool exit_slow(struct vcpu *vcpu, struct exit *exit)
{
	enum exit_result result;

	exit->qualification = vmcs_read(VMCS_QUALIFICATION);
	/* Of an EPT violation the handler will find it, having decoded the instruction. */
	exit->length = (u8)vmcs_read(VMCS_EXIT_LENGTH);
	vcpu->gpr[GPR_RSP] = vmcs_read(VMCS_GUEST_RSP); /* it may be an operand */
	result = serve(vcpu, exit);
	vmcs_write(VMCS_GUEST_RSP, vcpu->gpr[GPR_RSP]);
	if (result == RESULT_ADVANCE)
		advance(vmcs_read(VMCS_GUEST_RIP), exit->length);
	else
		vmx_redeliver();
	vcpu_pass_nmi(vcpu);
	return result != RESULT_STOP;
}

bool vmx_exit(struct vcpu *vcpu)
{
	u64 rip = vmcs_read(VMCS_GUEST_RIP);
	struct exit exit;
	enum exit_result result;

	exit.reason = vmcs_read(VMCS_EXIT_REASON);
	if (exit.reason == REASON_WBINVD) {
		exit.kind = EXIT_WBINVD;
		vcpu->wbinvd.rip = rip;
	} else if (exit.reason >= REASON_COUNT || !instruction_kinds[exit.reason]) {
		exit.kind = EXIT_UNKNOWN;
		return exit_slow(vcpu, &exit);
	} else {
		exit.kind = instruction_kinds[exit.reason];
	}
	result = exit_handle(vcpu, &exit);
	if (result != RESULT_ADVANCE)
		return result == RESULT_RETRY;
	advance(rip, vmcs_read(VMCS_EXIT_LENGTH));
	return true;
}
