// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/test.h"
#include "lib/insn.h"

#define BYTES(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})

static struct insn decode(enum insn_mode mode, const u8 *bytes, size_t size)
{
	struct insn insn;
	u8 whole[INSN_MAX];

	/* the same answer whether other code follows or not */
	memset(whole, 0xcc, sizeof(whole));
	memcpy(whole, bytes, size);
	assert_ok(insn_decode(whole, sizeof(whole), mode, &insn));
	assert_int_equal(insn.length, size);
	assert_ok(insn_decode(bytes, size, mode, &insn));
	assert_int_equal(insn.length, size);
	for (size_t cut = 0; cut < size; cut++)
		assert_error(insn_decode(bytes, cut, mode, &(struct insn){0}), E_TRUNCATED);
	return insn;
}

static void refuse(enum insn_mode mode, const u8 *bytes, size_t size)
{
	struct insn insn;

	assert_error(insn_decode(bytes, size, mode, &insn), E_UNSUPPORTED);
}

static void expect_kind(enum insn_mode mode, enum insn_kind kind, const u8 *bytes, size_t size)
{
	assert_int_equal(decode(mode, bytes, size).kind, kind);
}

static const enum insn_mode modes[] = {INSN_16, INSN_32, INSN_64};

static void test_plain_kinds(void **state)
{
	static const struct {
		enum insn_kind kind;
		u8 size, bytes[3];
	} cases[] = {
		{INSN_WBINVD, 2, {0x0f, 0x09}},        {INSN_INVD, 2, {0x0f, 0x08}},
		{INSN_CPUID, 2, {0x0f, 0xa2}},         {INSN_RDMSR, 2, {0x0f, 0x32}},
		{INSN_WRMSR, 2, {0x0f, 0x30}},         {INSN_CLTS, 2, {0x0f, 0x06}},
		{INSN_XSETBV, 3, {0x0f, 0x01, 0xd1}},  {INSN_VMCALL, 3, {0x0f, 0x01, 0xc1}},
		{INSN_VMMCALL, 3, {0x0f, 0x01, 0xd9}}, {INSN_HLT, 1, {0xf4}},
	};

	(void)state;
	for (u32 m = 0; m < ARRAY_SIZE(modes); m++)
		for (u32 i = 0; i < ARRAY_SIZE(cases); i++)
			expect_kind(modes[m], cases[i].kind, cases[i].bytes, cases[i].size);
}

static const u8 legal_prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

/* R14: every pair of legal prefixes, with and without REX, in front of 0F 09 and 0F 08. */
static void test_prefixed_wbinvd(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(legal_prefixes); i++)
		for (u32 j = 0; j < ARRAY_SIZE(legal_prefixes); j++)
			for (u32 m = 0; m < ARRAY_SIZE(modes); m++) {
				u8 a = legal_prefixes[i], b = legal_prefixes[j];

				expect_kind(modes[m], INSN_WBINVD, BYTES(a, b, 0x0f, 0x09));
				expect_kind(modes[m], INSN_INVD, BYTES(a, b, 0x0f, 0x08));
			}
	for (u32 rex = 0x40; rex < 0x50; rex++) {
		expect_kind(INSN_64, INSN_WBINVD, BYTES((u8)rex, 0x0f, 0x09));
		expect_kind(INSN_64, INSN_WBINVD, BYTES(0xf3, (u8)rex, 0x0f, 0x09));
		expect_kind(INSN_64, INSN_INVD, BYTES(0x66, (u8)rex, 0x0f, 0x08));
		refuse(INSN_32, BYTES((u8)rex, 0x0f, 0x09)); /* INC and DEC there */
	}
	expect_kind(INSN_64, INSN_WBINVD, BYTES(0x48, 0xf3, 0x0f, 0x09)); /* REX is ignored */
}

static void test_length_limit(void **state)
{
	u8 bytes[20];

	(void)state;
	memset(bytes, 0x66, sizeof(bytes));
	for (u32 prefixes = 0; prefixes <= 18; prefixes++) {
		struct insn insn;
		err_t e;

		memset(bytes, 0x66, sizeof(bytes));
		bytes[prefixes] = 0x0f;
		bytes[prefixes + 1] = 0x09;
		e = insn_decode(bytes, sizeof(bytes), INSN_64, &insn);
		assert_error(e, prefixes + 2 <= INSN_MAX ? E_OK : E_UNSUPPORTED);
		if (e == E_OK)
			assert_int_equal(insn.length, prefixes + 2);
	}
	memset(bytes, 0x66, sizeof(bytes));
	assert_error(insn_decode(bytes, 14, INSN_64, &(struct insn){0}), E_TRUNCATED);
	assert_error(insn_decode(bytes, 15, INSN_64, &(struct insn){0}), E_UNSUPPORTED);
}

static void test_refused(void **state)
{
	(void)state;
	refuse(INSN_64, BYTES(0xf0, 0x0f, 0x09)); /* LOCK is #UD */
	refuse(INSN_64, BYTES(0x90));
	refuse(INSN_64, BYTES(0x0f, 0x0b));
	refuse(INSN_64, BYTES(0x0f, 0x01, 0xd0));       /* XGETBV */
	refuse(INSN_64, BYTES(0x0f, 0x01, 0x38));       /* INVLPG */
	refuse(INSN_64, BYTES(0x66, 0x0f, 0x01, 0xd1)); /* XSETBV takes no prefix */
	refuse(INSN_64, BYTES(0xf3, 0x0f, 0x01, 0xd1));
	refuse(INSN_64, BYTES(0x89, 0xc8)); /* registers alone never trap */
	refuse(INSN_64, BYTES(0x0f, 0xb6, 0xc0));
	refuse(INSN_64, BYTES(0xc7, 0x08, 0, 0, 0, 0)); /* C7 has /0 only */
	refuse(INSN_64, BYTES(0xc7, 0xf8, 0, 0, 0, 0)); /* XBEGIN */
	refuse(INSN_32, BYTES(0xc5, 0xf8, 0x77));
}

static void test_control_registers(void **state)
{
	struct insn insn;

	(void)state;
	insn = decode(INSN_64, BYTES(0x0f, 0x22, 0xc0)); /* mov cr0, rax */
	assert_int_equal(insn.kind, INSN_MOV_TO_CR);
	assert_int_equal(insn.reg, 0);
	assert_int_equal(insn.rm, 0);
	insn = decode(INSN_64, BYTES(0x45, 0x0f, 0x20, 0xc7)); /* mov r15, cr8 */
	assert_int_equal(insn.kind, INSN_MOV_FROM_CR);
	assert_int_equal(insn.reg, 8);
	assert_int_equal(insn.rm, 15);
	insn = decode(INSN_32, BYTES(0x0f, 0x22, 0x1e)); /* mod is ignored: mov cr3, esi */
	assert_int_equal(insn.reg, 3);
	assert_int_equal(insn.rm, 6);
	assert_true(insn.rm_is_register);
	insn = decode(INSN_32, BYTES(0x0f, 0x01, 0xf1)); /* lmsw cx */
	assert_int_equal(insn.kind, INSN_LMSW);
	assert_true(insn.rm_is_register);
	assert_int_equal(insn.rm, 1);
	insn = decode(INSN_16, BYTES(0x0f, 0x01, 0x36, 0x34, 0x12)); /* lmsw [0x1234] */
	assert_int_equal(insn.kind, INSN_LMSW);
	assert_false(insn.rm_is_register);
	insn = decode(INSN_64, BYTES(0x41, 0x0f, 0x01, 0xe1)); /* smsw r9d */
	assert_int_equal(insn.kind, INSN_SMSW);
	assert_int_equal(insn.rm, 9);
}

struct move {
	enum insn_mode mode;
	u8 size, bytes[INSN_MAX];
	enum insn_kind kind;
	u8 operand_size, register_size, reg;
	bool high_byte, sign_extend;
};

/* Checked against an assembler's listing; every shape of ModRM, SIB and displacement is in it. */
static const struct move moves[] = {
	/* mov eax, [rax] */
	{INSN_64, 2, {0x8b, 0x00}, INSN_LOAD, 4, 4, 0, false, false},
	/* mov r9, [rip+0x11223344] */
	{INSN_64, 7, {0x4c, 0x8b, 0x0d, 0x44, 0x33, 0x22, 0x11}, INSN_LOAD, 8, 8, 9, false, false},
	/* mov [r12], r13w */
	{INSN_64, 5, {0x66, 0x45, 0x89, 0x2c, 0x24}, INSN_STORE, 2, 2, 13, false, false},
	/* mov [rbx+rcx*4+0x10], dl */
	{INSN_64, 4, {0x88, 0x54, 0x8b, 0x10}, INSN_STORE, 1, 1, 2, false, false},
	/* mov [rbx], ah; with REX it is spl */
	{INSN_64, 2, {0x88, 0x23}, INSN_STORE, 1, 1, 4, true, false},
	{INSN_64, 3, {0x40, 0x88, 0x23}, INSN_STORE, 1, 1, 4, false, false},
	/* mov bh, [rsi+0x12345678] */
	{INSN_64, 6, {0x8a, 0xbe, 0x78, 0x56, 0x34, 0x12}, INSN_LOAD, 1, 1, 7, true, false},
	/* mov eax, [rbp*1+0x12345678] without base */
	{INSN_64, 7, {0x8b, 0x04, 0x2d, 0x78, 0x56, 0x34, 0x12}, INSN_LOAD, 4, 4, 0, false, false},
	/* mov eax, [rbp+rax+0x8] */
	{INSN_64, 4, {0x8b, 0x44, 0x05, 0x08}, INSN_LOAD, 4, 4, 0, false, false},
	/* mov eax, [r13+0]: REX.B does not change the shape */
	{INSN_64, 4, {0x41, 0x8b, 0x45, 0x00}, INSN_LOAD, 4, 4, 0, false, false},
	/* mov ecx, [eax], 32-bit addresses */
	{INSN_64, 3, {0x67, 0x8b, 0x08}, INSN_LOAD, 4, 4, 1, false, false},
	/* movzx ecx, byte [rdi]; movzx r8, word [rdi]; movsx eax, byte; movsx cx, byte; movsx rdx,
           word */
	{INSN_64, 3, {0x0f, 0xb6, 0x0f}, INSN_LOAD, 1, 4, 1, false, false},
	{INSN_64, 4, {0x4c, 0x0f, 0xb7, 0x07}, INSN_LOAD, 2, 8, 8, false, false},
	{INSN_64, 3, {0x0f, 0xbe, 0x07}, INSN_LOAD, 1, 4, 0, false, true},
	{INSN_64, 4, {0x66, 0x0f, 0xbe, 0x0f}, INSN_LOAD, 1, 2, 1, false, true},
	{INSN_64, 4, {0x48, 0x0f, 0xbf, 0x17}, INSN_LOAD, 2, 8, 2, false, true},
	/* movzx esi, byte [rdi]: no high byte on this side */
	{INSN_64, 3, {0x0f, 0xb6, 0x37}, INSN_LOAD, 1, 4, 6, false, false},
	/* mov al, [moffs64]; mov [moffs32], eax; mov rax, [moffs64] */
	{INSN_64, 9, {0xa0, 1, 2, 3, 4, 5, 6, 7, 8}, INSN_LOAD, 1, 1, 0, false, false},
	{INSN_64, 6, {0x67, 0xa3, 1, 2, 3, 4}, INSN_STORE, 4, 4, 0, false, false},
	{INSN_64, 10, {0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8}, INSN_LOAD, 8, 8, 0, false, false},
	{INSN_32, 5, {0xa1, 1, 2, 3, 4}, INSN_LOAD, 4, 4, 0, false, false},
	{INSN_32, 4, {0x67, 0xa2, 1, 2}, INSN_STORE, 1, 1, 0, false, false},
	{INSN_16, 3, {0xa1, 1, 2}, INSN_LOAD, 2, 2, 0, false, false},
	{INSN_16, 7, {0x66, 0x67, 0xa3, 1, 2, 3, 4}, INSN_STORE, 4, 4, 0, false, false},
	/* 32 bit: mov [0xfee000b0], eax; mov eax, [ebx+0x20]; 16-bit addresses by prefix */
	{INSN_32, 6, {0x89, 0x05, 0xb0, 0x00, 0xe0, 0xfe}, INSN_STORE, 4, 4, 0, false, false},
	{INSN_32, 3, {0x8b, 0x43, 0x20}, INSN_LOAD, 4, 4, 0, false, false},
	{INSN_32, 3, {0x67, 0x8b, 0x07}, INSN_LOAD, 4, 4, 0, false, false},
	{INSN_32, 5, {0x67, 0x8b, 0x06, 0x34, 0x12}, INSN_LOAD, 4, 4, 0, false, false},
	/* 16 bit: [bp+di], [bx+8], [si+0x1234], [0x1234]; rm 4 has no SIB; 32-bit addresses by
           prefix */
	{INSN_16, 2, {0x8b, 0x03}, INSN_LOAD, 2, 2, 0, false, false},
	{INSN_16, 3, {0x89, 0x47, 0x08}, INSN_STORE, 2, 2, 0, false, false},
	{INSN_16, 4, {0x8a, 0x84, 0x34, 0x12}, INSN_LOAD, 1, 1, 0, false, false},
	{INSN_16, 4, {0x8b, 0x0e, 0x34, 0x12}, INSN_LOAD, 2, 2, 1, false, false},
	{INSN_16, 2, {0x8b, 0x04}, INSN_LOAD, 2, 2, 0, false, false},
	{INSN_16, 5, {0x66, 0x67, 0x8b, 0x04, 0x24}, INSN_LOAD, 4, 4, 0, false, false},
	/* segment and repeat prefixes change nothing */
	{INSN_64, 3, {0x65, 0x8b, 0x07}, INSN_LOAD, 4, 4, 0, false, false},
	{INSN_64, 3, {0xf3, 0x89, 0x07}, INSN_STORE, 4, 4, 0, false, false},
};

static void test_moves(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(moves); i++) {
		const struct move *m = &moves[i];
		struct insn insn = decode(m->mode, m->bytes, m->size);

		assert_int_equal(insn.kind, m->kind);
		assert_int_equal(insn.operand_size, m->operand_size);
		assert_int_equal(insn.register_size, m->register_size);
		assert_int_equal(insn.reg, m->reg);
		assert_int_equal(insn.high_byte, m->high_byte);
		assert_int_equal(insn.sign_extend, m->sign_extend);
		assert_false(insn.has_immediate);
	}
}

static void expect_immediate(enum insn_mode mode, u8 size, u64 immediate, const u8 *bytes,
                             size_t length)
{
	struct insn insn = decode(mode, bytes, length);

	assert_int_equal(insn.kind, INSN_STORE);
	assert_true(insn.has_immediate);
	assert_int_equal(insn.operand_size, size);
	assert_int_equal(insn.immediate, immediate);
}

static void test_immediate_stores(void **state)
{
	(void)state;
	expect_immediate(INSN_64, 1, 0xfe, BYTES(0xc6, 0x07, 0xfe));
	expect_immediate(INSN_64, 2, 0x8001, BYTES(0x66, 0xc7, 0x07, 0x01, 0x80));
	expect_immediate(INSN_64, 4, 0x80000001, BYTES(0xc7, 0x07, 0x01, 0x00, 0x00, 0x80));
	expect_immediate(INSN_64, 8, 0xffffffff80000001,
	                 BYTES(0x48, 0xc7, 0x07, 0x01, 0x00, 0x00, 0x80));
	expect_immediate(INSN_64, 8, 0x7fffffff,
	                 BYTES(0x66, 0x48, 0xc7, 0x07, 0xff, 0xff, 0xff, 0x7f));
	expect_immediate(INSN_64, 4, 5,
	                 BYTES(0xc7, 0x84, 0xc8, 1, 2, 3, 4, 0x05, 0x00, 0x00, 0x00));
	expect_immediate(INSN_16, 2, 0x1234, BYTES(0xc7, 0x06, 0x00, 0x10, 0x34, 0x12));
	expect_immediate(INSN_32, 4, 0x12345678,
	                 BYTES(0xc7, 0x05, 0, 0, 0xe0, 0xfe, 0x78, 0x56, 0x34, 0x12));
}

/* Whatever the bytes: an answer, no byte read behind them, a length that they have. */
static void test_any_bytes(void **state)
{
	u64 random = 0x2545f4914f6cdd1d;
	u8 whole[INSN_MAX];

	(void)state;
	for (u32 round = 0; round < 300000; round++) {
		size_t size = round % (INSN_MAX + 1);
		u8 *bytes = whole + INSN_MAX - size;
		struct insn insn;

		for (u32 i = 0; i < INSN_MAX; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			whole[i] = (u8)random;
			if (i < INSN_MAX - size + 2 && random >> 60 < 8) /* mostly prefixes first */
				whole[i] = legal_prefixes[random % ARRAY_SIZE(legal_prefixes)];
		}
		if (insn_decode(bytes, size, modes[round % 3], &insn) == E_OK) {
			assert_in_range(insn.length, 1, size);
			assert_int_not_equal(insn.kind, INSN_OTHER);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_kinds),       cmocka_unit_test(test_prefixed_wbinvd),
		cmocka_unit_test(test_length_limit),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_control_registers), cmocka_unit_test(test_moves),
		cmocka_unit_test(test_immediate_stores),  cmocka_unit_test(test_any_bytes),
	};

	return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
