// SPDX-License-Identifier: BSD-2-Clause
#include "core/show.h"

#include "core/ats.h"
#include "core/clock.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/pagetable_walk.h"
#include "core/plan.h"
#include "lib/format.h"

#define LOG_LINES 20 /* that `log` shows */

static void show_vm(struct output *out, const struct vm *vm)
{
	static const char *const states[] = {"configured", "running", "ended", "killed", "stopped"};
	u64 memory = 0;

	for (u32 i = 0; i < vm->ram_count; i++)
		memory += vm->ram[i].size;
	output_line(out, "vm %s state=%s cpu-mask=0x%lx memory=%luM wbinvd=%s because=%s", vm->name,
	            states[vm->state], vm->config.cpu_mask, memory >> 20,
	            coherency_verdicts[vm->verdict], coherency_boxes[vm->because]);
}

void show_owner(struct output *out, const struct device *d)
{
	static const char *const states[] = {"free", "attached", "quarantined"};

	if (d->vm)
		output_line(out, "device %s state=%s vm=%s ioasid=%s box=%u group=%s",
		            BDF_TEXT(d->bdf), states[d->state], d->vm->name, ioasid_name(d->ioasid),
		            d->box, BDF_TEXT(d->group));
	else
		output_line(out, "device %s state=%s group=%s%s", BDF_TEXT(d->bdf),
		            states[d->state], BDF_TEXT(d->group), d->bridge ? " type=bridge" : "");
}

void show_attached(struct output *out, const struct device *d)
{
	output_line(out, "device %s format=%s box=%u coherent=%u wbinvd=%s because=%s",
	            BDF_TEXT(d->bdf), ioasid_format(d->ioasid), d->box,
	            coherency_is_coherent(d->box), coherency_verdicts[d->vm->verdict],
	            coherency_boxes[d->vm->because]);
}

err_t show_list(struct line *l)
{
	TRY(line_end(l));
	for_each_vm (vm)
		show_vm(l->out, vm);
	for_each_device (d)
		show_owner(l->out, d);
	return E_OK;
}

/* R3 */
static void show_default(struct output *out, const struct device *d)
{
	enum coherency_policy policy = d->vm ? d->vm->policy : plan.policy;
	enum coherency_format format;
	enum coherency_box box = device_default(d, &format);

	output_line(out, "device %s unit=%u sc=%u default=%s box=%u wbinvd=%s", BDF_TEXT(d->bdf),
	            d->unit->index, d->unit->snoop_control, coherency_formats[format], box,
	            coherency_verdicts[coherency_box_authorises(policy, box)]);
}

err_t show_info(struct line *l)
{
	const struct device *d;

	TRY(line_device(l, &l->device));
	TRY(line_end(l));
	d = l->device;
	output_line(l->out, "device %s id=%04x:%04x class=%06x nosnoop=%s by=%s ats=%s",
	            BDF_TEXT(d->bdf), d->id & 0xffff, d->id >> 16, d->class_code,
	            d->nosnoop_capable ? "yes" : "no", nosnoop_by_names[d->nosnoop_by],
	            ats_text(d));
	if (!d->unit)
		output_line(l->out, "device %s unit=none", BDF_TEXT(d->bdf));
	else if (!d->bridge)
		show_default(l->out, d);
	show_owner(l->out, d);
	for (u32 i = 0; i < BARS_MAX; i++) {
		if (d->bars[i].size)
			output_line(l->out, "device %s bar=%u type=%s base=0x%lx size=0x%lx",
			            BDF_TEXT(d->bdf), i, d->bars[i].io ? "io" : "memory",
			            d->bars[i].base, d->bars[i].size);
	}
	return E_OK;
}

void show_ioasids(struct output *out)
{
	for (const struct ioasid *io = ioasids; io < ioasids + ioasid_count; io++) {
		u32 count = 0;

		for_each_device (d)
			count += d->ioasid == io;
		output_line(out, "ioasid %s request=%s format=%s vm=%s devices=%u", io->name,
		            coherency_requests[io->request], coherency_formats[io->format],
		            io->vm ? io->vm->name : "none", count);
	}
}

static void show_verdict(struct output *out, const struct vm *vm)
{
	output_line(out, "verdict vm=%s wbinvd=%s because=%s policy=%s since-ms=%lu now-ms=%lu",
	            vm->name, coherency_verdicts[vm->verdict], coherency_boxes[vm->because],
	            coherency_policies[vm->policy], vm->verdict_since_ms, clock_ms());
}

static void show_wbinvd(struct output *out, const struct vm *vm)
{
	struct vcpu_counters c = vm_sum_counters(vm);

	output_line(out, "stats vm=%s wbinvd=%lu emulated=%lu ignored=%lu invd=%lu exits=%lu",
	            vm->name, c.wbinvd, c.emulated, c.ignored, c.invd, c.exits);
}

err_t show_verdicts(struct line *l)
{
	TRY(line_end(l));
	for_each_vm (vm)
		show_verdict(l->out, vm);
	return E_OK;
}

err_t show_why(struct line *l)
{
	TRY(line_vm(l, &l->vm));
	TRY(line_end(l));
	show_verdict(l->out, l->vm);
	show_wbinvd(l->out, l->vm);
	for_each_device (d) {
		if (d->vm == l->vm)
			output_line(l->out, "why %s ioasid=%s format=%s box=%u authorises=%s",
			            BDF_TEXT(d->bdf), ioasid_name(d->ioasid),
			            ioasid_format(d->ioasid), d->box,
			            coherency_box_authorises(l->vm->policy, d->box) ? "yes" : "no");
	}
	return E_OK;
}

/* Who walks the tables: the context entries of the devices. */
static void show_contexts(struct output *out, const struct ioasid *io)
{
	struct vtd_context entry;

	for_each_device (d) {
		if (d->ioasid == io && vtd_read_context(d->unit, (u16)d->bdf, &entry))
			output_line(out, "walk device=%s unit=%u context=0x%lx,0x%lx",
			            BDF_TEXT(d->bdf), d->unit->index, entry.low, entry.high);
	}
}

err_t show_walk(struct line *l)
{
	const struct pagetable *pt;
	struct ioasid *io;
	u64 address, *table;

	TRY(line_ioasid(l, &io));
	TRY(line_number(l, &address));
	pt = &io->space.table;
	if (!pt->root_pa || address >= level_size(pt->levels + 1))
		return E_OUT_OF_RANGE;
	TRY(line_end(l));
	show_contexts(l->out, io);
	table = phys_to_virt(pt->root_pa);
	for (u32 level = pt->levels;; level--) {
		u64 *slot = &table[level_index(address, level)], entry = *slot;
		bool down = is_table(pt, entry, level);

		output_line(l->out, "walk level=%u at=0x%lx entry=0x%lx %s=0x%lx r=%u w=%u snp=%u",
		            level, virt_to_phys(slot), entry,
		            down                    ? "table"
		            : is_present(pt, entry) ? "page"
		                                    : "absent",
		            entry & pt->format->address, (u32) !!(entry & VTD_READ),
		            (u32) !!(entry & VTD_WRITE), (u32) !!(entry & VTD_SNOOP));
		if (!down)
			return E_OK;
		table = child_of(pt, entry);
	}
}

err_t show_stats(struct line *l)
{
	TRY(line_end(l));
	output_line(l->out, "stats pool-used=%lu", page_used_count());
	for_each_vm (vm) {
		show_wbinvd(l->out, vm);
		output_line(l->out,
		            "stats vm=%s faults=%lu interrupts-refused=%lu ipis-refused=%lu",
		            vm->name, vm->counters.faults, vm->counters.interrupts_refused,
		            vm_sum_counters(vm).ipis_refused);
	}
	for (const struct cpu *cpu = cpus; cpu < cpus + CPUS_MAX; cpu++) {
		const struct vcpu *v = cpu->vcpu;

		if (cpu->online)
			output_line(
				l->out,
				"stats cpu=%u apic-id=%u vm=%s wbinvd=%lu emulated=%lu ignored=%lu",
				cpu->index, cpu->apic_id, v ? v->vm->name : "none",
				v ? v->counters.wbinvd : 0, v ? v->counters.emulated : 0,
				v ? v->counters.ignored : 0);
	}
	return E_OK;
}

err_t show_faults(struct line *l)
{
	TRY(line_end(l));
	fault_poll();
	fault_show(l->out);
	return E_OK;
}

err_t show_log(struct line *l)
{
	u64 lines = LOG_LINES;
	err_t e = line_number(l, &lines);

	if (e && e != E_MISSING_WORD)
		return e;
	TRY(line_end(l));
	log_show(l->out, (u32)MIN(lines, 0xffff));
	return E_OK;
}
