// SPDX-License-Identifier: BSD-2-Clause
/* The commands of console and hypercalls, on a machine with one unit, two VMs and three devices:
 * every answer as it is printed, every mistake with its word. */
#include <stdio.h>
#include "core/command.h"
#include "core/facts.h"
#include "core/deadline.h"
#include "core/fault.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/host/fake_machine.h"
#include "tests/host/fake_output.h"
#include "tests/host/test.h"

#define CAPABLE   BDF(0, 3, 0)
#define INCAPABLE BDF(0, 4, 0)
#define UNKNOWN   BDF(0, 5, 0)

static struct vm *first, *second;

void power_set_action(enum power_action action)
{
	(void)action;
}

static int set_up(void **state)
{
	(void)state;
	memset(&plan, 0, sizeof(plan));
	machine_reset();
	machine_add_unit(CAP_48 | CAP_2M, ECAP_SC | ECAP_C);
	machine_add_function(CAPABLE, true);
	machine_add_function(INCAPABLE, false);
	fake_config_add(UNKNOWN, 0x020000);
	machine_scan();
	first = machine_add_vm("first");
	second = machine_add_vm("second");
	first->state = second->state = VM_RUNNING;
	first->config.cpu_mask = 3;
	machine_add_ioasid("net", REQUEST_DEFAULT);
	machine_add_ioasid("loose", REQUEST_NOSNOOP);
	return 0;
}

static err_t ask(const char *line)
{
	fake_answer[0] = 0;
	return command_run_live(&fake_output, (struct text){line, strlen(line)});
}

static void expect(const char *line, const char *answer)
{
	assert_ok(ask(line));
	assert_string_equal(fake_answer, answer);
}

static void test_errors(void **state)
{
	static const struct {
		const char *line, *word;
		err_t reason;
	} rows[] = {
		{"lst", "lst", E_UNKNOWN_WORD},
		{"policy kernel", "policy", E_UNKNOWN_WORD}, /* the manifest's alone */
		{"vm x cpus=0", "vm", E_UNKNOWN_WORD},
		{"list all", "all", E_UNKNOWN_WORD},
		{"help me", "me", E_UNKNOWN_WORD},
		{"info", "", E_MISSING_WORD},
		{"info 3", "3", E_BAD_BDF},
		{"info 00:09.0", "00:09.0", E_NO_DEVICE},
		{"info 00:03.0 x", "x", E_UNKNOWN_WORD},
		{"why", "", E_MISSING_WORD},
		{"why nobody", "nobody", E_NO_VM},
		{"why a-name-that-is-too-long", "a-name-that-is-too-long", E_TOO_LONG},
		{"verdict first", "first", E_UNKNOWN_WORD},
		{"walk nowhere 0", "nowhere", E_NO_IOASID},
		{"walk net", "", E_MISSING_WORD},
		{"walk net here", "here", E_BAD_NUMBER},
		{"walk net 0", "0", E_OUT_OF_RANGE}, /* it has no tables yet */
		{"log many", "many", E_BAD_NUMBER},
		{"log 3 4", "4", E_UNKNOWN_WORD},
		{"ioasid net snoop", "net", E_DUPLICATE},
		{"ioasid new", "", E_MISSING_WORD},
		{"ioasid new sloop", "sloop", E_UNKNOWN_WORD},
		{"attach 00:03.0", "", E_MISSING_WORD},
		{"attach 00:03.0 net", "", E_MISSING_WORD}, /* whose? */
		{"attach 00:03.0 nowhere vm=first", "nowhere", E_NO_IOASID},
		{"attach 00:03.0 net vm=nobody", "vm=nobody", E_NO_VM},
		{"attach 00:03.0 net to=first", "to=first", E_UNKNOWN_WORD},
		{"detach 00:03.0", "00:03.0", E_NOT_ATTACHED},
		{"detach 00:03.0 now", "now", E_UNKNOWN_WORD},
		{"device 00:03.0 nosnoop=no", "nosnoop=no", E_USE_BLOCK},
		{"device 00:05.0 nosnoop=probe", "nosnoop=probe", E_UNKNOWN_WORD},
		{"device 00:05.0 vm=first", "vm=first", E_UNKNOWN_WORD},
		{"device 00:05.0 nosnoop=block", "nosnoop=block", E_NO_BIT},
		{"device 00:03.0 ats=yes", "ats=yes", E_NO_ATS},
		{"device 00:03.0 ats=maybe", "ats=maybe", E_UNKNOWN_WORD},
		{"list \"", "\"", E_BAD_QUOTE},
		{"start first", "first", E_RUNNING},
		{"start first now", "now", E_UNKNOWN_WORD},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char expected[256];
		int command = (int)strcspn(rows[i].line, " ");

		set_up(state);
		snprintf(expected, sizeof(expected), "error command=%.*s word=\"%s\" reason=%s\n",
		         command, rows[i].line, rows[i].word, error_name(rows[i].reason));
		assert_error(ask(rows[i].line), rows[i].reason);
		assert_string_equal(fake_answer, expected);
		assert_int_equal(ioasid_count, 2);
		assert_int_equal(plan.device_count, 0);
		assert_int_equal(fake_config_writes, 0);
	}
	expect("", "");
	expect("  ", "");
}

static void test_list(void **state)
{
	(void)state;
	assert_ok(ask("attach 00:03.0 net vm=first"));
	expect("list", "vm first state=running cpu-mask=0x3 memory=8M wbinvd=ignore because=none\n"
	               "vm second state=running cpu-mask=0x2 memory=8M wbinvd=ignore because=none\n"
	               "device 00:03.0 state=attached vm=first ioasid=net box=1 group=00:03.0\n"
	               "device 00:04.0 state=free group=00:04.0\n"
	               "device 00:05.0 state=free group=00:05.0\n");
}

static void test_info(void **state)
{
	(void)state;
	expect("info 00:03.0",
	       "device 00:03.0 id=8086:10d3 class=020000 nosnoop=yes by=probe ats=none\n"
	       "device 00:03.0 unit=0 sc=1 default=snoop box=1 wbinvd=ignore\n"
	       "device 00:03.0 state=free group=00:03.0\n"
	       "device 00:03.0 bar=0 type=memory base=0xfe018000 size=0x1000\n");
	units[0].snoop_control = false;
	assert_ok(ask("info 00:04.0"));
	assert_non_null(strstr(fake_answer, "nosnoop=no by=probe ats=none\n"));
	assert_non_null(strstr(fake_answer, "sc=0 default=nosnoop box=4 wbinvd=emulate\n"));
	plan.policy = POLICY_DEVICE;
	assert_ok(ask("info 00:04.0"));
	assert_non_null(strstr(fake_answer, "sc=0 default=nosnoop box=4 wbinvd=ignore\n"));
	devices[2].unit = NULL;
	expect("info 00:05.0",
	       "device 00:05.0 id=8086:10d3 class=020000 nosnoop=yes by=unknown ats=none\n"
	       "device 00:05.0 unit=none\n"
	       "device 00:05.0 state=free group=00:05.0\n");
}

static void test_ioasids(void **state)
{
	(void)state;
	assert_ok(ask("ioasid tight snoop"));
	assert_ok(ask("attach 00:03.0 tight vm=second"));
	expect("ioasid", "ioasid net request=default format=unresolved vm=none devices=0\n"
	                 "ioasid loose request=nosnoop format=unresolved vm=none devices=0\n"
	                 "ioasid tight request=snoop format=snoop vm=second devices=1\n");
}

/* A device comes into box 3, and the verdict, its reason and its age follow; then it leaves. */
static void test_attach_and_why(void **state)
{
	(void)state;
	fake_time_step_us = 0;
	expect("attach 00:04.0 net vm=first",
	       "device 00:04.0 format=snoop box=2 coherent=1 wbinvd=ignore because=none\n");
	first->vcpus[0]->counters.wbinvd = 5;
	first->vcpus[0]->counters.emulated = 2;
	first->vcpus[0]->counters.ignored = 3;
	expect("attach 00:03.0 loose vm=first",
	       "device 00:03.0 format=nosnoop box=3 coherent=0 wbinvd=emulate because=box3\n");
	first->verdict_since_ms = 17;
	expect("verdict", "verdict vm=first wbinvd=emulate because=box3 policy=kernel since-ms=17 "
	                  "now-ms=5\n"
	                  "verdict vm=second wbinvd=ignore because=none policy=kernel since-ms=0 "
	                  "now-ms=5\n");
	expect("why first",
	       "verdict vm=first wbinvd=emulate because=box3 policy=kernel since-ms=17 now-ms=5\n"
	       "stats vm=first wbinvd=5 emulated=2 ignored=3 invd=0 exits=0\n"
	       "why 00:03.0 ioasid=loose format=nosnoop box=3 authorises=yes\n"
	       "why 00:04.0 ioasid=net format=snoop box=2 authorises=no\n");
	/* the VM of a bound IOASID need not be named; another one is refused */
	assert_error(ask("attach 00:05.0 loose vm=second"), E_IOASID_OF_OTHER_VM);
	assert_string_equal(fake_answer,
	                    "error command=attach word=\"00:05.0\" reason=ioasid-of-other-vm\n");
	expect("attach 00:05.0 loose",
	       "device 00:05.0 format=nosnoop box=3 coherent=0 wbinvd=emulate because=box3\n");
	expect("detach 00:05.0", "device 00:05.0 state=free group=00:05.0\n");
	expect("detach 00:03.0", "device 00:03.0 state=free group=00:03.0\n");
	assert_int_equal(first->verdict, VERDICT_IGNORE);
	assert_error(ask("attach 00:04.0 net"), E_HAS_OWNER);
}

/* The clock is looked at when the verdict changes, and then only. */
static void test_since(void **state)
{
	(void)state;
	fake_time_step_us = 5000000;
	assert_true(deadline_passed(deadline_in_us(0)));
	assert_ok(ask("attach 00:04.0 net vm=first"));
	assert_int_equal(first->verdict_since_ms, 0);
	assert_ok(ask("attach 00:03.0 loose vm=first"));
	assert_true(first->verdict_since_ms >= 5000);
}

static void test_not_running(void **state)
{
	(void)state;
	first->state = VM_ENDED;
	assert_error(ask("attach 00:03.0 net vm=first"), E_NOT_RUNNING);
	assert_int_equal(devices[0].state, DEVICE_FREE);
}

/* R11: what a device can do does not change while it is attached. */
static void test_device(void **state)
{
	(void)state;
	expect("device 00:05.0 nosnoop=no", "");
	assert_false(devices[2].nosnoop_capable);
	assert_ok(ask("attach 00:05.0 loose vm=first"));
	assert_int_equal(devices[2].box, BOX_4);
	assert_error(ask("device 00:05.0 nosnoop=yes"), E_ATTACHED);
	assert_int_equal(plan.device_count, 0);
	expect("device 00:03.0 nosnoop=block", "");
	assert_false(devices[0].nosnoop_capable);
}

static void test_walk(void **state)
{
	char expected[512];
	const struct ioasid *io = ioasid_find("net");
	const u64 *at;
	u64 table_pa;

	(void)state;
	assert_ok(ask("attach 00:03.0 net vm=first"));
	table_pa = io->space.table.root_pa;
	at = phys_to_virt(table_pa);
	table_pa = at[0] & ~0xfffull;
	snprintf(expected, sizeof(expected),
	         "walk device=00:03.0 unit=0 context=0x%llx,0x101\n"
	         "walk level=3 at=0x%llx entry=0x%llx table=0x%llx r=1 w=1 snp=0\n",
	         io->space.table.root_pa | 1ull, io->space.table.root_pa + 0ull, at[0] + 0ull,
	         table_pa + 0ull);
	at = phys_to_virt(table_pa);
	assert_ok(ask("walk net 0x201234"));
	fake_answer[strlen(expected)] = 0;
	assert_string_equal(fake_answer, expected);
	assert_ok(ask("walk net 0x201234"));
	snprintf(expected, sizeof(expected),
	         "walk level=2 at=0x%llx entry=0x40200883 page=0x40200000 r=1 w=1 snp=1\n",
	         virt_to_phys(at + 1) + 0ull);
	assert_non_null(strstr(fake_answer, expected));
	assert_null(strstr(fake_answer, "level=1"));
	assert_ok(ask("walk net 0x40000000"));
	assert_non_null(strstr(fake_answer, "walk level=3 "));
	assert_non_null(strstr(fake_answer, " entry=0x0 absent=0x0 r=0 w=0 snp=0\n"));
	assert_null(strstr(fake_answer, "level=2"));
	assert_error(ask("walk net 0x8000000000"), E_OUT_OF_RANGE);
}

static void test_stats(void **state)
{
	char pool[32];

	(void)state;
	first->counters = (struct vm_counters){.faults = 4, .interrupts_refused = 5};
	first->vcpus[0]->counters = (struct vcpu_counters){
		.wbinvd = 3, .emulated = 1, .ignored = 2, .invd = 1, .exits = 6, .ipis_refused = 7};
	for (u32 i = 3; i < CPUS_MAX; i++)
		cpus[i].online = false;
	cpus[2].vcpu = NULL;
	snprintf(pool, sizeof(pool), "stats pool-used=%u\n", fake_mem_used());
	assert_ok(ask("stats"));
	assert_memory_equal(fake_answer, pool, strlen(pool));
	assert_string_equal(fake_answer + strlen(pool),
	                    "stats vm=first wbinvd=3 emulated=1 ignored=2 invd=1 exits=6\n"
	                    "stats vm=first faults=4 interrupts-refused=5 ipis-refused=7\n"
	                    "stats vm=second wbinvd=0 emulated=0 ignored=0 invd=0 exits=0\n"
	                    "stats vm=second faults=0 interrupts-refused=0 ipis-refused=0\n"
	                    "stats cpu=0 apic-id=0 vm=first wbinvd=3 emulated=1 ignored=2\n"
	                    "stats cpu=1 apic-id=1 vm=second wbinvd=0 emulated=0 ignored=0\n"
	                    "stats cpu=2 apic-id=2 vm=none wbinvd=0 emulated=0 ignored=0\n");
}

/* The last one of a device, and how many there were. */
static void test_faults(void **state)
{
	(void)state;
	expect("faults", "");
	fake_unit_raise_fault(&fake_units[0], 0, CAPABLE, 5, false, 0x1000);
	fault_poll();
	fake_unit_raise_fault(&fake_units[0], 0, CAPABLE, 6, true, 0x2000);
	fault_poll();
	fake_unit_raise_fault(&fake_units[0], 0, CAPABLE, 6, true, 0x3000);
	expect("faults",
	       "fault unit=0 device=00:03.0 address=0x3000 access=read reason=0x6 (no read "
	       "permission) count=3\n");
}

static void test_log(void **state)
{
	(void)state;
	expect("log", "the last 20 lines\n");
	expect("log 7", "the last 7 lines\n");
	expect("log 0x1000000000", "the last 65535 lines\n");
}

static void test_help(void **state)
{
	u32 lines = 0;

	(void)state;
	assert_ok(ask("help"));
	for (u32 i = 0; command_word(i); i++, lines++)
		assert_non_null(strstr(fake_answer, command_word(i)));
	assert_non_null(strstr(fake_answer, "attach BDF IOASID [vm=VM]: give a device to a VM\n"));
	for (const char *at = fake_answer; *at; at = strchr(at, '\n') + 1, lines--)
		assert_in_range(strchr(at, '\n') - at, 5, 80);
	assert_int_equal(lines, 0);
	assert_null(strstr(fake_answer, "policy kernel"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_faults, set_up), /* first: faults are remembered */
		cmocka_unit_test_setup(test_errors, set_up),
		cmocka_unit_test_setup(test_list, set_up),
		cmocka_unit_test_setup(test_info, set_up),
		cmocka_unit_test_setup(test_ioasids, set_up),
		cmocka_unit_test_setup(test_attach_and_why, set_up),
		cmocka_unit_test_setup(test_since, set_up),
		cmocka_unit_test_setup(test_not_running, set_up),
		cmocka_unit_test_setup(test_device, set_up),
		cmocka_unit_test_setup(test_walk, set_up),
		cmocka_unit_test_setup(test_stats, set_up),
		cmocka_unit_test_setup(test_log, set_up),
		cmocka_unit_test_setup(test_help, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
