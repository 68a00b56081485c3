// SPDX-License-Identifier: BSD-2-Clause
#include "core/ioasid.h"

#include "core/backend.h"
#include "core/facts.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/vm_memory.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/token.h"

struct ioasid ioasids[IOASIDS_MAX]; /* entries are never removed; each belongs to one VM */
u32 ioasid_count;

/* Interrupt requests are not memory (VT-d 3.14): never mapped (R4). */
#define MSI_START 0xfee00000ull
#define MSI_END   0xfef00000ull

static const char *const format_names[] = {"unresolved", "snoop", "nosnoop"};

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
	struct text text = {name, strlen(name)};
	struct ioasid *io = &ioasids[ioasid_count];

	if (ioasid_find(name))
		return E_DUPLICATE;
	if (ioasid_count == IOASIDS_MAX)
		return E_TOO_MANY;
	TRY(text_copy(text, io->name, IOASID_NAME_MAX));
	io->index = ioasid_count++;
	io->request = request;
	if (ioasid)
		*ioasid = io;
	return E_OK;
}

void ioasid_resolve(struct ioasid *io, bool all_snoop_control)
{
	if (io->format == FORMAT_UNRESOLVED)
		io->format = coherency_resolve(io->request, all_snoop_control);
}

err_t ioasid_implicit(struct vm *vm, const struct device *d, struct ioasid **ioasid)
{
	bool snoop = d->unit->snoop_control;
	char name[IOASID_NAME_MAX];

	format_text(name, sizeof(name), "%s.%s", vm->name, snoop ? "snoop" : "nosnoop");
	*ioasid = ioasid_find(name);
	if (!*ioasid)
		return ioasid_create(name, snoop ? REQUEST_SNOOP : REQUEST_NOSNOOP, ioasid);
	return E_OK;
}

/* What every unit can do, so that one table serves them all where that is possible; else what the
 * device's own unit can do. */
static void choose_shape(const struct vtd_unit *own, u64 top, u8 *levels, u8 *leaf_sizes)
{
	u8 common = own->levels;

	*leaf_sizes = own->leaf_sizes;
	for (u32 i = 0; i < unit_count; i++) {
		if (common & units[i].levels)
			common &= units[i].levels;
		*leaf_sizes &= units[i].leaf_sizes;
	}
	/* The lowest tree that reaches the top of memory; if none does, mapping will say so. */
	for (*levels = 3; *levels < 5; (*levels)++) {
		if ((common & BIT(*levels)) && top <= BIT(PAGE_SIZE_LG2 + 9 * *levels))
			return;
	}
	if (!(common & BIT(5)))
		*levels = common & BIT(4) ? 4 : 3;
}

static err_t map_ram(struct ioasid *io, const struct vm_range *r)
{
	u64 end = r->gpa + r->size;
	u64 below = MIN(end, MSI_START), above = MAX(r->gpa, MSI_END);

	if (r->gpa < below)
		TRY(vtd_map(&io->space, r->gpa, r->pa, below - r->gpa, VTD_READ | VTD_WRITE));
	if (above < end)
		TRY(vtd_map(&io->space, above, r->pa + (above - r->gpa), end - above,
		            VTD_READ | VTD_WRITE));
	return E_OK;
}

/* R4: maps the VM's memory with IOVA = GPA. On failure the space is gone again. */
static err_t build_space(struct ioasid *io, const struct vm *vm, const struct vtd_unit *unit)
{
	const struct vm_range *last = &vm->ram[vm->ram_count - 1];
	bool flush = false;
	u8 levels, leaf_sizes;
	err_t e;

	for (u32 i = 0; i < unit_count; i++)
		flush |= !units[i].walk_coherent;
	choose_shape(unit, last->gpa + last->size, &levels, &leaf_sizes);
	/* Domain id 0 is special where caching mode is on (VT-d 11.4.2): ids start at 1. */
	TRY(vtd_space_init(&io->space, (u16)(io->index + 1), io->format == FORMAT_SNOOP, levels,
	                   leaf_sizes, flush));
	for (const struct vm_range *r = vm->ram; r <= last; r++) {
		e = map_ram(io, r);
		if (e) {
			vtd_space_destroy(&io->space);
			return e;
		}
	}
	io->built = true;
	return E_OK;
}

static u8 secondary_bus(u32 bdf)
{
	const struct device *d = device_find(bdf);

	return d && d->bridge ? (u8)pci_read(bdf, PCI_SECONDARY_BUS, 1) : 0;
}

static bool rmrr_covers(const struct dmar_rmrr *r, const struct device *d)
{
	return r->segment == d->bdf >> 16 &&
	       vtd_scope_covers(&facts.dmar, r->first_scope, r->scope_count, d->bdf, secondary_bus);
}

/* R9: identity is all an RMRR allows, so the VM's RAM must not lie there under another address, nor
 * may the hypervisor; and nobody else may share the region. */
static err_t check_rmrr(const struct dmar_rmrr *r, const struct vm *vm)
{
	if (mem_is_hypervisor(r->base_pa, r->limit_pa - r->base_pa + 1))
		return E_RESERVED_REGION;
	for (const struct vm_range *m = vm->ram; m < vm->ram + vm->ram_count; m++) {
		if (m->gpa <= r->limit_pa && r->base_pa < m->gpa + m->size && m->gpa != m->pa)
			return E_RESERVED_REGION;
	}
	for_each_device (other) {
		if (other->vm && other->vm != vm && rmrr_covers(r, other))
			return E_RESERVED_REGION;
	}
	return E_OK;
}

static err_t check_rmrrs(const struct device *d, const struct vm *vm)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		if (rmrr_covers(&facts.dmar.rmrrs[i], d))
			TRY(check_rmrr(&facts.dmar.rmrrs[i], vm));
	}
	return E_OK;
}

/* Is another device of this IOASID the reason why the region is mapped? */
static bool rmrr_shared(const struct dmar_rmrr *r, const struct device *d, const struct ioasid *io)
{
	for_each_device (other) {
		if (other != d && other->ioasid == io && rmrr_covers(r, other))
			return true;
	}
	return false;
}

static bool rmrr_is_ram(const struct dmar_rmrr *r, const struct vm *vm)
{
	for (const struct vm_range *m = vm->ram; m < vm->ram + vm->ram_count; m++) {
		if (m->gpa <= r->limit_pa && r->base_pa < m->gpa + m->size)
			return true;
	}
	return false;
}

static void unmap_rmrrs(struct ioasid *io, const struct device *d, const struct vm *vm)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];

		if (!rmrr_covers(r, d) || rmrr_is_ram(r, vm) || rmrr_shared(r, d, io))
			continue;
		if (vtd_unmap(&io->space, ALIGN_DOWN(r->base_pa, PAGE_SIZE),
		              ALIGN_UP(r->limit_pa + 1, PAGE_SIZE) -
		                      ALIGN_DOWN(r->base_pa, PAGE_SIZE)))
			log_line("rmrr base=0x%lx ioasid=%s state=left-mapped", r->base_pa,
			         io->name);
	}
}

/* All or nothing. */
static err_t map_rmrrs(struct ioasid *io, const struct device *d, const struct vm *vm)
{
	for (u32 i = 0; i < facts.dmar.rmrr_count; i++) {
		const struct dmar_rmrr *r = &facts.dmar.rmrrs[i];
		u64 start = ALIGN_DOWN(r->base_pa, PAGE_SIZE);
		u64 end = ALIGN_UP(r->limit_pa + 1, PAGE_SIZE);

		if (!rmrr_covers(r, d) || rmrr_is_ram(r, vm) || rmrr_shared(r, d, io))
			continue;
		if (vtd_map(&io->space, start, start, end - start, VTD_READ | VTD_WRITE)) {
			unmap_rmrrs(io, d, vm);
			return E_RESERVED_REGION;
		}
	}
	return E_OK;
}

/* Everything that can be refused without having touched anything. */
static err_t check(const struct ioasid *io, const struct device *d, const struct vm *vm)
{
	enum coherency_format format = io->format;

	if (d->bridge)
		return E_BRIDGE;
	if (d->state == DEVICE_QUARANTINED)
		return E_QUARANTINED;
	if (d->state == DEVICE_ATTACHED || d->vm)
		return E_HAS_OWNER;
	if (io->vm && io->vm != vm)
		return E_IOASID_OF_OTHER_VM;
	if (!d->unit)
		return E_NO_UNIT;
	if (format == FORMAT_UNRESOLVED)
		format = coherency_resolve(io->request, d->unit->snoop_control);
	if (!coherency_may_attach(format, d->unit->snoop_control))
		return E_NO_SNOOP_CONTROL;
	return check_rmrrs(d, vm);
}

static err_t prepare(struct ioasid *io, struct device *d, struct vm *vm)
{
	err_t e;

	if (!io->built)
		TRY(build_space(io, vm, d->unit));
	TRY(vtd_check(d->unit, &io->space));
	TRY(vm_memory_map_device(vm, d));
	e = map_rmrrs(io, d, vm);
	if (e)
		vm_memory_unmap_device(vm, d);
	return e;
}

/* R11: the verdict is up, and what it means for the caches done, before the device can DMA. */
static err_t connect(struct ioasid *io, struct device *d, struct vm *vm)
{
	enum coherency_box box = coherency_box(io->format, d->nosnoop_capable);
	err_t e;

	vm->devices_in_box[box]++;
	vm_update_verdict(vm);
	if (io->format == FORMAT_NOSNOOP)
		vm_flush_caches(
			vm); /* R17: all of the VM's memory becomes visible past the caches */
	e = vtd_attach(d->unit, (u16)d->bdf, &io->space);
	if (e) {
		vm->devices_in_box[box]--;
		vm_update_verdict(vm);
		return e;
	}
	d->box = box;
	d->ioasid = io;
	io->vm = vm;
	return E_OK;
}

static err_t try_attach(struct ioasid *io, struct device *d, struct vm *vm)
{
	err_t e;

	TRY(check(io, d, vm));
	ioasid_resolve(io, d->unit->snoop_control);
	TRY(prepare(io, d, vm));
	e = connect(io, d, vm);
	if (e) {
		unmap_rmrrs(io, d, vm);
		vm_memory_unmap_device(vm, d);
	}
	return e;
}

static void own(struct device *d, struct vm *vm, const char *ioasid, const char *format)
{
	d->vm = vm;
	d->state = DEVICE_ATTACHED;
	device_allow_dma(d);
	log_line("attach %s ioasid=%s format=%s vm=%s box=%u coherent=%u", BDF_TEXT(d->bdf), ioasid,
	         format, vm->name, d->box, coherency_is_coherent(d->box));
}

err_t ioasid_attach(struct ioasid *io, struct device *d, struct vm *vm)
{
	err_t e = try_attach(io, d, vm);

	if (e) {
		log_line("refused attach %s ioasid=%s reason=%s", BDF_TEXT(d->bdf), io->name,
		         error_name(e));
		return e;
	}
	own(d, vm, io->name, format_names[io->format]);
	return E_OK;
}

err_t ioasid_attach_unprotected(struct device *d, struct vm *vm)
{
	if (d->bridge)
		return E_BRIDGE;
	if (d->state != DEVICE_FREE)
		return E_HAS_OWNER;
	TRY(vm_memory_map_device(vm, d));
	d->box = coherency_box(FORMAT_NOSNOOP, d->nosnoop_capable);
	vm->devices_in_box[d->box]++;
	vm_update_verdict(vm);
	own(d, vm, "none", "unprotected");
	return E_OK;
}

static void quarantine(struct device *d, const char *reason)
{
	d->state = DEVICE_QUARANTINED;
	log_line("quarantine %s vm=%s reason=%s", BDF_TEXT(d->bdf), d->vm->name, reason);
}

void ioasid_detach(struct device *d)
{
	struct ioasid *io = d->ioasid;
	struct vm *vm = d->vm;
	bool quiet = device_quiesce(d);
	err_t e = io ? vtd_detach(d->unit, (u16)d->bdf, &io->space) : E_OK;

	if (e || !quiet) {
		/* It still counts in its box: the verdict stays on the safe side. */
		quarantine(d, e ? error_name(e) : "transactions-pending");
		return;
	}
	if (io) {
		unmap_rmrrs(io, d, vm);
		if (io->format == FORMAT_NOSNOOP)
			vm_flush_caches(vm); /* R17: after the invalidation, before reuse */
	}
	log_line("detach %s ioasid=%s vm=%s", BDF_TEXT(d->bdf), io ? io->name : "none", vm->name);
	vm_memory_unmap_device(vm, d);
	d->vm = NULL;
	d->ioasid = NULL;
	d->state = DEVICE_FREE;
	vm->devices_in_box[d->box]--;
	vm_update_verdict(vm);
}
