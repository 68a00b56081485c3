// SPDX-License-Identifier: BSD-2-Clause
/* Offsets and constants for the assembler, generated from C (house rule 10). */
#include "core/cpu.h"
#include "core/vm.h"

#define CONSTANT(name, value)       __asm__ volatile(".ascii \"->" #name " %0\"" : : "i"(value))
#define OFFSET(name, type, member) CONSTANT(name, offsetof(type, member))

void offsets(void);
void offsets(void)
{
	CONSTANT(CPU_STACK_TOP, sizeof(struct guarded_stack));
	OFFSET(VCPU_GPR, struct vcpu, gpr);
	OFFSET(VCPU_VENDOR, struct vcpu, vendor);
}
