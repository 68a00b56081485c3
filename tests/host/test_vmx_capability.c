// SPDX-License-Identifier: BSD-2-Clause
/* VMX controls against capability MSRs, and the EPT leaves of R16: against tables written by hand.
 */
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"
#include "vmx/capability.h"
#include "vmx/ept.h"
#include "vmx/reg.h"

/* Everything may be 1, and nothing must be. */
#define ANY MASK(63, 32)

static const u64 full[VMX_CAPABILITY_COUNT] = {
	[VMX_PIN] = ANY,
	[VMX_PROC] = ANY,
	[VMX_PROC2] = ANY,
	[VMX_EXIT] = ANY,
	[VMX_ENTRY] = ANY,
	[VMX_FEATURE_CONTROL] = 5,
	[VMX_BASIC] = 0x00da040000000004ull,    /* Skylake: true controls, WB */
	[VMX_EPT_VPID] = 0x00000f0106734141ull, /* Skylake */
};

static void test_msrs(void **state)
{
	(void)state;
	assert_int_equal(vmx_capability_msrs[VMX_PIN], 0x48d);
	assert_int_equal(vmx_capability_msrs[VMX_PROC], 0x48e);
	assert_int_equal(vmx_capability_msrs[VMX_PROC2], 0x48b);
	assert_int_equal(vmx_capability_msrs[VMX_EXIT], 0x48f);
	assert_int_equal(vmx_capability_msrs[VMX_ENTRY], 0x490);
	assert_int_equal(vmx_capability_msrs[VMX_FEATURE_CONTROL], 0x3a);
	assert_int_equal(vmx_capability_msrs[VMX_BASIC], 0x480);
	assert_int_equal(vmx_capability_msrs[VMX_EPT_VPID], 0x48c);
}

static void test_full_cpu_lacks_nothing(void **state)
{
	u32 next = 0;

	(void)state;
	assert_null(vmx_next_missing(full, &next));
}

static void test_each_missing_need_is_named(void **state)
{
	static const struct {
		const char *name;
		enum vmx_capability where;
		u32 bit;
	} needs[] = {
		{"vmx-enabled-by-firmware", VMX_FEATURE_CONTROL, 2},
		{"write-back-vmcs", VMX_BASIC, 51},
		{"true-controls", VMX_BASIC, 55},
		{"nmi-exiting", VMX_PIN, 32 + 3},
		{"virtual-nmis", VMX_PIN, 32 + 5},
		{"nmi-window-exiting", VMX_PROC, 32 + 22},
		{"io-bitmaps", VMX_PROC, 32 + 25},
		{"msr-bitmaps", VMX_PROC, 32 + 28},
		{"secondary-controls", VMX_PROC, 32 + 31},
		{"ept", VMX_PROC2, 32 + 1},
		{"vpid", VMX_PROC2, 32 + 5},
		{"wbinvd-exiting", VMX_PROC2, 32 + 6},
		{"unrestricted-guest", VMX_PROC2, 32 + 7},
		{"exit-save-debug-controls", VMX_EXIT, 32 + 2},
		{"exit-64-bit-host", VMX_EXIT, 32 + 9},
		{"exit-load-pat", VMX_EXIT, 32 + 19},
		{"exit-save-efer", VMX_EXIT, 32 + 20},
		{"exit-load-efer", VMX_EXIT, 32 + 21},
		{"entry-load-debug-controls", VMX_ENTRY, 32 + 2},
		{"entry-64-bit-guest", VMX_ENTRY, 32 + 9},
		{"entry-load-pat", VMX_ENTRY, 32 + 14},
		{"entry-load-efer", VMX_ENTRY, 32 + 15},
		{"ept-4-levels", VMX_EPT_VPID, 6},
		{"ept-write-back", VMX_EPT_VPID, 14},
		{"invept-single-context", VMX_EPT_VPID, 20},
		{"invept-single-context", VMX_EPT_VPID, 25},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		u64 values[VMX_CAPABILITY_COUNT];
		u32 next = 0;

		memcpy(values, full, sizeof(values));
		values[needs[i].where] &= ~BIT(needs[i].bit);
		assert_string_equal(vmx_next_missing(values, &next), needs[i].name);
		assert_null(vmx_next_missing(values, &next));
	}
}

static void test_all_missing_needs_are_named(void **state)
{
	static const u64 nothing[VMX_CAPABILITY_COUNT];
	u32 next = 0, count = 0;

	(void)state;
	while (vmx_next_missing(nothing, &next))
		count++;
	assert_int_equal(count, 25);
}

static void test_adjust(void **state)
{
	/* Wanted of the pin-based controls: 0x28. */
	static const struct {
		u64 must, may;
		u32 result;
	} cases[] = {
		{0, 0xffffffff, 0x28},
		{0x16, 0xffffffff, 0x3e}, /* must-be-1 bits come in */
		{0x16, 0x1e, 0x1e},       /* what is not there goes out */
		{0x80000000, 0x80000000, 0x80000000},
		{0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vmx_choose_control(VMX_PIN, cases[i].may << 32 | cases[i].must),
		                 cases[i].result);
}

static void test_chosen_controls(void **state)
{
	(void)state;
	/* NMI exiting, virtual NMIs; interrupts pass. */
	assert_int_equal(vmx_choose_control(VMX_PIN, ANY), 0x28);
	/* NMI window, bitmaps of ports and MSRs, secondary. */
	assert_int_equal(vmx_choose_control(VMX_PROC, ANY), 0x92400000);
	/* EPT RDTSCP VPID WBINVD UG INVPCID XSAVES wait. */
	assert_int_equal(vmx_choose_control(VMX_PROC2, ANY), 0x041010ea);
	assert_int_equal(vmx_choose_control(VMX_EXIT, ANY), 0x00380204);
	assert_int_equal(vmx_choose_control(VMX_ENTRY, ANY), 0x0000c204);

	/* R14: WBINVD exits whatever else is missing; what is only wanted may be missing. */
	assert_int_equal(vmx_choose_control(VMX_PROC2, 0xe2ull << 32), 0xe2);
}

static void test_leaf_attributes(void **state)
{
	(void)state;
	/* R W X = 7; type in 5:3, WB = 6, UC = 0; ignore PAT = 0x40; bit 52 is ours. */
	assert_int_equal(ept_ram(VM_MEMORY_WB), 0x77);
	assert_int_equal(ept_ram(VM_MEMORY_GUEST), 0x37);
	assert_int_equal(ept_ram(VM_MEMORY_UC), 0x47);
	assert_int_equal(ept_mmio(), 0x0010000000000043ull);
}

static void test_leaf_sizes(void **state)
{
	(void)state;
	assert_int_equal(ept_leaf_sizes(0), PT_LEAF_4K);
	assert_int_equal(ept_leaf_sizes(1 << 16), PT_LEAF_4K | PT_LEAF_2M);
	assert_int_equal(ept_leaf_sizes(3 << 16), PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G);
}

static u64 attributes_at(const struct pagetable *pt, u64 gpa)
{
	u64 leaf_size;

	return pt_lookup(pt, gpa, &leaf_size) & ~EPT_ADDRESS & ~EPT_LARGE;
}

static void check_leaves(struct pagetable *pt, enum vm_memory_type type, const u64 *ram_at,
                         size_t count)
{
	static const u64 ram_bits[] = {0x77, 0x37, 0x47};
	static const u64 mmio_at[] = {MIB(2), GIB(1), GIB(4)};

	ept_set_memory_type(pt, type);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(attributes_at(pt, ram_at[i]), ram_bits[type]);
	for (size_t i = 0; i < ARRAY_SIZE(mmio_at); i++)
		assert_int_equal(attributes_at(pt, mmio_at[i]), 0x0010000000000043ull);
}

/* Every change of type reaches every RAM leaf of every size and no leaf of device memory. */
static void test_retype(void **state)
{
	static const u64 ram_at[] = {0, MIB(2) + 0x5000, GIB(1) + MIB(4), GIB(2)};
	struct pagetable pt;

	(void)state;
	fake_mem_reset();
	assert_ok(pt_init(&pt, &ept_format, 4, PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G, false));
	assert_int_equal(ept_pointer(&pt), pt.root_pa | 0x1e);
	assert_ok(pt_map(&pt, 0, GIB(8), MIB(2), ept_ram(VM_MEMORY_WB)));
	assert_ok(pt_map(&pt, MIB(2), MIB(2), 0x1000, ept_mmio()));
	assert_ok(pt_map(&pt, MIB(2) + 0x5000, GIB(9), 0x1000, ept_ram(VM_MEMORY_WB)));
	assert_ok(pt_map(&pt, GIB(1), GIB(1), MIB(2), ept_mmio()));
	assert_ok(pt_map(&pt, GIB(1) + MIB(4), GIB(10), MIB(8), ept_ram(VM_MEMORY_WB)));
	assert_ok(pt_map(&pt, GIB(2), GIB(11), GIB(1), ept_ram(VM_MEMORY_WB)));
	assert_ok(pt_map(&pt, GIB(4), GIB(4), GIB(1), ept_mmio()));

	for (u32 edge = 0; edge < 9; edge++) {
		check_leaves(&pt, edge / 3, ram_at, ARRAY_SIZE(ram_at));
		check_leaves(&pt, edge % 3, ram_at, ARRAY_SIZE(ram_at));
	}
	pt_destroy(&pt);
	assert_int_equal(fake_mem_used(), 0);
}

/* XSA-304: only 4 KiB leaves become executable, each when it is fetched from; the rest stays as it
 * was. */
static void test_no_large_executable_leaf(void **state)
{
	const u64 not_executable = 0x73; /* R W, WB, ignore PAT */
	struct pagetable pt;
	u64 size;

	(void)state;
	assert_true(vmx_has_itlb_multihit(0));
	assert_false(vmx_has_itlb_multihit(1 << 6));
	fake_mem_reset();
	assert_ok(pt_init(&pt, &ept_format, 4, PT_LEAF_4K | PT_LEAF_2M | PT_LEAF_1G, false));
	assert_ok(pt_map(&pt, 0, GIB(4), GIB(1), not_executable));
	assert_ok(pt_map(&pt, GIB(1), GIB(1), MIB(2), ept_mmio()));

	assert_ok(ept_allow_fetch(&pt, MIB(6) + 0x3456));
	assert_int_equal(pt_lookup(&pt, MIB(6) + 0x3000, &size), (GIB(4) + MIB(6) + 0x3000) | 0x77);
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(pt_lookup(&pt, MIB(6) + 0x4000, &size), (GIB(4) + MIB(6) + 0x4000) | 0x73);
	assert_int_equal(pt_lookup(&pt, MIB(8), &size) & ~EPT_LARGE, (GIB(4) + MIB(8)) | 0x73);
	assert_int_equal(size, MIB(2));
	assert_ok(ept_allow_fetch(&pt, MIB(6) + 0x3456)); /* another CPU was first */
	assert_error(ept_allow_fetch(&pt, GIB(1)), E_NOT_MAPPED);
	assert_error(ept_allow_fetch(&pt, GIB(2)), E_NOT_MAPPED);

	fake_mem_fail_after(0);
	assert_error(ept_allow_fetch(&pt, MIB(8)), E_NO_MEMORY);
	assert_int_equal(pt_lookup(&pt, MIB(8), &size) & ~EPT_LARGE, (GIB(4) + MIB(8)) | 0x73);
	pt_destroy(&pt);
	assert_int_equal(fake_mem_used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_msrs),
		cmocka_unit_test(test_full_cpu_lacks_nothing),
		cmocka_unit_test(test_each_missing_need_is_named),
		cmocka_unit_test(test_all_missing_needs_are_named),
		cmocka_unit_test(test_adjust),
		cmocka_unit_test(test_chosen_controls),
		cmocka_unit_test(test_leaf_attributes),
		cmocka_unit_test(test_leaf_sizes),
		cmocka_unit_test(test_retype),
		cmocka_unit_test(test_no_large_executable_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
