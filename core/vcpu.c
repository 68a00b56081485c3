// SPDX-License-Identifier: BSD-2-Clause
#include "core/vcpu.h"

#include "core/backend.h"
#include "core/console.h"
#include "core/guest_apic.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/mem.h"

/* SDM volume 3, table 9-1: how a CPU comes out of INIT, when a startup IPI arrives. */
#define CR0_INIT_CACHE_BITS CR0_CACHE_BITS

static err_t create(struct vm *vm, struct cpu *cpu)
{
	u64 pa = page_alloc_zeroed();
	struct vcpu *vcpu = phys_to_virt(pa);
	err_t e;

	_Static_assert(sizeof(struct vcpu) <= PAGE_SIZE, "one page");
	if (!pa)
		return E_NO_MEMORY;
	vcpu->vm = vm;
	vcpu->cpu = cpu;
	vcpu->pat = PAT_RESET;
	vcpu->last_range = vm->ram;
	vcpu->verdict = vm->verdict;
	e = backend->vcpu_init(vcpu);
	if (e) {
		page_free(pa);
		return e;
	}
	vm->vcpus[vm->vcpu_count++] = vcpu;
	cpu->nmi = false; /* the one before was owed it */
	__atomic_store_n(&cpu->vcpu, vcpu, __ATOMIC_RELEASE);
	return E_OK;
}

err_t vcpu_create_all(struct vm *vm, const struct vcpu_start *start)
{
	for (u32 i = 0; i < CPUS_MAX; i++) {
		if (vm->config.cpu_mask & BIT(i))
			TRY(create(vm, &cpus[i]));
	}
	vm->vcpus[0]->start = *start;
	vm->vcpus[0]->activity = VCPU_STARTING;
	return E_OK;
}

void vcpu_destroy_all(struct vm *vm)
{
	bool lost = false;

	mailbox_ask(vm->config.cpu_mask, ASK_DROP);
	for_each_vcpu (vcpu, vm) {
		if (!vcpu->cpu->online) { /* what it may still run stays as it is */
			lost = true;
			continue;
		}
		backend->vcpu_destroy(vcpu);
		page_free(virt_to_phys(vcpu));
	}
	if (!lost && vm->stage2.root_pa)
		pt_destroy(&vm->stage2);
	vm->stage2.root_pa = 0;
	__atomic_store_n(&vm->vcpu_count, 0, __ATOMIC_RELEASE);
}

void vcpu_log_wbinvd(struct vcpu *vcpu, enum coherency_verdict verdict)
{
	if (!vcpu->wbinvd.rate.pending)
		return;
	log_line("wbinvd vm=%s cpu=%u rip=0x%lx verdict=%s count=%u", vcpu->vm->name,
	         vcpu->cpu->index, vcpu->wbinvd.rip, coherency_verdicts[verdict],
	         rate_take(&vcpu->wbinvd.rate));
}

static void refresh(struct vcpu *vcpu)
{
	if (vcpu->verdict != vcpu->vm->verdict) {
		vcpu_log_wbinvd(vcpu, vcpu->verdict);
		vcpu->verdict = vcpu->vm->verdict;
	}
	if (vcpu->inside)
		backend->refresh(vcpu);
}

void vcpu_take(struct vcpu *vcpu, u32 requests)
{
	if (requests & ASK_REFRESH)
		refresh(vcpu);
	if (requests & ASK_NMI)
		vcpu->cpu->nmi = true;
	if (requests & ASK_INIT)
		vcpu->activity = VCPU_WAIT_SIPI;
	if (requests & ASK_SIPI && vcpu->activity == VCPU_WAIT_SIPI) {
		vcpu->start = (struct vcpu_start){.real_mode = true,
		                                  .vector = vcpu->sipi_vector,
		                                  .gpr[GPR_RDX] = cpuid(1, 0).eax};
		vcpu->cr0_cache_bits = CR0_INIT_CACHE_BITS;
		vcpu->cpu->nmi = false;
		vcpu->activity = VCPU_STARTING;
	}
}

void vcpu_pass_nmi(struct vcpu *vcpu)
{
	if (!vcpu->cpu->nmi)
		return;
	vcpu->cpu->nmi = false;
	backend->inject(vcpu, VECTOR_NMI, VECTOR_NO_ERROR_CODE);
}

static bool is_running(const struct vm *vm)
{
	return __atomic_load_n(&vm->state, __ATOMIC_SEQ_CST) == VM_RUNNING;
}

static bool may_run(const struct vcpu *vcpu)
{
	return vcpu->activity == VCPU_RUNNING && is_running(vcpu->vm);
}

bool vcpu_serve(struct vcpu *vcpu)
{
	mailbox_serve();
	if (!may_run(vcpu))
		return false;
	vcpu_pass_nmi(vcpu);
	return true;
}

/* Until the guest CPU waits for a startup IPI, or its VM runs no more. */
static void run(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	/* From here on vm_finish waits for it: whoever waits for a lock below serves its mailbox,
	 * and would agree to be rid of it. Where the VM has just ended, it has not waited. */
	__atomic_store_n(&vcpu->busy, true, __ATOMIC_SEQ_CST);
	if (vcpu->activity == VCPU_STARTING && is_running(vm)) {
		/* The first one of the platform VM goes on as firmware has left it. */
		if (!vm->platform || vcpu->start.real_mode)
			guest_apic_reset(vcpu);
		backend->vcpu_reset(vcpu, &vcpu->start);
		vcpu->activity = VCPU_RUNNING;
		vm_update_cache_bits(vcpu);
	}
	vcpu->inside = true;
	if (may_run(vcpu))
		backend->vcpu_run(vcpu);
	vcpu->inside = false;
	__atomic_store_n(&vcpu->busy, false, __ATOMIC_SEQ_CST);
	if (vm->state != VM_RUNNING)
		vm_finish(vm);
}

void vcpu_loop(void)
{
	struct cpu *cpu = cpu_this();

	for (;;) {
		struct vcpu *vcpu;

		mailbox_serve();
		vcpu = __atomic_load_n(&cpu->vcpu, __ATOMIC_ACQUIRE);
		if (vcpu && vcpu->activity != VCPU_WAIT_SIPI && vcpu->vm->state == VM_RUNNING)
			run(vcpu);
		else if (cpu == console_cpu)
			console_poll();
		else
			cpu_wait(cpu);
	}
}
