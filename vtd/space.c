// SPDX-License-Identifier: BSD-2-Clause
#include "core/mem.h"
#include "vtd/entry.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

err_t vtd_space_init(struct vtd_space *space, u16 domain_id, bool snoop, u8 levels, u8 leaf_sizes,
                     bool flush)
{
	*space = (struct vtd_space){.domain_id = domain_id, .snoop = snoop};
	return pt_init(&space->table, &vtd_second_stage, levels, leaf_sizes, flush);
}

/* A unit that failed while devices were attached may still walk the tables and what it has cached
 * of them. */
static bool is_walked_by_failed_unit(const struct vtd_space *space)
{
	for (u32 i = 0; i < VTD_SPACE_UNITS_MAX; i++) {
		if (space->attached[i] && space->units[i]->failed)
			return true;
	}
	return false;
}

void vtd_space_destroy(struct vtd_space *space)
{
	if (is_walked_by_failed_unit(space))
		return;
	pt_destroy(&space->table);
	if (space->pasid_table_pa)
		page_free(space->pasid_table_pa);
	if (space->pasid_directory_pa)
		page_free(space->pasid_directory_pa);
}

/* On every unit, also after one has failed; an error is that of the last that did. */
static err_t tell_units(const struct vtd_space *space, u64 iova, u64 size,
                        err_t (*tell)(struct vtd_unit *, u16, u64, u64))
{
	err_t result = E_OK;

	for (u32 i = 0; i < VTD_SPACE_UNITS_MAX; i++) {
		err_t e = space->attached[i] ? tell(space->units[i], space->domain_id, iova, size)
		                             : E_OK;

		if (e)
			result = e;
	}
	return result;
}

err_t vtd_map(struct vtd_space *space, u64 iova, u64 pa, u64 size, u64 access)
{
	err_t e;

	if (iova <= VTD_INTERRUPT_LAST && iova + size > VTD_INTERRUPT_FIRST)
		return E_RESERVED_REGION;
	TRY(pt_map(&space->table, iova, pa, size, vtd_leaf_attributes(access, space->snoop)));
	e = tell_units(space, iova, size, vtd_announce_range);
	if (e) /* the leaves are this call's own, so none is split */
		TRY(vtd_unmap(space, iova, size));
	return e;
}

err_t vtd_unmap(struct vtd_space *space, u64 iova, u64 size)
{
	err_t e;

	TRY(pt_unmap(&space->table, iova, size));
	e = tell_units(space, iova, size, vtd_invalidate_range);
	if (!is_walked_by_failed_unit(space))
		pt_release(&space->table);
	return e;
}
