// SPDX-License-Identifier: BSD-2-Clause
/* Exits: decode, advance, inject. */
#include "core/guest_memory.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/vcpu.h"
#include "lib/insn.h"
#include "svm/svm.h"

/* Opcodes (APM volume 3, appendix A) */
#define OPCODE_ESCAPE  0x0f
#define OPCODE_GROUP_7 0x01 /* a third byte follows */
#define OPCODE_WBINVD  0x09

void svm_read_state(const struct vcpu *vcpu, struct vcpu_state *s)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);
	bool wide = (vmcb->efer & EFER_LMA) && (vmcb->cs.attributes & SEGMENT_L);

	s->rip = vmcb->rip;
	s->rsp = vmcb->rsp;
	s->rflags = vmcb->rflags;
	s->cr0 = vmcb->cr0;
	s->cr3 = vmcb->cr3;
	s->cr4 = vmcb->cr4;
	s->efer = vmcb->efer;
	s->cs_base = vmcb->cs.base;
	s->code_bits = wide ? 64 : vmcb->cs.attributes & SEGMENT_D ? 32 : 16;
	s->cpl = vmcb->cpl;
}

void svm_inject(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 event = EVENT_VALID | FIELD_PUT(EVENT_VECTOR, vector) |
	            FIELD_PUT(EVENT_TYPE, vector == VECTOR_NMI ? EVENT_NMI : EVENT_EXCEPTION);

	if (vector == VECTOR_NMI && (vmcb->event_injection & EVENT_VALID)) {
		/* One event an entry: a kick brings it back, right after the other one. */
		vcpu->cpu->nmi = true;
		mailbox_kick(vcpu->cpu);
		return;
	}
	if (error_code != VECTOR_NO_ERROR_CODE)
		event |= EVENT_ERROR_VALID | FIELD_PUT(EVENT_ERROR, error_code);
	vmcb->event_injection = event;
}

void svm_invalidate(struct vcpu *vcpu)
{
	svm_vmcb(vcpu)->tlb_control = TLB_FLUSH_ALL;
}

/* MOV to CR0 as the CPU would have done it: long mode becomes active and inactive with paging (SDM
 * volume 3, 9.8.5). While the guest sees cache bits that the CPU does not have, all reads and
 * writes of CR0 exit. */
void svm_write_cr0(struct vcpu *vcpu, u64 value)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u16 intercept = vcpu->cr0_cache_bits ? INTERCEPT_CR0 : 0;

	if (!(value & CR0_PG))
		vmcb->efer &= ~EFER_LMA;
	else if (vmcb->efer & EFER_LME)
		vmcb->efer |= EFER_LMA;
	vmcb->cr0 = value | CR0_ET;
	vmcb->cr_reads = intercept;
	vmcb->cr_writes = intercept;
	svm_invalidate(vcpu);
}

/* Write-combining is left to UC: over device memory it would win against the nested tables' UC
 * (15.25.8), and over RAM both go past the caches. */
static u64 without_write_combining(u64 pat)
{
	for (u32 shift = 0; shift < 64; shift += 8) {
		if ((pat >> shift & 0xff) == 1)
			pat &= ~(0xffull << shift);
	}
	return pat;
}

/* R16: the guest's effective PAT is all there is to it. */
void svm_refresh(struct vcpu *vcpu)
{
	const u64 pats[] = {
		[VM_MEMORY_WB] = PAT_WB,
		[VM_MEMORY_GUEST] = without_write_combining(vcpu->pat),
		[VM_MEMORY_UC] = PAT_UC,
	};

	svm_vmcb(vcpu)->pat = pats[vcpu->vm->memory_type];
	svm_invalidate(vcpu);
}

/* No leaf has a type of its own. */
void svm_retype_ram(struct vm *vm)
{
	(void)vm;
}

void svm_dump(const struct vcpu *vcpu)
{
	const struct vmcb *v = svm_vmcb(vcpu);

	log_line("dump vm=%s exit-code=0x%lx info1=0x%lx info2=0x%lx interrupt-info=0x%lx",
	         vcpu->vm->name, v->exit_code, v->exit_info1, v->exit_info2,
	         v->exit_interrupt_info);
	log_line("dump vm=%s event-injection=0x%lx cr2=0x%lx pat=0x%lx nested-cr3=0x%lx",
	         vcpu->vm->name, v->event_injection, v->cr2, v->pat, v->nested_cr3);
}

/* R14: RIP by the true length; the shadow of STI and MOV SS ends; a single step that was due is
 * delivered. */
static void advance(struct vcpu *vcpu, u8 length)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 rip = vmcb->rip + length;

	if (!(vmcb->cs.attributes & SEGMENT_L))
		rip = (u32)rip;
	vmcb->rip = rip;
	vmcb->interrupt_shadow = 0;
	if (vmcb->rflags & RFLAGS_TF) {
		vmcb->dr6 |= DR6_BS;
		svm_inject(vcpu, VECTOR_DB, VECTOR_NO_ERROR_CODE);
	}
}

/* The second byte of a plain two-byte instruction (0F xx) in 64-bit code, or 0: what nearly every
 * trapped instruction is, told without the decoder. */
static inline u8 plain_opcode(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 rip = vmcb->rip, gpa;
	const u8 *code;

	if (!(vmcb->cs.attributes & SEGMENT_L) || (rip & (PAGE_SIZE - 1)) == PAGE_SIZE - 1 ||
	    !guest_walk(vcpu, vmcb->cr3, rip, vmcb->cr4 & CR4_LA57 ? 5 : 4, &gpa))
		return 0;
	code = vm_page(vcpu, gpa);
	return code && code[0] == OPCODE_ESCAPE && code[1] != OPCODE_GROUP_7 ? code[1] : 0;
}

/* WBINVD and INVD exits look alike in some implementations, so that the instruction itself decides.
 */
static enum exit_kind decode_flush(struct vcpu *vcpu, struct exit *exit)
{
	struct insn insn;

	vcpu->wbinvd.rip = svm_vmcb(vcpu)->rip;
	if (!guest_decode(vcpu, &insn))
		return EXIT_UNKNOWN;
	exit->length = insn.length;
	return insn.kind == INSN_INVD ? EXIT_INVD : EXIT_WBINVD;
}

static enum exit_kind decode_io(const struct vmcb *vmcb, struct exit *exit)
{
	exit->io.port = (u16)FIELD_GET(IO_PORT, vmcb->exit_info1);
	exit->io.size = (u8)FIELD_GET(IO_SIZE, vmcb->exit_info1);
	exit->io.in = vmcb->exit_info1 & IO_IN;
	exit->io.string = vmcb->exit_info1 & IO_STRING;
	exit->length = (u8)(vmcb->exit_info2 - vmcb->rip);
	return EXIT_IO;
}

static enum exit_kind decode_cr0(struct vcpu *vcpu, struct exit *exit)
{
	u64 cr0 = svm_vmcb(vcpu)->cr0 | vcpu->cr0_cache_bits, operand;
	struct insn insn;

	if (!guest_decode(vcpu, &insn))
		return EXIT_UNKNOWN;
	exit->length = insn.length;
	operand = vcpu->gpr[insn.rm];
	switch (insn.kind) {
	case INSN_CLTS:
		exit->cr0 = cr0 & ~CR0_TS;
		return EXIT_CR0_WRITE;
	case INSN_MOV_TO_CR:
		exit->cr0 = operand;
		return EXIT_CR0_WRITE;
	case INSN_LMSW: /* cannot clear PE */
		exit->cr0 = (cr0 & ~0xeull) | (operand & 0xf);
		return insn.rm_is_register ? EXIT_CR0_WRITE : EXIT_UNKNOWN;
	case INSN_MOV_FROM_CR:
	case INSN_SMSW:
		exit->gpr = insn.rm;
		return insn.rm_is_register ? EXIT_CR0_READ : EXIT_UNKNOWN;
	default:
		return EXIT_UNKNOWN;
	}
}

static enum exit_kind decode_nested_fault(const struct vmcb *vmcb, struct exit *exit)
{
	exit->fault.gpa = vmcb->exit_info2;
	exit->fault.write = vmcb->exit_info1 & NPF_WRITE;
	exit->fault.fetch = vmcb->exit_info1 & NPF_FETCH;
	return EXIT_NESTED_FAULT;
}

/* Exits that carry nothing but themselves. */
static const u8 plain_kinds[] = {
	[SVM_EXIT_CPUID] = EXIT_CPUID,       [SVM_EXIT_XSETBV] = EXIT_XSETBV,
	[SVM_EXIT_VMMCALL] = EXIT_HYPERCALL, [SVM_EXIT_SHUTDOWN] = EXIT_SHUTDOWN,
	[SVM_EXIT_VMRUN] = EXIT_UNDEFINED,   [SVM_EXIT_VMLOAD] = EXIT_UNDEFINED,
	[SVM_EXIT_VMSAVE] = EXIT_UNDEFINED,  [SVM_EXIT_STGI] = EXIT_UNDEFINED,
	[SVM_EXIT_CLGI] = EXIT_UNDEFINED,    [SVM_EXIT_SKINIT] = EXIT_UNDEFINED,
	[SVM_EXIT_INVLPGA] = EXIT_UNDEFINED,
};

static enum exit_kind classify(struct vcpu *vcpu, struct exit *exit)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);

	switch (vmcb->exit_code) {
	case SVM_EXIT_WBINVD:
	case SVM_EXIT_INVD:
		return decode_flush(vcpu, exit);
	case SVM_EXIT_IO:
		return decode_io(vmcb, exit);
	case SVM_EXIT_CR0_SEL_WRITE:
	case SVM_EXIT_WRITE_CR0:
	case SVM_EXIT_READ_CR0:
		return decode_cr0(vcpu, exit);
	case SVM_EXIT_MSR:
		return vmcb->exit_info1 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
	case SVM_EXIT_NPF:
		return decode_nested_fault(vmcb, exit);
	}
	return vmcb->exit_code < ARRAY_SIZE(plain_kinds) ? plain_kinds[vmcb->exit_code]
	                                                 : EXIT_UNKNOWN;
}

static bool efer_is_valid(u64 value, const struct vmcb *vmcb)
{
	u64 writable = svm_efer_bits(cpuid(0x80000001, 0).ecx, cpuid(0x80000021, 0).eax);
	bool switches = (value ^ vmcb->efer) & EFER_LME;

	/* LME may not change while paging is on. */
	return !(value & ~(writable | EFER_LMA)) && !(switches && vmcb->cr0 & CR0_PG);
}

/* EFER without SVME, which VMRUN needs set and the guest does not have. */
static enum exit_result handle_efer(struct vcpu *vcpu, enum exit_kind kind)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	u64 value = vcpu_edx_eax(vcpu);

	if (kind == EXIT_MSR_READ) {
		vcpu_set_edx_eax(vcpu, vmcb->efer & ~EFER_SVME);
		return RESULT_ADVANCE;
	}
	if (!efer_is_valid(value, vmcb))
		return exit_inject(vcpu, VECTOR_GP, 0);
	vmcb->efer = (value & ~EFER_LMA) | (vmcb->efer & EFER_LMA) | EFER_SVME;
	svm_invalidate(vcpu);
	return RESULT_ADVANCE;
}

static enum exit_result handle(struct vcpu *vcpu, struct exit *exit)
{
	if (exit->reason == SVM_EXIT_NMI) {
		svm_take_nmi(); /* it is still pending */
		return RESULT_RETRY;
	}
	exit->kind = classify(vcpu, exit);
	if (exit->reason == SVM_EXIT_MSR && (u32)vcpu->gpr[GPR_RCX] == MSR_EFER)
		return handle_efer(vcpu, exit->kind);
	return exit_handle(vcpu, exit);
}

/* The length of an instruction, which hardware need not tell (15.7.1); 0 if it cannot be read. */
static u8 find_length(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = svm_vmcb(vcpu);
	struct insn insn;

	if (vmcb->next_rip)
		return (u8)(vmcb->next_rip - vmcb->rip);
	if (plain_opcode(vcpu))
		return 2;
	return guest_decode(vcpu, &insn) ? insn.length : 0;
}

/* An event that was being delivered when the exit came is delivered again (15.7.2). */
static void redeliver(struct vmcb *vmcb)
{
	if ((vmcb->exit_interrupt_info & EVENT_VALID) && !(vmcb->event_injection & EVENT_VALID))
		vmcb->event_injection = vmcb->exit_interrupt_info;
}

static __attribute__((noinline)) bool exit_slow(struct vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	struct exit exit = {.reason = vmcb->exit_code, .qualification = vmcb->exit_info1};
	enum exit_result result;

	vcpu->gpr[GPR_RAX] = vmcb->rax;
	vcpu->gpr[GPR_RSP] = vmcb->rsp;
	result = handle(vcpu, &exit);
	if (result == RESULT_ADVANCE) {
		u8 length = exit.length ? exit.length : find_length(vcpu);

		if (length)
			advance(vcpu, length);
		else
			result = exit_kill(vcpu, &exit, "instruction-unreadable");
	}
	redeliver(vmcb);
	vcpu_pass_nmi(vcpu);
	vmcb->rax = vcpu->gpr[GPR_RAX];
	vmcb->rsp = vcpu->gpr[GPR_RSP];
	return result != RESULT_STOP;
}

/* The hot path is a plain WBINVD: its handler touches no register of the guest, and always
 * advances. */
bool svm_exit(struct vcpu *vcpu)
{
	struct vmcb *vmcb = svm_vmcb(vcpu);
	struct exit exit;

	vmcb->event_injection = 0;
	vmcb->tlb_control = TLB_KEEP;
	if (vmcb->exit_code != SVM_EXIT_WBINVD || plain_opcode(vcpu) != OPCODE_WBINVD)
		return exit_slow(vcpu);
	vcpu->wbinvd.rip = vmcb->rip;
	exit.kind = EXIT_WBINVD;
	exit_handle(vcpu, &exit);
	advance(vcpu, 2);
	return true;
}
