/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest CPUs: each lives on one CPU, which runs nothing else. */
#ifndef CORE_VCPU_H
#define CORE_VCPU_H

#include "core/vm.h"

/* One for each CPU of the VM; the first one starts with `start`, the others wait for a startup IPI.
 * E_NO_MEMORY. */
err_t vcpu_create_all(struct vm *vm, const struct vcpu_start *start) must_check;
/* Takes them from their CPUs, which have left the guest; their memory goes back, and the nested
 * page tables. */
void vcpu_destroy_all(struct vm *vm);

/* What a CPU does from its start on: its guest CPU when there is one to run, else the console, or
 * it halts. */
void vcpu_loop(void) __attribute__((noreturn));

/* By the mailbox, on the guest CPU's own CPU: enum mailbox_request. */
void vcpu_take(struct vcpu *vcpu, u32 requests);

/* By the backends' entry.asm before an entry, if something is asked of this CPU. False: the guest
 * CPU runs no more. */
bool vcpu_serve(struct vcpu *vcpu);
/* By the backends after an exit and before an entry: an NMI that the guest is owed. */
void vcpu_pass_nmi(struct vcpu *vcpu);

/* Prints what `wbinvd` lines still owe; verdict: how all of these were served. */
void vcpu_log_wbinvd(struct vcpu *vcpu, enum coherency_verdict verdict);

#endif
