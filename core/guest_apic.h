/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest CPU's local APIC. It is the CPU's own, so that interrupts need no help; but its registers
 * are reached through here only: interprocessor interrupts go to CPUs of the same VM, and nothing
 * is set up that would end in an INIT or SMI.
 */
#ifndef CORE_GUEST_APIC_H
#define CORE_GUEST_APIC_H

#include "core/trapped.h"

extern const struct trapped apic_trapped;

/* x2APIC: the MSRs from 0x800 on. False: #GP. */
bool guest_apic_read_msr(struct vcpu *vcpu, u32 msr, u64 *value);
bool guest_apic_write_msr(struct vcpu *vcpu, u32 msr, u64 value);

/* As after INIT (SDM volume 3, 11.4.7.3), on its own CPU: what was pending is lost. */
void guest_apic_reset(struct vcpu *vcpu);

/* Whether an interrupt with this destination (SDM volume 3, 11.6.2) is for this CPU. */
bool guest_apic_is_meant(const struct vcpu *vcpu, u32 destination, bool logical);

#endif
