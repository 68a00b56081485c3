/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA faults: taken from the units at exits, logged in words, rate-limited (R23). */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include "core/output.h"

/* Takes and logs what the units have recorded. */
void fault_poll(void);
/* Prints what rate-limited `fault` lines still owe. */
void fault_log_pending(void);
/* The last one of each device. */
void fault_show(struct output *out);

#endif
