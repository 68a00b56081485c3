// SPDX-License-Identifier: BSD-2-Clause
#include "core/plan.h"

#include "core/command.h"
#include "core/facts.h"
#include "core/ioasid.h"
#include "core/log.h"
#include "core/mem.h"
#include "lib/token.h"

struct plan plan; /* written while the manifest is read, by one CPU */

#define MANIFEST_MAX KIB(64)

static err_t bad_manifest(u32 line, struct text word, err_t e)
{
	if (line)
		log_line("error manifest=%s line=%u word=\"%.*s\" reason=%s",
		         facts.boot.manifest.name, line, (int)MIN(word.length, 64), word.at,
		         error_name(e));
	else
		log_line("error manifest=%s reason=%s", facts.boot.manifest.name, error_name(e));
	return e;
}

/* How the machine ends must be known before anything can go wrong; the units' mode before they
 * start. */
void plan_read_early(void)
{
	const struct boot_file *file = &facts.boot.manifest;
	struct text rest = {phys_to_virt(file->pa), MIN(file->size, MANIFEST_MAX)}, line, word;

	while (file->pa && text_next_line(&rest, &line)) {
		struct text words = line;

		/* A bad line is found again, and reported, when the manifest is read as a whole. */
		if (!text_next_word(&words, &word) &&
		    (text_is(word, "on-exit") || text_is(word, "scalable")) &&
		    command_run(line, 0, &word))
			continue;
	}
}

err_t plan_read_manifest(void)
{
	const struct boot_file *file = &facts.boot.manifest;
	struct text rest = {phys_to_virt(file->pa), file->size}, line, word = {"", 0};
	u32 number = 0;
	err_t e;

	if (!file->pa)
		return bad_manifest(0, word, E_NOT_FOUND);
	if (file->size > MANIFEST_MAX)
		return bad_manifest(0, word, E_TOO_LONG);
	while (text_next_line(&rest, &line)) {
		e = command_run(line, ++number, &word);
		if (e)
			return bad_manifest(number, word, e);
	}
	e = command_check(&number);
	return e ? bad_manifest(number, (struct text){"", 0}, e) : E_OK;
}

/* A refusal is not an error of the machine: it has been logged, the device stays blocked. */
static void attach(struct device *d, struct vm *vm)
{
	bool unprotected = !unit_count && plan.unprotected_dma;
	err_t e = unprotected ? ioasid_attach_unprotected(d, vm)
	                      : ioasid_attach(d->wanted_ioasid, d, vm);

	(void)e;
}

/* In the order of the lines that name them; NULL: for every VM. */
static void attach_named(const struct vm *vm)
{
	for (u32 i = 0; i < plan.device_count; i++) {
		struct device *d = plan.devices[i];

		if (d->wanted_vm && (!vm || d->wanted_vm == vm))
			attach(d, d->wanted_vm);
	}
}

static void attach_rest(struct vm *platform)
{
	u32 blocked = 0;

	for_each_device (d) {
		if (d->bridge || d->named)
			continue;
		if (unit_count || plan.unprotected_dma)
			attach(d, platform);
		else
			blocked++;
	}
	if (blocked)
		log_line("blocked devices=%u reason=no-dmar", blocked);
}

static err_t prepare(struct vm *vm)
{
	const char *file;
	err_t e = vm_prepare(vm, &file);

	if (e)
		log_line("error manifest=%s line=%u vm=%s%s%s reason=%s", facts.boot.manifest.name,
		         vm->config.line, vm->name, file ? " file=" : "", file ? file : "",
		         error_name(e));
	return e;
}

err_t plan_start(void)
{
	struct vm *platform = vm_find_platform();

	/* The platform VM takes what the others leave. */
	for_each_vm (vm) {
		if (!vm->config.own_policy)
			vm->policy = plan.policy;
		if (vm != platform)
			TRY(prepare(vm));
	}
	if (platform) {
		facts_show_cpus(platform->config.cpu_mask);
		TRY(prepare(platform));
	}
	attach_named(NULL);
	if (platform)
		attach_rest(platform);
	return E_OK;
}

err_t plan_start_vm(struct vm *vm)
{
	if (vm->vcpu_count)
		return E_RUNNING;
	if (vm->platform) /* firmware's memory and its own image are not what they were */
		return E_PLATFORM_VM;
	if (vm->config.cpu_mask & ~cpu_online_mask())
		return E_NO_CPU;
	TRY(prepare(vm));
	attach_named(vm);
	vm_run(vm);
	return E_OK;
}
