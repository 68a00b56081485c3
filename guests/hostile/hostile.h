/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that tries what it may not, and one beside it that must not notice. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdint.h>

#include "guests/lib/edu.h"

/* config.c: writes to configuration space, its own device's (NULL: it has none) and all others';
 * BARs, decode */
void step_config(const struct edu *edu);
void step_bars(const struct edu *edu);
/* interrupts.c: to every APIC id; messages that name interrupts of others */
void step_ipis(void);
void step_messages(const struct edu *edu);
/* dma.c: to all kinds of memory that is not this VM's */
void step_dma(const struct edu *edu, uint64_t memory);
/* calls.c: random hypercalls, some of which name this function */
void step_calls(uint32_t function, uint64_t memory, uint64_t count);

/* faults.c: one that nobody sees before this VM is killed; a storm of them, until its devices no
 * longer may */
void step_unseen(const struct edu *edu);
void step_storm(void);

/* victim.c: goes on until the VM `hostile` has ended; its memory, its device (or NULL), its verdict
 * and its interrupts stay what they were */
void victim_run(const struct edu *edu, uint64_t memory);

#endif
