/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Just enough of the x86 instruction format (Intel SDM volume 2, chapter 2) to advance over the
 * instructions we trap where hardware gives no length, and to emulate plain moves to trapped pages.
 */
#ifndef LIB_INSN_H
#define LIB_INSN_H

#include "lib/error.h"
#include "lib/types.h"

#define INSN_MAX 15 /* bytes; a longer instruction is #GP, SDM volume 2, 2.3.11 */

enum insn_mode { INSN_16 = 16, INSN_32 = 32, INSN_64 = 64 }; /* default of the code segment */

enum insn_kind {
	INSN_OTHER,   /* length is not known */
	INSN_WBINVD,  /* 0F 09 with any legal prefix; F3 makes it WBNOINVD, which R14 lets it stand
	                 for */
	INSN_INVD,    /* 0F 08 */
	INSN_CPUID,   /* 0F A2 */
	INSN_RDMSR,   /* 0F 32 */
	INSN_WRMSR,   /* 0F 30 */
	INSN_XSETBV,  /* NP 0F 01 D1 */
	INSN_VMCALL,  /* 0F 01 C1 */
	INSN_VMMCALL, /* 0F 01 D9 */
	INSN_HLT,     /* F4 */
	INSN_MOV_TO_CR,   /* 0F 22 /r: reg = control register, rm = general register */
	INSN_MOV_FROM_CR, /* 0F 20 /r */
	INSN_CLTS,        /* 0F 06 */
	INSN_LMSW,        /* 0F 01 /6: rm if has_modrm_register, else memory */
	INSN_SMSW,        /* 0F 01 /4 */
	INSN_LOAD,        /* memory -> general register: 8A 8B A0 A1, 0F B6/B7/BE/BF */
	INSN_STORE,       /* general register or immediate -> memory: 88 89 A2 A3 C6/0 C7/0 */
};

struct insn {
	enum insn_kind kind;
	u8 length;
	u8 operand_size;  /* LOAD, STORE: bytes moved from or to memory: 1, 2, 4, 8 */
	u8 register_size; /* LOAD: bytes written to the register (a 4-byte write clears the upper
	                     half) */
	u8 reg; /* ModRM.reg with REX.R; still 4-7 for AH..BH (byte operand, no REX): high_byte is
	           set */
	u8 rm;  /* ModRM.rm with REX.B when mod = 3 */
	bool rm_is_register;
	bool high_byte;
	bool sign_extend;
	bool has_immediate;
	u64 immediate; /* sign-extended to operand_size, zero above */
};

/*
 * In: up to INSN_MAX bytes that start at the instruction, and the mode. E_TRUNCATED if the bytes
 * end before the instruction does; E_UNSUPPORTED for what is none of the above (LOCK included,
 * which is #UD on all of these).
 */
err_t insn_decode(const u8 *bytes, size_t size, enum insn_mode mode, struct insn *insn) must_check;

#endif
