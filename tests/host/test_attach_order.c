// SPDX-License-Identifier: BSD-2-Clause
/*
 * Attach and detach in order (R11, R16, R17). Each step is noted with what holds at that moment:
 * the verdict (e or i), what the nested tables say of RAM (w: write-back, g: the guest decides),
 * whether the context entry is present (P), and whether the device masters the bus (M). The first
 * step of a detach takes the registers from the guest: what it writes after the reset, the next
 * owner would find.
 */
#include <stdio.h>
#include "core/audit.h"
#include "core/control.h"
#include "core/deadline.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/pci.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define NIC  BDF(0, 3, 0)
#define DISK BDF(0, 4, 0)
#define FAR  BDF(0, 5, 0)

static struct device *capable, *plain;
static const struct device *watched;
static struct vm *vm;
static struct fake_function *nic;

static const char *watched_state(void)
{
	static char text[5];

	snprintf(text, sizeof(text), "%c%c%c%c", vm->verdict == VERDICT_EMULATE ? 'e' : 'i',
	         fake_backend_ram_type(vm), machine_has_context(watched) ? 'P' : '-',
	         machine_has_master(watched) ? 'M' : '-');
	return text;
}

static void on_flush(void)
{
	fake_trace_step("flush");
}

static void on_invalidation(struct fake_unit *unit)
{
	(void)unit;
	fake_trace_step("invalidate");
}

static void on_write(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)f, (void)size, (void)value;
	if (offset == PCI_COMMAND)
		fake_trace_step("command");
}

static int set_up(void **state)
{
	(void)state;
	machine_reset();
	machine_add_unit(CAP_48, ECAP_SC | ECAP_C);
	nic = machine_add_function(NIC, true);
	machine_add_function(DISK, false);
	machine_add_function(FAR, true);
	machine_scan();
	capable = device_find(NIC);
	plain = device_find(DISK);
	watched = capable;
	vm = machine_add_vm("guest");
	fake_trace_state = watched_state;
	fake_mem_on_flush = on_flush;
	fake_units[0].on_invalidation = on_invalidation;
	fake_config_on_write = on_write;
	fake_log[0] = 0;
	return 0;
}

static void test_snoop_costs_nothing(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_DEFAULT), capable, vm));
	assert_trace("command:iwPM ");
	assert_log("attach 00:03.0 ioasid=net format=snoop vm=guest box=1 coherent=1\n");
	ioasid_detach(capable);
	assert_trace("refresh:iwPM command:iwP- invalidate:iw-- invalidate:iw-- ");
	assert_log("detach 00:03.0 ioasid=net vm=guest\n");
}

static void test_box_3(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_NOSNOOP), capable, vm));
	assert_trace("refresh:ew-- retype:eg-- refresh:eg-- flush:eg-- flush:eg-- command:egPM ");
	assert_log("verdict vm=guest wbinvd=emulate because=box3\n"
	           "attach 00:03.0 ioasid=net format=nosnoop vm=guest box=3 coherent=0\n");
	ioasid_detach(capable);
	assert_trace("refresh:egPM command:egP- invalidate:eg-- invalidate:eg-- flush:eg-- "
	             "retype:ew-- refresh:ew-- flush:ew-- refresh:iw-- ");
	assert_log("detach 00:03.0 ioasid=net vm=guest\n"
	           "verdict vm=guest wbinvd=ignore because=none\n");
}

/* R8, R10: coherent, and emulated all the same under policy kernel. R17: flushed in any case. */
static void test_box_4(void **state)
{
	struct ioasid *io;

	(void)state;
	watched = plain;
	io = machine_add_ioasid("disk", REQUEST_NOSNOOP);
	assert_ok(ioasid_attach(io, plain, vm));
	assert_trace("refresh:ew-- retype:eg-- refresh:eg-- flush:eg-- flush:eg-- command:egPM ");
	assert_log("verdict vm=guest wbinvd=emulate because=box4\n"
	           "attach 00:04.0 ioasid=disk format=nosnoop vm=guest box=4 coherent=1\n");
	ioasid_detach(plain);
	fake_trace[0] = 0;
	vm->policy = POLICY_DEVICE;
	plain->command |= PCI_COMMAND_BUS_MASTER; /* the owner wants it again */
	assert_ok(ioasid_attach(io, plain, vm));
	assert_trace("flush:iw-- command:iwPM ");
	ioasid_detach(plain);
	assert_trace("refresh:iwPM command:iwP- invalidate:iw-- invalidate:iw-- flush:iw-- ");
}

/* Caching mode: the new entry is announced before the device may use it. */
static void test_caching_mode(void **state)
{
	(void)state;
	unit_count = 0;
	machine_add_unit(CAP_48 | CAP_CM, ECAP_SC | ECAP_C);
	fake_units[0].on_invalidation = on_invalidation;
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_NOSNOOP), capable, vm));
	assert_trace("refresh:ew-- retype:eg-- refresh:eg-- flush:eg-- flush:eg-- invalidate:egP- "
	             "invalidate:egP- command:egPM ");
}

/* The guest runs with its caches off: under verdict emulate that means uncached (R16). */
static void test_cache_disable(void **state)
{
	(void)state;
	vm->vcpus[0]->cr0_cache_bits = CR0_CD;
	vm_update_cache_bits(vm->vcpus[0]);
	assert_trace("");
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_NOSNOOP), capable, vm));
	assert_trace("refresh:ew-- retype:eu-- refresh:eu-- flush:eu-- flush:eu-- command:euPM ");
	vm->vcpus[0]->cr0_cache_bits = 0;
	vm_update_cache_bits(vm->vcpus[0]);
	assert_trace("retype:egPM refresh:egPM flush:egPM ");
}

/* ---- what does not complete ---- */

static void test_attach_time_out(void **state)
{
	struct ioasid *io;

	(void)state;
	unit_count = 0;
	machine_add_unit(CAP_48 | CAP_CM, ECAP_SC | ECAP_C);
	io = machine_add_ioasid("net", REQUEST_NOSNOOP);
	fake_units[0].queue_stopped = true;
	assert_error(ioasid_attach(io, capable, vm), E_TIMEOUT);
	assert_trace("refresh:ew-- retype:eg-- refresh:eg-- flush:eg-- flush:eg-- retype:ew-- "
	             "refresh:ew-- flush:ew-- refresh:iw-- refresh:iw-- ");
	assert_int_equal(capable->state, DEVICE_FREE);
	assert_null(capable->vm);
	assert_int_equal(vm->devices_in_box[BOX_3], 0);
	assert_int_equal(fake_config_writes, 0);
	assert_non_null(strstr(fake_log, "refused attach 00:03.0 ioasid=net reason=timeout\n"));
	assert_error(ioasid_attach(io, plain, vm), E_NO_HARDWARE);
	assert_trace("");
}

/* R11: no invalidation, no fall of the verdict; nobody gets the device again. */
static void test_detach_time_out(void **state)
{
	struct ioasid *io = machine_add_ioasid("net", REQUEST_NOSNOOP);

	(void)state;
	assert_ok(ioasid_attach(io, capable, vm));
	fake_units[0].queue_stopped = true;
	fake_trace[0] = fake_log[0] = 0;
	ioasid_detach(capable);
	assert_trace("refresh:egPM command:egP- ");
	assert_false(machine_has_context(capable));
	assert_int_equal(capable->state, DEVICE_QUARANTINED);
	assert_int_equal(vm->devices_in_box[BOX_3], 1);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	assert_non_null(strstr(fake_log, "quarantine 00:03.0 vm=guest reason=timeout\n"));
	assert_error(ioasid_attach(io, capable, vm), E_QUARANTINED);
}

static void test_detach_with_pending_transactions(void **state)
{
	struct ioasid *io = machine_add_ioasid("net", REQUEST_NOSNOOP);

	(void)state;
	assert_ok(ioasid_attach(io, capable, vm));
	fake_config_set(nic, 0x40 + PCIE_DEVICE_STATUS, 2, PCIE_PENDING);
	fake_log[0] = 0;
	ioasid_detach(capable);
	assert_log("quarantine 00:03.0 vm=guest reason=transactions-pending\n");
	assert_false(machine_has_context(capable));
	assert_false(machine_has_master(capable));
	assert_int_equal(vm->devices_in_box[BOX_3], 1);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	assert_error(ioasid_attach(io, capable, vm), E_QUARANTINED);
}

/* What the unit does with the device's cached entries is unknown: it counts in box 3. */
static void test_failed_unit_is_fenced(void **state)
{
	struct ioasid *io = machine_add_ioasid("net", REQUEST_DEFAULT);
	struct vm *other = machine_add_vm("other");
	struct device *far = device_find(FAR);

	(void)state;
	machine_add_unit(CAP_48, ECAP_SC | ECAP_C);
	far->unit = &units[1];
	assert_ok(ioasid_attach(io, capable, vm));
	assert_ok(ioasid_attach(NULL, plain, other));
	assert_ok(ioasid_attach(io, far, vm));
	assert_int_equal(other->verdict, VERDICT_IGNORE);
	fake_units[0].queue_stopped = true;
	fake_log[0] = 0;
	control_take();
	ioasid_detach(capable);
	assert_int_equal(plain->state, DEVICE_ATTACHED);
	control_give();
	assert_int_equal(plain->state, DEVICE_QUARANTINED);
	assert_int_equal(far->state, DEVICE_ATTACHED);
	assert_false(machine_has_context(plain) || machine_has_master(plain));
	assert_true(machine_has_context(far) && machine_has_master(far));
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	assert_int_equal(other->verdict, VERDICT_EMULATE);
	assert_int_equal(other->because, BOX_3);
	assert_non_null(strstr(fake_log, "verdict vm=other wbinvd=emulate because=box3\n"
	                                 "quarantine 00:04.0 vm=other reason=unit-failed\n"));
	assert_int_equal(audit_run(&output_log), 0);
	ioasid_detach(far); /* the other unit works on */
	assert_int_equal(far->state, DEVICE_FREE);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
}

/* The same when nobody has the control lock: at the next poll, once. */
static void test_failed_unit_is_found_by_polling(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_DEFAULT), capable, vm));
	units[0].failed = true;
	units[0].running = false;
	control_take();
	fault_poll();
	assert_int_equal(capable->state, DEVICE_ATTACHED);
	control_give();
	assert_int_equal(capable->state, DEVICE_QUARANTINED);
	units[0].failed = false;
	set_up(state);
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_DEFAULT), capable, vm));
	fault_poll();
	units[0].failed = true;
	units[0].running = false;
	fault_poll();
	assert_int_equal(capable->state, DEVICE_QUARANTINED);
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	fake_log[0] = 0;
	fault_poll();
	assert_log("");
}

/* ---- storms ---- */

static void raise_faults(u32 rid, u32 count)
{
	while (count--) {
		fake_unit_raise_fault(&fake_units[0], 0, (u16)rid, 5, false, 0x1000);
		fault_poll();
	}
}

/* A hundred thousand faults cost a few lines, and then the device, but nobody else. */
static void test_fault_storm(void **state)
{
	struct ioasid *io = machine_add_ioasid("net", REQUEST_DEFAULT);
	u32 lines = 0;

	(void)state;
	assert_ok(ioasid_attach(io, capable, vm));
	assert_ok(ioasid_attach(io, plain, vm));
	fake_log[0] = 0;
	raise_faults(NIC, 9999);
	fake_time_step_us = 1001000; /* a quiet second */
	assert_true(deadline_passed(0));
	raise_faults(NIC, 9999);
	raise_faults(DISK, 9999);
	assert_int_equal(capable->state, DEVICE_ATTACHED);
	raise_faults(NIC, 100000);
	for (const char *at = fake_log; (at = strstr(at, "fault unit=")); at++)
		lines++;
	assert_in_range(lines, 10, 50);
	assert_int_equal(capable->state, DEVICE_QUARANTINED);
	assert_false(machine_has_context(capable) || machine_has_master(capable));
	assert_non_null(strstr(fake_log, "quarantine 00:03.0 vm=guest reason=fault-storm\n"));
	assert_int_equal(plain->state, DEVICE_ATTACHED);
	assert_true(machine_has_context(plain) && machine_has_master(plain));
	assert_int_equal(vm->verdict, VERDICT_IGNORE); /* it is out of its tables */
	assert_int_equal(vm->devices_in_box[BOX_1], 1);
	assert_int_equal(audit_run(&output_log), 0);
}

static void refill(struct fake_unit *unit)
{
	fake_unit_raise_fault(unit, 0, NIC, 5, false, 0x1000);
}

/* What a CPU does that gets an NMI, and then serves its mailbox as long as it is asked to. */
static void take_events(struct cpu *cpu, u32 *taken)
{
	struct fake_unit *unit = &fake_units[0];

	for (; *taken < unit->events; ++*taken) {
		assert_false(fault_take_event(&cpus[1]));
		assert_true(fault_take_event(cpu));
		assert_int_not_equal(cpu->asked, cpu->served);
		while (cpu->asked != cpu->served)
			mailbox_serve();
	}
}

/* By events alone: nobody polls. */
static void test_fault_storm_by_event(void **state)
{
	struct fake_unit *unit = &fake_units[0];
	u32 taken = 0;

	(void)state;
	assert_ok(ioasid_attach(machine_add_ioasid("net", REQUEST_DEFAULT), capable, vm));
	fault_start_events();
	assert_false(fault_take_event(cpu_this()));
	for (u32 i = 0; i < 9999; i++) {
		refill(unit);
		take_events(cpu_this(), &taken);
	}
	assert_int_equal(taken, 9999);
	assert_int_equal(vm->counters.faults, 9999);
	assert_int_equal(capable->state, DEVICE_ATTACHED);
	refill(unit);
	take_events(cpu_this(), &taken);
	assert_int_equal(capable->state, DEVICE_QUARANTINED);
	/* One that does not obey is not told of again and again, */
	for (u32 i = 0; i < 1000; i++) {
		refill(unit);
		take_events(cpu_this(), &taken);
	}
	assert_int_equal(taken, 10001);
	/* but when it was quiet. */
	fault_poll();
	fault_poll();
	refill(unit);
	take_events(cpu_this(), &taken);
	assert_int_equal(taken, 10002);
}

/* ---- without VT-d ---- */

static void test_unprotected(void **state)
{
	struct device *const order[] = {capable, plain};

	(void)state;
	unit_count = 0; /* context entries of the unit that was there are never written */
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		order[i]->unit = NULL;
		fake_trace_state = NULL;
		assert_ok(ioasid_attach_unprotected(order[i], vm));
		assert_trace("refresh: retype: refresh: flush: command: ");
		assert_int_equal(vm->verdict, VERDICT_EMULATE);
		assert_true(machine_has_master(order[i]));
		assert_error(ioasid_attach_unprotected(order[i], vm), E_HAS_OWNER);
		ioasid_detach(order[i]);
		assert_trace("refresh: command: retype: refresh: flush: refresh: ");
		assert_int_equal(vm->verdict, VERDICT_IGNORE);
	}
	assert_log("verdict vm=guest wbinvd=emulate because=box3\n"
	           "attach 00:03.0 ioasid=none format=unprotected vm=guest box=3 coherent=0\n"
	           "refused attach 00:03.0 ioasid=none reason=has-owner\n"
	           "detach 00:03.0 ioasid=none vm=guest\n"
	           "verdict vm=guest wbinvd=ignore because=none\n"
	           "verdict vm=guest wbinvd=emulate because=box4\n"
	           "attach 00:04.0 ioasid=none format=unprotected vm=guest box=4 coherent=1\n"
	           "refused attach 00:04.0 ioasid=none reason=has-owner\n"
	           "detach 00:04.0 ioasid=none vm=guest\n"
	           "verdict vm=guest wbinvd=ignore because=none\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_snoop_costs_nothing, set_up),
		cmocka_unit_test_setup(test_box_3, set_up),
		cmocka_unit_test_setup(test_box_4, set_up),
		cmocka_unit_test_setup(test_caching_mode, set_up),
		cmocka_unit_test_setup(test_cache_disable, set_up),
		cmocka_unit_test_setup(test_attach_time_out, set_up),
		cmocka_unit_test_setup(test_detach_time_out, set_up),
		cmocka_unit_test_setup(test_detach_with_pending_transactions, set_up),
		cmocka_unit_test_setup(test_failed_unit_is_fenced, set_up),
		cmocka_unit_test_setup(test_failed_unit_is_found_by_polling, set_up),
		cmocka_unit_test_setup(test_fault_storm, set_up),
		cmocka_unit_test_setup(test_fault_storm_by_event, set_up),
		cmocka_unit_test_setup(test_unprotected, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
