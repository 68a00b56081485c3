// SPDX-License-Identifier: BSD-2-Clause
#include "core/command.h"

#include "core/device.h"
#include "core/ioasid.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/vm.h"

/* One line being read: `rest` is what is left of it, `word` what is being looked at. */
struct line {
	struct text rest, word;
	u32 number;
	struct vm *vm;             /* what a vm line describes */
	struct plan_device device; /* what a device line describes */
};

/* The next word; it must be there. */
static err_t need_word(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	return l->word.length ? E_OK : E_MISSING_WORD;
}

static err_t need_end(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	return l->word.length ? E_UNKNOWN_WORD : E_OK;
}

/* The next word is one of a few; *choice is its index. */
static err_t need_choice(struct line *l, const char *const *choices, u32 count, u32 *choice)
{
	TRY(need_word(l));
	for (*choice = 0; *choice < count; (*choice)++) {
		if (text_is(l->word, choices[*choice]))
			return E_OK;
	}
	return E_UNKNOWN_WORD;
}

static const char *const policies[] = {"kernel", "device"};

static err_t run_policy(struct line *l)
{
	u32 choice;

	TRY(need_choice(l, policies, ARRAY_SIZE(policies), &choice));
	plan.policy = choice ? POLICY_DEVICE : POLICY_KERNEL;
	return need_end(l);
}

static err_t run_ioasid(struct line *l)
{
	static const char *const requests[] = {"default", "snoop", "nosnoop"};
	char name[IOASID_NAME_MAX];
	struct text name_word;
	u32 choice;

	TRY(need_word(l));
	name_word = l->word;
	TRY(text_copy(name_word, name, sizeof(name)));
	if (ioasid_find(name))
		return E_DUPLICATE;
	TRY(need_choice(l, requests, ARRAY_SIZE(requests), &choice));
	TRY(need_end(l));
	l->word = name_word;
	return ioasid_create(name, (enum coherency_request)choice, NULL);
}

struct key {
	const char *name;
	err_t (*set)(struct line *l, struct text value);
};

static err_t set_key(struct line *l, const struct key *keys, u32 count, u32 *seen)
{
	struct text value;

	for (u32 i = 0; i < count; i++) {
		if (!text_key(l->word, keys[i].name, &value))
			continue;
		if (*seen & BIT(i))
			return E_DUPLICATE;
		*seen |= BIT(i);
		return keys[i].set(l, value);
	}
	return E_UNKNOWN_WORD;
}

/* The rest of the line is key=value, each key once. */
static err_t set_keys(struct line *l, const struct key *keys, u32 count)
{
	u32 seen = 0;

	for (;;) {
		TRY(text_next_word(&l->rest, &l->word));
		if (!l->word.length)
			return E_OK;
		TRY(set_key(l, keys, count, &seen));
	}
}

static err_t vm_cpus(struct line *l, struct text value)
{
	return parse_cpus(value, &l->vm->config.cpu_mask);
}

static err_t vm_memory(struct line *l, struct text value)
{
	if (text_is(value, "rest")) {
		if (vm_find_platform())
			return E_TWO_PLATFORM_VMS;
		l->vm->platform = true;
		return E_OK;
	}
	TRY(parse_size(value, &l->vm->config.memory));
	return l->vm->config.memory >= MIB(1) ? E_OK : E_OUT_OF_RANGE;
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
	for (u32 i = 0; i < ARRAY_SIZE(policies); i++) {
		if (text_is(value, policies[i])) {
			l->vm->policy = i ? POLICY_DEVICE : POLICY_KERNEL;
			l->vm->config.own_policy = true;
			return E_OK;
		}
	}
	return E_UNKNOWN_WORD;
}

static err_t run_vm(struct line *l)
{
	static const struct key keys[] = {
		{"cpus", vm_cpus},     {"memory", vm_memory},   {"image", vm_image},
		{"initrd", vm_initrd}, {"cmdline", vm_cmdline}, {"policy", vm_policy},
	};
	char name[VM_NAME_MAX];

	TRY(need_word(l));
	TRY(text_copy(l->word, name, sizeof(name)));
	TRY(vm_create(name, &l->vm));
	l->vm->config.line = l->number;
	return set_keys(l, keys, ARRAY_SIZE(keys));
}

static err_t device_vm(struct line *l, struct text value)
{
	char name[VM_NAME_MAX];

	TRY(text_copy(value, name, sizeof(name)));
	l->device.vm = vm_find(name);
	return l->device.vm ? E_OK : E_NO_VM;
}

static err_t device_ioasid(struct line *l, struct text value)
{
	char name[IOASID_NAME_MAX];

	TRY(text_copy(value, name, sizeof(name)));
	l->device.ioasid = ioasid_find(name);
	return l->device.ioasid ? E_OK : E_NO_IOASID;
}

static err_t device_nosnoop(struct line *l, struct text value)
{
	if (text_is(value, "probe"))
		return E_OK;
	if (text_is(value, "yes") || text_is(value, "no"))
		return device_set_nosnoop(l->device.device, text_is(value, "yes"));
	return text_is(value, "block") ? E_UNSUPPORTED : E_UNKNOWN_WORD;
}

static err_t run_device(struct line *l)
{
	static const struct key keys[] = {
		{"vm", device_vm}, {"ioasid", device_ioasid}, {"nosnoop", device_nosnoop}};
	struct plan_device *p = &l->device;
	struct text bdf_word;
	u32 bdf;

	TRY(need_word(l));
	bdf_word = l->word;
	TRY(parse_bdf(l->word, &bdf));
	p->device = device_find(bdf);
	if (!p->device)
		return E_NO_DEVICE;
	if (p->device->bridge)
		return E_BRIDGE;
	TRY(set_keys(l, keys, ARRAY_SIZE(keys)));
	/* Without vm= the line keeps the device from everybody, or only says what it is. */
	if (p->ioasid && !p->vm)
		return E_MISSING_WORD;
	l->word = bdf_word;
	return plan_add_device(p);
}

static err_t run_on_exit(struct line *l)
{
	static const char *const actions[] = {"halt", "poweroff", "reset", "qemu"};
	u32 choice;

	TRY(need_choice(l, actions, ARRAY_SIZE(actions), &choice));
	TRY(need_end(l));
	power_set_action((enum power_action)choice);
	return E_OK;
}

static err_t run_unprotected_dma(struct line *l)
{
	static const char *const choices[] = {"refuse", "allow"};
	u32 choice;

	TRY(need_choice(l, choices, ARRAY_SIZE(choices), &choice));
	plan.unprotected_dma = choice;
	return need_end(l);
}

static const struct {
	const char *word;
	err_t (*run)(struct line *l);
} commands[] = {
	{"policy", run_policy}, {"ioasid", run_ioasid},   {"vm", run_vm},
	{"device", run_device}, {"on-exit", run_on_exit}, {"unprotected-dma", run_unprotected_dma},
};

static err_t run(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	if (!l->word.length)
		return E_OK;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (text_is(l->word, commands[i].word))
			return commands[i].run(l);
	}
	return E_UNKNOWN_WORD;
}

err_t command_run(struct text line, u32 line_number, struct text *word)
{
	struct line l = {.rest = line, .number = line_number, .device.line = line_number};
	err_t e = run(&l);

	*word = l.word;
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
		/* One CPU runs guests so far: CPU 0. */
		if (vm->config.cpu_mask != 1)
			return E_NO_CPU;
		taken |= vm->config.cpu_mask;
	}
	return E_OK;
}
