// SPDX-License-Identifier: BSD-2-Clause
#include "core/vm.h"

#include "core/backend.h"
#include "core/clock.h"
#include "core/control.h"
#include "core/fault.h"
#include "core/guest_image.h"
#include "core/ioapic.h"
#include "core/ioasid.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/mem.h"
#include "core/power.h"
#include "core/vcpu.h"
#include "core/vm_memory.h"
#include "lib/string.h"
#include "lib/token.h"

struct vm vms[VMS_MAX]; /* grows while the manifest is read; an entry changes under the control lock
                         */
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

void vm_flush_caches(const struct vm *vm)
{
	mailbox_ask(vm->config.cpu_mask | BIT(cpu_this()->index), ASK_FLUSH);
}

void vm_refresh(const struct vm *vm)
{
	mailbox_ask(vm->config.cpu_mask, ASK_REFRESH);
}

struct vcpu_counters vm_sum_counters(const struct vm *vm)
{
	struct vcpu_counters sum = {0};

	for_each_vcpu (vcpu, vm) {
		const struct vcpu_counters *c = &vcpu->counters;

		sum.wbinvd += c->wbinvd;
		sum.emulated += c->emulated;
		sum.ignored += c->ignored;
		sum.invd += c->invd;
		sum.exits += c->exits;
		sum.ipis_refused += c->ipis_refused;
	}
	return sum;
}

void vm_log_verdict(const struct vm *vm)
{
	log_line("verdict vm=%s wbinvd=%s because=%s", vm->name, coherency_verdicts[vm->verdict],
	         coherency_boxes[vm->because]);
}

/* What goes with this verdict. CR0.CD of one CPU makes the memory of all uncached. */
static enum vm_memory_type choose_memory_type(const struct vm *vm, enum coherency_verdict verdict)
{
	if (verdict == VERDICT_IGNORE)
		return VM_MEMORY_WB;
	for_each_vcpu (vcpu, vm) {
		if (vcpu->activity != VCPU_WAIT_SIPI && vcpu->cr0_cache_bits & CR0_CD)
			return VM_MEMORY_UC;
	}
	return VM_MEMORY_GUEST;
}

/* R16: rewrite, invalidate on all its CPUs, flush. */
static void set_memory_type(struct vm *vm, enum vm_memory_type type)
{
	if (type == vm->memory_type)
		return;
	vm->memory_type = type;
	backend->retype_ram(vm);
	mailbox_ask(vm->config.cpu_mask | BIT(cpu_this()->index), ASK_REFRESH | ASK_FLUSH);
}

void vm_update_cache_bits(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	control_take();
	set_memory_type(vm, choose_memory_type(vm, vm->verdict));
	control_give();
}

static void set_verdict(struct vm *vm, enum coherency_verdict verdict)
{
	if (verdict == vm->verdict)
		return;
	vm->verdict = verdict;
	vm->verdict_since_ms = clock_ms();
	vm_refresh(vm);
}

/* A WBINVD counts wherever the guest's memory types do: the verdict rises before them, and falls
 * after them and their flush (docs/coherency.md). */
void vm_update_verdict(struct vm *vm)
{
	enum coherency_verdict old = vm->verdict, verdict;
	enum coherency_box old_because = vm->because;

	verdict = coherency_verdict(vm->policy, vm->devices_in_box, &vm->because);
	if (verdict == VERDICT_EMULATE)
		set_verdict(vm, verdict);
	set_memory_type(vm, choose_memory_type(vm, verdict));
	set_verdict(vm, verdict);
	if (verdict != old || vm->because != old_because)
		vm_log_verdict(vm);
}

/* What the CPU does not have reads as 0 and raises #GP in the guest by MTRRCAP's word. */
static void read_mtrrs(struct vm *vm)
{
	for (u32 i = 0; i < ARRAY_SIZE(vm->mtrrs); i++)
		(void)msr_try_read(MSR_MTRR_PHYS_FIRST + i, &vm->mtrrs[i]);
}

static err_t build(struct vm *vm, const char **file)
{
	struct vcpu_start start;

	TRY(vm_memory_build(vm));
	TRY(guest_image_load(vm, &start, file));
	read_mtrrs(vm);
	vm_flush_caches(vm); /* what was written here is in this CPU's caches (R13, R17) */
	return vcpu_create_all(vm, &start);
}

err_t vm_prepare(struct vm *vm, const char **file)
{
	err_t e;

	*file = NULL;
	vm->counters = (struct vm_counters){0};
	vm->end_status = 0;
	e = build(vm, file);
	if (e)
		vcpu_destroy_all(vm);
	return e;
}

static void log_summary(const struct vm *vm)
{
	struct vcpu_counters c = vm_sum_counters(vm);

	log_line("summary vm=%s wbinvd=%lu emulated=%lu ignored=%lu invd=%lu faults=%lu exits=%lu "
	         "interrupts-refused=%lu",
	         vm->name, c.wbinvd, c.emulated, c.ignored, c.invd, vm->counters.faults, c.exits,
	         vm->counters.interrupts_refused);
	if (vm->vcpu_count < 2)
		return;
	for_each_vcpu (vcpu, vm)
		log_line("summary vm=%s cpu=%u wbinvd=%lu emulated=%lu ignored=%lu exits=%lu",
		         vm->name, vcpu->cpu->index, vcpu->counters.wbinvd, vcpu->counters.emulated,
		         vcpu->counters.ignored, vcpu->counters.exits);
}

/* All its CPUs have left the guest. */
static void end(struct vm *vm)
{
	for_each_vcpu (vcpu, vm)
		vcpu_log_wbinvd(vcpu, vcpu->verdict);
	for_each_device (d) {
		if (d->vm == vm && d->state == DEVICE_ATTACHED)
			ioasid_detach(d);
	}
	if (vm->platform)
		ioapic_reset();
	fault_poll();
	fault_log_pending();
	ioasid_reset_all(vm);
	log_summary(vm);
	vcpu_destroy_all(vm);
}

/* The machine ends with its last VM; one that an operator has stopped may start again. */
static void end_machine(void)
{
	u32 status = POWER_STATUS_OK;

	for_each_vm (vm) {
		if (vm->vcpu_count || vm->state == VM_STOPPED)
			return;
		if (vm->state != VM_ENDED || vm->end_status)
			status = POWER_STATUS_VM;
	}
	power_end(status);
}

void vm_leave(struct vm *vm, enum vm_state state)
{
	enum vm_state running = VM_RUNNING;

	if (!__atomic_compare_exchange_n(&vm->state, &running, state, false, __ATOMIC_SEQ_CST,
	                                 __ATOMIC_SEQ_CST))
		return;
	for_each_vcpu (vcpu, vm)
		mailbox_post(vcpu->cpu, ASK_LOOK);
}

/* A CPU that does not answer is none that still runs the guest: the others have been told. */
static bool has_left(const struct vcpu *vcpu)
{
	return !__atomic_load_n(&vcpu->busy, __ATOMIC_SEQ_CST) || !vcpu->cpu->online;
}

void vm_finish(struct vm *vm)
{
	if (__atomic_exchange_n(&vm->finishing, true, __ATOMIC_SEQ_CST))
		return;
	for_each_vcpu (vcpu, vm) {
		while (!has_left(vcpu)) {
			mailbox_ask(BIT(vcpu->cpu->index), ASK_LOOK);
			__builtin_ia32_pause();
		}
	}
	control_take();
	end(vm);
	vm->finishing = false;
	end_machine();
	control_give();
}

err_t vm_stop(struct vm *vm)
{
	const struct vcpu *own = cpu_this()->vcpu;

	if (vm->state != VM_RUNNING)
		return E_NOT_RUNNING;
	log_line("stop vm=%s", vm->name);
	vm_leave(vm, VM_STOPPED);
	if (own && own->vm == vm)
		return E_OK;
	vm_finish(vm);
	while (__atomic_load_n(&vm->vcpu_count, __ATOMIC_ACQUIRE)) { /* one of its CPUs is at it */
		mailbox_serve();
		__builtin_ia32_pause();
	}
	return E_OK;
}

void vm_run(struct vm *vm)
{
	vm_log_verdict(vm);
	log_line("start vm=%s cpu=%u", vm->name, vm->vcpus[0]->cpu->index);
	__atomic_store_n(&vm->state, VM_RUNNING, __ATOMIC_SEQ_CST);
	mailbox_post(vm->vcpus[0]->cpu, ASK_LOOK);
}
