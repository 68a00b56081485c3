// SPDX-License-Identifier: BSD-2-Clause
/* core/msr.c: which MSRs pass, and what those that do not are for a guest (R16, R22). */
#include "core/msr.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define NONE (~0u)
#define GP   13
#define PAT  0x277

static struct vm *platform, *other;

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	other = fake_backend_add_vm("other", MIB(64), MIB(2));
	platform = fake_backend_add_vm("platform", MIB(66), MIB(2));
	platform->platform = true;
	return 0;
}

/* Rubbish in the upper halves is none of RDMSR's and WRMSR's business. */
#define RUBBISH 0xdead000000000000ull

/* False: #GP. */
static bool guest_read(struct vm *vm, u32 msr, u64 *value)
{
	struct exit exit = {.kind = EXIT_MSR_READ};
	u64 *gpr = vm->vcpus[0]->gpr;
	enum exit_result result;

	gpr[GPR_RCX] = RUBBISH | msr;
	gpr[GPR_RAX] = gpr[GPR_RDX] = RUBBISH;
	fake_vector = NONE;
	result = exit_handle(vm->vcpus[0], &exit);
	assert_int_equal(gpr[GPR_RCX], RUBBISH | msr);
	if (result == RESULT_ADVANCE) {
		assert_int_equal(fake_vector, NONE);
		assert_int_equal(gpr[GPR_RAX] >> 32 | gpr[GPR_RDX] >> 32, 0);
		*value = gpr[GPR_RDX] << 32 | gpr[GPR_RAX];
		return true;
	}
	assert_int_equal(result, RESULT_RETRY);
	assert_int_equal(fake_vector, GP);
	assert_int_equal(gpr[GPR_RAX], RUBBISH);
	return false;
}

static bool guest_write(struct vm *vm, u32 msr, u64 value)
{
	struct exit exit = {.kind = EXIT_MSR_WRITE};
	u64 *gpr = vm->vcpus[0]->gpr;
	enum exit_result result;

	gpr[GPR_RCX] = RUBBISH | msr;
	gpr[GPR_RAX] = RUBBISH | (u32)value;
	gpr[GPR_RDX] = RUBBISH | value >> 32;
	fake_vector = fake_msr_written = NONE;
	result = exit_handle(vm->vcpus[0], &exit);
	if (result == RESULT_ADVANCE) {
		assert_int_equal(fake_vector, NONE);
		return true;
	}
	assert_int_equal(result, RESULT_RETRY);
	assert_int_equal(fake_vector, GP);
	return false;
}

/* ---- one row an MSR, typed from the rules ---- */

enum how {
	PASS,      /* the CPU's own, not intercepted */
	READ_ONLY, /* reads are the CPU's, writes are dropped */
	FAULT,     /* #GP */
	ZERO,      /* reads as 0, writes are dropped */
	SHADOW,    /* the guest's own */
	LOCKED,    /* reads as 1, writes are #GP */
};

static const struct {
	u32 msr;
	enum how platform, other;
} rows[] = {
	{0x10, READ_ONLY, READ_ONLY},   /* TSC */
	{0x1b, READ_ONLY, READ_ONLY},   /* APIC base */
	{0x3a, LOCKED, LOCKED},         /* feature control: no VMX */
	{0x3b, ZERO, ZERO},             /* TSC_ADJUST */
	{0x48, PASS, PASS},             /* SPEC_CTRL */
	{0x49, PASS, PASS},             /* PRED_CMD */
	{0x79, ZERO, FAULT},            /* microcode update */
	{0x9b, FAULT, FAULT},           /* SMM monitor */
	{0xfe, READ_ONLY, READ_ONLY},   /* MTRRCAP */
	{0x10a, PASS, PASS},            /* ARCH_CAPABILITIES, read-only by itself */
	{0x10b, PASS, PASS},            /* FLUSH_CMD */
	{0x174, PASS, PASS},            /* SYSENTER */
	{0x176, PASS, PASS},            /* SYSENTER */
	{0x1a0, READ_ONLY, READ_ONLY},  /* MISC_ENABLE */
	{0x1f2, FAULT, FAULT},          /* SMRR */
	{0x200, SHADOW, SHADOW},        /* MTRRs */
	{0x21f, SHADOW, SHADOW},        /* MTRRs */
	{0x250, SHADOW, SHADOW},        /* MTRRs */
	{0x259, SHADOW, SHADOW},        /* MTRRs */
	{0x26f, SHADOW, SHADOW},        /* MTRRs */
	{0x277, SHADOW, SHADOW},        /* PAT */
	{0x2ff, SHADOW, SHADOW},        /* MTRR default type */
	{0x3f1, FAULT, FAULT},          /* PEBS */
	{0x3f4, FAULT, FAULT},          /* architectural PEBS, to physical memory */
	{0x3f5, FAULT, FAULT},          /* architectural PEBS */
	{0x480, FAULT, FAULT},          /* VMX capabilities */
	{0x4ff, FAULT, FAULT},          /* VMX capabilities */
	{0x560, FAULT, FAULT},          /* processor trace */
	{0x571, FAULT, FAULT},          /* processor trace */
	{0x600, FAULT, FAULT},          /* debug store area */
	{0x6e0, PASS, PASS},            /* TSC_DEADLINE */
	{0x17d0, FAULT, FAULT},         /* hardware feedback table */
	{0x17d1, FAULT, FAULT},         /* its switch */
	{0xc0000080, PASS, PASS},       /* EFER */
	{0xc0000082, PASS, PASS},       /* LSTAR */
	{0xc0000100, PASS, PASS},       /* FS base */
	{0xc0000102, PASS, PASS},       /* kernel GS base */
	{0xc0002000, PASS, FAULT},      /* MCA banks of AMD */
	{0xc0002fff, PASS, FAULT},      /* MCA banks of AMD */
	{0xc0010010, READ_ONLY, FAULT}, /* SYSCFG */
	{0xc001001a, READ_ONLY, FAULT}, /* top of memory */
	{0xc0010020, ZERO, FAULT},      /* microcode update */
	{0xc0010114, FAULT, FAULT},     /* VM_CR */
	{0xc0010117, FAULT, FAULT},     /* VM_HSAVE_PA */
};

static void expect_row(struct vm *vm, u32 msr, enum how how)
{
	u64 value;
	bool readable = how != FAULT, writable = how != FAULT && how != LOCKED;

	assert_int_equal(msr_is_intercepted(vm->platform, msr, false),
	                 how != PASS && how != READ_ONLY);
	assert_int_equal(msr_is_intercepted(vm->platform, msr, true), how != PASS);
	assert_int_equal(guest_write(vm, msr, 0x0006010500040706), writable);
	/* R16: the CPU's own is written only where it passes anyway */
	assert_int_equal(fake_msr_written, how == PASS ? msr : NONE);
	assert_int_equal(guest_read(vm, msr, &value), readable);
	if (how == PASS || how == READ_ONLY)
		assert_int_equal(value, ~(u64)msr);
	else if (how == SHADOW)
		assert_int_equal(value, 0x0006010500040706);
	else if (readable)
		assert_int_equal(value, how == LOCKED);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect_row(platform, rows[i].msr, rows[i].platform);
		expect_row(other, rows[i].msr, rows[i].other);
	}
}

/* Whatever the bitmaps cover: what is not named above passes for the platform VM alone. */
static void test_everything_else(void **state)
{
	static const u32 unnamed[] = {0x8b,  0x1a1,      0x1d9,      0x199,      0x309,
	                              0x38f, 0xc0000104, 0xc0010015, 0xc0010063, 0xc0011022};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unnamed); i++) {
		for (u32 write = 0; write <= 1; write++) {
			assert_false(msr_is_intercepted(true, unnamed[i], write));
			assert_true(msr_is_intercepted(false, unnamed[i], write));
		}
	}
}

/* What no bitmap covers exits, and is not there; nor is what the CPU itself lacks. */
static void test_absent(void **state)
{
	static const u32 absent[] = {0x2000, 0x40000000, 0xbfffffff, 0xc0003000, 0xffffffff};
	u64 value;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		assert_false(guest_read(platform, absent[i], &value));
		assert_false(guest_write(platform, absent[i], 0));
		assert_int_equal(fake_msr_written, NONE);
		assert_false(guest_read(other, absent[i], &value));
		assert_false(guest_write(other, absent[i], 0));
	}
	fake_msr_absent = 0x1b;
	assert_false(guest_read(platform, 0x1b, &value));
	fake_msr_absent = 0xc0000103;
	assert_false(guest_read(other, 0xc0000103, &value));
	assert_false(guest_write(other, 0xc0000103, 0));
}

/* Every MTRR is a register of its own, in each VM. */
static void test_mtrrs(void **state)
{
	static const u32 fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
	                            0x26b, 0x26c, 0x26d, 0x26e, 0x26f, 0x2ff};
	u64 value;

	(void)state;
	for (u32 msr = 0x200; msr < 0x220; msr++)
		assert_true(guest_write(platform, msr, 0x1122334400000000 + msr));
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		assert_true(guest_write(platform, fixed[i], 0x1122334400000000 + fixed[i]));
	for (u32 msr = 0x200; msr < 0x220; msr++) {
		assert_true(guest_read(platform, msr, &value));
		assert_int_equal(value, 0x1122334400000000 + msr);
		assert_true(guest_read(other, msr, &value));
		assert_int_equal(value, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		assert_true(guest_read(platform, fixed[i], &value));
		assert_int_equal(value, 0x1122334400000000 + fixed[i]);
		assert_true(guest_read(other, fixed[i], &value));
		assert_int_equal(value, 0);
	}
	assert_string_equal(fake_trace, "");
}

/* R16: the backend hears of a new PAT; types that do not exist are refused in every place. */
static void test_pat(void **state)
{
	static const u8 reserved[] = {2, 3, 8, 0x10, 0xff};
	u64 value;

	(void)state;
	assert_true(guest_write(other, PAT, 0x0007040600070406));
	assert_string_equal(fake_trace, "refresh: ");
	assert_int_equal(other->vcpus[0]->pat, 0x0007040600070406);
	for (u32 byte = 0; byte < 8; byte++) {
		for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
			assert_false(guest_write(other, PAT, (u64)reserved[i] << 8 * byte));
		for (u64 type = 0; type < 8; type++)
			assert_int_equal(guest_write(platform, PAT, type << 8 * byte),
			                 type != 2 && type != 3);
	}
	assert_true(guest_read(other, PAT, &value));
	assert_int_equal(value, 0x0007040600070406);
	assert_int_equal(fake_msr_written, NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_rows, set_up),
		cmocka_unit_test_setup(test_everything_else, set_up),
		cmocka_unit_test_setup(test_absent, set_up),
		cmocka_unit_test_setup(test_mtrrs, set_up),
		cmocka_unit_test_setup(test_pat, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
