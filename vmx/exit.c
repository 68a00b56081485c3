// SPDX-License-Identifier: BSD-2-Clause
/* From an exit reason to a struct exit, and on from there. vmx_exit is the hot path: each VMREAD
 * counts. */
#include "core/exit.h"

#include "core/log.h"
#include "vmx/vmcs.h"

/* Exits that their number describes. All are instructions, and hardware gives their length. What a
 * guest does not have is #UD, SDM volume 3, 26.1.2. */
static const u8 instruction_kinds[REASON_COUNT] = {
	[REASON_CPUID] = EXIT_CPUID,        [REASON_GETSEC] = EXIT_UNDEFINED,
	[REASON_VMCALL] = EXIT_HYPERCALL,   [REASON_VMCLEAR] = EXIT_UNDEFINED,
	[REASON_VMLAUNCH] = EXIT_UNDEFINED, [REASON_VMPTRLD] = EXIT_UNDEFINED,
	[REASON_VMPTRST] = EXIT_UNDEFINED,  [REASON_VMREAD] = EXIT_UNDEFINED,
	[REASON_VMRESUME] = EXIT_UNDEFINED, [REASON_VMWRITE] = EXIT_UNDEFINED,
	[REASON_VMXOFF] = EXIT_UNDEFINED,   [REASON_VMXON] = EXIT_UNDEFINED,
	[REASON_RDMSR] = EXIT_MSR_READ,     [REASON_WRMSR] = EXIT_MSR_WRITE,
	[REASON_INVEPT] = EXIT_UNDEFINED,   [REASON_INVVPID] = EXIT_UNDEFINED,
	[REASON_XSETBV] = EXIT_XSETBV,
};

static inline enum exit_kind instruction_kind(u64 reason)
{
	return reason < REASON_COUNT ? instruction_kinds[reason] : EXIT_UNKNOWN;
}

/* A trap that the CPU would have taken after this instruction (R14; table 25-4). */
static __attribute__((noinline)) void single_step(void)
{
	if (!(vmcs_read(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmcs_write(VMCS_GUEST_PENDING_DEBUG,
		           vmcs_read(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

static inline void advance(u64 rip, u64 length)
{
	u64 blocking = vmcs_read(VMCS_GUEST_BLOCKING);

	vmcs_write(VMCS_GUEST_RIP, rip + length);
	if (blocking & (BLOCKING_STI | BLOCKING_MOV_SS))
		vmcs_write(VMCS_GUEST_BLOCKING, blocking & ~(BLOCKING_STI | BLOCKING_MOV_SS));
	if (vmcs_read(VMCS_GUEST_RFLAGS) & RFLAGS_TF)
		single_step();
}

static void decode_cr_access(const struct vcpu *vcpu, struct exit *exit)
{
	u64 value = vcpu->gpr[FIELD_GET(QUAL_CR_GPR, exit->qualification)];

	if (exit->qualification & (QUAL_CR_ACCESS | QUAL_CR_NUMBER))
		return;
	exit->kind = EXIT_CR0_WRITE;
	exit->cr0 = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, SEG_CS)) & AR_L ? value : (u32)value;
}

static void decode_io(struct exit *exit)
{
	exit->kind = EXIT_IO;
	exit->io.port = (u16)FIELD_GET(QUAL_IO_PORT, exit->qualification);
	exit->io.size = (u8)FIELD_GET(QUAL_IO_SIZE, exit->qualification) + 1;
	exit->io.in = exit->qualification & QUAL_IO_IN;
	exit->io.string = exit->qualification & QUAL_IO_STRING;
}

static void decode_ept_violation(struct exit *exit)
{
	exit->kind = EXIT_NESTED_FAULT;
	exit->fault.gpa = vmcs_read(VMCS_GUEST_PHYSICAL);
	exit->fault.write = exit->qualification & QUAL_EPT_WRITE;
	exit->fault.fetch = exit->qualification & QUAL_EPT_FETCH;
	if (exit->qualification & QUAL_EPT_IRET_NMI &&
	    !(vmcs_read(VMCS_VECTORING_EVENT) & EVENT_VALID))
		vmcs_write(VMCS_GUEST_BLOCKING, vmcs_read(VMCS_GUEST_BLOCKING) | BLOCKING_NMI);
}

static void decode(struct vcpu *vcpu, struct exit *exit)
{
	switch (exit->reason) {
	case REASON_INVD:
		exit->kind = EXIT_INVD;
		vcpu->wbinvd.rip = vmcs_read(VMCS_GUEST_RIP);
		break;
	case REASON_TRIPLE_FAULT:
		exit->kind = EXIT_SHUTDOWN;
		break;
	case REASON_CR_ACCESS:
		decode_cr_access(vcpu, exit);
		break;
	case REASON_IO:
		decode_io(exit);
		break;
	case REASON_EPT_VIOLATION:
		decode_ept_violation(exit);
		break;
	}
}

/* The guest tried to set CR4.VMXE, the one bit whose change exits: VMX is hidden from it. */
static bool is_cr4_write(const struct exit *exit)
{
	return exit->reason == REASON_CR_ACCESS &&
	       FIELD_GET(QUAL_CR_NUMBER, exit->qualification) == 4;
}

static bool is_fetch_fault(const struct exit *exit)
{
	return exit->reason == REASON_EPT_VIOLATION && exit->qualification & QUAL_EPT_FETCH;
}

/* What concerns nobody but this room. False: it was something else. */
static bool handle_event(struct vcpu *vcpu, const struct exit *exit)
{
	if (exit->reason == REASON_EXCEPTION_NMI) { /* no exceptions: VMCS_EXCEPTIONS is 0 */
		vcpu->cpu->nmis++;
		vmx_unblock_nmis();
	} else if (exit->reason == REASON_NMI_WINDOW) {
		vmx_nmi_window();
	} else if (is_cr4_write(exit)) {
		vmx_inject(vcpu, VECTOR_GP, 0);
	} else if (!is_fetch_fault(exit) ||
	           !vmx_allow_fetch(vcpu, vmcs_read(VMCS_GUEST_PHYSICAL))) {
		return false;
	}
	vcpu->vm->counters.exits++;
	return true;
}

static enum exit_result serve(struct vcpu *vcpu, struct exit *exit)
{
	enum exit_result result;

	if (exit->reason & REASON_ENTRY_FAILED) {
		log_line("error vm=%s vm-entry=failed reason=%llu qualification=0x%lx group=%s",
		         vcpu->vm->name, exit->reason & REASON_BASIC, exit->qualification,
		         vmx_faulty_guest_state());
		return exit_kill(vcpu, exit, "vm-entry-failed");
	}
	if (handle_event(vcpu, exit))
		return RESULT_RETRY;
	decode(vcpu, exit);
	result = exit_handle(vcpu, exit);
	vmcs_write(VMCS_GUEST_RSP, vcpu->gpr[GPR_RSP]); /* it may be an operand */
	if (result == RESULT_RETRY)
		vmx_redeliver();
	if (result == RESULT_ADVANCE && exit->length) {
		/* An EPT violation: the handler has decoded the instruction, hardware has not. */
		advance(vmcs_read(VMCS_GUEST_RIP), exit->length);
		return RESULT_RETRY;
	}
	return result;
}

static enum exit_result handle_other(struct vcpu *vcpu, struct exit *exit)
{
	enum exit_result result;

	exit->length = 0;
	exit->qualification = vmcs_read(VMCS_QUALIFICATION);
	vcpu->gpr[GPR_RSP] = vmcs_read(VMCS_GUEST_RSP);
	result = serve(vcpu, exit);
	/* Those that came while the hypervisor ran wait for an exit off the hot path. */
	if (vcpu->cpu->nmis && vcpu->vm->platform)
		vmx_inject(vcpu, VECTOR_NMI, VECTOR_NO_ERROR_CODE);
	vcpu->cpu->nmis = 0;
	return result;
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
		result = exit_handle(vcpu, &exit);
	} else {
		exit.kind = instruction_kind(exit.reason);
		result = exit.kind ? exit_handle(vcpu, &exit) : handle_other(vcpu, &exit);
	}
	if (result == RESULT_ADVANCE)
		advance(rip, vmcs_read(VMCS_EXIT_LENGTH));
	return result != RESULT_STOP;
}

void vmx_entry_refused(struct vcpu *vcpu)
{
	struct exit exit = {.kind = EXIT_UNKNOWN};

	vmx_log_instruction_error(vcpu);
	(void)exit_kill(vcpu, &exit, "vm-entry-refused");
}
