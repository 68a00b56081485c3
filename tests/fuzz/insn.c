// SPDX-License-Identifier: BSD-2-Clause
#include "lib/insn.h"
#include "tests/fuzz/fuzz.h"

static enum insn_mode mode;

static void check_move(const struct insn *insn)
{
	u32 size = insn->operand_size;

	assert_true(size == 1 || size == 2 || size == 4 || size == 8);
	assert_false(insn->rm_is_register);
	assert_true(!insn->high_byte || (size == 1 && insn->reg >= 4 && insn->reg <= 7));
	if (insn->kind == INSN_LOAD)
		assert_true(insn->register_size >= size && insn->register_size <= 8);
	if (insn->has_immediate && size < 8)
		assert_true(insn->immediate >> 8 * size == 0);
}

/* The length is that of the instruction: its bytes suffice, fewer do not. */
static err_t parse(u8 *bytes, size_t size)
{
	struct insn insn, again;

	TRY(insn_decode(bytes, size, mode, &insn));
	assert_in_range(insn.length, 1, MIN(size, INSN_MAX));
	assert_true(insn.kind != INSN_OTHER);
	assert_true(insn.reg < 16 && insn.rm < 16);
	if (insn.kind == INSN_LOAD || insn.kind == INSN_STORE)
		check_move(&insn);
	assert_ok(insn_decode(bytes, insn.length, mode, &again));
	assert_int_equal(again.kind, insn.kind);
	assert_int_equal(again.length, insn.length);
	assert_true(again.immediate == insn.immediate);
	for (u32 i = 0; i < insn.length; i++)
		assert_error(insn_decode(bytes, i, mode, &again), E_TRUNCATED);
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const enum insn_mode modes[] = {INSN_16, INSN_32, INSN_64};

	for (u32 i = 0; i < ARRAY_SIZE(modes); i++) {
		mode = modes[i];
		parse_copy(data, MIN(size, INSN_MAX), parse);
	}
	return 0;
}
