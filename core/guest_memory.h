/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a guest's instructions where hardware hands none over: the guest's own page tables (SDM
 * volume 3, 4.3-4.5) are walked in the VM's RAM. Permissions are not checked: the CPU has just
 * executed there.
 */
#ifndef CORE_GUEST_MEMORY_H
#define CORE_GUEST_MEMORY_H

#include "core/backend.h"
#include "lib/insn.h"

/* `levels` tables with 8-byte entries, from the one at `table` down. False: not mapped, or the
 * tables leave the RAM. Inline: it is on the hot path of SVM without next-RIP. */
static inline bool guest_walk(struct vcpu *vcpu, u64 table, u64 va, unsigned int levels, u64 *gpa)
{
	/* The next index is on top, and moves out as the walk goes down. */
	u64 index = va << (64 - PAGE_SIZE_LG2 - 9 * levels), size;

	for (; levels; levels--, index <<= 9) {
		const u64 *page = vm_page(vcpu, table & PTE_ADDRESS);

		if (!page)
			return false;
		table = page[index >> 55];
		if ((table & (PTE_P | PTE_PS)) != PTE_P)
			break;
	}
	if (!(table & PTE_P))
		return false;
	/* Bit 7 means a large page above the last level only; there it is the PAT bit. */
	size = levels > 1 ? PAGE_SIZE << 9 * (levels - 1) : PAGE_SIZE;
	*gpa = ALIGN_DOWN(table & PTE_ADDRESS, size) | (va & (size - 1));
	return true;
}

/* Up to size bytes at the instruction pointer, across a page end; returns how many could be read.
 */
size_t guest_fetch(struct vcpu *vcpu, const struct vcpu_state *state, u8 *bytes, size_t size);

/* The instruction there. False if it cannot be read, or is none that lib/insn.h knows. */
bool guest_decode(struct vcpu *vcpu, struct insn *insn);

#endif
