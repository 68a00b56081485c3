// SPDX-License-Identifier: BSD-2-Clause
#include "lib/insn.h"
#include "lib/bytes.h"

#define PREFIX_66 BIT(0) /* operand size */
#define PREFIX_67 BIT(1) /* address size */
#define PREFIX_F2 BIT(2)
#define PREFIX_F3 BIT(3)

#define REX_B BIT(0)
#define REX_R BIT(2)
#define REX_W BIT(3)

struct decoder {
	const u8 *at, *end;
	bool is_whole; /* nothing legal lies past end */
	enum insn_mode mode;
	u8 prefixes, rex, modrm;
};

static err_t take(struct decoder *d, u32 count, const u8 **bytes)
{
	if ((size_t)(d->end - d->at) < count)
		return d->is_whole ? E_UNSUPPORTED : E_TRUNCATED;
	*bytes = d->at;
	d->at += count;
	return E_OK;
}

static err_t take_u8(struct decoder *d, u8 *byte)
{
	const u8 *bytes;

	TRY(take(d, 1, &bytes));
	*byte = *bytes;
	return E_OK;
}

static u8 operand_size(const struct decoder *d)
{
	if (d->rex & REX_W)
		return 8;
	return (d->mode == INSN_16) != !!(d->prefixes & PREFIX_66) ? 2 : 4;
}

static u8 address_size(const struct decoder *d)
{
	bool other = d->prefixes & PREFIX_67;

	if (d->mode == INSN_64)
		return other ? 4 : 8;
	return (d->mode == INSN_16) != other ? 2 : 4;
}

/* SDM volume 2, 2.1.1 and 2.2.1: REX counts only right before the opcode. Returns the opcode. */
static err_t take_prefixes(struct decoder *d, u8 *opcode)
{
	for (;;) {
		TRY(take_u8(d, opcode));
		switch (*opcode) {
		case 0x66:
			d->prefixes |= PREFIX_66;
			break;
		case 0x67:
			d->prefixes |= PREFIX_67;
			break;
		case 0xf2:
			d->prefixes |= PREFIX_F2;
			break;
		case 0xf3:
			d->prefixes |= PREFIX_F3;
			break;
		case 0x26: /* segment overrides: the guest-physical address is known already */
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
			break;
		default:
			if (d->mode != INSN_64 || (*opcode & 0xf0) != 0x40)
				return E_OK;
			d->rex = *opcode;
			continue;
		}
		d->rex = 0;
	}
}

/* SDM volume 2, tables 2-1 to 2-3: a SIB byte and the displacement, for their length alone. */
static err_t skip_address(struct decoder *d)
{
	static const u8 size_16[] = {0, 1, 2}, size_32[] = {0, 1, 4};
	bool is_16 = address_size(d) == 2;
	u8 mod = d->modrm >> 6, base = d->modrm & 7, size;
	const u8 *bytes;

	if (!is_16 && base == 4) {
		TRY(take_u8(d, &base));
		base &= 7;
	}
	size = is_16 ? size_16[mod] : size_32[mod];
	if (mod == 0 && base == (is_16 ? 6 : 5))
		size = is_16 ? 2 : 4;
	return take(d, size, &bytes);
}

static err_t take_modrm_byte(struct decoder *d, struct insn *insn)
{
	TRY(take_u8(d, &d->modrm));
	insn->reg = (d->modrm >> 3 & 7) | (d->rex & REX_R ? 8 : 0);
	insn->rm = (d->modrm & 7) | (d->rex & REX_B ? 8 : 0);
	insn->rm_is_register = d->modrm >> 6 == 3;
	return E_OK;
}

static err_t take_modrm(struct decoder *d, struct insn *insn)
{
	TRY(take_modrm_byte(d, insn));
	return insn->rm_is_register ? E_OK : skip_address(d);
}

/* A move between memory and a register: never traps with two registers. */
static err_t take_move(struct decoder *d, struct insn *insn, enum insn_kind kind, u8 size)
{
	insn->kind = kind;
	insn->operand_size = size;
	insn->register_size = size;
	TRY(take_modrm(d, insn));
	insn->high_byte = size == 1 && !d->rex && insn->reg >= 4;
	return insn->rm_is_register ? E_UNSUPPORTED : E_OK;
}

/* 0F B6, B7, BE, BF: the size of the source is in bit 0, the sign in bit 3. */
static err_t take_extending_load(struct decoder *d, struct insn *insn, u8 opcode)
{
	TRY(take_move(d, insn, INSN_LOAD, opcode & 1 ? 2 : 1));
	insn->register_size = operand_size(d);
	insn->sign_extend = opcode & 8;
	insn->high_byte = false;
	return E_OK;
}

/* C6 /0, C7 /0 */
static err_t take_immediate_store(struct decoder *d, struct insn *insn, u8 size)
{
	const u8 *bytes;

	TRY(take_move(d, insn, INSN_STORE, size));
	if (d->modrm >> 3 & 7)
		return E_UNSUPPORTED;
	TRY(take(d, MIN(size, 4), &bytes));
	insn->has_immediate = true;
	insn->high_byte = false;
	if (size == 1)
		insn->immediate = *bytes;
	else if (size == 2)
		insn->immediate = get_u16(bytes);
	else if (size == 4)
		insn->immediate = get_u32(bytes);
	else
		insn->immediate = (u64)(s64)(int32_t)get_u32(bytes);
	return E_OK;
}

/* 0F 01: a register form of the ModRM byte is an opcode of its own, except for /4 and /6. */
static err_t take_group_7(struct decoder *d, struct insn *insn)
{
	TRY(take_modrm(d, insn));
	insn->operand_size = insn->rm_is_register ? operand_size(d) : 2;
	switch (d->modrm) {
	case 0xc1:
		insn->kind = INSN_VMCALL;
		return E_OK;
	case 0xd1:
		insn->kind = INSN_XSETBV;
		return d->prefixes & (PREFIX_66 | PREFIX_F2 | PREFIX_F3) ? E_UNSUPPORTED : E_OK;
	case 0xd9:
		insn->kind = INSN_VMMCALL;
		return E_OK;
	}
	switch (d->modrm >> 3 & 7) {
	case 4:
		insn->kind = INSN_SMSW;
		return E_OK;
	case 6:
		insn->kind = INSN_LMSW;
		return E_OK;
	}
	return E_UNSUPPORTED;
}

/* 0F 20, 0F 22: the rm field is a register whatever mod says (SDM volume 2, MOV control registers).
 */
static err_t take_control_move(struct decoder *d, struct insn *insn, enum insn_kind kind)
{
	TRY(take_modrm_byte(d, insn));
	insn->kind = kind;
	insn->operand_size = d->mode == INSN_64 ? 8 : 4;
	insn->rm_is_register = true;
	return E_OK;
}

static err_t take_two_byte(struct decoder *d, struct insn *insn)
{
	u8 opcode;

	TRY(take_u8(d, &opcode));
	switch (opcode) {
	case 0x09: /* F2 and F3 together: in doubt WBINVD, which R14 lets stand for both */
		insn->kind = INSN_WBINVD;
		if ((d->prefixes & (PREFIX_F2 | PREFIX_F3)) == PREFIX_F3)
			insn->kind = INSN_WBNOINVD;
		return E_OK;
	case 0x08:
		insn->kind = INSN_INVD;
		return E_OK;
	case 0x01:
		return take_group_7(d, insn);
	case 0x06:
		insn->kind = INSN_CLTS;
		return E_OK;
	case 0x20:
		return take_control_move(d, insn, INSN_MOV_FROM_CR);
	case 0x22:
		return take_control_move(d, insn, INSN_MOV_TO_CR);
	case 0x30:
		insn->kind = INSN_WRMSR;
		return E_OK;
	case 0x32:
		insn->kind = INSN_RDMSR;
		return E_OK;
	case 0xa2:
		insn->kind = INSN_CPUID;
		return E_OK;
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
		return take_extending_load(d, insn, opcode);
	}
	return E_UNSUPPORTED;
}

static err_t take_one_byte(struct decoder *d, struct insn *insn, u8 opcode)
{
	u8 size = opcode & 1 ? operand_size(d) : 1;
	const u8 *bytes;

	switch (opcode) {
	case 0x88:
	case 0x89:
		return take_move(d, insn, INSN_STORE, size);
	case 0x8a:
	case 0x8b:
		return take_move(d, insn, INSN_LOAD, size);
	case 0xa0: /* AL or rAX, and an address as wide as addresses are */
	case 0xa1:
	case 0xa2:
	case 0xa3:
		insn->kind = opcode & 2 ? INSN_STORE : INSN_LOAD;
		insn->operand_size = size;
		insn->register_size = size;
		return take(d, address_size(d), &bytes);
	case 0xc6:
	case 0xc7:
		return take_immediate_store(d, insn, size);
	case 0xf4:
		insn->kind = INSN_HLT;
		return E_OK;
	}
	return E_UNSUPPORTED;
}

err_t insn_decode(const u8 *bytes, size_t size, enum insn_mode mode, struct insn *insn)
{
	struct decoder d = {
		.at = bytes,
		.end = bytes + MIN(size, INSN_MAX),
		.is_whole = size >= INSN_MAX,
		.mode = mode,
	};
	u8 opcode;

	*insn = (struct insn){.kind = INSN_OTHER};
	TRY(take_prefixes(&d, &opcode));
	TRY(opcode == 0x0f ? take_two_byte(&d, insn) : take_one_byte(&d, insn, opcode));
	insn->length = (u8)(d.at - bytes);
	return E_OK;
}
