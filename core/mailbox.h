/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUs ask of each other. A request is put into the other CPU's mailbox, an NMI makes it look,
 * and it acknowledges when it is done. Whoever waits serves its own mailbox meanwhile, so that two
 * that wait for each other both go on.
 */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "core/cpu.h"

enum mailbox_request {
	ASK_FLUSH = 1,   /* write back the caches (R13) */
	ASK_REFRESH = 2, /* take over the VM's verdict, memory types and mappings (R11, R16) */
	ASK_NMI = 4,     /* an NMI for the guest CPU */
	ASK_INIT = 8,
	ASK_SIPI = 16, /* at vcpu->sipi_vector */
	ASK_DROP = 32, /* no guest CPU lives here any more */
	ASK_LOOK = 64, /* nothing but to look at what has changed */
	ASK_FAULTS = 128,
};

/* Bits by CPU index; those that are not there are left out. This CPU, if it is among them, serves
 * itself. Returns when all have done it; one that does not answer in bounds is named in the log,
 * counts as lost from then on, and its VM is killed. */
void mailbox_ask(u64 cpu_mask, u32 requests);
/* The same without waiting. */
void mailbox_post(struct cpu *cpu, u32 requests);
/* Does what this CPU is asked to do. */
void mailbox_serve(void);
/* Has a CPU look at once, also this one: an NMI. */
void mailbox_kick(struct cpu *cpu);
/* By the NMI handler: whether it was a kick. */
bool mailbox_take_kick(struct cpu *cpu);

#endif
