// SPDX-License-Identifier: BSD-2-Clause
/* core/trap.c: NMIs and what becomes of them. */
#include "core/trap.h"
#include "core/mailbox.h"
#include "core/symbols.h"
#include "core/vcpu.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

/* Where a look into the mailbox and an entry are one, as entry.asm tells it. */
#define PIECE     0x1000
#define PIECE_END 0x1010
static const u64 piece[2] __attribute__((section("restart"), used)) = {PIECE, PIECE_END};
static const u64 no_fixup[2] __attribute__((section("fixup"), used));

/* Not of a panic is this about. */
struct cpu_stacks cpu_stacks[CPUS_MAX];

const char *symbol_find(u64 va, u64 *offset)
{
	*offset = va;
	return "?";
}

void log_break_lock(void)
{
}

void log_replay(u32 lines)
{
	(void)lines;
}

static struct vm *vm;
static struct vcpu *vcpu;

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	vm = fake_backend_add_vm("guest", MIB(64), MIB(2));
	vm->platform = true;
	vcpu = vm->vcpus[0];
	return 0;
}

/* Returns where the interrupted code goes on. */
static u64 nmi(u64 rip)
{
	struct trap_frame frame = {.vector = VECTOR_NMI, .rip = rip};

	trap_handle(&frame);
	return frame.rip;
}

static bool is_asked(void)
{
	return vcpu->cpu->asked != vcpu->cpu->served;
}

static void test_restart(void **state)
{
	(void)state;
	assert_int_equal(nmi(PIECE), PIECE);
	assert_int_equal(nmi(PIECE + 1), PIECE);
	assert_int_equal(nmi(PIECE_END - 1), PIECE);
	assert_int_equal(nmi(PIECE_END), PIECE_END);
}

/* One that comes between the last look and the entry is not left behind until the guest exits. */
static void test_of_the_platform(void **state)
{
	(void)state;
	nmi(PIECE + 1);
	assert_true(is_asked());
	assert_int_equal(fake_vector, ~0u);
	assert_true(vcpu_serve(vcpu));
	assert_int_equal(fake_vector, VECTOR_NMI);
	assert_false(is_asked());
}

static void test_kick(void **state)
{
	(void)state;
	vcpu->cpu->kicked = true;
	nmi(PIECE + 1);
	assert_false(vcpu->cpu->kicked);
	assert_true(vcpu_serve(vcpu));
	assert_int_equal(fake_vector, ~0u);
}

static void test_of_another_vm(void **state)
{
	(void)state;
	vm->platform = false;
	nmi(PIECE + 1);
	assert_true(vcpu_serve(vcpu));
	assert_int_equal(fake_vector, ~0u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_restart, set_up),
		cmocka_unit_test_setup(test_of_the_platform, set_up),
		cmocka_unit_test_setup(test_kick, set_up),
		cmocka_unit_test_setup(test_of_another_vm, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
