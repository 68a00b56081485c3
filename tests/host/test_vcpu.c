// SPDX-License-Identifier: BSD-2-Clause
/* core/vcpu.c: how a guest CPU starts, stops and starts again; what it takes over, and when. */
#include "core/vcpu.h"
#include <setjmp.h>
#include "core/control.h"
#include "core/mailbox.h"
#include "core/mem.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

static struct vm *vm;
static struct vcpu *first, *second;

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	fake_time_step_us = 1000;
	vm = fake_backend_add_vm("guest", MIB(64), MIB(2));
	first = vm->vcpus[0];
	second = fake_backend_add_vcpu(vm);
	return 0;
}

static void ask(struct vcpu *vcpu, u32 requests)
{
	mailbox_ask(BIT(vcpu->cpu->index), requests);
}

/* ---- INIT and SIPI ---- */

static void test_init_and_sipi(void **state)
{
	(void)state;
	second->sipi_vector = 0x12;
	ask(second, ASK_SIPI); /* it does not wait for one */
	assert_int_equal(second->activity, VCPU_RUNNING);
	assert_false(second->start.real_mode);
	ask(second, ASK_INIT | ASK_NMI);
	assert_int_equal(second->activity, VCPU_WAIT_SIPI);
	ask(second, ASK_SIPI);
	assert_int_equal(second->activity, VCPU_STARTING);
	assert_false(second->cpu->nmi);
	assert_true(second->start.real_mode);
	assert_int_equal(second->start.vector, 0x12);
	assert_int_equal(second->start.gpr[GPR_RDX], cpuid(1, 0).eax);
	assert_int_equal(second->cr0_cache_bits, CR0_CACHE_BITS); /* table 9-1 */
	/* the second of the two that everybody sends */
	second->sipi_vector = 0x34;
	ask(second, ASK_SIPI);
	assert_int_equal(second->start.vector, 0x12);
	assert_int_equal(first->activity, VCPU_RUNNING);
}

/* INIT counts first, in whatever order they came before the CPU looked. */
static void test_init_and_sipi_at_once(void **state)
{
	(void)state;
	second->sipi_vector = 0x12;
	ask(second, ASK_SIPI | ASK_INIT);
	assert_int_equal(second->activity, VCPU_STARTING);
	ask(second, ASK_INIT);
	assert_int_equal(second->activity, VCPU_WAIT_SIPI);
}

/* ---- what may run ---- */

static bool serve(struct vcpu *vcpu)
{
	bool may_run;

	fake_be_cpu(vcpu->cpu->index);
	may_run = vcpu_serve(vcpu);
	fake_be_cpu(0);
	return may_run;
}

static void test_serve(void **state)
{
	(void)state;
	assert_true(serve(second));
	ask(second, ASK_INIT);
	assert_false(serve(second));
	ask(second, ASK_SIPI); /* it is reset first, outside the guest */
	assert_false(serve(second));
	second->activity = VCPU_RUNNING;
	assert_true(serve(second));
	fake_deaf_cpus = BIT(1);
	mailbox_post(second->cpu, ASK_INIT);
	assert_false(serve(second)); /* what is asked counts before the entry */
	second->activity = VCPU_RUNNING;
	vm->state = VM_ENDED;
	assert_false(serve(second));
	assert_false(serve(first));
}

static void test_nmi(void **state)
{
	(void)state;
	ask(second, ASK_NMI);
	assert_int_equal(fake_vector, ~0u); /* not in the middle of an exit */
	assert_true(serve(first));
	assert_int_equal(fake_vector, ~0u);
	assert_true(serve(second));
	assert_int_equal(fake_vector, VECTOR_NMI);
	assert_int_equal(fake_error_code, VECTOR_NO_ERROR_CODE);
	fake_vector = ~0u;
	assert_true(serve(second));
	assert_int_equal(fake_vector, ~0u);
}

static void test_leave(void **state)
{
	(void)state;
	vm_leave(vm, VM_KILLED);
	assert_int_equal(vm->state, VM_KILLED);
	vm_leave(vm, VM_ENDED); /* the first reason stays */
	assert_int_equal(vm->state, VM_KILLED);
	assert_int_equal(fake_ipi_targets, BIT(1)); /* the others have been told */
}

/* ---- the verdict ---- */

/* R11: each CPU by its own hand, when it is asked to; what it has counted is told as what it was.
 */
static void test_verdict(void **state)
{
	(void)state;
	second->wbinvd.rate.pending = 3;
	vm->verdict = VERDICT_EMULATE;
	ask(second, ASK_LOOK | ASK_FLUSH | ASK_NMI);
	assert_int_equal(second->verdict, VERDICT_IGNORE);
	ask(second, ASK_REFRESH);
	assert_int_equal(second->verdict, VERDICT_EMULATE);
	assert_int_equal(first->verdict, VERDICT_IGNORE);
	assert_string_equal(fake_log, "wbinvd vm=guest cpu=1 rip=0x0 verdict=ignore count=3\n");
	ask(first, ASK_REFRESH);
	assert_int_equal(first->verdict, VERDICT_EMULATE);
}

static void test_rise_reaches_all(void **state)
{
	(void)state;
	vm->devices_in_box[BOX_3] = 1;
	vm_update_verdict(vm);
	assert_int_equal(first->verdict, VERDICT_EMULATE);
	assert_int_equal(second->verdict, VERDICT_EMULATE);
	vm->devices_in_box[BOX_3] = 0;
	vm_update_verdict(vm);
	assert_int_equal(first->verdict, VERDICT_IGNORE);
	assert_int_equal(second->verdict, VERDICT_IGNORE);
}

/* The backend hears of it where it has the guest inside; elsewhere it starts anew anyway. */
static void test_refresh(void **state)
{
	(void)state;
	ask(second, ASK_REFRESH);
	assert_string_equal(fake_trace, "refresh: ");
	second->inside = false;
	ask(second, ASK_REFRESH);
	assert_string_equal(fake_trace, "refresh: ");
}

/* ---- from the beginning to the end ---- */

static struct vm *new_vm(u64 cpu_mask)
{
	struct vm *new;

	assert_ok(vm_create("new", &new));
	new->config.cpu_mask = cpu_mask;
	new->verdict = VERDICT_EMULATE;
	return new;
}

static void test_create(void **state)
{
	const struct vcpu_start start = {.rip = 0x1234};
	u32 used = fake_mem_used();
	struct vm *new = new_vm(BIT(3) | BIT(5));

	(void)state;
	cpus[3].nmi = true; /* left by whoever was there before */
	assert_ok(vcpu_create_all(new, &start));
	assert_false(cpus[3].nmi);
	assert_int_equal(new->vcpu_count, 2);
	assert_ptr_equal(cpus[3].vcpu, new->vcpus[0]);
	assert_ptr_equal(cpus[5].vcpu, new->vcpus[1]);
	assert_int_equal(new->vcpus[0]->activity, VCPU_STARTING);
	assert_int_equal(new->vcpus[0]->start.rip, 0x1234);
	assert_int_equal(new->vcpus[1]->activity, VCPU_WAIT_SIPI);
	assert_int_equal(new->vcpus[1]->verdict, VERDICT_EMULATE);
	assert_int_equal(new->vcpus[1]->pat, PAT_RESET);
	vcpu_destroy_all(new);
	assert_int_equal(new->vcpu_count, 0);
	assert_null(cpus[3].vcpu);
	assert_null(cpus[5].vcpu);
	assert_int_equal(fake_mem_used(), used);
}

/* What a CPU that does not answer may still use is never given away. */
static void test_destroy_with_a_silent_cpu(void **state)
{
	const struct vcpu_start start = {0};
	u32 used = fake_mem_used();
	struct vm *new = new_vm(BIT(3) | BIT(5));

	(void)state;
	assert_ok(vcpu_create_all(new, &start));
	fake_deaf_cpus = BIT(5);
	vcpu_destroy_all(new);
	assert_non_null(strstr(fake_log, "error cpu=5 reason=no-answer\n"));
	assert_int_equal(new->vcpu_count, 0);
	assert_int_equal(fake_mem_used(), used + 1);
	assert_true(fake_mem_is_used(virt_to_phys(cpus[5].vcpu)));
}

static void test_no_memory(void **state)
{
	const struct vcpu_start start = {0};
	struct vm *new = new_vm(BIT(3) | BIT(5));
	u32 used = fake_mem_used();

	(void)state;
	fake_vcpu_init_fails = true;
	assert_error(vcpu_create_all(new, &start), E_NO_MEMORY);
	assert_int_equal(fake_mem_used(), used);
	assert_null(cpus[3].vcpu);
	fake_vcpu_init_fails = false;
	fake_mem_fail_after(1);
	assert_error(vcpu_create_all(new, &start), E_NO_MEMORY);
	vcpu_destroy_all(new);
	assert_int_equal(fake_mem_used(), used);
}

static jmp_buf waited;

/* The VM's other CPU ends it while this one waits for a lock. */
static void end_meanwhile(void)
{
	static enum { BEFORE, LEAVING, FINISHING } step;

	if (cpu_this() == second->cpu && step == FINISHING)
		longjmp(waited, 1);
	assert_int_not_equal(step, FINISHING); /* nobody else is asked for anything */
	if (second->activity != VCPU_RUNNING || step != BEFORE)
		return;
	step = LEAVING;
	fake_be_cpu(0);
	vm_leave(vm, VM_ENDED);
	step = FINISHING;
	vm_finish(vm);
}

/* A guest CPU that is about to start is not taken from under its CPU. */
static void test_end_while_one_starts(void **state)
{
	(void)state;
	first->inside = first->busy = second->inside = second->busy = false;
	second->activity = VCPU_STARTING;
	control_take();
	fake_on_serve = end_meanwhile;
	fake_be_cpu(1);
	if (!setjmp(waited))
		vcpu_loop();
	fake_be_cpu(0);
	control_give();
	assert_ptr_equal(second->cpu->vcpu, second);
	assert_int_equal(vm->vcpu_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_init_and_sipi, set_up),
		cmocka_unit_test_setup(test_init_and_sipi_at_once, set_up),
		cmocka_unit_test_setup(test_serve, set_up),
		cmocka_unit_test_setup(test_nmi, set_up),
		cmocka_unit_test_setup(test_leave, set_up),
		cmocka_unit_test_setup(test_verdict, set_up),
		cmocka_unit_test_setup(test_rise_reaches_all, set_up),
		cmocka_unit_test_setup(test_refresh, set_up),
		cmocka_unit_test_setup(test_create, set_up),
		cmocka_unit_test_setup(test_end_while_one_starts, set_up),
		cmocka_unit_test_setup(test_destroy_with_a_silent_cpu, set_up),
		cmocka_unit_test_setup(test_no_memory, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
