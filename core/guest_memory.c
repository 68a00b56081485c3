// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_memory.h"

#include "lib/string.h"

/* 32-bit paging: two levels of 4-byte entries; 4 MiB pages with PSE-36's address bits. */
static bool walk_32(struct vcpu *vcpu, u64 cr3, u32 va, u64 *gpa)
{
	u64 table = cr3;

	for (unsigned int shift = 22; shift >= PAGE_SIZE_LG2; shift -= 10) {
		const u32 *page = vm_page(vcpu, table & MASK(31, 12));
		u32 entry = page ? page[va >> shift & 1023] : 0;

		if (!(entry & PTE_P))
			return false;
		table = entry;
		if (shift == 22 && (entry & PTE_PS)) {
			*gpa = (entry & MASK(31, 22)) | FIELD_GET(MASK(20, 13), entry) << 32 |
			       (va & MASK(21, 0));
			return true;
		}
	}
	*gpa = (table & MASK(31, 12)) | (va & MASK(11, 0));
	return true;
}

/* PAE: four entries on top, at a 32-byte boundary. */
static bool walk_pae(struct vcpu *vcpu, u64 cr3, u32 va, u64 *gpa)
{
	const u64 *entry = vm_page(vcpu, (cr3 & MASK(31, 5)) + (va >> 30) * 8);

	return entry && (*entry & PTE_P) && guest_walk(vcpu, *entry, va, 2, gpa);
}

static bool translate(struct vcpu *vcpu, const struct vcpu_state *s, u64 va, u64 *gpa)
{
	if (s->efer & EFER_LMA)
		return guest_walk(vcpu, s->cr3, va, s->cr4 & CR4_LA57 ? 5 : 4, gpa);
	if (!(s->cr0 & CR0_PG)) {
		*gpa = (u32)va;
		return true;
	}
	return (s->cr4 & CR4_PAE ? walk_pae : walk_32)(vcpu, s->cr3, (u32)va, gpa);
}

/* What can be read of [va, va + size) without leaving va's page. */
static size_t fetch_page(struct vcpu *vcpu, const struct vcpu_state *s, u64 va, u8 *bytes,
                         size_t size)
{
	size_t length = MIN(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
	const u8 *from = NULL;
	u64 gpa;

	if (translate(vcpu, s, va, &gpa))
		from = vm_page(vcpu, gpa);
	if (!from)
		return 0;
	memcpy(bytes, from, length);
	return length;
}

size_t guest_fetch(struct vcpu *vcpu, const struct vcpu_state *s, u8 *bytes, size_t size)
{
	u64 va = s->code_bits == 64 ? s->rip : (u32)(s->cs_base + s->rip);
	size_t length = fetch_page(vcpu, s, va, bytes, size);

	if (length && length < size)
		length += fetch_page(vcpu, s, va + length, bytes + length, size - length);
	return length;
}

bool guest_decode(struct vcpu *vcpu, struct insn *insn)
{
	struct vcpu_state state;
	u8 bytes[INSN_MAX];
	size_t size;

	backend->read_state(vcpu, &state);
	size = guest_fetch(vcpu, &state, bytes, sizeof(bytes));
	return !insn_decode(bytes, size, (enum insn_mode)state.code_bits, insn);
}
