// SPDX-License-Identifier: BSD-2-Clause
#include "core/command.h"

#include "core/ats.h"
#include "core/audit.h"
#include "core/control.h"
#include "core/line.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/show.h"

#define MEMORY_MAX BIT(52) /* no CPU addresses more (SDM volume 3, 4.1.4) */

static err_t run_policy(struct line *l)
{
	return line_choice(l, coherency_policies, &plan.policy);
}

static err_t run_unprotected_dma(struct line *l)
{
	static const char *const choices[] = {"refuse", "allow", NULL};

	return line_choice(l, choices, &plan.unprotected_dma);
}

static err_t run_scalable(struct line *l)
{
	static const char *const choices[] = {"off", "on", NULL};

	return line_choice(l, choices, &plan.scalable);
}

static err_t run_on_exit(struct line *l)
{
	static const char *const actions[] = {"halt", "poweroff", "reset", "qemu", NULL};
	enum power_action action;

	TRY(line_choice(l, actions, &action));
	power_set_action(action);
	return E_OK;
}

static err_t run_ioasid(struct line *l)
{
	char name[IOASID_NAME_MAX];
	struct ioasid *io;
	err_t e = line_name(l, name, sizeof(name));

	if (l->out && e == E_MISSING_WORD) {
		show_ioasids(l->out);
		return E_OK;
	}
	TRY(e);
	TRY(ioasid_create(name, REQUEST_DEFAULT, &io));
	e = line_choice(l, coherency_requests, &io->request);
	if (e)
		ioasid_count--;
	return e;
}

static err_t vm_cpus(struct line *l, struct text value)
{
	return parse_cpus(value, &l->vm->config.cpu_mask);
}

static err_t vm_memory(struct line *l, struct text value)
{
	u64 *memory = &l->vm->config.memory;

	if (text_is(value, "rest")) {
		if (vm_find_platform())
			return E_TWO_PLATFORM_VMS;
		l->vm->platform = true;
		return E_OK;
	}
	TRY(parse_size(value, memory));
	return *memory >= MIB(1) && *memory <= MEMORY_MAX ? E_OK : E_OUT_OF_RANGE;
}

static err_t vm_image(struct line *l, struct text value)
{
	return text_copy(value, l->vm->config.image, sizeof(l->vm->config.image));
}

static err_t vm_initrd(struct line *l, struct text value)
{
	return text_copy(value, l->vm->config.initrd, sizeof(l->vm->config.initrd));
}

static err_t vm_cmdline(struct line *l, struct text value)
{
	return text_copy(value, l->vm->config.command_line, sizeof(l->vm->config.command_line));
}

static err_t vm_policy(struct line *l, struct text value)
{
	l->vm->config.own_policy = true;
	return line_choose(value, coherency_policies, &l->vm->policy);
}

/* Two of them could stop each other, and wait for ever. */
static err_t vm_control(struct line *l, struct text value)
{
	if (!text_is(value, "yes"))
		return E_UNKNOWN_WORD;
	for_each_vm (vm) {
		if (vm->config.control)
			return E_DUPLICATE;
	}
	l->vm->config.control = true;
	return E_OK;
}

static err_t run_vm(struct line *l)
{
	static const struct key keys[] = {
		{"cpus", vm_cpus},       {"memory", vm_memory},
		{"image", vm_image},     {"initrd", vm_initrd},
		{"cmdline", vm_cmdline}, {"policy", vm_policy},
		{"control", vm_control}, {NULL, NULL},
	};
	char name[VM_NAME_MAX];

	TRY(line_name(l, name, sizeof(name)));
	TRY(vm_create(name, &l->vm));
	l->vm->config.line = l->number;
	return line_keys(l, keys);
}

static err_t device_vm(struct line *l, struct text value)
{
	return line_find_vm(value, &l->device->wanted_vm);
}

static err_t device_ioasid(struct line *l, struct text value)
{
	return line_find_ioasid(value, &l->device->wanted_ioasid);
}

static err_t device_nosnoop(struct line *l, struct text value)
{
	if (text_is(value, "probe") && !l->out)
		return E_OK;
	if (text_is(value, "yes") || text_is(value, "no"))
		return device_set_nosnoop(l->device, text_is(value, "yes"));
	return text_is(value, "block") ? device_block_nosnoop(l->device) : E_UNKNOWN_WORD;
}

static err_t device_ats(struct line *l, struct text value)
{
	if (!text_is(value, "yes") && !text_is(value, "no"))
		return E_UNKNOWN_WORD;
	return ats_allow(l->device, text_is(value, "yes"));
}

static err_t run_device(struct line *l)
{
	static const struct key keys[] = {
		{"nosnoop", device_nosnoop}, {"ats", device_ats}, {NULL, NULL}};
	static const struct key manifest_keys[] = {{"vm", device_vm},
	                                           {"ioasid", device_ioasid},
	                                           {"nosnoop", device_nosnoop},
	                                           {"ats", device_ats},
	                                           {NULL, NULL}};

	TRY(line_device(l, &l->device));
	if (l->device->bridge)
		return E_BRIDGE;
	if (l->out)
		return line_keys(l, keys);
	if (l->device->named)
		return E_DUPLICATE;
	l->device->named = true;
	plan.devices[plan.device_count++] = l->device;
	TRY(line_keys(l, manifest_keys));
	/* Without vm= the line keeps the device from everybody, or only says what it is. */
	return l->device->wanted_ioasid && !l->device->wanted_vm ? E_MISSING_WORD : E_OK;
}

static err_t run_attach(struct line *l)
{
	static const struct key keys[] = {{"vm", line_vm_key}, {NULL, NULL}};
	struct text device;
	struct ioasid *io;

	TRY(line_device(l, &l->device));
	device = l->word;
	TRY(line_ioasid(l, &io));
	l->vm = io->vm;
	TRY(line_keys(l, keys));
	if (!l->vm)
		return E_MISSING_WORD;
	l->word = device;
	if (l->vm->state != VM_RUNNING)
		return E_NOT_RUNNING;
	TRY(ioasid_attach(io, l->device, l->vm));
	show_attached(l->out, l->device);
	return E_OK;
}

static err_t run_detach(struct line *l)
{
	TRY(line_device(l, &l->device));
	TRY(line_end(l));
	if (l->device->state != DEVICE_ATTACHED)
		return E_NOT_ATTACHED;
	ioasid_detach(l->device);
	l->device->withdrawn = true;
	show_owner(l->out, l->device);
	return E_OK;
}

static err_t run_start(struct line *l)
{
	TRY(line_vm(l, &l->vm));
	TRY(line_end(l));
	return plan_start_vm(l->vm);
}

static err_t run_stop(struct line *l)
{
	err_t e;

	TRY(line_vm(l, &l->vm));
	TRY(line_end(l));
	control_give(); /* its CPUs may be waiting for it, and must leave */
	e = vm_stop(l->vm);
	control_take();
	return e;
}

static err_t run_restart(struct line *l)
{
	err_t e = run_stop(l);

	return e && e != E_NOT_RUNNING ? e : plan_start_vm(l->vm);
}

static err_t run_audit(struct line *l)
{
	static const char *const choices[] = {"always", NULL};
	u32 choice;

	if (l->out) {
		TRY(line_end(l));
		(void)audit_run(l->out);
		return E_OK;
	}
	TRY(line_choice(l, choices, &choice));
	audit_always = true;
	return E_OK;
}

static err_t run_help(struct line *l);

#define MANIFEST BIT(0)
#define LIVE     BIT(1)

static const struct {
	const char *word;
	err_t (*run)(struct line *l);
	u64 where;
	const char *help; /* of what is live: its words, then what it does */
} commands[] = {
	{"policy", run_policy, MANIFEST, NULL},
	{"vm", run_vm, MANIFEST, NULL},
	{"on-exit", run_on_exit, MANIFEST, NULL},
	{"scalable", run_scalable, MANIFEST, NULL},
	{"unprotected-dma", run_unprotected_dma, MANIFEST, NULL},
	{"ioasid", run_ioasid, MANIFEST | LIVE,
         "[NAME default|snoop|nosnoop]: list them, create one"},
	{"device", run_device, MANIFEST | LIVE,
         "BDF nosnoop=yes|no|block ats=yes|no: while it is not attached"},
	{"attach", run_attach, LIVE, "BDF IOASID [vm=VM]: give a device to a VM"},
	{"detach", run_detach, LIVE, "BDF: take it back"},
	{"start", run_start, LIVE, "VM: once it has ended"},
	{"stop", run_stop, LIVE, "VM: take its devices and CPUs from it"},
	{"restart", run_restart, LIVE, "VM: stop it, and start it from its image"},
	{"list", show_list, LIVE, ": VMs and devices"},
	{"info", show_info, LIVE, "BDF: what it is, and what the default policy would do"},
	{"verdict", show_verdicts, LIVE, ": what WBINVD does, in every VM"},
	{"why", show_why, LIVE, "VM: which device, in which box, authorises WBINVD"},
	{"walk", show_walk, LIVE, "IOASID ADDRESS: every level of its tables"},
	{"stats", show_stats, LIVE, ": counters"},
	{"faults", show_faults, LIVE, ": the last DMA fault of each device"},
	{"audit", run_audit, MANIFEST | LIVE, ": check every live table and verdict"},
	{"log", show_log, LIVE, "[LINES]: the end of the log"},
	{"help", run_help, LIVE, ": this"},
};

static err_t run_help(struct line *l)
{
	TRY(line_end(l));
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		const char *help = commands[i].help;

		if (help)
			output_line(l->out, "help %s%s%s", commands[i].word,
			            *help == ':' ? "" : " ", help);
	}
	return E_OK;
}

const char *command_word(u32 index)
{
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].where & LIVE && !index--)
			return commands[i].word;
	}
	return NULL;
}

static err_t run(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	if (!l->word.length)
		return E_OK;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (text_is(l->word, commands[i].word) &&
		    commands[i].where & (l->out ? LIVE : MANIFEST))
			return commands[i].run(l);
	}
	return E_UNKNOWN_WORD;
}

err_t command_run(struct text line, u32 line_number, struct text *word)
{
	struct line l = {.rest = line, .number = line_number};
	err_t e = run(&l);

	*word = l.word;
	return e;
}

err_t command_run_live(struct output *out, struct text line)
{
	struct line l = {.rest = line, .out = out};
	struct text rest = line, command;
	err_t e;

	control_take();
	e = run(&l);
	control_give();
	if (e) {
		(void)!text_next_word(&rest, &command);
		output_line(out, "error command=%.*s word=\"%.*s\" reason=%s",
		            (int)MIN(command.length, 16), command.at, (int)MIN(l.word.length, 32),
		            l.word.at, error_name(e));
	}
	return e;
}

err_t command_check(u32 *line)
{
	u64 taken = 0;

	*line = 0;
	if (!vm_count)
		return E_NO_VM;
	for_each_vm (vm) {
		*line = vm->config.line;
		if (!vm->config.cpu_mask || !vm->config.image[0] ||
		    (!vm->config.memory && !vm->platform))
			return E_MISSING_WORD;
		if (vm->config.cpu_mask & taken)
			return E_CPU_TAKEN;
		if (vm->config.cpu_mask & ~cpu_online_mask())
			return E_NO_CPU;
		taken |= vm->config.cpu_mask;
	}
	return E_OK;
}
