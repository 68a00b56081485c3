// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_memory.h"

#include "lib/string.h"

/* One kind of paging: `bits` index bits a level from `top` down, entries of 4 or 8 bytes. */
static bool walk(struct vcpu *vcpu, u64 table, u64 va, unsigned int top, bool large_ok, u64 *gpa)
{
	for (unsigned int shift = top;; shift -= 9) {
		const u64 *entry = vm_ram(vcpu, table + (va >> shift & 511) * 8, 8);

		if (!entry || !(*entry & PTE_P))
			return false;
		table = *entry & PTE_ADDRESS;
		if (shift == PAGE_SIZE_LG2 || ((*entry & PTE_PS) && shift < 39 && large_ok)) {
			*gpa = ALIGN_DOWN(table, BIT(shift)) | (va & (BIT(shift) - 1));
			return true;
		}
	}
}

static bool walk_32(struct vcpu *vcpu, u64 cr3, u32 va, u64 *gpa)
{
	const u32 *entry = vm_ram(vcpu, (cr3 & MASK(31, 12)) + (va >> 22) * 4, 4);

	if (!entry || !(*entry & PTE_P))
		return false;
	if (*entry & PTE_PS) { /* 4 MiB; PSE-36 bits included */
		*gpa = (*entry & MASK(31, 22)) | FIELD_GET(MASK(20, 13), *entry) << 32 |
		       (va & MASK(21, 0));
		return true;
	}
	entry = vm_ram(vcpu, (*entry & MASK(31, 12)) + (va >> 12 & 1023) * 4, 4);
	if (!entry || !(*entry & PTE_P))
		return false;
	*gpa = (*entry & MASK(31, 12)) | (va & MASK(11, 0));
	return true;
}

static bool walk_pae(struct vcpu *vcpu, u64 cr3, u32 va, u64 *gpa)
{
	const u64 *entry = vm_ram(vcpu, (cr3 & MASK(31, 5)) + (va >> 30) * 8, 8);

	return entry && (*entry & PTE_P) && walk(vcpu, *entry & PTE_ADDRESS, va, 21, true, gpa);
}

bool guest_translate(struct vcpu *vcpu, const struct vcpu_state *s, u64 va, u64 *gpa)
{
	if (s->efer & EFER_LMA)
		return walk(vcpu, s->cr3 & PTE_ADDRESS, va, s->cr4 & CR4_LA57 ? 48 : 39, true, gpa);
	if (s->code_bits != 64)
		va = (u32)va;
	if (!(s->cr0 & CR0_PG)) {
		*gpa = va;
		return true;
	}
	if (s->cr4 & CR4_PAE)
		return walk_pae(vcpu, s->cr3, (u32)va, gpa);
	return walk_32(vcpu, s->cr3, (u32)va, gpa);
}

/* What can be read of [va, va + size) without leaving va's page. */
static size_t fetch_page(struct vcpu *vcpu, const struct vcpu_state *s, u64 va, u8 *bytes,
                         size_t size)
{
	size_t length = MIN(size, PAGE_SIZE - (va & (PAGE_SIZE - 1)));
	const u8 *from;
	u64 gpa;

	if (!guest_translate(vcpu, s, va, &gpa))
		return 0;
	from = vm_ram(vcpu, gpa, length);
	if (!from)
		return 0;
	memcpy(bytes, from, length);
	return length;
}

size_t guest_fetch(struct vcpu *vcpu, const struct vcpu_state *s, u8 *bytes, size_t size)
{
	u64 va = s->code_bits == 64 ? s->rip : s->cs_base + s->rip;
	size_t length = fetch_page(vcpu, s, va, bytes, size);

	if (length && length < size)
		length += fetch_page(vcpu, s, va + length, bytes + length, size - length);
	return length;
}
