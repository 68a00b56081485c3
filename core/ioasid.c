// SPDX-License-Identifier: BSD-2-Clause
#include "core/ioasid.h"

#include "core/audit.h"
#include "core/device_control.h"
#include "core/facts.h"
#include "core/group.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/rmrr.h"
#include "core/vm_memory.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/token.h"

#define IOASIDS_PER_GUEST 4 /* of its own making */
/* In percent of the pool: above, guests get no more tables; below, splitting still works. */
#define POOL_FOR_MAP   50
#define POOL_FOR_UNMAP 75

struct ioasid ioasids[IOASIDS_MAX]; /* entries are never removed; each belongs to one VM */
u32 ioasid_count;

struct ioasid *ioasid_find(const char *name)
{
	for (struct ioasid *io = ioasids; io < ioasids + ioasid_count; io++) {
		if (!strcmp(io->name, name))
			return io;
	}
	return NULL;
}

err_t ioasid_create(const char *name, enum coherency_request request, struct ioasid **ioasid)
{
	struct ioasid *io = &ioasids[ioasid_count];

	if (ioasid_find(name))
		return E_DUPLICATE;
	if (ioasid_count == IOASIDS_MAX)
		return E_TOO_MANY;
	TRY(text_copy((struct text){name, strlen(name)}, io->name, IOASID_NAME_MAX));
	ioasid_count++;
	io->request = request;
	*ioasid = io;
	return E_OK;
}

/* R4: the VM's own IOASIDs, one per format, for devices that no other is named for. */
static err_t find_implicit(struct vm *vm, const struct device *d, struct ioasid **ioasid)
{
	char name[IOASID_NAME_MAX];
	enum coherency_request request;

	if (!d->unit)
		return E_NO_UNIT;
	request = d->unit->snoop_control ? REQUEST_SNOOP : REQUEST_NOSNOOP;
	format_text(name, sizeof(name), "%s.%s", vm->name, coherency_requests[request]);
	*ioasid = ioasid_find(name);
	if (*ioasid)
		return E_OK;
	TRY(ioasid_create(name, request, ioasid));
	(*ioasid)->vm = vm; /* also if this attach is refused: another VM could take it */
	return E_OK;
}

/* What every unit can do, so that one table serves them all where that is possible; else what the
 * device's own unit can do. */
static err_t init_space(struct ioasid *io, const struct vtd_unit *own, u64 top)
{
	u8 common = own->levels, leaf_sizes = own->leaf_sizes, levels = 0;
	bool flush = false;

	for (u32 i = 0; i < unit_count; i++) {
		if (common & units[i].levels)
			common &= units[i].levels;
		leaf_sizes &= units[i].leaf_sizes;
		flush |= !units[i].walk_coherent;
	}
	/* The lowest tree that reaches the top of memory. */
	for (u8 n = 5; n >= 3; n--) {
		if ((common & BIT(n)) && (!levels || top <= BIT(PAGE_SIZE_LG2 + 9 * n)))
			levels = n;
	}
	if (top > BIT(PAGE_SIZE_LG2 + 9 * levels))
		return E_ADDRESS_WIDTH;
	/* Domain id 0 is special where caching mode is on (VT-d 11.4.2): ids start at 1. */
	return vtd_space_init(&io->space, (u16)(io - ioasids + 1), io->format == FORMAT_SNOOP,
	                      levels, leaf_sizes, flush);
}

static err_t map_ram(struct ioasid *io, const struct vm_range *r)
{
	u64 end = r->gpa + r->size;
	u64 below = MIN(end, IOASID_MSI_START), above = MAX(r->gpa, IOASID_MSI_END);

	if (r->gpa < below)
		TRY(vtd_map(&io->space, r->gpa, r->pa, below - r->gpa, VTD_READ | VTD_WRITE));
	if (above < end)
		TRY(vtd_map(&io->space, above, r->pa + (above - r->gpa), end - above,
		            VTD_READ | VTD_WRITE));
	return E_OK;
}

/* R4: the IOASID is this VM's, whose memory it maps with IOVA = GPA. */
static err_t build_space(struct ioasid *io, struct vm *vm, const struct vtd_unit *unit)
{
	const struct vm_range *last = &vm->ram[vm->ram_count - 1];

	TRY(init_space(io, unit, last->gpa + last->size));
	io->vm = vm;
	for (const struct vm_range *r = vm->ram; r <= last; r++)
		TRY(map_ram(io, r));
	return E_OK;
}

static bool is_built(const struct ioasid *io)
{
	return io->space.table.root_pa;
}

static void drop_space(struct ioasid *io)
{
	if (is_built(io))
		vtd_space_destroy(&io->space);
	io->space.table.root_pa = 0;
}

/* R4: over all devices that the manifest names for it, and the one that comes first. */
static enum coherency_format resolve(const struct ioasid *io, const struct device *d)
{
	bool snoop_control = d->unit->snoop_control;

	if (io->format != FORMAT_UNRESOLVED)
		return io->format;
	for_each_device (other) {
		if (other->wanted_ioasid == io && other->unit)
			snoop_control &= other->unit->snoop_control;
	}
	return coherency_resolve(io->request, snoop_control);
}

/* Everything that can be refused without having touched anything. */
static err_t check(const struct ioasid *io, const struct device *d, const struct vm *vm)
{
	if (d->bridge)
		return E_BRIDGE;
	if (d->state == DEVICE_QUARANTINED)
		return E_QUARANTINED;
	if (d->vm)
		return E_HAS_OWNER;
	if (!io)
		return E_OK;
	if (io->spare)
		return E_NO_IOASID;
	if (io->vm && io->vm != vm)
		return E_IOASID_OF_OTHER_VM;
	if (!d->unit)
		return E_NO_UNIT;
	if (!coherency_may_attach(resolve(io, d), d->unit->snoop_control))
		return E_NO_SNOOP_CONTROL;
	if (d->ats_allowed && d->nosnoop_capable && resolve(io, d) == FORMAT_SNOOP)
		return E_USE_BLOCK; /* VT-d 4.2.3: SNP binds a device TLB as far as it obeys */
	TRY(group_check(d, io, vm));
	return rmrr_check(d, vm);
}

static err_t prepare(struct ioasid *io, const struct device *d, struct vm *vm)
{
	err_t e;

	if (!io)
		return vm_memory_map_device(vm, d);
	io->format = resolve(io, d);
	if (!is_built(io))
		TRY(build_space(io, vm, d->unit));
	TRY(vtd_check(d->unit, &io->space));
	TRY(rmrr_map(io, d));
	e = vm_memory_map_device(vm, d);
	if (e)
		rmrr_unmap(io, d);
	return e;
}

const char *ioasid_name(const struct ioasid *io)
{
	return io ? io->name : "none";
}

const char *ioasid_format(const struct ioasid *io)
{
	return io ? coherency_formats[io->format] : "unprotected";
}

static void count_device(struct vm *vm, enum coherency_box box, int change)
{
	vm->devices_in_box[box] += (u32)change;
	vm_update_verdict(vm);
}

/* R17: the VM's memory becomes, or is no longer, visible past the caches. */
static void flush_for(const struct ioasid *io, struct vm *vm)
{
	if (io && io->format == FORMAT_NOSNOOP)
		vm_flush_caches(vm);
}

/* Every requester id that its requests may carry. The first error stands. */
static err_t detach_rids(struct ioasid *io, const struct device *d, const u16 *rids, u32 count)
{
	err_t first = E_OK;

	for (u32 i = 0; i < count; i++) {
		err_t e = vtd_detach(d->unit, rids[i], &io->space);

		first = first ? first : e;
	}
	return first;
}

static err_t attach_rids(struct ioasid *io, const struct device *d)
{
	u16 rids[GROUP_RIDS_MAX];
	u32 count = group_rids(d, rids);

	for (u32 i = 0; i < count; i++) {
		err_t e = vtd_attach(d->unit, rids[i], &io->space);

		if (e)
			return detach_rids(io, d, rids, i) ? E_TIMEOUT : e;
	}
	return E_OK;
}

/* R11: the verdict is up, and what it means for the caches done, before the device can DMA. */
static err_t connect(struct ioasid *io, struct device *d, struct vm *vm)
{
	err_t e = E_OK;

	d->box = coherency_box(io ? io->format : FORMAT_NOSNOOP, d->nosnoop_capable);
	count_device(vm, d->box, 1);
	flush_for(io, vm);
	if (io)
		e = attach_rids(io, d);
	if (e) {
		count_device(vm, d->box, -1);
		rmrr_unmap(io, d);
		vm_memory_unmap_device(vm, d);
	}
	return e;
}

/* NULL: without a table. */
static err_t attach(struct ioasid *io, struct device *d, struct vm *vm)
{
	struct ioasid before = io ? *io : (struct ioasid){0};
	err_t e;

	TRY(check(io, d, vm));
	e = prepare(io, d, vm);
	if (!e)
		e = connect(io, d, vm);
	if (e) {
		if (io && !is_built(&before)) {
			drop_space(io);
			*io = before;
		}
		return e;
	}
	d->ioasid = io;
	d->vm = vm;
	d->state = DEVICE_ATTACHED;
	device_allow_dma(d);
	log_line("attach %s ioasid=%s format=%s vm=%s box=%u coherent=%u%s", BDF_TEXT(d->bdf),
	         ioasid_name(io), ioasid_format(io), vm->name, d->box,
	         coherency_is_coherent(d->box), d->ats_on ? " ats=yes" : "");
	audit_after_change();
	return E_OK;
}

static err_t log_refused(const struct ioasid *io, const struct device *d, err_t e)
{
	if (e)
		log_line("refused attach %s ioasid=%s reason=%s", BDF_TEXT(d->bdf), ioasid_name(io),
		         error_name(e));
	return e;
}

err_t ioasid_attach(struct ioasid *io, struct device *d, struct vm *vm)
{
	err_t e = io ? E_OK : find_implicit(vm, d, &io);

	if (!e)
		e = attach(io, d, vm);
	return log_refused(io, d, e);
}

err_t ioasid_attach_unprotected(struct device *d, struct vm *vm)
{
	return log_refused(NULL, d, attach(NULL, d, vm));
}

static bool has_lost_tlb(const struct device *d)
{
	return d->ats_allowed && vtd_tlb_is_lost(d->unit, (u16)d->bdf);
}

/* Out of its tables, in so far as the unit and the device obey: NULL, or why that is unknown. */
static const char *block(struct device *d)
{
	bool quiet = device_quiesce(d);
	u16 rids[GROUP_RIDS_MAX];
	err_t e = d->ioasid ? detach_rids(d->ioasid, d, rids, group_rids(d, rids)) : E_OK;

	if (!e && has_lost_tlb(d))
		e = E_DEVICE_TLB;
	if (!e && quiet)
		return NULL;
	count_device(d->vm, BOX_3, 1); /* rising first (R11) */
	count_device(d->vm, d->box, -1);
	d->box = BOX_3;
	return e ? error_name(e) : "transactions-pending";
}

static void keep(struct device *d, const char *reason)
{
	d->state = DEVICE_QUARANTINED;
	log_line("quarantine %s vm=%s reason=%s", BDF_TEXT(d->bdf), d->vm->name, reason);
	audit_after_change();
}

void ioasid_quarantine(struct device *d, const char *reason)
{
	(void)block(d);
	keep(d, reason);
}

void ioasid_fence(void)
{
	for_each_device (d) {
		if (d->state == DEVICE_ATTACHED && d->unit && d->unit->failed)
			ioasid_quarantine(d, "unit-failed");
		else if (d->state == DEVICE_ATTACHED && has_lost_tlb(d))
			ioasid_quarantine(d, error_name(E_DEVICE_TLB));
	}
}

void ioasid_detach(struct device *d)
{
	struct ioasid *io = d->ioasid;
	struct vm *vm = d->vm;
	const char *reason;

	/* Before its reset: what it is told afterwards, its next owner would find. */
	vm_memory_unmap_device(vm, d);
	reason = block(d);
	if (reason) {
		keep(d, reason);
		return;
	}
	if (io)
		rmrr_unmap(io, d);
	flush_for(io, vm); /* after the invalidation, before reuse */
	log_line("detach %s ioasid=%s vm=%s", BDF_TEXT(d->bdf), ioasid_name(io), vm->name);
	d->vm = NULL;
	d->ioasid = NULL;
	d->state = DEVICE_FREE;
	count_device(vm, d->box, -1);
	audit_after_change();
}

err_t ioasid_create_by_guest(struct vm *vm, enum coherency_request request, struct ioasid **ioasid)
{
	char name[IOASID_NAME_MAX];
	u32 count = 0;

	for (struct ioasid *io = ioasids; io < ioasids + ioasid_count; io++) {
		if (io->vm != vm || !io->by_guest)
			continue;
		count++;
		if (io->spare) {
			io->spare = false;
			io->request = request;
			*ioasid = io;
			return E_OK;
		}
	}
	if (count == IOASIDS_PER_GUEST)
		return E_TOO_MANY;
	format_text(name, sizeof(name), "%s.%u", vm->name, ioasid_count);
	TRY(ioasid_create(name, request, ioasid));
	(*ioasid)->vm = vm;
	(*ioasid)->by_guest = true;
	return E_OK;
}

err_t ioasid_reset(struct ioasid *io)
{
	for_each_device (d) {
		if (d->ioasid == io)
			return E_ATTACHED;
	}
	drop_space(io);
	if (io->by_guest) {
		io->format = FORMAT_UNRESOLVED;
		io->spare = true;
	}
	return E_OK;
}

void ioasid_reset_all(const struct vm *vm)
{
	for (struct ioasid *io = ioasids; io < ioasids + ioasid_count; io++) {
		if (io->vm == vm && ioasid_reset(io))
			log_line("ioasid %s state=left reason=quarantined", io->name);
	}
}

err_t ioasid_map(struct ioasid *io, u64 iova, u64 gpa, u64 size, u64 access)
{
	const struct vm_range *r;

	if (!is_built(io))
		return E_NOT_ATTACHED;
	r = vm_find_range(io->vm, gpa, size);
	if (!r)
		return E_NOT_MAPPED;
	if (page_used_percent() >= POOL_FOR_MAP)
		return E_NO_MEMORY;
	flush_for(io, io->vm);
	return vtd_map(&io->space, iova, r->pa + (gpa - r->gpa), size, access);
}

err_t ioasid_unmap(struct ioasid *io, u64 iova, u64 size)
{
	err_t e;

	if (!is_built(io))
		return E_NOT_ATTACHED;
	if (page_used_percent() >= POOL_FOR_UNMAP)
		return E_NO_MEMORY;
	e = vtd_unmap(&io->space, iova, size);
	flush_for(io, io->vm); /* after a time-out, too: the leaves are gone */
	return e;
}
