// SPDX-License-Identifier: BSD-2-Clause
#include "core/command.h"

#include "core/device.h"
#include "core/ioasid.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/vm.h"

#define MEMORY_MAX BIT(52) /* no CPU addresses more (SDM volume 3, 4.1.4) */

/* One line being read: `rest` is what is left of it, `word` what is being looked at. */
struct line {
	struct text rest, word;
	u32 number;
	struct vm *vm;         /* what a vm line describes */
	struct device *device; /* what a device line describes */
};

/* The next word; it must be there. */
static err_t need_word(struct line *l)
{
	TRY(text_next_word(&l->rest, &l->word));
	return l->word.length ? E_OK : E_MISSING_WORD;
}

static err_t need_name(struct line *l, char *name, size_t size)
{
	TRY(need_word(l));
	return text_copy(l->word, name, size);
}

/* The index of a word in a list that ends with NULL. *choice is an enum where the list names one:
 * all are unsigned int here (C11 6.7.2.2). */
static err_t choose(struct text word, const char *const *choices, u32 *choice)
{
	for (*choice = 0; choices[*choice]; (*choice)++) {
		if (text_is(word, choices[*choice]))
			return E_OK;
	}
	return E_UNKNOWN_WORD;
}

/* The last word of the line is one of a few. */
static err_t need_choice(struct line *l, const char *const *choices, u32 *choice)
{
	TRY(need_word(l));
	TRY(choose(l->word, choices, choice));
	TRY(text_next_word(&l->rest, &l->word));
	return l->word.length ? E_UNKNOWN_WORD : E_OK;
}

static const char *const policies[] = {"kernel", "device", NULL}; /* enum coherency_policy */

static err_t run_policy(struct line *l)
{
	return need_choice(l, policies, &plan.policy);
}

static err_t run_unprotected_dma(struct line *l)
{
	static const char *const choices[] = {"refuse", "allow", NULL};

	return need_choice(l, choices, &plan.unprotected_dma);
}

static err_t run_on_exit(struct line *l)
{
	static const char *const actions[] = {"halt", "poweroff", "reset", "qemu", NULL};
	enum power_action action;

	TRY(need_choice(l, actions, &action));
	power_set_action(action);
	return E_OK;
}

static err_t run_ioasid(struct line *l)
{
	static const char *const requests[] = {"default", "snoop", "nosnoop", NULL};
	char name[IOASID_NAME_MAX];
	struct ioasid *io;

	TRY(need_name(l, name, sizeof(name)));
	TRY(ioasid_create(name, REQUEST_DEFAULT, &io));
	return need_choice(l, requests, &io->request);
}

/* A table of keys ends with one without a name. */
struct key {
	const char *name;
	err_t (*set)(struct line *l, struct text value);
};

/* The rest of the line is key=value, each key once. */
static err_t set_keys(struct line *l, const struct key *keys)
{
	struct text value;
	u32 seen = 0;

	for (;;) {
		u32 i = 0;

		TRY(text_next_word(&l->rest, &l->word));
		if (!l->word.length)
			return E_OK;
		while (keys[i].name && !text_key(l->word, keys[i].name, &value))
			i++;
		if (!keys[i].name)
			return E_UNKNOWN_WORD;
		if (seen & BIT(i))
			return E_DUPLICATE;
		seen |= BIT(i);
		TRY(keys[i].set(l, value));
	}
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
	return choose(value, policies, &l->vm->policy);
}

static err_t run_vm(struct line *l)
{
	static const struct key keys[] = {
		{"cpus", vm_cpus},     {"memory", vm_memory},   {"image", vm_image},
		{"initrd", vm_initrd}, {"cmdline", vm_cmdline}, {"policy", vm_policy},
		{NULL, NULL},
	};
	char name[VM_NAME_MAX];

	TRY(need_name(l, name, sizeof(name)));
	TRY(vm_create(name, &l->vm));
	l->vm->config.line = l->number;
	return set_keys(l, keys);
}

static err_t device_vm(struct line *l, struct text value)
{
	char name[VM_NAME_MAX];

	TRY(text_copy(value, name, sizeof(name)));
	l->device->wanted_vm = vm_find(name);
	return l->device->wanted_vm ? E_OK : E_NO_VM;
}

static err_t device_ioasid(struct line *l, struct text value)
{
	char name[IOASID_NAME_MAX];

	TRY(text_copy(value, name, sizeof(name)));
	l->device->wanted_ioasid = ioasid_find(name);
	return l->device->wanted_ioasid ? E_OK : E_NO_IOASID;
}

static err_t device_nosnoop(struct line *l, struct text value)
{
	if (text_is(value, "probe"))
		return E_OK;
	if (text_is(value, "yes") || text_is(value, "no"))
		return device_set_nosnoop(l->device, text_is(value, "yes"));
	return text_is(value, "block") ? device_block_nosnoop(l->device) : E_UNKNOWN_WORD;
}

static err_t run_device(struct line *l)
{
	static const struct key keys[] = {{"vm", device_vm},
	                                  {"ioasid", device_ioasid},
	                                  {"nosnoop", device_nosnoop},
	                                  {NULL, NULL}};
	u32 bdf;

	TRY(need_word(l));
	TRY(parse_bdf(l->word, &bdf));
	l->device = device_find(bdf);
	if (!l->device)
		return E_NO_DEVICE;
	if (l->device->bridge)
		return E_BRIDGE;
	if (l->device->named)
		return E_DUPLICATE;
	l->device->named = true;
	plan.devices[plan.device_count++] = l->device;
	TRY(set_keys(l, keys));
	/* Without vm= the line keeps the device from everybody, or only says what it is. */
	return l->device->wanted_ioasid && !l->device->wanted_vm ? E_MISSING_WORD : E_OK;
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
	struct line l = {.rest = line, .number = line_number};
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
