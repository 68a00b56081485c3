// SPDX-License-Identifier: BSD-2-Clause
#include "tests/fuzz/machine.h"

void fuzz_machine_reset(void)
{
	machine_reset();
	machine_add_unit(CAP_48 | CAP_2M, ECAP_SC | ECAP_C);
	machine_add_unit(CAP_48, ECAP);
	machine_add_function(BDF(0, 3, 0), true);
	machine_add_function(BDF(0, 4, 0), false);
	fake_config_add(BDF(0, 5, 0), 0x020000);
	machine_add_function(BDF(1, 0, 0), true);
	fake_config_add_bridge(BDF(0, 28, 0), 1, 1);
	machine_scan();
}

static void check_attached(const struct device *d)
{
	if (!d->ioasid) { /* unprotected */
		assert_true(d->box == BOX_3 || d->box == BOX_4);
		return;
	}
	assert_ptr_equal(d->ioasid->vm, d->vm);
	assert_true(d->ioasid->format == FORMAT_SNOOP || d->ioasid->format == FORMAT_NOSNOOP);
	if (d->ioasid->format == FORMAT_SNOOP)
		assert_true(d->unit->snoop_control);
	assert_int_equal(d->box, coherency_box(d->ioasid->format, d->nosnoop_capable));
	assert_true(machine_has_context(d));
}

static void check_verdict(const struct vm *vm)
{
	bool emulate = false;

	for_each_device (d) {
		if (d->state != DEVICE_FREE && d->vm == vm && !d->bridge)
			emulate |=
				d->box == BOX_3 || (d->box == BOX_4 && vm->policy == POLICY_KERNEL);
	}
	assert_int_equal(vm->verdict, emulate ? VERDICT_EMULATE : VERDICT_IGNORE);
}

void fuzz_machine_check(void)
{
	for_each_device (d) {
		assert_int_equal(d->lock.next, d->lock.serving);
		if (d->bridge)
			continue;
		if (d->state == DEVICE_ATTACHED) {
			check_attached(d);
			continue;
		}
		assert_false(machine_has_master(d));
		if (d->unit)
			assert_false(machine_has_context(d));
	}
	for_each_vm (vm)
		check_verdict(vm);
}
