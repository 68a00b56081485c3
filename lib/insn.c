// SPDX-License-Identifier: BSD-2-Clause
#include "lib/insn.h"

#define REX_B BIT(0)
#define REX_R BIT(2)
#define REX_W BIT(3)

/* One bit a prefix. Segment overrides change nothing: the guest-physical address is known. */
#define PREFIX_66 BIT(0) /* operand size */
#define PREFIX_67 BIT(1) /* address size */
#define PREFIX_F2 BIT(2)
#define PREFIX_F3 BIT(3)
static const u8 prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};

enum operands {
	NONE,
	GROUP_7,        /* ModRM, which tells the instruction */
	CONTROL,        /* ModRM of two registers, whatever its mod field says */
	MOVE,           /* ModRM of memory and a register; wide if bit 0 of the opcode is set */
	MOVE_EXTEND,    /* the same, but bit 0 tells the size of the source, and bit 3 the sign */
	MOVE_IMMEDIATE, /* ModRM of memory with /0, and at most four bytes */
	MOVE_OFFSET,    /* an address as wide as addresses are; the register is AL or rAX */
};

/* SDM volume 2, appendix A. The upper half is for opcodes after 0F. */
static const struct {
	u8 kind, operands;
} opcodes[0x200] = {
	[0x88 ... 0x89] = {INSN_STORE, MOVE},
	[0x8a ... 0x8b] = {INSN_LOAD, MOVE},
	[0xa0 ... 0xa1] = {INSN_LOAD, MOVE_OFFSET},
	[0xa2 ... 0xa3] = {INSN_STORE, MOVE_OFFSET},
	[0xc6 ... 0xc7] = {INSN_STORE, MOVE_IMMEDIATE},
	[0xf4] = {INSN_HLT, NONE},
	[0x101] = {INSN_OTHER, GROUP_7},
	[0x106] = {INSN_CLTS, NONE},
	[0x108] = {INSN_INVD, NONE},
	[0x109] = {INSN_WBINVD, NONE},
	[0x120] = {INSN_MOV_FROM_CR, CONTROL},
	[0x122] = {INSN_MOV_TO_CR, CONTROL},
	[0x130] = {INSN_WRMSR, NONE},
	[0x132] = {INSN_RDMSR, NONE},
	[0x1a2] = {INSN_CPUID, NONE},
	[0x1b6 ... 0x1b7] = {INSN_LOAD, MOVE_EXTEND},
	[0x1be ... 0x1bf] = {INSN_LOAD, MOVE_EXTEND},
};

struct decoder {
	const u8 *bytes;
	u32 size, length; /* length: taken so far, perhaps more than size; checked at the end */
	enum insn_mode mode;
	u32 prefixes;
	u8 rex;
};

/* The next byte; past the end 0, which is no prefix. */
static u8 take(struct decoder *d)
{
	u32 at = d->length++;

	return at < d->size ? d->bytes[at] : 0;
}

static u8 operand_size(const struct decoder *d)
{
	bool is_16 = (d->mode == INSN_16) != !!(d->prefixes & PREFIX_66);

	return d->rex & REX_W ? 8 : is_16 ? 2 : 4;
}

static u8 address_size(const struct decoder *d)
{
	return !(d->prefixes & PREFIX_67) ? d->mode / 8 : d->mode == INSN_32 ? 2 : 4;
}

static u32 prefix_bit(u8 byte)
{
	for (u32 i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (byte == prefixes[i])
			return 1u << i;
	return 0;
}

/* SDM volume 2, 2.1.1 and 2.2.1: REX counts only right before the opcode. An index of opcodes[]. */
static u32 take_opcode(struct decoder *d)
{
	for (;;) {
		u8 byte = take(d);
		u32 bit = prefix_bit(byte);

		if (!bit && (d->mode != INSN_64 || (byte & 0xf0) != 0x40))
			return byte == 0x0f ? 0x100u | take(d) : byte;
		d->prefixes |= bit;
		d->rex = bit ? 0 : byte;
	}
}

/* SDM volume 2, tables 2-1 to 2-3: a SIB byte and the displacement, for their length alone. */
static void skip_address(struct decoder *d, u8 mod, u8 base)
{
	bool is_16 = address_size(d) == 2;

	if (!is_16 && base == 4)
		base = take(d) & 7;
	if (mod == 1)
		d->length += 1;
	else if (mod == 2 || base == (is_16 ? 6 : 5))
		d->length += is_16 ? 2 : 4;
}

static u8 take_modrm(struct decoder *d, struct insn *insn, enum operands operands)
{
	u8 modrm = take(d);

	insn->reg = (modrm >> 3 & 7) | (d->rex & REX_R ? 8 : 0);
	insn->rm = (modrm & 7) | (d->rex & REX_B ? 8 : 0);
	insn->rm_is_register = operands == CONTROL || modrm >> 6 == 3;
	if (!insn->rm_is_register)
		skip_address(d, modrm >> 6, modrm & 7);
	return modrm;
}

/* 0F 01: a register form of the ModRM byte is an opcode of its own, except for /4 and /6. */
static enum insn_kind take_group_7(struct decoder *d, struct insn *insn)
{
	u8 modrm = take_modrm(d, insn, GROUP_7), reg = modrm >> 3 & 7;

	if (modrm == 0xc1)
		return INSN_VMCALL;
	if (modrm == 0xd9)
		return INSN_VMMCALL;
	if (modrm == 0xd1 && !(d->prefixes & (PREFIX_66 | PREFIX_F2 | PREFIX_F3)))
		return INSN_XSETBV;
	return reg == 4 ? INSN_SMSW : reg == 6 ? INSN_LMSW : INSN_OTHER;
}

/* At most four bytes, sign-extended to eight. */
static u64 take_immediate(struct decoder *d, u8 size)
{
	u64 value = 0;

	for (u32 i = 0; i < MIN(size, 4); i++)
		value |= (u64)take(d) << 8 * i;
	return size == 8 ? (u64)(int32_t)value : value;
}

static void take_move(struct decoder *d, struct insn *insn, u32 opcode, enum operands operands)
{
	bool is_wide = opcode & 1, extends = operands == MOVE_EXTEND;
	u8 wide = operand_size(d);

	insn->operand_size = !is_wide ? 1 : extends ? 2 : wide;
	insn->register_size = extends ? wide : insn->operand_size;
	insn->sign_extend = extends && opcode & 8;
	insn->has_immediate = operands == MOVE_IMMEDIATE;
	if (operands == MOVE_OFFSET)
		d->length += address_size(d);
	else
		take_modrm(d, insn, operands);
	insn->high_byte = insn->register_size == 1 && !d->rex && insn->reg >= 4;
	if (insn->rm_is_register || (insn->has_immediate && insn->reg & 7))
		insn->kind = INSN_OTHER; /* registers alone never trap; /1 to /7 are no moves */
	else if (insn->has_immediate)
		insn->immediate = take_immediate(d, insn->operand_size);
}

err_t insn_decode(const u8 *bytes, size_t size, enum insn_mode mode, struct insn *insn)
{
	struct decoder d = {.bytes = bytes, .size = (u32)MIN(size, INSN_MAX), .mode = mode};
	u32 opcode = take_opcode(&d);
	enum operands operands = opcodes[opcode].operands;

	*insn = (struct insn){.kind = opcodes[opcode].kind};
	if (operands == GROUP_7)
		insn->kind = take_group_7(&d, insn);
	else if (operands == CONTROL)
		take_modrm(&d, insn, operands);
	else if (operands != NONE)
		take_move(&d, insn, opcode, operands);
	insn->length = (u8)d.length;
	if (d.length > d.size)
		return d.size < INSN_MAX ? E_TRUNCATED : E_UNSUPPORTED;
	return insn->kind == INSN_OTHER ? E_UNSUPPORTED : E_OK;
}
