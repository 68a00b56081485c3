// SPDX-License-Identifier: BSD-2-Clause
/* The grammar of docs/manifest.md: core/command.c behind core/plan.c's reader. */
#include <stdio.h>
#include "core/command.h"
#include "core/facts.h"
#include "core/ioasid.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

/* The manifest lies behind what the page pool will give out. */
#define MANIFEST_PA (FAKE_MEM_BASE_PA + (FAKE_MEM_PAGES - 32) * PAGE_SIZE)

/* A VM that lacks nothing, its name aside; 00:03.0 unknown, 00:04.0 probed capable, 00:05.0 not. */
#define GOOD      "cpus=0 memory=16M image=x\n"
#define VM        "vm a " GOOD
#define NAME_15   "abcdefghijklmno"
#define NAME_31   NAME_15 "-" NAME_15
#define NAME_63   NAME_31 "-" NAME_31
#define QUOTE_255 NAME_63 " " NAME_63 " " NAME_63 " " NAME_63

static int action;

void power_set_action(enum power_action a)
{
	action = (int)a;
}

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_config_reset();
	fake_backend_reset();
	memset(devices, 0, sizeof(devices));
	memset(ioasids, 0, sizeof(ioasids));
	memset(&plan, 0, sizeof(plan));
	device_count = ioasid_count = 0;
	action = -1;
	unit_count = 1;
	units[0].snoop_control = true;
	fake_config_add(BDF(0, 3, 0), 0x020000);
	fake_config_add_pcie(fake_config_add(BDF(0, 4, 0), 0x020000), 0, 0, PCIE_NO_SNOOP);
	fake_config_add_pcie(fake_config_add(BDF(0, 5, 0), 0x020000), 0, 0, 0);
	fake_config_add_bridge(BDF(0, 28, 0), 1, 1);
	device_scan();
	device_find_units();
	fake_config_writes = 0;
	strcpy(facts.boot.manifest.name, "m.cfg");
	facts.boot.manifest.pa = MANIFEST_PA;
	return 0;
}

static err_t read_bytes(const char *bytes, size_t size)
{
	memcpy(phys_to_virt(MANIFEST_PA), bytes, size);
	facts.boot.manifest.size = size;
	return plan_read_manifest();
}

static err_t read(const char *text)
{
	return read_bytes(text, strlen(text));
}

/* Reading takes notes, and does nothing. */
static void expect_nothing_done(void)
{
	assert_int_equal(fake_config_writes, 0);
	assert_int_equal(fake_mem_used(), 0);
	assert_string_equal(fake_trace, "");
	for_each_vm (vm) {
		assert_int_equal(vm->state, VM_CONFIGURED);
		assert_null(vm->vcpus[0]);
		assert_int_equal(vm->ram_count, 0);
	}
	for_each_device (d) {
		assert_int_equal(d->state, DEVICE_FREE);
		assert_null(d->vm);
	}
	for (u32 i = 0; i < ioasid_count; i++) {
		assert_int_equal(ioasids[i].format, FORMAT_UNRESOLVED);
		assert_null(ioasids[i].vm);
	}
}

/* ---- bad manifests: one line says where and why ---- */

struct bad {
	const char *manifest, *place; /* place: line= and word=, or nothing */
	err_t reason;
};

static void refuse(void **state, const struct bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char expected[256];

		set_up(state);
		snprintf(expected, sizeof(expected), "error manifest=m.cfg%s%s reason=%s\n",
		         rows[i].place[0] ? " " : "", rows[i].place, error_name(rows[i].reason));
		assert_error(read(rows[i].manifest), rows[i].reason);
		assert_non_null(strstr(fake_log, expected));
		expect_nothing_done();
	}
}

static void test_bad_lines(void **state)
{
	static const struct bad rows[] = {
		{"", "", E_NO_VM},
		{"# nothing\n\n", "", E_NO_VM},
		{"polcy kernel\n", "line=1 word=\"polcy\"", E_UNKNOWN_WORD},
		{"\n# a\n  vm=a\n", "line=3 word=\"vm=a\"", E_UNKNOWN_WORD},
		{VM "Policy kernel", "line=2 word=\"Policy\"", E_UNKNOWN_WORD},
		{VM "\r\n\r\nx\r\n", "line=4 word=\"x\"", E_UNKNOWN_WORD},
		{"policy \"kernel\n" VM, "line=1 word=\"\"kernel\"", E_BAD_QUOTE},
		{"\"vm a\" " GOOD, "line=1 word=\"\"vm a\"\"", E_UNKNOWN_WORD},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_bad_choices(void **state)
{
	static const struct bad rows[] = {
		{"policy", "line=1 word=\"\"", E_MISSING_WORD},
		{"policy # kernel\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"policy kernal\n", "line=1 word=\"kernal\"", E_UNKNOWN_WORD},
		{"policy kernel device\n", "line=1 word=\"device\"", E_UNKNOWN_WORD},
		{"on-exit\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"on-exit stop\n", "line=1 word=\"stop\"", E_UNKNOWN_WORD},
		{"on-exit halt now\n", "line=1 word=\"now\"", E_UNKNOWN_WORD},
		{"unprotected-dma\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"unprotected-dma yes\n", "line=1 word=\"yes\"", E_UNKNOWN_WORD},
		{"unprotected-dma allow all\n", "line=1 word=\"all\"", E_UNKNOWN_WORD},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_bad_ioasids(void **state)
{
	static const struct bad rows[] = {
		{"ioasid\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"ioasid net\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"ioasid net snop\n", "line=1 word=\"snop\"", E_UNKNOWN_WORD},
		{"ioasid net snoop too\n", "line=1 word=\"too\"", E_UNKNOWN_WORD},
		{"ioasid net snoop\nioasid net snoop\n", "line=2 word=\"net\"", E_DUPLICATE},
		{"ioasid " NAME_31 "p snoop\n", "line=1 word=\"" NAME_31 "p\"", E_TOO_LONG},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_bad_vms(void **state)
{
	static const struct bad rows[] = {
		{"vm\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"vm " NAME_15 "p\n", "line=1 word=\"" NAME_15 "p\"", E_TOO_LONG},
		{VM "vm a\n", "line=2 word=\"a\"", E_DUPLICATE},
		{"vm a memroy=64M\n", "line=1 word=\"memroy=64M\"", E_UNKNOWN_WORD},
		{"vm a cpus\n", "line=1 word=\"cpus\"", E_UNKNOWN_WORD},
		{"vm a cpus=\n", "line=1 word=\"cpus=\"", E_BAD_NUMBER},
		{"vm a cpus=one\n", "line=1 word=\"cpus=one\"", E_BAD_NUMBER},
		{"vm a cpus=64\n", "line=1 word=\"cpus=64\"", E_BAD_NUMBER},
		{"vm a cpus=3-1\n", "line=1 word=\"cpus=3-1\"", E_BAD_NUMBER},
		{"vm a cpus=0,0\n", "line=1 word=\"cpus=0,0\"", E_DUPLICATE},
		{"vm a memory=64X\n", "line=1 word=\"memory=64X\"", E_BAD_NUMBER},
		{"vm a memory=\n", "line=1 word=\"memory=\"", E_BAD_NUMBER},
		{"vm a memory=0\n", "line=1 word=\"memory=0\"", E_OUT_OF_RANGE},
		{"vm a memory=1023K\n", "line=1 word=\"memory=1023K\"", E_OUT_OF_RANGE},
		{"vm a memory=17179869184G\n", "line=1 word=\"memory=17179869184G\"", E_BAD_NUMBER},
		{"vm a memory=18446744073709551616\n",
	         "line=1 word=\"memory=18446744073709551616\"", E_BAD_NUMBER},
		{"vm a image=\"x\n", "line=1 word=\"image=\"x\"", E_BAD_QUOTE},
		{"vm a policy=none\n", "line=1 word=\"policy=none\"", E_UNKNOWN_WORD},
		{"vm a memory=rest\nvm b memory=rest\n", "line=2 word=\"memory=rest\"",
	         E_TWO_PLATFORM_VMS},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

/* The log shows the beginning of the word. */
static void test_long_values(void **state)
{
	set_up(state);
	assert_error(read("vm a image=" NAME_63 "q\n"), E_TOO_LONG);
	assert_non_null(strstr(fake_log, "word=\"image=" NAME_31 "-abcdefghijklmno-abcdefghij\" "));
	set_up(state);
	assert_error(read("vm a cmdline=\"" QUOTE_255 "x\"\n"), E_TOO_LONG);
	assert_non_null(strstr(fake_log, "word=\"cmdline=\"" NAME_31));
}

static void test_vm_keys_once(void **state)
{
	static const struct bad rows[] = {
		{VM "vm b cpus=1 control=yes\nvm c control=yes\n", "line=3 word=\"control=yes\"",
	         E_DUPLICATE},
		{"vm a control=no\n", "line=1 word=\"control=no\"", E_UNKNOWN_WORD},
		{"vm a cpus=0 cpus=0\n", "line=1 word=\"cpus=0\"", E_DUPLICATE},
		{"vm a memory=1M memory=2M\n", "line=1 word=\"memory=2M\"", E_DUPLICATE},
		{"vm a memory=rest memory=2M\n", "line=1 word=\"memory=2M\"", E_DUPLICATE},
		{"vm a memory=2M memory=rest\n", "line=1 word=\"memory=rest\"", E_DUPLICATE},
		{"vm a memory=rest memory=rest\n", "line=1 word=\"memory=rest\"", E_DUPLICATE},
		{"vm a image=x image=y\n", "line=1 word=\"image=y\"", E_DUPLICATE},
		{"vm a initrd=x initrd=y\n", "line=1 word=\"initrd=y\"", E_DUPLICATE},
		{"vm a cmdline=x cmdline=\"y z\"\n", "line=1 word=\"cmdline=\"y z\"\"",
	         E_DUPLICATE},
		{"vm a policy=kernel policy=kernel\n", "line=1 word=\"policy=kernel\"",
	         E_DUPLICATE},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

/* What no single line shows is said of the VM's line. */
static void test_incomplete_vms(void **state)
{
	static const struct bad rows[] = {
		{"vm a memory=1M image=x\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"vm a cpus=0 image=x\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"vm a cpus=0 memory=1M\n", "line=1 word=\"\"", E_MISSING_WORD},
		{"vm a cpus=0 memory=rest\n", "line=1 word=\"\"", E_MISSING_WORD},
		{VM "\nvm b\n", "line=3 word=\"\"", E_MISSING_WORD},
		{"vm a cpus=9 memory=1M image=x\n", "line=1 word=\"\"", E_NO_CPU},
		{"vm a cpus=0,63 memory=1M image=x\n", "line=1 word=\"\"", E_NO_CPU},
		{VM "vm b " GOOD, "line=2 word=\"\"", E_CPU_TAKEN},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_bad_devices(void **state)
{
	static const struct bad rows[] = {
		{VM "device\n", "line=2 word=\"\"", E_MISSING_WORD},
		{VM "device 00:03 vm=a\n", "line=2 word=\"00:03\"", E_BAD_BDF},
		{VM "device 0:3.0 vm=a\n", "line=2 word=\"0:3.0\"", E_BAD_BDF},
		{VM "device 00:20.0 vm=a\n", "line=2 word=\"00:20.0\"", E_BAD_BDF},
		{VM "device 00:03.8 vm=a\n", "line=2 word=\"00:03.8\"", E_BAD_BDF},
		{VM "device vm=a 00:03.0\n", "line=2 word=\"vm=a\"", E_BAD_BDF},
		{VM "device 00:06.0 vm=a\n", "line=2 word=\"00:06.0\"", E_NO_DEVICE},
		{VM "device 0001:00:03.0 vm=a\n", "line=2 word=\"0001:00:03.0\"", E_NO_DEVICE},
		{VM "device 00:1c.0 vm=a\n", "line=2 word=\"00:1c.0\"", E_BRIDGE},
		{VM "device 00:03.0\ndevice 00:03.0 vm=a\n", "line=3 word=\"00:03.0\"",
	         E_DUPLICATE},
		{VM "device 00:03.0 vm=b\n", "line=2 word=\"vm=b\"", E_NO_VM},
		{"device 00:03.0 vm=a\n" VM, "line=1 word=\"vm=a\"", E_NO_VM},
		{VM "device 00:03.0 vm=a ioasid=n\n", "line=2 word=\"ioasid=n\"", E_NO_IOASID},
		{VM "ioasid n snoop\ndevice 00:03.0 ioasid=n\n", "line=3 word=\"\"",
	         E_MISSING_WORD},
		{VM "device 00:03.0 owner=a\n", "line=2 word=\"owner=a\"", E_UNKNOWN_WORD},
		{VM "device 00:03.0 nosnoop=maybe\n", "line=2 word=\"nosnoop=maybe\"",
	         E_UNKNOWN_WORD},
		{VM "device 00:03.0 nosnoop=block\n", "line=2 word=\"nosnoop=block\"", E_NO_BIT},
		{VM "device 00:05.0 nosnoop=block\n", "line=2 word=\"nosnoop=block\"", E_NO_BIT},
		{VM "device 00:04.0 nosnoop=no\n", "line=2 word=\"nosnoop=no\"", E_USE_BLOCK},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_device_keys_once(void **state)
{
	static const struct bad rows[] = {
		{VM "device 00:03.0 vm=a vm=a\n", "line=2 word=\"vm=a\"", E_DUPLICATE},
		{VM "ioasid n snoop\ndevice 00:03.0 ioasid=n vm=a ioasid=n\n",
	         "line=3 word=\"ioasid=n\"", E_DUPLICATE},
		{VM "device 00:03.0 nosnoop=yes nosnoop=no\n", "line=2 word=\"nosnoop=no\"",
	         E_DUPLICATE},
		{VM "device 00:03.0 nosnoop=probe nosnoop=no\n", "line=2 word=\"nosnoop=no\"",
	         E_DUPLICATE},
	};

	refuse(state, rows, ARRAY_SIZE(rows));
}

static void test_too_many(void **state)
{
	char text[4096] = VM;

	set_up(state);
	for (u32 i = 1; i <= VMS_MAX; i++)
		snprintf(text + strlen(text), 64, "vm b%u " GOOD, i);
	assert_error(read(text), E_TOO_MANY);
	assert_non_null(strstr(fake_log, "line=9 word=\"b8\" reason=too-many\n"));
	set_up(state);
	strcpy(text, VM);
	for (u32 i = 0; i <= IOASIDS_MAX; i++)
		snprintf(text + strlen(text), 64, "ioasid i%u snoop\n", i);
	assert_error(read(text), E_TOO_MANY);
	assert_non_null(strstr(fake_log, "line=66 word=\"i64\" reason=too-many\n"));
}

/* ---- the file ---- */

static void test_size_limit(void **state)
{
	static char text[KIB(64) + 1];

	(void)state;
	memset(text, '#', sizeof(text));
	memcpy(text, VM, strlen(VM));
	assert_ok(read_bytes(text, KIB(64)));
	assert_error(read_bytes(text, KIB(64) + 1), E_TOO_LONG);
	assert_string_equal(fake_log, "error manifest=m.cfg reason=too-long\n");
}

static void test_no_file(void **state)
{
	(void)state;
	facts.boot.manifest.pa = 0;
	assert_error(plan_read_manifest(), E_NOT_FOUND);
	assert_string_equal(fake_log, "error manifest=m.cfg reason=not-found\n");
	plan_read_early();
	assert_int_equal(action, -1);
}

/* How the machine ends is known before the rest is read, whatever is wrong with that. */
static void test_on_exit_comes_first(void **state)
{
	static const struct {
		const char *manifest;
		int action;
	} rows[] = {
		{"on-exit qemu\n", POWER_QEMU},
		{"vm \"a\nx\n  on-exit poweroff # why\r\ndevice\n", POWER_OFF},
		{"on-exit reset\non-exit halt\n", POWER_HALT},
		{"on-exit soon\n", -1},
		{"#on-exit qemu\nvm on-exit qemu\n", -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		strcpy(phys_to_virt(MANIFEST_PA), rows[i].manifest);
		facts.boot.manifest.size = strlen(rows[i].manifest);
		plan_read_early();
		assert_int_equal(action, rows[i].action);
		assert_int_equal(vm_count, 0);
		assert_string_equal(fake_log, "");
	}
}

static void test_scalable_comes_first_too(void **state)
{
	(void)state;
	strcpy(phys_to_virt(MANIFEST_PA), "vm \"a\nscalable on\n");
	facts.boot.manifest.size = strlen(phys_to_virt(MANIFEST_PA));
	plan.scalable = 0;
	plan_read_early();
	assert_int_equal(plan.scalable, 1);
	assert_error(read("scalable off\n"), E_NO_VM);
	assert_int_equal(plan.scalable, 0);
	assert_error(read("scalable maybe\n"), E_UNKNOWN_WORD);
}

/* ---- good manifests ---- */

static void test_everything(void **state)
{
	const struct vm *linux_vm, *rt;

	(void)state;
	assert_ok(read("# all of it\r\n"
	               "policy device\r\n"
	               "on-exit poweroff\r\n"
	               "unprotected-dma allow\r\n"
	               "ioasid net default # comment\r\n"
	               "ioasid disk snoop\r\n"
	               "\tioasid dma\tnosnoop\r\n"
	               "\r\n"
	               "vm linux cpus=0 memory=rest image=\\vmlinuz initrd=\\initrd.gz "
	               "cmdline=\"console=ttyS0 # not a comment\"\r\n"
	               "device 00:03.0 vm=linux ioasid=net nosnoop=no\r\n"
	               "device 00:04.0 nosnoop=yes ioasid=dma vm=linux\r\n"
	               "device 00:05.0 nosnoop=probe"));
	linux_vm = vm_find("linux");
	assert_int_equal(vm_count, 1);
	assert_true(linux_vm->platform);
	assert_ptr_equal(vm_find_platform(), linux_vm);
	assert_int_equal(linux_vm->config.cpu_mask, 1);
	assert_string_equal(linux_vm->config.image, "\\vmlinuz");
	assert_string_equal(linux_vm->config.initrd, "\\initrd.gz");
	assert_string_equal(linux_vm->config.command_line, "console=ttyS0 # not a comment");
	assert_false(linux_vm->config.own_policy);
	assert_int_equal(plan.policy, POLICY_DEVICE);
	assert_int_equal(action, POWER_OFF);
	assert_true(plan.unprotected_dma);
	assert_int_equal(ioasid_count, 3);
	assert_int_equal(ioasid_find("net")->request, REQUEST_DEFAULT);
	assert_int_equal(ioasid_find("disk")->request, REQUEST_SNOOP);
	assert_int_equal(ioasid_find("dma")->request, REQUEST_NOSNOOP);
	assert_ptr_equal(devices[0].wanted_vm, linux_vm);
	assert_ptr_equal(devices[0].wanted_ioasid, ioasid_find("net"));
	assert_false(devices[0].nosnoop_capable);
	assert_ptr_equal(devices[1].wanted_ioasid, ioasid_find("dma"));
	assert_true(devices[1].nosnoop_capable);
	assert_null(devices[2].wanted_vm);
	assert_true(devices[2].named);
	assert_int_equal(devices[2].nosnoop_by, NOSNOOP_BY_PROBE);
	assert_false(devices[3].named);
	expect_nothing_done();
	set_up(state);
	assert_ok(read("policy kernel\nvm " NAME_15 " cpus=0 memory=1M image=" NAME_63
	               " policy=device cmdline=\"" QUOTE_255 "\"\n"
	               "ioasid " NAME_31 " snoop\nunprotected-dma refuse\n"));
	rt = vm_find(NAME_15);
	assert_false(rt->platform);
	assert_int_equal(rt->config.memory, MIB(1));
	assert_string_equal(rt->config.image, NAME_63);
	assert_string_equal(rt->config.command_line, QUOTE_255);
	assert_true(rt->config.own_policy);
	assert_int_equal(rt->policy, POLICY_DEVICE);
	assert_int_equal(plan.policy, POLICY_KERNEL);
	assert_false(plan.unprotected_dma);
	expect_nothing_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_lines, set_up),
		cmocka_unit_test_setup(test_bad_choices, set_up),
		cmocka_unit_test_setup(test_bad_ioasids, set_up),
		cmocka_unit_test_setup(test_bad_vms, set_up),
		cmocka_unit_test_setup(test_long_values, set_up),
		cmocka_unit_test_setup(test_vm_keys_once, set_up),
		cmocka_unit_test_setup(test_incomplete_vms, set_up),
		cmocka_unit_test_setup(test_bad_devices, set_up),
		cmocka_unit_test_setup(test_device_keys_once, set_up),
		cmocka_unit_test_setup(test_too_many, set_up),
		cmocka_unit_test_setup(test_size_limit, set_up),
		cmocka_unit_test_setup(test_no_file, set_up),
		cmocka_unit_test_setup(test_on_exit_comes_first, set_up),
		cmocka_unit_test_setup(test_scalable_comes_first_too, set_up),
		cmocka_unit_test_setup(test_everything, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
