// SPDX-License-Identifier: BSD-2-Clause
#include "core/hypercall_handle.h"

#include "core/backend.h"
#include "core/command.h"
#include "core/control.h"
#include "core/fault.h"
#include "core/hypercall.h"
#include "core/ioasid.h"
#include "core/log.h"

#define MAP_MAX GIB(1) /* others wait meanwhile */

#define SAME(kind, word) (kind##word == HYPERCALL_##kind##word)
_Static_assert(SAME(VERDICT_, IGNORE) && SAME(VERDICT_, EMULATE) && SAME(FORMAT_, SNOOP) &&
                       SAME(FORMAT_, NOSNOOP) && SAME(REQUEST_, DEFAULT) && SAME(REQUEST_, SNOOP) &&
                       SAME(REQUEST_, NOSNOOP) && FORMAT_UNRESOLVED == HYPERCALL_FORMAT_NONE &&
                       NOSNOOP_BY_PROBE == HYPERCALL_BY_PROBE &&
                       NOSNOOP_BY_UNKNOWN == HYPERCALL_BY_UNKNOWN &&
                       NOSNOOP_BY_OVERRIDE == HYPERCALL_BY_OVERRIDE &&
                       NOSNOOP_BY_CLASS == HYPERCALL_BY_CLASS &&
                       NOSNOOP_BY_BLOCK == HYPERCALL_BY_BLOCK &&
                       VTD_READ == HYPERCALL_ACCESS_READ && VTD_WRITE == HYPERCALL_ACCESS_WRITE &&
                       IOASIDS_MAX <= HYPERCALL_IOASID_NONE,
               "ABI");

static s64 version(struct vcpu *vcpu)
{
	(void)vcpu;
	return HYPERCALL_VERSION;
}

static s64 verdict(struct vcpu *vcpu)
{
	return vcpu->vm->verdict | vcpu->vm->because << 8;
}

/* What RBX and RCX say. It is copied before it is looked at, and cannot break out of its line. */
static s64 copy_text(struct vcpu *vcpu, char text[HYPERCALL_TEXT_MAX + 1])
{
	u64 gpa = vcpu->gpr[GPR_RBX], size = vcpu->gpr[GPR_RCX];
	const void *from;

	if (size > HYPERCALL_TEXT_MAX)
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
	return 0;
}

static s64 write_log(struct vcpu *vcpu)
{
	char text[HYPERCALL_TEXT_MAX + 1];
	s64 error = copy_text(vcpu, text);

	if (!error)
		log_line("guest vm=%s text=\"%s\"", vcpu->vm->name, text);
	return error;
}

static s64 counter(struct vcpu *vcpu)
{
	const struct vm *vm = vcpu->vm;
	u64 which = vcpu->gpr[GPR_RBX] & 0xff, cpu = vcpu->gpr[GPR_RBX] >> 8;
	struct vcpu_counters c;

	if (cpu > vm->vcpu_count)
		return HYPERCALL_E_ARGUMENT;
	c = cpu ? vm->vcpus[cpu - 1]->counters : vm_sum_counters(vm);
	switch (which) {
	case HYPERCALL_COUNTER_WBINVD:
		return (s64)c.wbinvd;
	case HYPERCALL_COUNTER_EMULATED:
		return (s64)c.emulated;
	case HYPERCALL_COUNTER_IGNORED:
		return (s64)c.ignored;
	case HYPERCALL_COUNTER_INVD:
		return (s64)c.invd;
	case HYPERCALL_COUNTER_FAULTS:
		return cpu ? HYPERCALL_E_ARGUMENT : (s64)vm->counters.faults;
	}
	return HYPERCALL_E_ARGUMENT;
}

#define CODE(error, code) [E_##error] = HYPERCALL_E_##code

/* What was refused, in the guest's words. */
static s64 result_of(err_t e)
{
	static const int codes[] = {
		CODE(DUPLICATE, LIMIT),          CODE(TOO_MANY, LIMIT),
		CODE(ATTACHED, STATE),           CODE(NOT_ATTACHED, STATE),
		CODE(HAS_OWNER, STATE),          CODE(OVERLAP, OVERLAP),
		CODE(NO_MEMORY, MEMORY),         CODE(UNALIGNED, ARGUMENT),
		CODE(OUT_OF_RANGE, ARGUMENT),    CODE(NOT_MAPPED, ADDRESS),
		CODE(ALREADY_MAPPED, MAPPED),    CODE(NO_SNOOP_CONTROL, NO_SNOOP_CONTROL),
		CODE(NO_UNIT, NO_UNIT),          CODE(ADDRESS_WIDTH, UNIT),
		CODE(PAGE_SIZES, UNIT),          CODE(NO_DOMAIN, UNIT),
		CODE(RESERVED_REGION, RESERVED), CODE(GROUP_SPLIT, GROUP),
		CODE(QUARANTINED, QUARANTINED)};

	if (!e)
		return 0;
	return e < ARRAY_SIZE(codes) && codes[e] ? codes[e] : HYPERCALL_E_HARDWARE;
}

static const struct vm *owner_of(const struct device *d)
{
	if (d->vm)
		return d->vm;
	if (d->withdrawn)
		return NULL;
	return d->named ? d->wanted_vm : vm_find_platform();
}

/* The one that RBX names, if it is the VM's. */
static struct device *find_device(const struct vcpu *vcpu)
{
	u64 bdf = vcpu->gpr[GPR_RBX];
	struct device *d = bdf >> 32 ? NULL : device_find((u32)bdf);

	return d && !d->bridge && owner_of(d) == vcpu->vm ? d : NULL;
}

/* Nobody's, and no line of the manifest wants it for another VM's device. */
static bool is_free(const struct ioasid *io, const struct vm *vm)
{
	for_each_device (d) {
		if (d->wanted_ioasid == io && d->wanted_vm != vm)
			return false;
	}
	return !io->vm;
}

static struct ioasid *find_ioasid(const struct vm *vm, u64 id)
{
	struct ioasid *io = id < ioasid_count ? &ioasids[id] : NULL;

	if (!io || io->spare)
		return NULL;
	return io->vm == vm || is_free(io, vm) ? io : NULL;
}

static s64 device_info(struct vcpu *vcpu)
{
	const struct device *d = find_device(vcpu);
	enum coherency_format format;
	enum coherency_box box;
	u64 id;

	if (!d)
		return HYPERCALL_E_DEVICE;
	box = device_default(d, &format);
	id = d->ioasid ? (u64)(d->ioasid - ioasids) : HYPERCALL_IOASID_NONE;
	return (s64)(format | box << 8 | coherency_box_authorises(vcpu->vm->policy, box) << 16 |
	             d->nosnoop_by << 24 | d->nosnoop_capable << 28 |
	             (d->state == DEVICE_ATTACHED) << 29 | (d->state == DEVICE_QUARANTINED) << 30 |
	             (u64)(d->group & 0xffff) << 32 | id << 48);
}

static s64 ioasid_alloc(struct vcpu *vcpu)
{
	struct ioasid *io;
	err_t e;

	if (vcpu->gpr[GPR_RBX] > REQUEST_NOSNOOP)
		return HYPERCALL_E_ARGUMENT;
	e = ioasid_create_by_guest(vcpu->vm, (u32)vcpu->gpr[GPR_RBX], &io);
	return e ? result_of(e) : io - ioasids;
}

static s64 ioasid_free(struct vcpu *vcpu)
{
	struct ioasid *io = find_ioasid(vcpu->vm, vcpu->gpr[GPR_RBX]);

	return io && io->by_guest ? result_of(ioasid_reset(io)) : HYPERCALL_E_IOASID;
}

static s64 map(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu->gpr;
	struct ioasid *io = find_ioasid(vcpu->vm, gpr[GPR_RBX]);

	if (!io)
		return HYPERCALL_E_IOASID;
	if (gpr[GPR_RSI] > MAP_MAX || !gpr[GPR_RDI] || gpr[GPR_RDI] & ~(VTD_READ | VTD_WRITE))
		return HYPERCALL_E_ARGUMENT;
	return result_of(ioasid_map(io, gpr[GPR_RCX], gpr[GPR_RDX], gpr[GPR_RSI], gpr[GPR_RDI]));
}

static s64 unmap(struct vcpu *vcpu)
{
	const u64 *gpr = vcpu->gpr;
	struct ioasid *io = find_ioasid(vcpu->vm, gpr[GPR_RBX]);

	return io ? result_of(ioasid_unmap(io, gpr[GPR_RCX], gpr[GPR_RDX])) : HYPERCALL_E_IOASID;
}

static s64 attach(struct vcpu *vcpu)
{
	u64 id = vcpu->gpr[GPR_RCX];
	struct device *d = find_device(vcpu);
	struct ioasid *io = find_ioasid(vcpu->vm, id);
	err_t e;

	if (!d)
		return HYPERCALL_E_DEVICE;
	if (!io && id != HYPERCALL_IOASID_NONE)
		return HYPERCALL_E_IOASID;
	e = ioasid_attach(io, d, vcpu->vm);
	if (e)
		return result_of(e);
	return d->ioasid->format | coherency_is_coherent(d->box) << 8 | d->box << 16;
}

static s64 detach(struct vcpu *vcpu)
{
	struct device *d = find_device(vcpu);

	if (!d)
		return HYPERCALL_E_DEVICE;
	if (d->state != DEVICE_ATTACHED)
		return HYPERCALL_E_STATE;
	ioasid_detach(d);
	return d->state == DEVICE_QUARANTINED ? HYPERCALL_E_QUARANTINED : 0;
}

/* Lines for a guest's buffer. */
struct answer {
	struct output out;
	char *at;
	u64 size, length; /* of the buffer; of the answer, all of it */
};

static void put(struct output *out, const char *text, size_t length)
{
	struct answer *a = (struct answer *)out;

	for (size_t i = 0; i <= length; i++, a->length++) {
		if (a->length < a->size)
			a->at[a->length] = i < length ? text[i] : '\n';
	}
}

static s64 command(struct vcpu *vcpu)
{
	struct answer answer = {.out = {put}, .size = vcpu->gpr[GPR_RSI]};
	char text[HYPERCALL_TEXT_MAX + 1];
	s64 error;

	if (!vcpu->vm->config.control)
		return HYPERCALL_E_PERMISSION;
	error = copy_text(vcpu, text);
	if (error)
		return error;
	answer.at = vm_ram(vcpu, vcpu->gpr[GPR_RDX], answer.size);
	if (!answer.at)
		return HYPERCALL_E_ADDRESS;
	log_line("command vm=%s text=\"%s\"", vcpu->vm->name, text);
	(void)command_run_live(&answer.out, (struct text){text, strlen(text)});
	return (s64)answer.length;
}

enum kind {
	KIND_PLAIN,
	KIND_COSTLY,    /* others wait for it: in turn (R15) */
	KIND_REARRANGES /* that too, and under the control lock */
};

static const struct {
	s64 (*run)(struct vcpu *vcpu);
	enum kind kind;
} calls[] = {
	[HYPERCALL_VERSION_GET] = {version, KIND_PLAIN},
	[HYPERCALL_VERDICT] = {verdict, KIND_PLAIN},
	[HYPERCALL_LOG] = {write_log, KIND_COSTLY},
	[HYPERCALL_COUNTERS] = {counter, KIND_PLAIN},
	[HYPERCALL_DEVICE_INFO] = {device_info, KIND_REARRANGES},
	[HYPERCALL_IOASID_ALLOC] = {ioasid_alloc, KIND_REARRANGES},
	[HYPERCALL_IOASID_FREE] = {ioasid_free, KIND_REARRANGES},
	[HYPERCALL_IOASID_MAP] = {map, KIND_REARRANGES},
	[HYPERCALL_IOASID_UNMAP] = {unmap, KIND_REARRANGES},
	[HYPERCALL_ATTACH] = {attach, KIND_REARRANGES},
	[HYPERCALL_DETACH] = {detach, KIND_REARRANGES},
	[HYPERCALL_COMMAND] = {command, KIND_COSTLY},
};

static s64 run(struct vcpu *vcpu, s64 (*call)(struct vcpu *vcpu), enum kind kind)
{
	u64 start;
	s64 result;

	if (kind == KIND_PLAIN)
		return call(vcpu);
	exit_wait_turn(vcpu->vm);
	if (kind == KIND_REARRANGES)
		control_take();
	start = cpu_tsc();
	result = call(vcpu);
	exit_end_turn(vcpu->vm, start);
	if (kind == KIND_REARRANGES)
		control_give();
	return result;
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
	u32 number = (u32)vcpu->gpr[GPR_RAX];

	if (number >= ARRAY_SIZE(calls) || !calls[number].run)
		return HYPERCALL_E_NUMBER;
	return run(vcpu, calls[number].run, calls[number].kind);
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
