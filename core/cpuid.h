/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it: the CPU's own answers, less virtualization, plus ours (core/hypercall.h).
 */
#ifndef CORE_CPUID_H
#define CORE_CPUID_H

#include "core/exit.h"

/* Handler of EXIT_CPUID. Leaf in RAX, subleaf in RCX; the answer goes to RAX, RBX, RCX, RDX. */
enum exit_result cpuid_handle(struct vcpu *vcpu, struct exit *exit);
/* Makes the CPU's own answer to one of the leaves that differ what the guest sees. */
enum exit_result cpuid_amend(struct vcpu *vcpu, u32 leaf, u32 subleaf);

#endif
