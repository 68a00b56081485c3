/* SPDX-License-Identifier: BSD-2-Clause */
/* The one lock under which the machine is rearranged: attach and detach, start and stop, audit. Who
 * waits for it serves its mailbox meanwhile, for the owner may be waiting for an answer. */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

void control_take(void);
void control_give(void);

#endif
