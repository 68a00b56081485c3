// SPDX-License-Identifier: BSD-2-Clause
/*
 * R10-R12 through the shipped code: two devices come and go in every order, in every box, under
 * both policies. The verdict follows the tables attached now, and so do the nested tables (R16).
 */
#include <stdio.h>
#include "core/facts.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define FIRST  BDF(0, 3, 0)
#define SECOND BDF(0, 4, 0)

#define N BOX_NONE
#define T BOX_3
#define F BOX_4

/* By the boxes of the two devices (0: away): the box that decides. Typed by hand from R10. */
static const enum coherency_box because[2][BOX_COUNT][BOX_COUNT] = {
	[POLICY_KERNEL] = {{N, N, N, T, F},
                           {N, N, N, T, F},
                           {N, N, N, T, F},
                           {T, T, T, T, T},
                           {F, F, F, T, F}},
	[POLICY_DEVICE] = {{N, N, N, T, N},
                           {N, N, N, T, N},
                           {N, N, N, T, N},
                           {T, T, T, T, T},
                           {N, N, N, T, N}},
};

static struct vm *vm;
static struct ioasid *snoop, *nosnoop;
static struct device *pair[2];

static void make_machine(enum coherency_policy policy)
{
	machine_reset();
	machine_add_unit(CAP_48, ECAP_SC | ECAP_C);
	machine_add_function(FIRST, true);
	machine_add_function(SECOND, true);
	machine_scan();
	pair[0] = device_find(FIRST);
	pair[1] = device_find(SECOND);
	vm = machine_add_vm("guest");
	vm->policy = policy;
	snoop = machine_add_ioasid("snoop", REQUEST_SNOOP);
	nosnoop = machine_add_ioasid("nosnoop", REQUEST_NOSNOOP);
}

static void toggle(struct device *d, enum coherency_box box)
{
	if (d->vm) {
		ioasid_detach(d);
		return;
	}
	d->nosnoop_capable = box == BOX_1 || box == BOX_3;
	assert_ok(ioasid_attach(box <= BOX_2 ? snoop : nosnoop, d, vm));
	assert_int_equal(d->box, box);
}

static void expect_verdict(enum coherency_box a, enum coherency_box b)
{
	enum coherency_box expected =
		because[vm->policy][pair[0]->vm ? a : BOX_NONE][pair[1]->vm ? b : BOX_NONE];

	assert_int_equal(vm->because, expected);
	assert_int_equal(vm->verdict, expected ? VERDICT_EMULATE : VERDICT_IGNORE);
	assert_int_equal(fake_backend_ram_type(vm), expected ? 'g' : 'w');
}

static void test_every_order(void **state)
{
	(void)state;
	for (enum coherency_policy policy = POLICY_KERNEL; policy <= POLICY_DEVICE; policy++) {
		make_machine(policy);
		for (u32 n = 0; n < 16 * 16; n++) {
			enum coherency_box a = BOX_1 + (n & 3), b = BOX_1 + (n >> 2 & 3);

			/* four steps in this order, then all leave */
			for (u32 step = 0; step < 4; step++) {
				u32 who = n >> (4 + step) & 1;

				toggle(pair[who], who ? b : a);
				expect_verdict(a, b);
			}
			for (u32 who = 0; who < 2; who++) {
				if (pair[who]->vm)
					toggle(pair[who], who ? b : a);
				expect_verdict(a, b);
			}
			fake_log[0] = fake_trace[0] = 0;
		}
	}
}

/* The first one that made WBINVD needed leaves, the other one stays: it is needed still. */
static void test_the_wrong_device_leaves(void **state)
{
	(void)state;
	make_machine(POLICY_KERNEL);
	toggle(pair[0], BOX_3);
	toggle(pair[1], BOX_3);
	ioasid_detach(pair[0]);
	expect_verdict(BOX_3, BOX_3);
	toggle(pair[0],
	       BOX_1); /* comes back into a snoop table: that proves nothing of the other */
	expect_verdict(BOX_1, BOX_3);
	ioasid_detach(pair[1]);
	expect_verdict(BOX_1, BOX_3);
}

/* One VM's devices are nothing to another. */
static void test_vms_apart(void **state)
{
	struct vm *other;

	(void)state;
	make_machine(POLICY_KERNEL);
	other = machine_add_vm("other");
	toggle(pair[0], BOX_3);
	assert_int_equal(other->verdict, VERDICT_IGNORE);
	assert_int_equal(fake_backend_ram_type(other), 'w');
	assert_ok(ioasid_attach(snoop, pair[1], other));
	expect_verdict(BOX_3, BOX_NONE);
	assert_int_equal(other->verdict, VERDICT_IGNORE);
}

/* R12: the verdict is about the table, not about what the unit could do. */
static void test_force_enable_behind_snoop_control(void **state)
{
	(void)state;
	make_machine(POLICY_DEVICE);
	assert_true(units[0].snoop_control);
	toggle(pair[0], BOX_3);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	assert_non_null(strstr(fake_log, "attach 00:03.0 ioasid=nosnoop format=nosnoop vm=guest "
	                                 "box=3 coherent=0\n"));
}

/* R4: a format is for good, whoever comes later. */
static void test_format_is_fixed(void **state)
{
	struct ioasid *io;

	(void)state;
	make_machine(POLICY_KERNEL);
	io = machine_add_ioasid("io", REQUEST_DEFAULT);
	assert_int_equal(io->format, FORMAT_UNRESOLVED);
	assert_ok(ioasid_attach(io, pair[0], vm));
	assert_int_equal(io->format, FORMAT_SNOOP);
	ioasid_detach(pair[0]);
	units[0].snoop_control = false;
	assert_error(ioasid_attach(io, pair[0], vm), E_NO_SNOOP_CONTROL);
	assert_int_equal(io->format, FORMAT_SNOOP);
	assert_ok(ioasid_attach(nosnoop, pair[0], vm));
	ioasid_detach(pair[0]);
	units[0].snoop_control = true;
	assert_ok(ioasid_attach(nosnoop, pair[0], vm)); /* R6 */
	assert_int_equal(nosnoop->format, FORMAT_NOSNOOP);
	assert_int_equal(pair[0]->box, BOX_3);
}

/* R18: a table says SNP in every leaf, or in none. */
static void test_leaves(void **state)
{
	u64 size;

	(void)state;
	make_machine(POLICY_KERNEL);
	toggle(pair[0], BOX_1);
	toggle(pair[1], BOX_3);
	for (u64 iova = 0; iova < MACHINE_RAM; iova += PAGE_SIZE) {
		assert_int_equal(pt_lookup(&snoop->space.table, iova, &size) >> 11 & 1, 1);
		assert_int_equal(pt_lookup(&nosnoop->space.table, iova, &size) >> 11 & 1, 0);
		assert_int_not_equal(pt_lookup(&nosnoop->space.table, iova, &size), 0);
	}
	assert_int_equal(pt_lookup(&snoop->space.table, MACHINE_RAM, &size), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_the_wrong_device_leaves),
		cmocka_unit_test(test_vms_apart),
		cmocka_unit_test(test_force_enable_behind_snoop_control),
		cmocka_unit_test(test_format_is_fixed),
		cmocka_unit_test(test_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
