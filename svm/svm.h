/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this room share. */
#ifndef SVM_SVM_H
#define SVM_SVM_H

#include "core/backend.h"
#include "svm/vmcb.h"

/* The backend's page of a guest CPU is its VMCB. */
static inline struct vmcb *svm_vmcb(const struct vcpu *vcpu)
{
	return vcpu->vendor;
}

/* Bits that a guest may set in EFER (APM volume 2, 3.1.7), on a CPU with these answers of CPUID:
 * ECX of 0x80000001, EAX of 0x80000021. */
static inline u64 svm_efer_bits(u32 ecx_1, u32 eax_21)
{
	return EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR | (ecx_1 & BIT(17) ? EFER_TCE : 0) |
	       (eax_21 & BIT(8) ? EFER_AIBRSE : 0);
}

/* svm/control.c */
err_t svm_vcpu_init(struct vcpu *vcpu) must_check;
void svm_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start);
void svm_vcpu_destroy(struct vcpu *vcpu);

/* svm/exit.c: called by svm/entry.asm after each exit, guest registers saved; false ends the loop.
 */
bool svm_exit(struct vcpu *vcpu);
void svm_read_state(const struct vcpu *vcpu, struct vcpu_state *state);
void svm_inject(struct vcpu *vcpu, u8 vector, u32 error_code);
void svm_write_cr0(struct vcpu *vcpu, u64 value);
void svm_refresh(struct vcpu *vcpu);
void svm_retype_ram(struct vm *vm);
void svm_invalidate(struct vcpu *vcpu);
void svm_dump(const struct vcpu *vcpu);

/* svm/entry.asm: runs the guest until svm_exit returns false. */
void svm_run(struct vcpu *vcpu);
/* Lets a pending NMI in: opens the global interrupt flag for one instruction. */
void svm_take_nmi(void);

#endif
