/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it: the CPU's own answers, less virtualization, plus ours (core/hypercall.h).
 */
#ifndef CORE_CPUID_H
#define CORE_CPUID_H

#include "core/exit.h"

/* Handler of EXIT_CPUID. Leaf in RAX, subleaf in RCX; the answer goes to RAX, RBX, RCX, RDX. */
enum exit_result cpuid_handle(struct vcpu *vcpu, struct exit *exit);

#endif
