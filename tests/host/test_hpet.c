// SPDX-License-Identifier: BSD-2-Clause
/* core/hpet.c: the platform VM's timers never send messages of their own (R22). */
#include "core/facts.h"
#include "core/hpet.h"
#include "core/mem.h"
#include "core/trapped.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define BASE 0xfed00000ull

static struct vm *vm;
static struct fake_page model = FAKE_PAGE(BASE);

static int set_up(void **state)
{
	struct vtd_unit *unit;

	(void)state;
	machine_reset();
	fake_mmio_add(&model.mmio);
	unit = machine_add_unit(CAP_48, ECAP_SC);
	vm = machine_add_vm("linux");
	vm->platform = true;
	facts.hpet_pa = BASE;
	if (!hpet_page()) { /* runs first: nothing remaps yet */
		assert_ok(hpet_init());
		assert_int_equal(hpet_page(), 0);
		assert_null(trapped_find(vm, BASE));
		assert_null(trapped_find(vm, 0));
	}
	assert_ok(vtd_interrupt_start(unit, false));
	assert_ok(hpet_init());
	assert_int_equal(hpet_page(), BASE);
	memset(model.bytes, 0xff, sizeof(model.bytes));
	return 0;
}

static u64 read_at(u32 offset, u8 size)
{
	return trapped_find(vm, BASE + offset)->read(vm->vcpus[0], BASE + offset, size);
}

static void write_at(u32 offset, u8 size, u64 value)
{
	trapped_find(vm, BASE + offset)->write(vm->vcpus[0], BASE + offset, size, value);
}

static void test_page(void **state)
{
	(void)state;
	assert_ptr_equal(trapped_find(vm, BASE + 0xfff), &hpet_trapped);
	assert_null(trapped_find(vm, BASE - 1));
	vm->platform = false;
	assert_null(trapped_find(vm, BASE));
}

/* Every width at every place: bits 14 and 15 of each timer's configuration, and no other. */
static void test_messages_are_hidden(void **state)
{
	(void)state;
	for (u8 size = 1; size <= 8; size *= 2) {
		for (u32 at = 0; at < PAGE_SIZE; at += size) {
			u8 allowed[8], seen[8];
			u64 value = read_at(at, size);

			memset(allowed, 0xff, sizeof(allowed));
			for (u32 i = 0; i < size; i++) {
				if (at + i >= 0x100 && (at + i) % 0x20 == 1)
					allowed[i] = 0x3f;
			}
			memcpy(seen, &value, sizeof(seen));
			assert_memory_equal(seen, allowed, size);
			memset(model.bytes, 0, sizeof(model.bytes));
			write_at(at, size, ~0ull);
			assert_memory_equal(model.bytes + at, allowed, size);
			memset(model.bytes, 0xff, sizeof(model.bytes));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_page, set_up),
		cmocka_unit_test_setup(test_messages_are_hidden, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
