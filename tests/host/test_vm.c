// SPDX-License-Identifier: BSD-2-Clause
/* core/vm.c and core/vm_memory.c: a VM's memory from its first page on, and its end. */
#include "core/vm.h"
#include "core/device.h"
#include "core/facts.h"
#include "core/mem.h"
#include "core/vcpu.h"
#include "core/vm_memory.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define FREE_PA (FAKE_MEM_BASE_PA + MIB(4)) /* beyond what the tests allocate */
#define RAM     MIB(2)

static struct vm *vm;
static u64 flushed_cpus; /* since RAM was last seen with something in it */

static bool is_zeroed(void)
{
	const u8 *ram = phys_to_virt(vm->ram[0].pa);

	return !ram[0] && !memcmp(ram, ram + 1, RAM - 1);
}

static void on_flush(void)
{
	flushed_cpus = is_zeroed() ? flushed_cpus | BIT(cpu_this()->index) : 0;
}

static void add_memory(u64 pa, u64 size)
{
	facts.boot.memory[facts.boot.memory_count++] =
		(struct boot_memory){pa, size, BOOT_MEMORY_USABLE};
}

/* The guest is to have CPUs 1 and 2; this is CPU 0. */
static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	fake_time_step_us = 1000;
	fake_mem_on_flush = on_flush;
	flushed_cpus = 0;
	assert_ok(vm_create("guest", &vm));
	vm->config.cpu_mask = BIT(1) | BIT(2);
	return 0;
}

static void prepare(void)
{
	const char *file;

	vm->config.memory = RAM;
	assert_ok(vm_prepare(vm, &file));
}

/* ---- memory ---- */

/* R13, R17: what was there before, and the zeroes, are in no CPU's caches when a device may come,
 * also those of the CPU that wrote them. */
static void test_memory_is_flushed(void **state)
{
	(void)state;
	add_memory(FREE_PA, 2 * RAM);
	prepare();
	assert_int_equal(vm->ram[0].pa, FREE_PA + RAM);
	assert_true(is_zeroed());
	assert_int_equal(flushed_cpus, BIT(0) | BIT(1) | BIT(2));
	/* again, from another CPU */
	vcpu_destroy_all(vm);
	memset(phys_to_virt(vm->ram[0].pa), 0x5a, RAM);
	flushed_cpus = 0;
	fake_be_cpu(3);
	prepare();
	assert_true(is_zeroed());
	assert_int_equal(flushed_cpus, BIT(1) | BIT(2) | BIT(3));
	vcpu_destroy_all(vm);
}

/* R13, R16: the same when the guest's memory types begin to count, or no longer do. */
static void test_edge_is_flushed(void **state)
{
	(void)state;
	add_memory(FREE_PA, RAM);
	prepare();
	for (int devices = 1; devices >= 0; devices--) {
		flushed_cpus = 0;
		vm->devices_in_box[BOX_3] = (u32)devices;
		vm_update_verdict(vm);
		assert_int_equal(flushed_cpus, BIT(0) | BIT(1) | BIT(2));
	}
	vcpu_destroy_all(vm);
}

/* RAM lies in the hole that was made for it; the tables that this has emptied have gone back. */
static void test_platform_memory(void **state)
{
	u64 size, leaf;

	(void)state;
	fake_mem_on_flush = NULL;
	vm->platform = true;
	add_memory(FREE_PA, PAGE_SIZE);
	add_memory(FREE_PA + PAGE_SIZE, RAM - PAGE_SIZE);
	assert_ok(vm_memory_build(vm));
	leaf = pt_lookup(&vm->stage2, FREE_PA, &size);
	assert_int_equal(leaf & MASK(45, 12), FREE_PA);
	assert_int_equal(leaf & 0x78, 0x70); /* write-back, whatever the guest says (R16) */
	leaf = pt_lookup(&vm->stage2, FREE_PA + RAM, &size);
	assert_int_equal(leaf & 0x78, 0x40); /* uncached, whatever the guest says */
	/* What a CPU stores to the interrupt range would be a message (R22). */
	for (u64 pa = 0xfee00000; pa < 0xfef00000; pa += PAGE_SIZE)
		assert_int_equal(pt_lookup(&vm->stage2, pa, &size), 0);
	assert_int_not_equal(pt_lookup(&vm->stage2, 0xfedff000, &size), 0);
	assert_int_not_equal(pt_lookup(&vm->stage2, 0xfef00000, &size), 0);
	assert_int_equal(vm->stage2.removed_pa, 0);
	vcpu_destroy_all(vm);
	assert_int_equal(fake_mem_used(), 0);
}

/* RAM leaves the place of BARs and local APICs free. */
static void test_large_memory(void **state)
{
	struct boot_memory list[3];

	(void)state;
	add_memory(0, RAM + KIB(4)); /* a small machine */
	add_memory(GIB(4), GIB(1));
	assert_ok(vm_memory_add(vm, FREE_PA, RAM));
	assert_int_equal(vm->ram_count, 1);
	assert_int_equal(vm->ram[0].size, RAM);
	vm->ram_count = 0;
	assert_ok(vm_memory_add(vm, FREE_PA, RAM + MIB(1)));
	assert_int_equal(vm_memory_list(vm, list, ARRAY_SIZE(list)), 2);
	assert_int_equal(list[0].base_pa, 0);
	assert_int_equal(list[0].size, RAM);
	assert_int_equal(list[1].base_pa, GIB(4));
	assert_int_equal(list[1].size, MIB(1));
	assert_int_equal(vm->ram[1].pa, FREE_PA + RAM);
}

static void trace_free(u64 pa)
{
	(void)pa;
	fake_trace_step("free");
}

static const char *bar_state(void)
{
	u64 size;

	return pt_lookup(&vm->stage2, devices->bars[0].base, &size) ? "mapped" : "hidden";
}

/* The only page of a BAR comes and goes, and with it the tables that lead there: not before each
 * CPU has forgotten them. */
static void check_bar(u32 messages, const char *when_mapped, const char *when_unmapped)
{
	fake_backend_reset();
	vm = fake_backend_add_vm("guest", FREE_PA, RAM);
	devices[0] = (struct device){.bars[0] = {.base = 0xfd000000, .size = PAGE_SIZE},
	                             .msix = {.table_pa = 0xfd000000, .count = messages},
	                             .vm = vm};
	device_count = 1;
	fake_trace_state = bar_state;
	fake_mem_hooks.free = trace_free;
	assert_ok(vm_memory_map_device(vm, devices));
	assert_string_equal(fake_trace, when_mapped);
	fake_trace[0] = 0;
	vm_memory_unmap_device(vm, devices);
	assert_string_equal(fake_trace, when_unmapped);
	pt_destroy(&vm->stage2);
	assert_int_equal(fake_mem_used(), 0);
	device_count = 0;
}

static void test_bar(void **state)
{
	(void)state;
	check_bar(0, "", "refresh:hidden free:hidden free:hidden ");
}

/* R22: a table of interrupt messages is hidden, and was mapped for a moment. */
static void test_bar_with_messages(void **state)
{
	(void)state;
	check_bar(8, "refresh:hidden free:hidden free:hidden ", "refresh:hidden ");
}

/* ---- the end ---- */

static struct vcpu *late;

static void leave_at_last(void)
{
	static u32 looks;

	if (!late || ++looks < 5)
		return;
	late->busy = false;
	fake_deaf_cpus = 0;
	late = NULL;
	fake_serve(2);
}

static void on_free(u64 pa)
{
	(void)pa;
	assert_null(late);
}

/* Nothing of it is given away before each of its CPUs has left the guest. */
static void test_stop_waits(void **state)
{
	(void)state;
	add_memory(FREE_PA, RAM);
	prepare();
	vm->state = VM_RUNNING;
	late = vm->vcpus[1];
	late->busy = true;
	fake_deaf_cpus = BIT(2);
	fake_mem_hooks.time = leave_at_last;
	fake_mem_hooks.free = on_free;
	assert_ok(vm_stop(vm));
	assert_null(late);
	assert_int_equal(vm->vcpu_count, 0);
	assert_int_equal(fake_mem_used(), 0);
	assert_null(strstr(fake_log, "no-answer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_memory_is_flushed, set_up),
		cmocka_unit_test_setup(test_edge_is_flushed, set_up),
		cmocka_unit_test_setup(test_platform_memory, set_up),
		cmocka_unit_test_setup(test_large_memory, set_up),
		cmocka_unit_test_setup(test_bar, set_up),
		cmocka_unit_test_setup(test_bar_with_messages, set_up),
		cmocka_unit_test_setup(test_stop_waits, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
