// SPDX-License-Identifier: BSD-2-Clause
/* core/mailbox.c: no request is lost, none is served twice, nobody waits for ever (R13). */
#include "core/mailbox.h"
#include "core/apic.h"
#include "core/control.h"
#include "core/vm.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define NMI 0x4400

static struct vm *vm;
static u32 flushes;
static void (*during_flush)(void); /* NULL: nothing happens then */

static void on_flush(void)
{
	void (*now)(void) = during_flush;

	flushes++;
	during_flush = NULL;
	if (now)
		now();
}

/* Four CPUs; the guest lives on the first two. */
static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	fake_mem_hooks.time = NULL;
	fake_mem_on_flush = on_flush;
	fake_time_step_us = 1000;
	flushes = 0;
	during_flush = NULL;
	vm = fake_backend_add_vm("guest", MIB(64), MIB(2));
	fake_backend_add_vcpu(vm);
	return 0;
}

static void test_asked_of_all(void **state)
{
	(void)state;
	mailbox_ask(BIT(0) | BIT(1) | BIT(3), ASK_FLUSH);
	assert_int_equal(flushes, 3);
	assert_int_equal(fake_ipi_targets, BIT(1) | BIT(3)); /* this one needs no kick */
	assert_int_equal(fake_ipi, NMI);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(cpus[i].asked, cpus[i].served);
	assert_string_equal(fake_log, "");
}

static void test_offline_is_left_out(void **state)
{
	(void)state;
	cpus[1].online = false;
	mailbox_ask(BIT(1) | BIT(2), ASK_FLUSH);
	mailbox_post(&cpus[1], ASK_FLUSH);
	assert_int_equal(flushes, 1);
	assert_int_equal(fake_ipi_targets, BIT(2));
}

/* What comes before the CPU looks is served together; one NMI is under way at a time. */
static void test_requests_merge(void **state)
{
	(void)state;
	fake_deaf_cpus = BIT(1);
	mailbox_post(&cpus[1], ASK_FLUSH);
	mailbox_post(&cpus[1], ASK_NMI);
	mailbox_post(&cpus[1], ASK_FLUSH | ASK_INIT);
	assert_int_equal(fake_ipi_count, 1);
	assert_int_equal(flushes, 0);
	fake_serve(1);
	assert_int_equal(flushes, 1);
	assert_true(cpus[1].nmi);
	assert_int_equal(vm->vcpus[1]->activity, VCPU_WAIT_SIPI);
	assert_int_equal(cpus[1].asked, cpus[1].served);
	fake_serve(1);
	assert_int_equal(flushes, 1);
}

/* Served because the CPU looked by itself: the NMI is still to come, and will make it look again.
 */
static void test_kick_that_is_under_way(void **state)
{
	(void)state;
	fake_deaf_cpus = BIT(1);
	mailbox_post(&cpus[1], ASK_FLUSH);
	fake_be_cpu(1);
	mailbox_serve();
	fake_be_cpu(0);
	assert_int_equal(flushes, 1);
	mailbox_post(&cpus[1], ASK_FLUSH);
	assert_int_equal(fake_ipi_count, 1);
	assert_int_not_equal(cpus[1].asked, cpus[1].served);
	assert_true(mailbox_take_kick(&cpus[1]));
	assert_false(mailbox_take_kick(&cpus[1]));
	mailbox_post(&cpus[1], ASK_FLUSH);
	assert_int_equal(fake_ipi_count, 2);
	fake_serve(1);
	assert_int_equal(flushes, 2);
}

static void post_another(void)
{
	fake_be_cpu(0);
	mailbox_post(&cpus[1], ASK_FLUSH | ASK_NMI);
	fake_be_cpu(1);
}

/* It is not acknowledged with those that were there before. */
static void test_request_while_serving(void **state)
{
	(void)state;
	fake_deaf_cpus = BIT(1);
	mailbox_post(&cpus[1], ASK_FLUSH);
	during_flush = post_another;
	fake_serve(1);
	assert_int_equal(flushes, 1);
	assert_int_equal(cpus[1].served + 1, cpus[1].asked);
	fake_serve(1);
	assert_int_equal(flushes, 2);
	assert_true(cpus[1].nmi);
	assert_int_equal(cpus[1].asked, cpus[1].served);
}

static void test_silent_cpu(void **state)
{
	struct vm *other = fake_backend_add_vm("other", MIB(66), MIB(2));

	(void)state;
	fake_deaf_cpus = BIT(1);
	mailbox_ask(BIT(0) | BIT(1) | BIT(2), ASK_FLUSH);
	assert_int_equal(flushes, 2);
	assert_string_equal(fake_log, "error cpu=1 reason=no-answer\n");
	assert_false(cpus[1].online);
	assert_int_equal(vm->state, VM_KILLED);
	assert_int_equal(other->state, VM_RUNNING);
	/* nobody waits for it again */
	mailbox_ask(BIT(0) | BIT(1) | BIT(2), ASK_FLUSH);
	assert_int_equal(flushes, 4);
	assert_string_equal(fake_log, "error cpu=1 reason=no-answer\n");
}

/* WBINVD is never said to be done when it is not. */
static void test_flush_with_a_silent_cpu(void **state)
{
	(void)state;
	fake_deaf_cpus = BIT(1);
	vm_flush_caches(vm);
	assert_int_equal(vm->state, VM_KILLED);
}

/* CPU 1 waits for this one, and looks at its own mailbox only as long as it does. */
static void answer_when_served(void)
{
	if (cpus[0].asked == cpus[0].served)
		fake_serve(1);
}

static void test_two_that_wait_for_each_other(void **state)
{
	(void)state;
	fake_deaf_cpus = BIT(0) | BIT(1);
	fake_be_cpu(1);
	mailbox_post(&cpus[0], ASK_FLUSH);
	fake_be_cpu(0);
	fake_mem_hooks.time = answer_when_served;
	mailbox_ask(BIT(1), ASK_FLUSH);
	assert_int_equal(flushes, 2);
	assert_string_equal(fake_log, "");
	assert_int_equal(vm->state, VM_RUNNING);
}

static void test_drop(void **state)
{
	(void)state;
	mailbox_ask(BIT(1), ASK_DROP);
	assert_null(cpus[1].vcpu);
	assert_non_null(cpus[0].vcpu);
	/* guest CPUs' requests find nobody */
	mailbox_ask(BIT(1), ASK_INIT | ASK_SIPI | ASK_NMI | ASK_REFRESH | ASK_LOOK);
	assert_false(cpus[1].nmi);
	assert_int_equal(cpus[1].asked, cpus[1].served);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_asked_of_all, set_up),
		cmocka_unit_test_setup(test_offline_is_left_out, set_up),
		cmocka_unit_test_setup(test_requests_merge, set_up),
		cmocka_unit_test_setup(test_kick_that_is_under_way, set_up),
		cmocka_unit_test_setup(test_request_while_serving, set_up),
		cmocka_unit_test_setup(test_silent_cpu, set_up),
		cmocka_unit_test_setup(test_flush_with_a_silent_cpu, set_up),
		cmocka_unit_test_setup(test_two_that_wait_for_each_other, set_up),
		cmocka_unit_test_setup(test_drop, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
