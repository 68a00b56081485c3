// SPDX-License-Identifier: BSD-2-Clause
#include "core/audit.h"

#include "core/ats.h"
#include "core/backend.h"
#include "core/facts.h"
#include "core/group.h"
#include "core/ioasid.h"
#include "core/pagetable_walk.h"
#include "core/rmrr.h"
#include "lib/format.h"
#include "lib/string.h"

#define FINDINGS_SHOWN 16 /* lines: one mistake may be in a million leaves */

bool audit_always; /* set while the manifest is read */

struct audit {
	struct output *out;
	u64 tables, leaves, findings;
	/* the tables being walked */
	const struct pagetable *pt;
	const char *name;
	const struct vm *vm;
	const struct ioasid *io; /* NULL: nested tables */
};

/* where: an IOASID, a VM, a device. address: what the entry maps. */
static void note(struct audit *a, const char *what, const char *where, u64 address, u64 entry)
{
	if (what && a->findings++ < FINDINGS_SHOWN)
		output_line(a->out, "finding what=%s in=%s address=0x%lx entry=0x%lx", what, where,
		            address, entry);
}

/* All of [pa, pa + size) is RAM of the VM, or any of it. */
static bool has_ram(const struct vm *vm, u64 pa, u64 size, bool all)
{
	for (const struct vm_range *r = vm->ram; r < vm->ram + vm->ram_count; r++) {
		if (all ? pa >= r->pa && pa + size <= r->pa + r->size
		        : pa < r->pa + r->size && r->pa < pa + size)
			return true;
	}
	return false;
}

static bool is_interrupts(u64 address, u64 size)
{
	return address < IOASID_MSI_END && IOASID_MSI_START < address + size;
}

static const char *check_dma_leaf(const struct audit *a, u64 iova, u64 pa, u64 size, u64 entry)
{
	if (!(entry & VTD_SNOOP) != (a->io->format != FORMAT_SNOOP))
		return "snp-against-format";
	if (is_interrupts(iova, size))
		return "interrupt-range";
	return has_ram(a->vm, pa, size, true) || rmrr_allows(a->io, pa, size) ? NULL
	                                                                      : "foreign-memory";
}

static const char *check_nested_leaf(const struct audit *a, u64 pa, u64 size, u64 entry)
{
	u64 expected = has_ram(a->vm, pa, size, true) ? backend->stage2_ram(a->vm->memory_type)
	                                              : backend->stage2_mmio();
	u64 bits = backend->stage2_ram(VM_MEMORY_WB) | backend->stage2_ram(VM_MEMORY_GUEST) |
	           backend->stage2_ram(VM_MEMORY_UC) | backend->stage2_mmio();

	bits &= ~a->pt->format->present; /* permissions are another matter */

	if (is_interrupts(pa, size))
		return "interrupt-range";
	for_each_vm (other) {
		if (other != a->vm && has_ram(other, pa, size, false))
			return "memory-of-other-vm";
	}
	return (entry ^ expected) & bits ? "memory-type" : NULL;
}

static const char *check_leaf(const struct audit *a, u64 va, u64 size, u64 entry)
{
	u64 pa = entry & a->pt->format->address & ~(size - 1);

	if (mem_is_hypervisor(pa, size))
		return "hypervisor-memory";
	return a->io ? check_dma_leaf(a, va, pa, size, entry)
	             : check_nested_leaf(a, pa, size, entry);
}

static void walk(struct audit *a, const u64 *table, unsigned int level, u64 va)
{
	a->tables++;
	for (u32 i = 0; i < ENTRIES; i++, va += level_size(level)) {
		u64 entry = table[i];

		if (is_table(a->pt, entry, level)) {
			if (a->io && entry & VTD_SNOOP)
				note(a, "snp-in-table", a->name, va, entry);
			walk(a, child_of(a->pt, entry), level - 1, va);
		} else if (is_present(a->pt, entry)) {
			a->leaves++;
			note(a, check_leaf(a, va, level_size(level), entry), a->name, va, entry);
		}
	}
}

static void audit_table(struct audit *a, const struct pagetable *pt, const char *name,
                        const struct vm *vm, const struct ioasid *io)
{
	a->pt = pt;
	a->name = name;
	a->vm = vm;
	a->io = io;
	walk(a, phys_to_virt(pt->root_pa), pt->levels, 0);
}

static void audit_contexts(struct audit *a, const struct vtd_unit *unit)
{
	struct vtd_context entry;

	for (u32 rid = 0; rid <= 0xffff; rid++) {
		u32 bdf = (u32)unit->segment << 16 | rid;
		const struct device *d;

		if (!vtd_has_contexts(unit, (u16)rid))
			rid |= VTD_CONTEXTS - 1;
		if (!vtd_read_context(unit, (u16)rid, &entry))
			continue;
		d = group_find_requester(bdf);
		if (vtd_passes_through(&entry))
			note(a, "pass-through", BDF_TEXT(bdf), 0, entry.low); /* R7 */
		else if (!d || d->state != DEVICE_ATTACHED || !d->ioasid || d->unit != unit)
			note(a, "context-of-unattached", BDF_TEXT(bdf), 0, entry.low);
		else if (!vtd_is_attached(unit, &entry, &d->ioasid->space,
		                          d->ats_allowed && bdf == d->bdf))
			note(a, "context-of-other-table", BDF_TEXT(bdf), 0, entry.low);
	}
}

/* Counts it in the box that the tables put it into, whatever the books say (R12). */
static void audit_device(struct audit *a, struct device *d, u32 boxes[BOX_COUNT])
{
	enum coherency_format format = d->ioasid ? d->ioasid->format : FORMAT_NOSNOOP;
	struct vtd_context entry = {0};

	if (d->ioasid && d->state == DEVICE_ATTACHED) {
		if (!vtd_read_context(d->unit, (u16)d->bdf, &entry))
			note(a, "context-absent", BDF_TEXT(d->bdf), 0, entry.low);
		if (!coherency_may_attach(format, d->unit->snoop_control))
			note(a, "no-snoop-control", BDF_TEXT(d->bdf), 0, entry.low);
		if (!ats_is_consistent(d))
			note(a, "ats", BDF_TEXT(d->bdf), 0, entry.low);
	}
	if (vtd_passes_through(&entry))
		format = FORMAT_NOSNOOP;
	/* What is in quarantine has no table that could say. */
	boxes[d->state == DEVICE_ATTACHED ? coherency_box(format, d->nosnoop_capable) : d->box]++;
}

static void audit_verdict(struct audit *a, const struct vm *vm)
{
	u32 boxes[BOX_COUNT] = {0};
	enum coherency_box because;

	for_each_device (d) {
		if (d->vm == vm)
			audit_device(a, d, boxes);
	}
	if (memcmp(boxes, vm->devices_in_box, sizeof(boxes)))
		note(a, "count-of-boxes", vm->name, 0, 0);
	if (coherency_verdict(vm->policy, boxes, &because) != vm->verdict || because != vm->because)
		note(a, "verdict", vm->name, 0, 0);
}

u32 audit_run(struct output *out)
{
	struct audit a = {.out = out};

	for (u32 i = 0; i < unit_count; i++)
		audit_contexts(&a, &units[i]);
	for (const struct ioasid *io = ioasids; io < ioasids + ioasid_count; io++) {
		if (io->space.table.root_pa)
			audit_table(&a, &io->space.table, io->name, io->vm, io);
	}
	for_each_vm (vm) {
		audit_verdict(&a, vm);
		if (vm->state <= VM_RUNNING && vm->stage2.root_pa) /* one that ended has none */
			audit_table(&a, &vm->stage2, vm->name, vm, NULL);
	}
	output_line(out, "audit tables=%lu leaves=%lu findings=%lu", a.tables, a.leaves,
	            a.findings);
	return (u32)a.findings;
}

void audit_after_change(void)
{
	if (audit_always)
		(void)audit_run(&output_log);
}
