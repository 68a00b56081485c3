// SPDX-License-Identifier: BSD-2-Clause
#include "core/hypercall_handle.h"

#include "core/backend.h"
#include "core/fault.h"
#include "core/hypercall.h"
#include "core/log.h"

#define LOG_BYTES_MAX 128

static s64 verdict(const struct vm *vm)
{
	_Static_assert(VERDICT_IGNORE == HYPERCALL_VERDICT_IGNORE, "ABI");
	_Static_assert(VERDICT_EMULATE == HYPERCALL_VERDICT_EMULATE, "ABI");
	return vm->verdict | vm->because << 8;
}

/* The text is copied before it is looked at, and cannot break out of its line. */
static s64 write_log(struct vcpu *vcpu)
{
	u64 gpa = vcpu->gpr[GPR_RBX], size = vcpu->gpr[GPR_RCX];
	char text[LOG_BYTES_MAX + 1];
	const void *from;

	if (size > LOG_BYTES_MAX)
		return HYPERCALL_E_ARGUMENT;
	from = vm_ram(vcpu, gpa, size);
	if (!from)
		return HYPERCALL_E_ADDRESS;
	memcpy(text, from, size);
	text[size] = 0;
	for (u64 i = 0; i < size; i++) {
		if (text[i] < ' ' || text[i] > '~' || text[i] == '"')
			text[i] = '.';
	}
	log_line("guest vm=%s text=\"%s\"", vcpu->vm->name, text);
	return 0;
}

static s64 counter(const struct vcpu *vcpu)
{
	const struct vcpu_counters c = vm_sum_counters(vcpu->vm);
	const u64 counters[] = {
		[HYPERCALL_COUNTER_WBINVD] = c.wbinvd,
		[HYPERCALL_COUNTER_EMULATED] = c.emulated,
		[HYPERCALL_COUNTER_IGNORED] = c.ignored,
		[HYPERCALL_COUNTER_INVD] = c.invd,
		[HYPERCALL_COUNTER_FAULTS] = vcpu->vm->counters.faults,
	};
	u64 which = vcpu->gpr[GPR_RBX];

	return which < ARRAY_SIZE(counters) ? (s64)counters[which] : HYPERCALL_E_ARGUMENT;
}

static enum exit_result end(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	vm->end_status = vcpu->gpr[GPR_RBX];
	log_line("end vm=%s by=hypercall status=%lu", vm->name, vm->end_status);
	vm_leave(vm, VM_ENDED);
	return RESULT_STOP;
}

static s64 dispatch(struct vcpu *vcpu)
{
	switch ((u32)vcpu->gpr[GPR_RAX]) {
	case HYPERCALL_VERSION_GET:
		return HYPERCALL_VERSION;
	case HYPERCALL_VERDICT:
		return verdict(vcpu->vm);
	case HYPERCALL_LOG:
		return write_log(vcpu);
	case HYPERCALL_COUNTERS:
		return counter(vcpu);
	}
	return HYPERCALL_E_NUMBER;
}

enum exit_result hypercall_handle(struct vcpu *vcpu, struct exit *exit)
{
	struct vcpu_state state;

	(void)exit;
	fault_poll();
	backend->read_state(vcpu, &state);
	if (state.cpl != 0)
		return exit_inject(vcpu, VECTOR_UD, VECTOR_NO_ERROR_CODE);
	if ((u32)vcpu->gpr[GPR_RAX] == HYPERCALL_END)
		return end(vcpu);
	vcpu->gpr[GPR_RAX] = (u64)dispatch(vcpu);
	return RESULT_ADVANCE;
}
