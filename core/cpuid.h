/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it: the CPU's own answers, less virtualization, plus ours (core/hypercall.h).
 */
#ifndef CORE_CPUID_H
#define CORE_CPUID_H

#include "core/vm.h"

/* Leaf in RAX, subleaf in RCX; the answer goes to RAX, RBX, RCX, RDX. */
void cpuid_for_guest(struct vcpu *vcpu);

#endif
