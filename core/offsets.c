// SPDX-License-Identifier: BSD-2-Clause
#include "core/cpu.h"
#include "core/offsets.h"
#include "core/vm.h"

void offsets(void);
void offsets(void)
{
	CONSTANT(CPU_STACK_TOP, sizeof(struct guarded_stack));
	OFFSET(VCPU_GPR, struct vcpu, gpr);
	OFFSET(VCPU_VENDOR, struct vcpu, vendor);
	OFFSET(VCPU_CPU, struct vcpu, cpu);
	OFFSET(CPU_ASKED, struct cpu, asked);
	OFFSET(CPU_SERVED, struct cpu, served);
}
