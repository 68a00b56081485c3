// SPDX-License-Identifier: BSD-2-Clause
#include "core/vm.h"

#include "core/backend.h"
#include "core/cache.h"
#include "core/clock.h"
#include "core/fault.h"
#include "core/guest_image.h"
#include "core/ioapic.h"
#include "core/ioasid.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/vm_memory.h"
#include "lib/string.h"
#include "lib/token.h"

struct vm vms[VMS_MAX]; /* grows while the manifest is read; each entry changes on its own CPU */
u32 vm_count;

struct vm *vm_find(const char *name)
{
	for_each_vm (vm) {
		if (!strcmp(vm->name, name))
			return vm;
	}
	return NULL;
}

struct vm *vm_find_platform(void)
{
	for_each_vm (vm) {
		if (vm->platform)
			return vm;
	}
	return NULL;
}

err_t vm_create(const char *name, struct vm **vm)
{
	if (vm_find(name))
		return E_DUPLICATE;
	if (vm_count == VMS_MAX)
		return E_TOO_MANY;
	*vm = &vms[vm_count];
	TRY(text_copy((struct text){name, strlen(name)}, (*vm)->name, VM_NAME_MAX));
	(*vm)->index = vm_count++;
	return E_OK;
}

const struct vm_range *vm_find_range(const struct vm *vm, u64 gpa, u64 size)
{
	for (const struct vm_range *r = vm->ram; r < vm->ram + vm->ram_count; r++) {
		if (vm_range_holds(r, gpa, size))
			return r;
	}
	return NULL;
}

void *vm_ram(struct vcpu *vcpu, u64 gpa, u64 size)
{
	const struct vm_range *r = vm_find_range(vcpu->vm, gpa, size);

	if (!r)
		return NULL;
	vcpu->last_range = r;
	return r->host + (gpa - r->gpa);
}

void vm_flush_caches(struct vm *vm)
{
	/* One CPU runs here, and it alone has touched this VM's memory. */
	(void)vm;
	cache_flush_all();
}

void vm_log_wbinvd(struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;

	if (!vcpu->wbinvd.rate.pending)
		return;
	log_line("wbinvd vm=%s cpu=%u rip=0x%lx verdict=%s count=%u", vm->name, vcpu->cpu->index,
	         vcpu->wbinvd.rip, vm->verdict == VERDICT_EMULATE ? "emulate" : "ignore",
	         rate_take(&vcpu->wbinvd.rate));
}

void vm_log_verdict(const struct vm *vm)
{
	log_line("verdict vm=%s wbinvd=%s because=%s", vm->name, coherency_verdicts[vm->verdict],
	         coherency_boxes[vm->because]);
}

void vm_update_memory_type(struct vm *vm)
{
	enum vm_memory_type from = vm->memory_type, to = VM_MEMORY_WB;

	if (vm->verdict == VERDICT_EMULATE)
		to = vm->vcpu->cr0_cache_bits & CR0_CD ? VM_MEMORY_UC : VM_MEMORY_GUEST;
	if (to == from)
		return;
	vm->memory_type = to;
	backend->update_memory_type(vm->vcpu, from);
	vm_flush_caches(vm);
}

void vm_update_verdict(struct vm *vm)
{
	enum coherency_box because;
	enum coherency_verdict verdict =
		coherency_verdict(vm->policy, vm->devices_in_box, &because);

	if (verdict == vm->verdict && because == vm->because)
		return;
	vm_log_wbinvd(vm->vcpu);
	vm->verdict = verdict;
	vm->because = because;
	vm->verdict_since_ms = clock_ms();
	vm_update_memory_type(vm);
	vm_log_verdict(vm);
}

static err_t create_vcpu(struct vm *vm, const struct vcpu_start *start)
{
	u64 pa = page_alloc_zeroed();
	struct vcpu *vcpu = phys_to_virt(pa);

	_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "one page");
	if (!pa)
		return E_NO_MEMORY;
	vcpu->vm = vm;
	vcpu->cpu = cpu_this();
	vcpu->pat = PAT_RESET;
	vcpu->last_range = vm->ram;
	vm->vcpu = vcpu;
	return backend->vcpu_init(vcpu, start);
}

/* What the CPU does not have reads as 0 and raises #GP in the guest by MTRRCAP's word. */
static void read_mtrrs(struct vm *vm)
{
	for (u32 i = 0; i < ARRAY_SIZE(vm->mtrrs); i++)
		(void)msr_try_read(MSR_MTRR_PHYS_FIRST + i, &vm->mtrrs[i]);
}

err_t vm_prepare(struct vm *vm, const char **file)
{
	struct vcpu_start start;

	*file = NULL;
	TRY(vm_memory_build(vm));
	TRY(guest_image_load(vm, &start, file));
	TRY(create_vcpu(vm, &start));
	read_mtrrs(vm);
	return E_OK;
}

static void log_summary(const struct vm *vm)
{
	const struct vm_counters *c = &vm->counters;

	log_line("summary vm=%s wbinvd=%lu emulated=%lu ignored=%lu invd=%lu faults=%lu exits=%lu "
	         "interrupts-refused=%lu",
	         vm->name, c->wbinvd, c->emulated, c->ignored, c->invd, c->faults, c->exits,
	         c->interrupts_refused);
}

static void end(struct vm *vm)
{
	vm_log_wbinvd(vm->vcpu);
	for_each_device (d) {
		if (d->vm == vm && d->state == DEVICE_ATTACHED)
			ioasid_detach(d);
	}
	if (vm->platform)
		ioapic_reset();
	fault_poll();
	fault_log_pending();
	log_summary(vm);
	vm->vcpu->cpu->vcpu = NULL;
	backend->vcpu_destroy(vm->vcpu);
	page_free(virt_to_phys(vm->vcpu));
	vm->vcpu = NULL;
	pt_destroy(&vm->stage2);
}

void vm_run(struct vm *vm)
{
	vm_log_verdict(vm);
	log_line("start vm=%s cpu=%u", vm->name, vm->vcpu->cpu->index);
	vm->state = VM_RUNNING;
	vm->vcpu->cpu->vcpu = vm->vcpu;
	backend->vcpu_run(vm->vcpu);
	end(vm);
}
