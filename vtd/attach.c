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

/* Of a function's bus; in scalable mode, of its half of the bus. */
static u64 *find_root(const struct vtd_unit *unit, u16 rid)
{
	struct vtd_root *root = (struct vtd_root *)phys_to_virt(unit->root_pa) + (rid >> 8);

	return unit->scalable && rid & 0x80 ? &root->high : &root->low;
}

bool vtd_has_contexts(const struct vtd_unit *unit, u16 rid)
{
	return *find_root(unit, rid) & VTD_ROOT_P;
}

/* The slot of a function, or NULL if its bus has no context table. */
static struct vtd_context *find_context(const struct vtd_unit *unit, u16 rid)
{
	u64 root = *find_root(unit, rid);
	u32 index = unit->scalable ? 2 * (rid & 0x7f) : rid & 0xff;

	if (!vtd_has_contexts(unit, rid))
		return NULL;
	return (struct vtd_context *)phys_to_virt(root & VTD_TABLE_ADDRESS) + index;
}

static err_t add_table(u64 *pa, bool flush)
{
	*pa = page_alloc_zeroed();
	if (!*pa)
		return E_NO_MEMORY;
	if (flush)
		cache_flush_range(phys_to_virt(*pa), PAGE_SIZE);
	return E_OK;
}

/* Gives the bus, or half of it, a context table, all absent; it stays. */
static err_t add_context_table(const struct vtd_unit *unit, u16 rid)
{
	u64 table_pa;

	TRY(add_table(&table_pa, !unit->walk_coherent));
	publish_entries(find_root(unit, rid), vtd_root_entry(table_pa).low, 0, 1,
	                !unit->walk_coherent);
	return E_OK;
}

static struct vtd_context make_pasid(const struct vtd_space *space)
{
	const struct pagetable *table = &space->table;

	return vtd_pasid_entry(table->root_pa, table->levels, space->domain_id, space->snoop);
}

/* Directory and table of a space, with an entry for PASID 0; they stay with it. */
static err_t add_pasids(struct vtd_space *space)
{
	struct vtd_context entry = make_pasid(space);

	if (!space->pasid_table_pa)
		TRY(add_table(&space->pasid_table_pa, true));
	TRY(add_table(&space->pasid_directory_pa, true));
	publish_pair(phys_to_virt(space->pasid_table_pa), entry.low, entry.high, true);
	publish_entries(phys_to_virt(space->pasid_directory_pa),
	                space->pasid_table_pa | VTD_PASID_P, 0, 1, true);
	return E_OK;
}

/* What the context entry of a device in the space is. */
static struct vtd_context make_context(const struct vtd_unit *unit, const struct vtd_space *space)
{
	if (unit->scalable)
		return (struct vtd_context){.low = space->pasid_directory_pa | VTD_CONTEXT_P};
	return vtd_context_entry(space->table.root_pa, space->table.levels, space->domain_id);
}

err_t vtd_attach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	struct vtd_context *slot, entry;
	err_t e;

	TRY(vtd_check(unit, space));
	if (unit->scalable && !space->pasid_directory_pa)
		TRY(add_pasids(space));
	if (!vtd_has_contexts(unit, rid))
		TRY(add_context_table(unit, rid));
	slot = find_context(unit, rid);
	if (slot->low & VTD_CONTEXT_P)
		return E_HAS_OWNER;
	entry = make_context(unit, space);
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

	/* not present: its device TLB is lost */
	if (!slot || (slot->low | VTD_CONTEXT_P) != make_context(unit, space).low)
		return E_NOT_FOUND;
	publish_entries(&slot->low, slot->low & ~VTD_CONTEXT_P, 0, 1, flush);
	TRY(vtd_invalidate_device(unit, rid, space->domain_id, space->domain_id));
	publish_entries(&slot->low, 0, 0, 2, flush);
	space->attached[unit->index]--;
	return E_OK;
}

void vtd_block(struct vtd_unit *unit, u16 rid)
{
	struct vtd_context *slot = find_context(unit, rid);
	u64 off = VTD_CONTEXT_P | VTD_CONTEXT_TLB;

	publish_entries(&slot->low, slot->low & ~off, 0, 1, !unit->walk_coherent);
}

/* Changed in place: no request of the device is under way (6.2.3). */
err_t vtd_allow_tlb(struct vtd_unit *unit, u16 rid, const struct vtd_space *space, bool allow)
{
	struct vtd_context *slot = find_context(unit, rid);
	u64 low = make_context(unit, space).low, tlb = VTD_CONTEXT_TLB;
	bool present;

	lock_take(&unit->queue_lock); /* which the one that blocks it holds */
	present = slot && (slot->low & ~tlb) == low;
	if (present)
		publish_entries(&slot->low, allow ? low | tlb : low, 0, 1, !unit->walk_coherent);
	lock_give(&unit->queue_lock);
	return present ? vtd_invalidate_device(unit, rid, space->domain_id, space->domain_id)
	               : E_NOT_FOUND;
}

bool vtd_read_context(const struct vtd_unit *unit, u16 rid, struct vtd_context *entry)
{
	const struct vtd_context *slot = find_context(unit, rid);

	*entry = slot ? *slot : (struct vtd_context){0};
	return entry->low & VTD_CONTEXT_P;
}

static bool is_equal(const struct vtd_context *a, struct vtd_context b)
{
	return a->low == b.low && a->high == b.high;
}

bool vtd_is_attached(const struct vtd_unit *unit, const struct vtd_context *entry,
                     const struct vtd_space *space, bool may_have_tlb)
{
	const u64 *directory = phys_to_virt(space->pasid_directory_pa);
	u64 tlb = may_have_tlb ? VTD_CONTEXT_TLB : 0;
	struct vtd_context bare = {entry->low & ~tlb, entry->high};

	if (!is_equal(&bare, make_context(unit, space)))
		return false;
	return !unit->scalable ||
	       (*directory == (space->pasid_table_pa | VTD_PASID_P) &&
	        is_equal(phys_to_virt(space->pasid_table_pa), make_pasid(space)));
}

bool vtd_allows_tlb(const struct vtd_context *entry)
{
	return entry->low & VTD_CONTEXT_TLB;
}

bool vtd_passes_through(const struct vtd_context *entry)
{
	return FIELD_GET(VTD_CONTEXT_TT, entry->low) == 2;
}
