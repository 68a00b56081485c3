// SPDX-License-Identifier: BSD-2-Clause
/* Context entries: a device enters an address space, and leaves it. */
#include "core/cache.h"
#include "core/mem.h"
#include "core/publish.h"
#include "vtd/entry.h"
#include "vtd/reg.h"
#include "vtd/unit.h"

err_t vtd_check(const struct vtd_unit *unit, const struct vtd_space *space)
{
	const struct pagetable *table = &space->table;

	if (unit->failed || !unit->running)
		return E_NO_HARDWARE;
	if (space->snoop && !unit->snoop_control)
		return E_NO_SNOOP_CONTROL;
	if (!(unit->levels & BIT(table->levels)))
		return E_ADDRESS_WIDTH;
	if (table->leaf_sizes & ~unit->leaf_sizes)
		return E_PAGE_SIZES;
	if (space->domain_id >= unit->domain_ids ||
	    (space->domain_id == 0 && (unit->cap & VTD_CAP_CM)))
		return E_NO_DOMAIN;
	return E_OK;
}

/* The slot of a function, or NULL if its bus has no context table. */
static struct vtd_context *find_context(const struct vtd_unit *unit, u16 rid)
{
	const struct vtd_root *root = phys_to_virt(unit->root_pa);
	u64 entry = root[rid >> 8].low;
	struct vtd_context *table;

	if (!(entry & VTD_ROOT_P))
		return NULL;
	table = phys_to_virt(entry & VTD_TABLE_ADDRESS);
	return &table[rid & 0xff];
}

/* Gives the bus a context table, all absent; it stays. */
static err_t add_context_table(const struct vtd_unit *unit, u8 bus)
{
	struct vtd_root *root = phys_to_virt(unit->root_pa), entry;
	bool flush = !unit->walk_coherent;
	u64 table_pa = page_alloc_zeroed();

	if (!table_pa)
		return E_NO_MEMORY;
	if (flush)
		cache_flush_range(phys_to_virt(table_pa), PAGE_SIZE);
	entry = vtd_root_entry(table_pa);
	publish_pair(&root[bus], entry.low, entry.high, flush);
	return E_OK;
}

/* The place of a unit in the space's list, or a free one: there are as many as units. */
static u32 find_place(const struct vtd_space *space, const struct vtd_unit *unit)
{
	u32 place = 0;

	for (u32 i = 0; i < VTD_SPACE_UNITS_MAX; i++) {
		if (space->attached[i] && space->units[i] == unit)
			return i;
		if (!space->attached[i])
			place = i;
	}
	return place;
}

static void publish_context(const struct vtd_unit *unit, struct vtd_context *slot,
                            const struct vtd_space *space)
{
	struct vtd_context entry =
		vtd_context_entry(space->table.root_pa, space->table.levels, space->domain_id);

	publish_pair(slot, entry.low, entry.high, !unit->walk_coherent);
}

err_t vtd_attach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	u32 place = find_place(space, unit);
	struct vtd_context *slot;
	err_t e;

	TRY(vtd_check(unit, space));
	slot = find_context(unit, rid);
	if (!slot) {
		TRY(add_context_table(unit, rid >> 8));
		slot = find_context(unit, rid);
	}
	if (slot->low & VTD_CONTEXT_P)
		return E_HAS_OWNER;
	if (!unit->walk_coherent)
		pt_flush(&space->table);
	space->units[place] = unit; /* before it can walk: from now on it is told of every change */
	space->attached[place]++;
	publish_context(unit, slot, space);
	e = vtd_announce_device(unit, rid, space->domain_id);
	if (e) /* the unit has failed: it counts as one that walks the tables */
		publish_entries(&slot->low, 0, 0, 2, !unit->walk_coherent);
	return e;
}

err_t vtd_detach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	struct vtd_context *slot = find_context(unit, rid);
	bool flush = !unit->walk_coherent;

	if (!slot || !(slot->low & VTD_CONTEXT_P) ||
	    (slot->low & VTD_TABLE_ADDRESS) != space->table.root_pa)
		return E_NOT_FOUND;
	publish_entries(&slot->low, slot->low & ~VTD_CONTEXT_P, 0, 1, flush);
	TRY(vtd_invalidate_device(unit, rid, space->domain_id));
	publish_entries(&slot->low, 0, 0, 2, flush);
	space->attached[find_place(space, unit)]--;
	return E_OK;
}
