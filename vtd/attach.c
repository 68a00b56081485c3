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

	if (!unit->running)
		return E_NO_HARDWARE;
	if (space->snoop && !unit->snoop_control)
		return E_NO_SNOOP_CONTROL;
	if (!(unit->levels & BIT(table->levels)))
		return E_ADDRESS_WIDTH;
	if (table->leaf_sizes & ~unit->leaf_sizes)
		return E_PAGE_SIZES;
	if (space->domain_id >= unit->domain_ids)
		return E_NO_DOMAIN;
	if (!table->flush && !unit->walk_coherent)
		return E_UNSUPPORTED;
	return E_OK;
}

/* The slot of a function, or NULL if its bus has no context table. */
static struct vtd_context *find_context(const struct vtd_unit *unit, u16 rid)
{
	const struct vtd_root *root = phys_to_virt(unit->root_pa);
	u64 entry = root[rid >> 8].low;

	if (!(entry & VTD_ROOT_P))
		return NULL;
	return (struct vtd_context *)phys_to_virt(entry & VTD_TABLE_ADDRESS) + (rid & 0xff);
}

/* Gives the bus a context table, all absent; it stays. */
static err_t add_context_table(const struct vtd_unit *unit, u8 bus)
{
	struct vtd_root *root = phys_to_virt(unit->root_pa), entry;
	u64 table_pa = page_alloc_zeroed();

	if (!table_pa)
		return E_NO_MEMORY;
	if (!unit->walk_coherent)
		cache_flush_range(phys_to_virt(table_pa), PAGE_SIZE);
	entry = vtd_root_entry(table_pa);
	publish_pair(&root[bus], entry.low, entry.high, !unit->walk_coherent);
	return E_OK;
}

err_t vtd_attach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	const struct pagetable *table = &space->table;
	struct vtd_context entry =
		vtd_context_entry(table->root_pa, table->levels, space->domain_id);
	struct vtd_context *slot;
	err_t e;

	TRY(vtd_check(unit, space));
	if (!find_context(unit, rid))
		TRY(add_context_table(unit, rid >> 8));
	slot = find_context(unit, rid);
	if (slot->low & VTD_CONTEXT_P)
		return E_HAS_OWNER;
	space->units[unit->index] = unit; /* before it can walk: it is told of every change */
	space->attached[unit->index]++;
	publish_pair(slot, entry.low, entry.high, !unit->walk_coherent);
	e = vtd_announce_device(unit, rid, space->domain_id);
	if (e) /* the unit has failed: it counts as one that walks the tables */
		publish_entries(&slot->low, 0, 0, 2, !unit->walk_coherent);
	return e;
}

err_t vtd_detach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	struct vtd_context *slot = find_context(unit, rid);
	bool flush = !unit->walk_coherent;

	if (!slot || slot->low != (space->table.root_pa | VTD_CONTEXT_P))
		return E_NOT_FOUND;
	publish_entries(&slot->low, slot->low & ~VTD_CONTEXT_P, 0, 1, flush);
	TRY(vtd_invalidate_device(unit, rid, space->domain_id, space->domain_id));
	publish_entries(&slot->low, 0, 0, 2, flush);
	space->attached[unit->index]--;
	return E_OK;
}

bool vtd_read_context(const struct vtd_unit *unit, u16 rid, struct vtd_context *entry)
{
	const struct vtd_context *slot = find_context(unit, rid);

	*entry = slot ? *slot : (struct vtd_context){0};
	return entry->low & VTD_CONTEXT_P;
}

bool vtd_is_attached(const struct vtd_context *entry, const struct vtd_space *space)
{
	struct vtd_context expected =
		vtd_context_entry(space->table.root_pa, space->table.levels, space->domain_id);

	return entry->low == expected.low && entry->high == expected.high;
}

bool vtd_passes_through(const struct vtd_context *entry)
{
	return FIELD_GET(VTD_CONTEXT_TT, entry->low) == 2;
}
