/* SPDX-License-Identifier: BSD-2-Clause */
/* VM exits: what a backend decodes an exit into, and the one table of handlers (house rule 9). */
#ifndef CORE_EXIT_H
#define CORE_EXIT_H

#include "core/vm.h"
#include "lib/string.h"

enum exit_kind {
	EXIT_UNKNOWN, /* no handler: dump, and the VM is killed */
	EXIT_WBINVD,  /* WBINVD and WBNOINVD, any prefix */
	EXIT_INVD,
	EXIT_CPUID,
	EXIT_XSETBV,
	EXIT_HYPERCALL,
	EXIT_MSR_READ,
	EXIT_MSR_WRITE,
	EXIT_IO,
	EXIT_CR0_WRITE, /* exit->cr0 is the value the guest wants */
	EXIT_CR0_READ,  /* SVM, while the guest sees other cache bits than the CPU has */
	EXIT_NESTED_FAULT,
	EXIT_UNDEFINED, /* an instruction that this guest does not have: #UD */
	EXIT_SHUTDOWN,  /* triple fault */
	EXIT_COUNT
};

struct exit {
	enum exit_kind kind;
	u64 reason;        /* the vendor's number, for the dump */
	u64 qualification; /* VMX qualification or SVM EXITINFO1, for the dump */
	u8 length; /* of the instruction, where the backend or the handler knows it; else 0 */
	union {
		struct {
			u16 port;
			u8 size; /* bytes */
			bool in;
			bool string;
		} io;
		struct {
			u64 gpa;
			bool write;
			bool fetch;
		} fault;
		u64 cr0; /* CR0_WRITE */
		u8 gpr;  /* CR0_READ: where to */
	};
};

/* What the backend does next. */
enum exit_result {
	RESULT_ADVANCE, /* over the instruction: RIP, interrupt shadow, single-step trap (R14) */
	RESULT_RETRY,   /* run on as it stands: something was injected or mapped */
	RESULT_STOP,    /* this VM runs no more; vcpu_run returns */
};

/* The hot path of the hypervisor. Called with the guest's registers in vcpu->gpr; RSP where it may
 * be an operand: of CR0 accesses and nested faults. */
enum exit_result exit_handle(struct vcpu *vcpu, struct exit *exit);

/* An exception instead of the instruction; error_code as backend->inject. Always RESULT_RETRY. */
enum exit_result exit_inject(struct vcpu *vcpu, u8 vector, u32 error_code);

/* R15: what costs others time waits, before it begins, as long as the VM's last such thing took. */
void exit_wait_turn(const struct vm *vm);
/* It began at this TSC, and is done. */
void exit_end_turn(struct vm *vm, u64 start);

/* The operand of RDMSR, WRMSR and XSETBV. */
static inline u64 vcpu_edx_eax(const struct vcpu *vcpu)
{
	return (u32)vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RDX] << 32;
}

static inline void vcpu_set_edx_eax(struct vcpu *vcpu, u64 value)
{
	vcpu->gpr[GPR_RAX] = (u32)value;
	vcpu->gpr[GPR_RDX] = value >> 32;
}

/* A general register (or its high byte) receives a value of 1, 2, 4 or 8 bytes: 4 bytes clear the
 * upper half, fewer leave the rest. */
static inline void gpr_receive(void *gpr, u64 value, u8 size)
{
	u64 whole = size == 4 ? (u32)value : value;

	memcpy(gpr, &whole, size == 4 ? sizeof(whole) : size);
}

/* Dumps registers and instruction bytes, marks the VM killed. reason: a word for the log. */
enum exit_result exit_kill(struct vcpu *vcpu, const struct exit *exit, const char *reason);

#endif
