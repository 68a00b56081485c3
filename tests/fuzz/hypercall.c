// SPDX-License-Identifier: BSD-2-Clause
/* A guest calls with whatever registers it likes (core/hypercall_handle.c behind core/exit.c). */
#include "core/exit.h"
#include "core/hypercall.h"
#include "tests/fuzz/machine.h"

#define RAM (2 * PAGE_SIZE)

static struct vm *vm;
static u8 *ram; /* two ranges, a page each, with a hole between: no byte behind the last one */

static void reset_machine(const struct fuzz_bytes *text)
{
	fuzz_machine_reset();
	vm = machine_add_vm("guest");
	assert_ok(ioasid_attach(NULL, device_find(BDF(0, 3, 0)), vm));
	ram = malloc(RAM);
	for (u32 i = 0; i < RAM; i++)
		ram[i] = text->left ? text->at[i % text->left] : 0;
	vm->ram[0].host = ram;
	vm->ram[0].size = PAGE_SIZE;
	vm->ram[1] = vm->ram[0];
	vm->ram[1].gpa = 2 * PAGE_SIZE;
	vm->ram[1].host = ram + PAGE_SIZE;
	vm->ram_count = 2;
}

/* What a guest says stays one line of printable characters. */
static void check_log(void)
{
	size_t length = strlen(fake_log);

	for (size_t i = 0; i < length; i++)
		assert_true((fake_log[i] >= ' ' && fake_log[i] <= '~') ||
		            (fake_log[i] == '\n' && i + 1 == length));
}

static void check_result(u32 number, u64 rbx, s64 result)
{
	if (number == HYPERCALL_VERSION_GET)
		assert_int_equal(result, HYPERCALL_VERSION);
	if (number == HYPERCALL_VERDICT)
		assert_int_equal(result, vm->verdict | vm->because << 8);
	if (number == HYPERCALL_COUNTERS)
		assert_true(result >= 0 || rbx > HYPERCALL_COUNTER_FAULTS);
	if (number == HYPERCALL_COMMAND)
		assert_int_equal(result, HYPERCALL_E_PERMISSION);
	if (number == HYPERCALL_LOG && !result)
		assert_non_null(strstr(fake_log, "guest vm=guest text=\""));
}

/* False: the guest has ended. */
static bool call(struct fuzz_bytes *bytes)
{
	struct exit exit = {.kind = EXIT_HYPERCALL};
	u64 *gpr = vm->vcpus[0]->gpr, before[GPR_COUNT];
	enum exit_result result;

	gpr[GPR_RAX] = fuzz_take(bytes, 4);
	gpr[GPR_RBX] = fuzz_take(bytes, 8);
	gpr[GPR_RCX] = fuzz_take(bytes, 8);
	gpr[GPR_RDX] = fuzz_take(bytes, 8);
	gpr[GPR_RSI] = fuzz_take(bytes, 8);
	gpr[GPR_RDI] = fuzz_take(bytes, 1);
	fake_state = (struct vcpu_state){.cpl = fuzz_take(bytes, 1) & 3};
	memcpy(before, gpr, sizeof(before));
	fake_log[0] = fake_trace[0] = fake_config_notes[0] = 0;
	result = exit_handle(vm->vcpus[0], &exit);
	check_log();
	fuzz_machine_check();
	if (result == RESULT_STOP)
		return false;
	assert_int_equal(result, fake_state.cpl ? RESULT_RETRY : RESULT_ADVANCE);
	if (!fake_state.cpl)
		check_result((u32)before[GPR_RAX], before[GPR_RBX], (s64)gpr[GPR_RAX]);
	before[GPR_RAX] = gpr[GPR_RAX];
	assert_memory_equal(before, gpr, sizeof(before));
	return true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct fuzz_bytes bytes = {data, size};

	reset_machine(&bytes);
	while (bytes.left && call(&bytes))
		;
	free(ram);
	return 0;
}
