// SPDX-License-Identifier: BSD-2-Clause
/* core/guest_memory.c: instructions are found through the guest's own tables, made by hand here. */
#include "core/guest_memory.h"
#include "core/mem.h"
#include "core/vm.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define P    1ull
#define PS   (1ull << 7) /* a large page; in the last level the PAT bit */
#define NX   (1ull << 63)
#define SOFT (0x7ffull << 52) /* ignored bits */

#define NOWHERE 0x80000000ull /* no RAM */
#define NONE    (~0ull)

/* Where the tables lie; the rest of RAM is full of different bytes. */
#define PML5    0x1000
#define PML4    0x2000
#define PDPT    0x3000
#define PD      0x4000
#define PT      0x5000
#define PD32    0x6000
#define PT32    0x7000
#define PAE_TOP 0x8fe0 /* four entries, up to the end of their page */

/* RAM in pieces: tables and pages; then what 4 MiB, 2 MiB and 1 GiB pages lead to. */
static const struct vm_range pieces[] = {
	{.gpa = 0, .size = 0x40000},
	{.gpa = 0x200000, .size = 0x10000},
	{.gpa = 0x400000, .size = 0x10000},
	{.gpa = 0x40000000, .size = 0x10000},
	{.gpa = 0x3200400000, .size = 0x10000},
};

static struct vcpu vcpu;
static struct vm vm;

static u8 *ram(u64 gpa)
{
	u8 *at = vm_ram(&vcpu, gpa, 1);

	assert_non_null(at);
	return at;
}

static int set_up(void **state)
{
	u64 pa = FAKE_MEM_BASE_PA;
	u32 random = 1;

	(void)state;
	fake_mem_reset();
	fake_backend_reset();
	memset(&vm, 0, sizeof(vm));
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct vm_range *r = &vm.ram[vm.ram_count++];

		*r = pieces[i];
		r->host = phys_to_virt(pa);
		pa += r->size;
		for (u64 at = 0; at < r->size; at++)
			r->host[at] = (u8)((random = random * 1664525 + 1013904223) >> 24);
	}
	vcpu = (struct vcpu){.vm = &vm, .last_range = vm.ram};
	memset(ram(PML5), 0, PAE_TOP + 32 - PML5);
	return 0;
}

/* An entry of a table of this level (1: the last), for va. */
static void enter(u64 table, u32 level, u64 va, u64 entry)
{
	u64 index = va >> (12 + 9 * (level - 1)) & 511;

	memcpy(ram(table + 8 * index), &entry, 8);
}

static void enter_32(u64 table, u32 level, u32 va, u32 entry)
{
	u32 index = va >> (level == 2 ? 22 : 12) & 1023;

	memcpy(ram(table + 4 * index), &entry, 4);
}

/* What is fetched at rip is what lies at gpa; NONE: nothing. */
static void expect(const struct vcpu_state *state, u64 rip, u64 gpa)
{
	struct vcpu_state s = *state;
	u8 bytes[15];

	s.rip = rip;
	if (gpa == NONE) {
		assert_int_equal(guest_fetch(&vcpu, &s, bytes, sizeof(bytes)), 0);
		return;
	}
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, sizeof(bytes)), sizeof(bytes));
	assert_memory_equal(bytes, ram(gpa), sizeof(bytes));
}

static const struct vcpu_state flat = {.cr0 = CR0_PE, .cr3 = PD32, .code_bits = 32};
static const struct vcpu_state paging_32 = {
	.cr0 = CR0_PE | CR0_PG, .cr3 = PD32 | 0x18, .code_bits = 32};
static const struct vcpu_state paging_pae = {
	.cr0 = CR0_PE | CR0_PG, .cr3 = PAE_TOP | 0x18, .cr4 = CR4_PAE, .code_bits = 32};
static const struct vcpu_state paging_48 = {.cr0 = CR0_PE | CR0_PG,
                                            .cr3 = PML4 | 0xfff, /* a PCID */
                                            .cr4 = CR4_PAE,
                                            .efer = EFER_LME | EFER_LMA,
                                            .code_bits = 64};
static const struct vcpu_state paging_57 = {.cr0 = CR0_PE | CR0_PG,
                                            .cr3 = PML5,
                                            .cr4 = CR4_PAE | CR4_LA57,
                                            .efer = EFER_LME | EFER_LMA,
                                            .code_bits = 64};

static void test_paging_off(void **state)
{
	struct vcpu_state real = {.cs_base = 0x12340, .code_bits = 16};

	(void)state;
	expect(&flat, 0x9123, 0x9123);
	expect(&flat, 0x200010, 0x200010);
	expect(&flat, NOWHERE, NONE);
	expect(&real, 0x20, 0x12360);
	real.cs_base = 0xffffff00; /* 32 bits: wraps */
	expect(&real, 0x9200, 0x9100);
}

#define V32 0x80c01000u

static void test_paging_32(void **state)
{
	(void)state;
	enter_32(PD32, 2, V32, PT32 | P);
	enter_32(PT32, 1, V32, 0x9000 | P | PS); /* here the PAT bit */
	enter_32(PT32, 1, V32 + 0x1000, 0xa000); /* not present */
	enter_32(PT32, 1, V32 + 0x2000, (u32)NOWHERE | P);
	expect(&paging_32, V32 + 0x123, 0x9123);
	expect(&paging_32, V32 + 0x1000, NONE);
	expect(&paging_32, V32 + 0x2000, NONE);
	/* 4 MiB pages; PSE-36: address bits 39:32 are in bits 20:13, and bit 12 is PAT */
	enter_32(PD32, 2, 0x10000000, 0x00400000 | P | PS | 1u << 12);
	enter_32(PD32, 2, 0x10400000, 0x00400000 | P | PS | 0x32 << 13);
	expect(&paging_32, 0x10002345, 0x402345);
	expect(&paging_32, 0x10402345, 0x3200402345);
	enter_32(PD32, 2, 0x10800000, (u32)NOWHERE | P);
	expect(&paging_32, 0x10800000, NONE);
	expect(&paging_32, 0x20000000, NONE);
}

static void test_paging_pae(void **state)
{
	const u32 va = 0xc0201000;

	(void)state;
	enter(PAE_TOP, 3, va, PD | P);
	enter(PD, 2, va, PT | P | SOFT);
	enter(PT, 1, va, 0x9000 | P | NX);
	enter(PD, 2, va + MIB(2), 0x200000 | P | PS | NX);
	enter(PAE_TOP, 3, 0x40000000, NOWHERE | P);
	expect(&paging_pae, va + 0xabc, 0x9abc);
	expect(&paging_pae, va + 0x1000, NONE);
	expect(&paging_pae, va - 0x1000 + MIB(2) + 0x3456, 0x203456);
	expect(&paging_pae, va + MIB(4), NONE);
	expect(&paging_pae, 0x40000000, NONE);
	expect(&paging_pae, 0, NONE);
}

#define V48 0x00007f8040200000ull

static void fill_48(u64 va)
{
	enter(PML4, 4, va, PDPT | P | SOFT | NX);
	enter(PDPT, 3, va, PD | P);
	enter(PD, 2, va, PT | P | SOFT);
	enter(PT, 1, va, 0x9000 | P | PS | NX | SOFT);
	enter(PT, 1, va + 0x1000, NOWHERE | P);
	enter(PD, 2, va + MIB(2), 0x200000 | P | PS | 1u << 12); /* PAT of a large page */
	enter(PD, 2, va + MIB(4), NOWHERE | P);
	enter(PD, 2, va + MIB(6), NOWHERE | P | PS);
	enter(PDPT, 3, va + GIB(1), 0x40000000 | P | PS | NX);
	enter(PDPT, 3, va + GIB(2), NOWHERE | P);
	enter(PML4, 4, va + GIB(512), NOWHERE | P);
}

static void expect_48(const struct vcpu_state *s, u64 va)
{
	const struct {
		u64 va, gpa;
	} rows[] = {
		{0x123, 0x9123},         {0x1000, NONE},
		{0x2000, NONE},          {MIB(2) + 0x3456, 0x203456},
		{MIB(4), NONE},          {MIB(6), NONE},
		{MIB(8), NONE},          {GIB(1) - MIB(2) + 0x4567, 0x40004567},
		{GIB(2) - MIB(2), NONE}, {GIB(3), NONE},
		{GIB(512), NONE},        {GIB(1024), NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		expect(s, va + rows[i].va, rows[i].gpa);
}

static void test_four_levels(void **state)
{
	(void)state;
	fill_48(V48);
	expect_48(&paging_48, V48);
	set_up(state);
	fill_48(0xffff800000200000); /* the upper half */
	expect_48(&paging_48, 0xffff800000200000);
}

static void test_five_levels(void **state)
{
	const u64 va = V48 | 3ull << 48;

	(void)state;
	enter(PML5, 5, va, PML4 | P);
	enter(PML5, 5, va + (1ull << 48), NOWHERE | P);
	fill_48(va);
	expect_48(&paging_57, va);
	expect(&paging_57, va + (1ull << 48), NONE);
	expect(&paging_57, va + (2ull << 48), NONE);
}

/* Compatibility mode: four levels, and a code segment with a base. */
static void test_compatibility_mode(void **state)
{
	struct vcpu_state s = paging_48;

	(void)state;
	s.code_bits = 32;
	s.cs_base = 0x40000000;
	fill_48(0x40200000);
	expect(&s, 0x200123, 0x9123);
	s.cs_base = 0xffffff00;
	expect(&s, 0x40200223, 0x9123);
}

static void test_tables_outside_ram(void **state)
{
	static const struct vcpu_state *const modes[] = {&paging_32, &paging_pae, &paging_48,
	                                                 &paging_57};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct vcpu_state s = *modes[i];

		s.cr3 = NOWHERE;
		expect(&s, 0x9000, NONE);
	}
}

/* ---- across a page end ---- */

static void test_crossing(void **state)
{
	struct vcpu_state s = paging_48;
	u8 bytes[15];

	(void)state;
	fill_48(V48);
	enter(PT, 1, V48 + 0x1000, 0x20000 | P);
	s.rip = V48 + 0x1000 - 4;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 15);
	assert_memory_equal(bytes, ram(0x9ffc), 4);
	assert_memory_equal(bytes + 4, ram(0x20000), 11);
	/* exactly up to the end needs no second page */
	enter(PT, 1, V48 + 0x1000, 0);
	s.rip = V48 + 0x1000 - 15;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 15);
	assert_memory_equal(bytes, ram(0x9ff1), 15);
	/* what can be read is */
	s.rip = V48 + 0x1000 - 14;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 14);
	s.rip = V48 + 0x1000 - 1;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 1);
	enter(PT, 1, V48 + 0x1000, NOWHERE | P);
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 1);
	/* the first page is not there: nothing is, whatever follows */
	enter(PT, 1, V48 + 0x2000, 0x20000 | P);
	s.rip = V48 + 0x2000 - 4;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 0);
}

/* The end of the last piece of RAM, without tables. */
static void test_end_of_ram(void **state)
{
	struct vcpu_state s = flat;
	u8 bytes[15];

	(void)state;
	s.rip = 0x40000 - 3;
	assert_int_equal(guest_fetch(&vcpu, &s, bytes, 15), 3);
	assert_memory_equal(bytes, ram(0x3fffd), 3);
}

static void test_decode(void **state)
{
	static const u8 wbinvd[] = {0x66, 0x0f, 0x09};
	struct insn insn;

	(void)state;
	fill_48(V48);
	enter(PT, 1, V48 + 0x1000, 0x20000 | P);
	memcpy(ram(0x9ffe), wbinvd, 2);
	memcpy(ram(0x20000), wbinvd + 2, 1);
	fake_state = paging_48;
	fake_state.rip = V48 + 0xffe;
	assert_true(guest_decode(&vcpu, &insn));
	assert_int_equal(insn.kind, INSN_WBINVD);
	assert_int_equal(insn.length, 3);
	enter(PT, 1, V48 + 0x1000, 0);
	assert_false(guest_decode(&vcpu, &insn));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_paging_off, set_up),
		cmocka_unit_test_setup(test_paging_32, set_up),
		cmocka_unit_test_setup(test_paging_pae, set_up),
		cmocka_unit_test_setup(test_four_levels, set_up),
		cmocka_unit_test_setup(test_five_levels, set_up),
		cmocka_unit_test_setup(test_compatibility_mode, set_up),
		cmocka_unit_test_setup(test_tables_outside_ram, set_up),
		cmocka_unit_test_setup(test_crossing, set_up),
		cmocka_unit_test_setup(test_end_of_ram, set_up),
		cmocka_unit_test_setup(test_decode, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
