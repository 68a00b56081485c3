// SPDX-License-Identifier: BSD-2-Clause
/* core/exit.c: WBINVD by the verdict (R10, R14), CR0 (R16), hypercalls, CPUID, moves to ECAM. */
#include "core/cpuid.h"
#include "core/device.h"
#include "core/exit.h"
#include "core/hypercall.h"
#include "core/mem.h"
#include "core/vcpu.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

static struct vm *vm;
static u64 *gpr;
static u32 flushes;

static void on_flush(void)
{
	flushes++;
}

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_config_reset();
	fake_backend_reset();
	memset(devices, 0, sizeof(devices));
	device_count = 0;
	flushes = 0;
	fake_mem_on_flush = on_flush;
	vm = fake_backend_add_vm("guest", MIB(64), MIB(2));
	/* of its RAM a page can be touched; it runs there, with paging off */
	vm->ram[0].host = phys_to_virt(FAKE_MEM_BASE_PA);
	vm->ram[0].size = PAGE_SIZE;
	fake_state = (struct vcpu_state){.cr0 = CR0_PE, .code_bits = 32};
	gpr = vm->vcpus[0]->gpr;
	return 0;
}

static enum exit_result handle(enum exit_kind kind)
{
	struct exit exit = {.kind = kind};

	fake_vector = ~0u;
	return exit_handle(vm->vcpus[0], &exit);
}

/* ---- WBINVD ---- */

static void test_wbinvd_follows_the_verdict(void **state)
{
	const struct vcpu_counters *c = &vm->vcpus[0]->counters;

	(void)state;
	assert_int_equal(handle(EXIT_WBINVD), RESULT_ADVANCE);
	assert_int_equal(handle(EXIT_INVD), RESULT_ADVANCE);
	assert_int_equal(flushes, 0);
	vm->devices_in_box[BOX_3] = 1;
	vm_update_verdict(vm);
	flushes = 0;
	assert_int_equal(handle(EXIT_WBINVD), RESULT_ADVANCE);
	assert_int_equal(flushes, 1);
	assert_int_equal(handle(EXIT_INVD), RESULT_ADVANCE);
	assert_int_equal(flushes, 2);
	vm->devices_in_box[BOX_3] = 0;
	vm_update_verdict(vm);
	flushes = 0;
	assert_int_equal(handle(EXIT_WBINVD), RESULT_ADVANCE);
	assert_int_equal(flushes, 0);
	assert_int_equal(c->wbinvd, 5);
	assert_int_equal(c->emulated, 2);
	assert_int_equal(c->ignored, 3);
	assert_int_equal(c->invd, 2);
	assert_int_equal(c->exits, 5);
}

/* Lines get rarer, and say how many they stand for: all counts add up. */
static void test_wbinvd_lines_add_up(void **state)
{
	u32 sum = 0, lines = 0;

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		handle(i % 3 ? EXIT_WBINVD : EXIT_INVD);
	vcpu_log_wbinvd(vm->vcpus[0], vm->verdict);
	for (char *line = strtok(fake_log, "\n"); line; line = strtok(NULL, "\n")) {
		assert_memory_equal(line, "wbinvd vm=guest cpu=0 ", 22);
		assert_non_null(strstr(line, " verdict=ignore count="));
		sum += (u32)atoi(strstr(line, "count=") + 6);
		lines++;
	}
	assert_int_equal(sum, 1000);
	assert_true(lines <= 12);
}

/* A line is about one verdict: what is owed is said before it changes. */
static void test_wbinvd_lines_at_the_edge(void **state)
{
	const char *owed, *edge;

	(void)state;
	for (u32 i = 0; i < 3; i++)
		handle(EXIT_WBINVD);
	fake_log[0] = 0;
	handle(EXIT_WBINVD);
	vm->devices_in_box[BOX_4] = 1;
	vm_update_verdict(vm);
	owed = strstr(fake_log, "verdict=ignore count=");
	edge = strstr(fake_log, "verdict vm=guest wbinvd=emulate because=box4\n");
	assert_non_null(owed);
	assert_non_null(edge);
	assert_true(owed < edge);
}

static void lower_verdict(void)
{
	fake_mem_on_flush = on_flush;
	vm->devices_in_box[BOX_4] = 0;
	vm_update_verdict(vm);
}

/* Another CPU detaches the device while this one flushes: the WBINVD has been emulated, and its
 * line says so. */
static void test_wbinvd_across_the_edge(void **state)
{
	(void)state;
	vm->devices_in_box[BOX_4] = 1;
	vm_update_verdict(vm);
	for (u32 i = 0; i < 4; i++)
		handle(EXIT_WBINVD);
	fake_log[0] = 0;
	fake_mem_on_flush = lower_verdict;
	handle(EXIT_WBINVD);
	assert_int_equal(vm->verdict, VERDICT_IGNORE);
	assert_int_equal(vm->vcpus[0]->counters.emulated, 5);
	assert_non_null(strstr(fake_log, "verdict=emulate count=1\n"));
	assert_int_equal(vm->vcpus[0]->wbinvd.rate.pending, 0);
}

/* ---- CR0 ---- */

static enum exit_result write_cr0(u64 value)
{
	struct exit exit = {.kind = EXIT_CR0_WRITE, .cr0 = value};

	fake_vector = ~0u;
	fake_cr0 = ~0ull;
	return exit_handle(vm->vcpus[0], &exit);
}

static void test_cr0(void **state)
{
	struct exit read = {.kind = EXIT_CR0_READ, .gpr = GPR_RSI};
	u64 start;
	static const struct {
		u64 cr0;
		struct vcpu_state state;
	} bad[] = {
		{CR0_NW | CR0_PE, {.code_bits = 32}},
		{CR0_PG, {.code_bits = 32}},
		{CR0_PG | CR0_PE, {.code_bits = 32, .efer = EFER_LME}}, /* without PAE */
		{CR0_PE, {.code_bits = 64, .efer = EFER_LME | EFER_LMA, .cr4 = CR4_PAE}},
		{CR0_PG | CR0_PE | 1ull << 32,
	         {.code_bits = 64, .efer = EFER_LME | EFER_LMA, .cr4 = CR4_PAE}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fake_state = bad[i].state;
		assert_int_equal(write_cr0(bad[i].cr0), RESULT_RETRY);
		assert_int_equal(fake_vector, VECTOR_GP);
		assert_int_equal(fake_cr0, ~0ull);
	}
	/* coherent: the caches stay on, and the guest sees what it wrote; 32 bits of it count */
	fake_state = (struct vcpu_state){.code_bits = 32};
	assert_int_equal(write_cr0(1ull << 32 | CR0_PE | CR0_CD | CR0_NW), RESULT_ADVANCE);
	assert_int_equal(fake_cr0, CR0_PE);
	assert_string_equal(fake_trace, "");
	fake_state.cr0 = CR0_PE | CR0_ET;
	assert_int_equal(exit_handle(vm->vcpus[0], &read), RESULT_ADVANCE);
	assert_int_equal(gpr[GPR_RSI], CR0_PE | CR0_ET | CR0_CD | CR0_NW);
	/* not coherent: CD acts as uncached, for as long as it is set */
	vm->devices_in_box[BOX_3] = 1;
	vm_update_verdict(vm);
	assert_int_equal(fake_backend_ram_type(vm), 'u');
	assert_int_equal(write_cr0(CR0_PE), RESULT_ADVANCE);
	assert_int_equal(fake_backend_ram_type(vm), 'g');
	/* in its turn (R15) */
	vm->turn_end = start = cpu_tsc();
	vm->turn_cost = 20000000;
	assert_int_equal(write_cr0(CR0_PE | CR0_CD), RESULT_ADVANCE);
	assert_true(vm->turn_end - start >= 20000000);
	assert_int_equal(fake_backend_ram_type(vm), 'u');
}

/* ---- hypercalls ---- */

static s64 hypercall(u64 number, u64 rbx, u64 rcx)
{
	gpr[GPR_RAX] = number;
	gpr[GPR_RBX] = rbx;
	gpr[GPR_RCX] = rcx;
	assert_int_equal(handle(EXIT_HYPERCALL), RESULT_ADVANCE);
	return (s64)gpr[GPR_RAX];
}

static void test_hypercalls(void **state)
{
	(void)state;
	assert_int_equal(hypercall(HYPERCALL_VERSION_GET, 0, 0), HYPERCALL_VERSION);
	assert_int_equal(hypercall(99, 0, 0), HYPERCALL_E_NUMBER);
	assert_int_equal(hypercall(HYPERCALL_VERDICT, 0, 0), HYPERCALL_VERDICT_IGNORE);
	vm->devices_in_box[BOX_4] = 1;
	vm_update_verdict(vm);
	assert_int_equal(hypercall(HYPERCALL_VERDICT, 0, 0), HYPERCALL_VERDICT_EMULATE | 4 << 8);
	handle(EXIT_WBINVD);
	handle(EXIT_INVD);
	vm->counters.faults = 7;
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, HYPERCALL_COUNTER_WBINVD, 0), 2);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, HYPERCALL_COUNTER_EMULATED, 0), 2);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, HYPERCALL_COUNTER_IGNORED, 0), 0);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, HYPERCALL_COUNTER_INVD, 0), 1);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, HYPERCALL_COUNTER_FAULTS, 0), 7);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, 5, 0), HYPERCALL_E_ARGUMENT);
	assert_int_equal(hypercall(HYPERCALL_COUNTERS, ~0ull, 0), HYPERCALL_E_ARGUMENT);
}

static void test_hypercall_log(void **state)
{
	static const struct {
		u64 gpa, size;
		s64 result;
	} rows[] = {
		{0, 128, 0},
		{0, 129, HYPERCALL_E_ARGUMENT},
		{0, ~0ull, HYPERCALL_E_ARGUMENT},
		{PAGE_SIZE - 128, 128, 0},
		{PAGE_SIZE - 127, 128, HYPERCALL_E_ADDRESS},
		{~0ull, 2, HYPERCALL_E_ADDRESS},
		{MIB(64), 1, HYPERCALL_E_ADDRESS}, /* its own RAM, by the machine's address */
	};

	(void)state;
	memset(vm->ram[0].host, 'x', PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(hypercall(HYPERCALL_LOG, rows[i].gpa, rows[i].size),
		                 rows[i].result);
	fake_log[0] = 0;
	memcpy(vm->ram[0].host, "a\"\nb\x7f\xff", 6); /* it cannot break out of its line */
	assert_int_equal(hypercall(HYPERCALL_LOG, 0, 7), 0);
	assert_string_equal(fake_log, "guest vm=guest text=\"a..b..x\"\n");
}

static void test_hypercall_end(void **state)
{
	(void)state;
	gpr[GPR_RAX] = HYPERCALL_END;
	gpr[GPR_RBX] = 3;
	assert_int_equal(handle(EXIT_HYPERCALL), RESULT_STOP);
	assert_int_equal(vm->state, VM_ENDED);
	assert_int_equal(vm->end_status, 3);
	assert_string_equal(fake_log, "end vm=guest by=hypercall status=3\n");
}

static void test_hypercall_from_user_mode(void **state)
{
	(void)state;
	fake_state.cpl = 3;
	gpr[GPR_RAX] = HYPERCALL_END;
	assert_int_equal(handle(EXIT_HYPERCALL), RESULT_RETRY);
	assert_int_equal(fake_vector, VECTOR_UD);
	assert_int_equal(vm->state, VM_RUNNING);
}

/* ---- CPUID ---- */

static void ask_cpuid(u32 leaf)
{
	gpr[GPR_RAX] = 0xdead000000000000ull | leaf;
	gpr[GPR_RCX] = 0;
	assert_int_equal(handle(EXIT_CPUID), RESULT_ADVANCE);
	assert_int_equal((gpr[GPR_RAX] | gpr[GPR_RBX] | gpr[GPR_RCX] | gpr[GPR_RDX]) >> 32, 0);
}

static void test_cpuid(void **state)
{
	(void)state;
	ask_cpuid(1);
	assert_int_equal(gpr[GPR_RCX] & (1u << 31 | 1u << 27 | 1u << 5 | 1u << 4 | 1u << 2),
	                 1u << 31); /* a hypervisor; no OSXSAVE yet, VMX, debug stores */
	assert_int_equal(gpr[GPR_RDX] & 1u << 21, 0);
	fake_state.cr4 = CR4_OSXSAVE;
	ask_cpuid(1);
	assert_int_equal(gpr[GPR_RCX] & 1u << 27, 1u << 27);
	ask_cpuid(7);
	assert_int_equal(gpr[GPR_RBX] & 1u << 25, 0); /* processor trace */
	assert_int_equal(gpr[GPR_RCX] & 1u << 4, 0);  /* OSPKE is CR4's */
	fake_state.cr4 = CR4_PKE;
	ask_cpuid(7);
	assert_int_equal(gpr[GPR_RCX] & 1u << 4, 1u << 4);
	ask_cpuid(0x80000001);
	assert_int_equal(gpr[GPR_RCX] & 1u << 2, 0); /* SVM */
	ask_cpuid(0x8000000a);
	assert_int_equal(gpr[GPR_RAX] | gpr[GPR_RBX] | gpr[GPR_RCX] | gpr[GPR_RDX], 0);
	ask_cpuid(0x40000000);
	assert_int_equal(gpr[GPR_RAX], 0x40000001);
	assert_memory_equal(&gpr[GPR_RBX], "Snoo", 4);
	assert_memory_equal(&gpr[GPR_RCX], "perv", 4);
	assert_memory_equal(&gpr[GPR_RDX], "isor", 4);
	ask_cpuid(0x40000001);
	assert_int_equal(gpr[GPR_RAX], HYPERCALL_VERSION);
	assert_int_equal(gpr[GPR_RBX], HYPERVISOR_VMMCALL);
	ask_cpuid(0x40000002);
	assert_int_equal(gpr[GPR_RAX] | gpr[GPR_RBX] | gpr[GPR_RCX] | gpr[GPR_RDX], 0);
}

/* Whatever this CPU has: of an answer that says yes to everything, what is left. */
static void test_cpuid_hides(void **state)
{
	static const struct {
		u32 leaf, subleaf;
		enum gpr gpr;
		u32 hidden;
	} rows[] = {
		{6, 0, GPR_RAX, BIT(19) | BIT(23)}, /* hardware feedback, thread director */
		{7, 0, GPR_RBX, BIT(25)},           /* processor trace */
		{7, 0, GPR_RDX, BIT(5)},            /* user interrupts */
		{7, 1, GPR_RDX, 0},
		{0x23, 0, GPR_RAX, ~0u},          /* architectural PEBS, and its neighbours */
		{0x80000008, 0, GPR_RBX, BIT(3)}, /* INVLPGB */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(gpr, 0xff, GPR_COUNT * sizeof(*gpr));
		assert_int_equal(cpuid_amend(vm->vcpus[0], rows[i].leaf, rows[i].subleaf),
		                 RESULT_ADVANCE);
		assert_int_equal((u32)~gpr[rows[i].gpr], rows[i].hidden);
		ask_cpuid(rows[i].leaf); /* which are amended at all */
		assert_int_equal(rows[i].subleaf ? 0 : gpr[rows[i].gpr] & rows[i].hidden, 0);
	}
	/* Machine checks are the platform VM's; others would find no banks. */
	gpr[GPR_RDX] = ~0u;
	cpuid_amend(vm->vcpus[0], 1, 0);
	assert_int_equal((u32)~gpr[GPR_RDX], BIT(21) | BIT(14) | BIT(7));
	vm->platform = true;
	gpr[GPR_RDX] = ~0u;
	cpuid_amend(vm->vcpus[0], 1, 0);
	assert_int_equal((u32)~gpr[GPR_RDX], BIT(21));
}

static void test_xsetbv(void **state)
{
	(void)state;
	gpr[GPR_RCX] = 0xdead00000000ull;
	gpr[GPR_RAX] = 0xdead00000007ull;
	gpr[GPR_RDX] = 0;
	assert_int_equal(handle(EXIT_XSETBV), RESULT_ADVANCE);
	gpr[GPR_RAX] = 6;
	assert_int_equal(handle(EXIT_XSETBV), RESULT_RETRY);
	assert_int_equal(fake_vector, VECTOR_GP);
	fake_vector = ~0u;
	fake_state.cpl = 3;
	gpr[GPR_RAX] = 7;
	assert_int_equal(handle(EXIT_XSETBV), RESULT_RETRY);
	assert_int_equal(fake_vector, VECTOR_GP);
}

/* ---- nested faults ---- */

static enum exit_result fault(u64 gpa, const u8 *instruction, size_t size)
{
	struct exit exit = {.kind = EXIT_NESTED_FAULT, .fault.gpa = gpa};

	memcpy(vm->ram[0].host, instruction, size);
	return exit_handle(vm->vcpus[0], &exit);
}

static void give_nic(void)
{
	fake_config_define(fake_config_add(BDF(0, 3, 0), 0x020000), 0x3c, 4, 0x11223344, ~0u);
	device_scan();
	devices[0].vm = vm;
	devices[0].state = DEVICE_ATTACHED;
	devices[0].may_master = true;
	vm->platform = true;
	fake_config_writes = 0;
}

#define NIC_ECAM (FAKE_ECAM_BASE + (BDF(0, 3, 0) << 12))

static void test_ecam_moves(void **state)
{
	static const struct {
		const char *instruction;
		size_t size;
		u32 offset;
		enum gpr gpr;
		u64 before, after; /* of the register */
		u32 config;        /* register 0x3c afterwards */
	} rows[] = {
		/* mov eax, [..]; mov ax, [..]; mov al, [..]; mov ah, [..]: 32-bit code */
		{"\x8b\x03", 2, 0x3c, GPR_RAX, ~0ull, 0x11223344, 0x11223344},
		{"\x66\x8b\x03", 3, 0x3e, GPR_RAX, ~0ull, 0xffffffffffff1122, 0x11223344},
		{"\x8a\x03", 2, 0x3d, GPR_RAX, ~0ull, 0xffffffffffffff33, 0x11223344},
		{"\x8a\x23", 2, 0x3d, GPR_RAX, ~0ull, 0xffffffffffff33ff, 0x11223344},
		/* movzx ecx, byte [..]; movsx ecx, byte [..] */
		{"\x0f\xb6\x0b", 3, 0x3c, GPR_RCX, ~0ull, 0x44, 0x11223344},
		{"\x0f\xbe\x0b", 3, 0x3f, GPR_RCX, ~0ull, 0x11, 0x11223344},
		/* mov [..], eax; mov [..], ax; mov [..], ah; mov dword [..], imm */
		{"\x89\x03", 2, 0x3c, GPR_RAX, 0xaabbccdd, 0xaabbccdd, 0xaabbccdd},
		{"\x66\x89\x03", 3, 0x3c, GPR_RAX, 0xaabbccdd, 0xaabbccdd, 0x1122ccdd},
		{"\x88\x23", 2, 0x3c, GPR_RAX, 0xaabbccdd, 0xaabbccdd, 0x112233cc},
		{"\xc7\x03\x78\x56\x34\x12", 6, 0x3c, GPR_RAX, 1, 1, 0x12345678},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		give_nic();
		gpr[rows[i].gpr] = rows[i].before;
		assert_int_equal(fault(NIC_ECAM + rows[i].offset, (const u8 *)rows[i].instruction,
		                       rows[i].size),
		                 RESULT_ADVANCE);
		assert_int_equal(gpr[rows[i].gpr], rows[i].after);
		assert_int_equal(fake_config_get(fake_config_find(BDF(0, 3, 0)), 0x3c, 4),
		                 rows[i].config);
	}
}

static void test_faults_kill(void **state)
{
	static const struct {
		u64 gpa;
		const char *instruction;
		size_t size;
		const char *reason;
	} rows[] = {
		{MIB(128), "\x8b\x03", 2, "reason=nested-paging-violation"},
		{NIC_ECAM + 0x3c, "\x01\x03", 2, "reason=unsupported-access-to-trapped-page"},
		{NIC_ECAM + 0x3d, "\x8b\x03", 2, "reason=unsupported-access-to-trapped-page"},
		{FAKE_ECAM_BASE + (FAKE_BUSES << 20), "\x8b\x03", 2,
	         "reason=nested-paging-violation"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		give_nic();
		assert_int_equal(fault(rows[i].gpa, (const u8 *)rows[i].instruction, rows[i].size),
		                 RESULT_STOP);
		assert_int_equal(vm->state, VM_KILLED);
		assert_int_equal(fake_config_writes, 0);
		assert_non_null(strstr(fake_log, rows[i].reason));
		assert_non_null(strstr(fake_log, "instruction="));
	}
}

/* Other VMs have no ECAM. */
static void test_ecam_of_other_vms(void **state)
{
	(void)state;
	give_nic();
	vm->platform = false;
	assert_int_equal(fault(NIC_ECAM, (const u8 *)"\x8b\x03", 2), RESULT_STOP);
}

/* ---- the rest ---- */

static void test_other_exits(void **state)
{
	static const struct {
		enum exit_kind kind;
		const char *reason;
	} rows[] = {{EXIT_UNKNOWN, "reason=unknown-exit"}, {EXIT_SHUTDOWN, "reason=triple-fault"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		assert_int_equal(handle(rows[i].kind), RESULT_STOP);
		assert_int_equal(vm->state, VM_KILLED);
		assert_non_null(strstr(fake_log, rows[i].reason));
	}
	assert_int_equal(handle(EXIT_UNDEFINED), RESULT_RETRY);
	assert_int_equal(fake_vector, VECTOR_UD);
	assert_int_equal(fake_error_code, VECTOR_NO_ERROR_CODE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_wbinvd_follows_the_verdict, set_up),
		cmocka_unit_test_setup(test_wbinvd_lines_add_up, set_up),
		cmocka_unit_test_setup(test_wbinvd_lines_at_the_edge, set_up),
		cmocka_unit_test_setup(test_wbinvd_across_the_edge, set_up),
		cmocka_unit_test_setup(test_cr0, set_up),
		cmocka_unit_test_setup(test_hypercalls, set_up),
		cmocka_unit_test_setup(test_hypercall_log, set_up),
		cmocka_unit_test_setup(test_hypercall_end, set_up),
		cmocka_unit_test_setup(test_hypercall_from_user_mode, set_up),
		cmocka_unit_test_setup(test_cpuid, set_up),
		cmocka_unit_test_setup(test_cpuid_hides, set_up),
		cmocka_unit_test_setup(test_xsetbv, set_up),
		cmocka_unit_test_setup(test_ecam_moves, set_up),
		cmocka_unit_test_setup(test_faults_kill, set_up),
		cmocka_unit_test_setup(test_ecam_of_other_vms, set_up),
		cmocka_unit_test_setup(test_other_exits, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
