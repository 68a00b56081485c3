/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA faults: taken from the units when they tell by NMI, and at exits; logged in words,
 * rate-limited (R23). */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include "core/cpu.h"
#include "core/output.h"

/* Takes and logs what the units have recorded. False: some may be left. */
bool fault_poll(void);
/* From here on the units tell a CPU that no VM has, if there is one, else CPU 0. */
void fault_start_events(void);
/* By the NMI handler: whether one has. It is polled then as soon as this CPU serves its mailbox. */
bool fault_take_event(struct cpu *cpu);
/* Prints what rate-limited `fault` lines still owe. */
void fault_log_pending(void);
/* The last one of each device. */
void fault_show(struct output *out);

#endif
