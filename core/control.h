/* SPDX-License-Identifier: BSD-2-Clause */
/* One at a time: whoever changes which devices, tables and VMs there are, or walks them all. */
#ifndef CORE_CONTROL_H
#define CORE_CONTROL_H

/* Held by live commands and by hypercalls that attach, detach or map. The manifest is carried out
 * before other CPUs run. */
void control_take(void);
void control_give(void);

#endif
