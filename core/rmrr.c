// SPDX-License-Identifier: BSD-2-Clause
#include "core/rmrr.h"

#include "core/facts.h"
#include "core/log.h"
#include "core/mem.h"

#define for_each_rmrr(r)                                   \
	for (const struct dmar_rmrr *r = facts.dmar.rmrrs; \
	     r < facts.dmar.rmrrs + facts.dmar.rmrr_count; r++)

static bool covers(const struct dmar_rmrr *r, const struct device *d)
{
	return r->segment == d->bdf >> 16 &&
	       vtd_scope_covers(&facts.dmar, r->first_scope, r->scope_count, d->bdf,
	                        device_secondary_bus);
}

static bool overlaps(const struct dmar_rmrr *r, u64 start, u64 size)
{
	return start <= r->limit_pa && r->base_pa < start + size;
}

/* The pages a region touches: where they start, and their size. */
static u64 pages(const struct dmar_rmrr *r, u64 *start)
{
	*start = ALIGN_DOWN(r->base_pa, PAGE_SIZE);
	return ALIGN_UP(r->limit_pa + 1, PAGE_SIZE) - *start;
}

/* Firmware may name the same memory more than once. */
static bool shares_page(const struct dmar_rmrr *a, const struct dmar_rmrr *b)
{
	u64 start, size = pages(b, &start);

	return overlaps(a, start, size);
}

static bool has_same_pages(const struct dmar_rmrr *a, const struct dmar_rmrr *b)
{
	u64 start_a, size_a = pages(a, &start_a), start_b, size_b = pages(b, &start_b);

	return start_a == start_b && size_a == size_b;
}

/* R9: identity is all a region allows. RAM that lies there is the VM's own, at that address, and
 * covers it whole; nothing there belongs to another VM or to the hypervisor. */
static bool can_honour(const struct dmar_rmrr *r, const struct vm *vm)
{
	if (mem_is_hypervisor(r->base_pa, r->limit_pa - r->base_pa + 1))
		return false;
	for_each_vm (v) {
		for (const struct vm_range *m = v->ram; m < v->ram + v->ram_count; m++) {
			bool holds = v == vm && m->gpa == m->pa && m->pa <= r->base_pa &&
			             r->limit_pa < m->pa + m->size;

			if (!holds && (overlaps(r, m->pa, m->size) ||
			               (v == vm && overlaps(r, m->gpa, m->size))))
				return false;
		}
	}
	for_each_rmrr (same) {
		for_each_device (other) {
			if (other->vm && other->vm != vm && shares_page(r, same) &&
			    covers(same, other))
				return false;
		}
	}
	return true;
}

err_t rmrr_check(const struct device *d, const struct vm *vm)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];

		if (covers(r, d) && !can_honour(r, vm))
			return E_RESERVED_REGION;
	}
	return E_OK;
}

/* Is the region mapped in this IOASID for this device alone? */
static bool brings(const struct device *d, const struct dmar_rmrr *r, const struct ioasid *io)
{
	if (!covers(r, d) || vm_find_range(io->vm, r->base_pa, 1))
		return false;
	for_each_rmrr (same) {
		if (!has_same_pages(r, same))
			continue;
		if (same < r && covers(same, d))
			return false;
		for_each_device (other) {
			if (other != d && other->ioasid == io && covers(same, other))
				return false;
		}
	}
	return true;
}

/* Of the first `count` regions of the table. */
static void unmap(struct ioasid *io, const struct device *d, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];
		u64 start, size = pages(r, &start);

		if (brings(d, r, io) && vtd_unmap(&io->space, start, size))
			log_line("rmrr base=0x%lx ioasid=%s state=left-mapped", r->base_pa,
			         io->name);
	}
}

err_t rmrr_map(struct ioasid *io, const struct device *d)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];
		u64 start, size = pages(r, &start);
		err_t e = brings(d, r, io)
		                  ? vtd_map(&io->space, start, start, size, VTD_READ | VTD_WRITE)
		                  : E_OK;

		if (e) {
			unmap(io, d, i);
			return e == E_NO_MEMORY || e == E_TIMEOUT ? e : E_RESERVED_REGION;
		}
	}
	return E_OK;
}

void rmrr_unmap(struct ioasid *io, const struct device *d)
{
	unmap(io, d, facts.dmar.rmrr_count);
}

bool rmrr_allows(const struct ioasid *io, u64 pa, u64 size)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];
		u64 start, end = pages(r, &start) + start;

		if (pa < start || pa + size > end)
			continue;
		for_each_device (d) {
			if (d->ioasid == io && covers(r, d))
				return true;
		}
	}
	return false;
}
