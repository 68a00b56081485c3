// SPDX-License-Identifier: BSD-2-Clause
/* R14: whatever form the instruction has, it exits, is counted, and harms nothing but the caches.
 */
#include "guests/demo/code.h"
#include "guests/lib/cpus.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

#define RFLAGS_ARITHMETIC 0x8d5u
#define RFLAGS_FIXED      0x002u

#define BIT(n)   (1u << (n))
#define ANY_MODE (BIT(CODE_MODES) - 1)
#define ONLY_64  BIT(CODE_64)
#define NOT_64   (ANY_MODE & ~ONLY_64)

#define CODE(...)                                 \
	{                                         \
		sizeof((uint8_t[]){__VA_ARGS__}), \
		{                                 \
			__VA_ARGS__               \
		}                                 \
	}

struct form {
	const char *name;
	struct code code;
	unsigned int modes;
	bool is_invd;
};

static const struct form forms[] = {
	{"wbinvd", CODE(0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-66", CODE(0x66, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-67", CODE(0x67, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-f2", CODE(0xf2, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-cs", CODE(0x2e, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-fs", CODE(0x64, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-66-67-gs", CODE(0x66, 0x67, 0x65, 0x0f, 0x09), ANY_MODE, false},
	{"wbinvd-15-bytes",
         CODE(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f,
              0x09),
         ANY_MODE, false},
	{"wbinvd-rex", CODE(0x48, 0x0f, 0x09), ONLY_64, false},
	{"wbinvd-66-rex", CODE(0x66, 0x4f, 0x0f, 0x09), ONLY_64, false},
	{"wbnoinvd", CODE(0xf3, 0x0f, 0x09), ANY_MODE, false},
	{"wbnoinvd-66", CODE(0x66, 0xf3, 0x0f, 0x09), ANY_MODE, false},
	{"wbnoinvd-rex", CODE(0xf3, 0x48, 0x0f, 0x09), ONLY_64, false},
	{"invd", CODE(0x0f, 0x08), ANY_MODE, true},
	{"invd-66-ds", CODE(0x66, 0x3e, 0x0f, 0x08), ANY_MODE, true},
	{"invd-rex", CODE(0x48, 0x0f, 0x08), ONLY_64, true},
	{"sti-wbinvd-cli", CODE(0xfb, 0x0f, 0x09, 0xfa), ANY_MODE, false},
	{"pop-ss-wbinvd", CODE(0x16, 0x17, 0x0f, 0x09), NOT_64, false},
};

struct counts {
	uint64_t wbinvd, invd, emulated, ignored;
};

static struct counts read_counts(void)
{
	return (struct counts){
		.wbinvd = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_WBINVD),
		.invd = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_INVD),
		.emulated = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_EMULATED),
		.ignored = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_IGNORED),
	};
}

/* What has been counted since before is what was executed, and all of it served as the verdict
 * says. */
static void check_counts(const struct counts *before, struct counts executed, const char *step,
                         const char *mode)
{
	struct counts now = read_counts();
	struct counts counted = {
		.wbinvd = now.wbinvd - before->wbinvd,
		.invd = now.invd - before->invd,
		.emulated = now.emulated - before->emulated,
		.ignored = now.ignored - before->ignored,
	};
	bool is_ignored = snoopervisor_wbinvd_is_ignored(&hypervisor);
	bool ok = counted.wbinvd == executed.wbinvd && counted.invd == executed.invd &&
	          (is_ignored ? counted.ignored : counted.emulated) == executed.wbinvd &&
	          (is_ignored ? counted.emulated : counted.ignored) == 0;

	report(ok, "%s mode=%s executed=%lu wbinvd=%lu invd=%lu emulated=%lu ignored=%lu", step,
	       mode, executed.wbinvd, counted.wbinvd, counted.invd, counted.emulated,
	       counted.ignored);
}

static void fill(struct registers *registers)
{
	for (unsigned int i = 0; i < GPR_COUNT; i++)
		registers->gpr[i] = 0xa5a5000050500000ull + i * 0x0001000100010001ull;
}

/* Outside 64-bit code there is no more than eight registers of 32 bits. */
static bool is_unharmed(enum code_mode mode, const struct registers *registers)
{
	uint64_t mask = mode == CODE_64 ? ~0ull : 0xffffffff;
	unsigned int count = mode == CODE_64 ? GPR_COUNT : 8;
	struct registers expected;

	fill(&expected);
	for (unsigned int i = 0; i < count; i++)
		if (i != RSP && (registers->gpr[i] ^ expected.gpr[i]) & mask)
			return false;
	return (registers->rflags & ~(uint64_t)RFLAGS_ARITHMETIC) == RFLAGS_FIXED;
}

static void run_form(enum code_mode mode, const struct form *form, uint32_t offset)
{
	struct code_result result;
	struct registers registers;

	fill(&registers);
	code_run(mode, &form->code, offset, &registers, &result);
	if (result.vector != CODE_NO_TRAP || !is_unharmed(mode, &registers))
		report(false, "flush mode=%s form=%s offset=0x%x vector=%d", code_mode_names[mode],
		       form->name, offset, result.vector);
}

/* In one page, and across the end of a page in every way. */
static unsigned int run_everywhere(enum code_mode mode, const struct form *form)
{
	run_form(mode, form, CODE_ANYWHERE);
	for (unsigned int before = 1; before < form->code.length; before++)
		run_form(mode, form, CODE_PAGE - before);
	return form->code.length;
}

static void flush_in_mode(enum code_mode mode)
{
	struct counts before = read_counts(), executed = {0};

	for (const struct form *form = forms; form < forms + sizeof(forms) / sizeof(*forms);
	     form++) {
		unsigned int runs;

		if (!(form->modes & BIT(mode)))
			continue;
		runs = run_everywhere(mode, form);
		executed.wbinvd += runs;
		executed.invd += form->is_invd ? runs : 0;
	}
	check_counts(&before, executed, "flush", code_mode_names[mode]);
}

void step_flush(void)
{
	for (enum code_mode mode = 0; mode < CODE_MODES; mode++)
		flush_in_mode(mode);
}

/* RFLAGS.TF set by POPF: one trap, right behind the instruction that follows. */
void step_single_step(void)
{
	static const struct code code = CODE(0x9c,                                     /* pushf */
	                                     0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, /* or TF */
	                                     0x9d,                                     /* popf */
	                                     0x0f, 0x09,                               /* wbinvd */
	                                     0x90, 0x90);
	const int behind = 11;

	for (enum code_mode mode = CODE_64; mode <= CODE_32; mode++) {
		struct registers registers;
		struct code_result result;

		fill(&registers);
		code_run(mode, &code, CODE_ANYWHERE, &registers, &result);
		report(result.vector == CODE_NO_TRAP && result.steps == 1 &&
		               result.step_at == behind && is_unharmed(mode, &registers),
		       "single-step mode=%s traps=%d at=%d expected=%d", code_mode_names[mode],
		       result.steps, result.step_at, behind);
	}
}

void step_verdict(void)
{
	static const char *const boxes[] = {"none", "box1", "box2", "box3", "box4"};
	int64_t verdict = snoopervisor_verdict(&hypervisor);
	uint64_t box = (uint64_t)verdict >> 8;
	bool ok = box < sizeof(boxes) / sizeof(*boxes);

	report(ok, "verdict wbinvd=%s because=%s",
	       snoopervisor_wbinvd_is_ignored(&hypervisor) ? "ignore" : "emulate",
	       ok ? boxes[box] : "?");
}

void step_wbinvd_loop(uint64_t count)
{
	struct counts before;

	if (!count)
		return;
	before = read_counts();
	for (uint64_t i = 0; i < count; i++)
		__asm__ volatile("wbinvd" : : : "memory");
	check_counts(&before, (struct counts){.wbinvd = count}, "wbinvd-loop",
	             code_mode_names[CODE_64]);
}

static struct counts before_others;
static bool others_flush;

void step_flush_begin(void)
{
	before_others = read_counts();
	others_flush = cpus_flush_begin();
}

void step_flush_end(void)
{
	if (others_flush)
		check_counts(&before_others, (struct counts){.wbinvd = cpus_flush_end()},
		             "flush-together", code_mode_names[CODE_64]);
}
