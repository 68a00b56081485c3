/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a guest's instructions where hardware hands none over. */
#ifndef CORE_GUEST_MEMORY_H
#define CORE_GUEST_MEMORY_H

#include "core/backend.h"

/* Walks the guest's own page tables (SDM volume 3, 4.3-4.5), all paging modes. False: not mapped,
 * or the tables leave the VM's RAM. Permissions are not checked: the CPU has just executed from
 * there. */
bool guest_translate(struct vcpu *vcpu, const struct vcpu_state *state, u64 va, u64 *gpa);

/* Up to size bytes at the instruction pointer, across a page end; returns how many could be read.
 */
size_t guest_fetch(struct vcpu *vcpu, const struct vcpu_state *state, u8 *bytes, size_t size);

#endif
