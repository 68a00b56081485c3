// SPDX-License-Identifier: BSD-2-Clause
/* What an operator may type while two VMs run: after every line the machine is as it must be. */
#include "core/command.h"
#include "core/plan.h"
#include "core/power.h"
#include "tests/fuzz/machine.h"
#include "tests/host/fake_output.h"

void power_set_action(enum power_action action)
{
	(void)action;
}

static void reset_machine(void)
{
	fuzz_machine_reset();
	memset(&plan, 0, sizeof(plan));
	machine_add_vm("first")->state = VM_RUNNING;
	machine_add_vm("second")->state = VM_RUNNING;
	machine_add_ioasid("net", REQUEST_DEFAULT);
	machine_add_ioasid("loose", REQUEST_NOSNOOP);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *copy = malloc(size + 1); /* one byte, so that there is something; it is not read */
	struct text rest = {copy, size}, line;
	err_t e;

	if (size)
		memcpy(copy, data, size);
	reset_machine();
	for (u32 i = 0; i < 64 && text_next_line(&rest, &line); i++) {
		fake_answer[0] = fake_log[0] = fake_trace[0] = fake_config_notes[0] = 0;
		e = command_run_live(&fake_output, line);
		if (e)
			assert_non_null(strstr(fake_answer, "error command="));
		fuzz_machine_check();
	}
	free(copy);
	return 0;
}
