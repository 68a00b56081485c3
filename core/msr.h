/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers of guests: which pass, which are shadowed, which raise #GP. */
#ifndef CORE_MSR_H
#define CORE_MSR_H

#include "core/exit.h"

/*
 * For the backends' MSR bitmaps. An MSR inside the ranges of the bitmap passes unless this says
 * that it is intercepted; what no bitmap covers always exits (and raises #GP). Guests other than
 * the platform VM have no APIC base, MTRRs or power management of the machine: for them everything
 * is intercepted but the context the CPU switches or a guest may own (FS/GS base, SYSCALL and
 * SYSENTER registers, EFER where the backend switches it, TSC).
 */
bool msr_is_intercepted(bool platform, u32 msr, bool write);

/* Handlers of EXIT_MSR_READ and EXIT_MSR_WRITE: MSR number in RCX. */
enum exit_result msr_handle_read(struct vcpu *vcpu, struct exit *exit);
enum exit_result msr_handle_write(struct vcpu *vcpu, struct exit *exit);

#endif
