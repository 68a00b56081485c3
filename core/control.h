/* SPDX-License-Identifier: BSD-2-Clause */
/* The one lock under which the machine is rearranged: attach and detach, start and stop, audit. Who
 * waits for it serves its mailbox meanwhile, for the owner may be waiting for an answer. Who gives
 * it back fences off the units that have failed meanwhile. */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

#include <stdbool.h>

void control_take(void);
/* False: somebody has it, perhaps the caller. */
bool control_try(void);
void control_give(void);

#endif
