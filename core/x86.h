/* SPDX-License-Identifier: BSD-2-Clause */
/* Architectural bits both vendors share. SDM volume 3: 2.5 control registers, 2.2.1 EFER, 12.12
 * PAT. */
#ifndef CORE_X86_H
#define CORE_X86_H

#include "lib/types.h"

#define CR0_PE         BIT(0)
#define CR0_TS         BIT(3)
#define CR0_ET         BIT(4)
#define CR0_NE         BIT(5)
#define CR0_WP         BIT(16)
#define CR0_NW         BIT(29) /* not write-through */
#define CR0_CD         BIT(30) /* cache disable */
#define CR0_PG         BIT(31)
#define CR0_CACHE_BITS (CR0_CD | CR0_NW)

#define CR4_PAE     BIT(5)
#define CR4_PGE     BIT(7)
#define CR4_LA57    BIT(12)
#define CR4_UMIP    BIT(11)
#define CR4_VMXE    BIT(13)
#define CR4_OSXSAVE BIT(18)
#define CR4_SMEP    BIT(20)
#define CR4_SMAP    BIT(21)
#define CR4_PKE     BIT(22)
#define CR4_UINTR   BIT(25)

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_TF    BIT(8)

#define MSR_APIC_BASE       0x1b
#define APIC_BASE_X2APIC    BIT(10)
#define MSR_FEATURE_CONTROL 0x3a
#define MSR_MTRRCAP         0xfe
#define MSR_SYSENTER_CS     0x174
#define MSR_SYSENTER_ESP    0x175
#define MSR_SYSENTER_EIP    0x176
#define MSR_DEBUGCTL        0x1d9
#define MSR_MTRR_PHYS_FIRST 0x200
#define MSR_MTRR_PHYS_LAST  0x21f
#define MSR_MTRR_FIX_FIRST  0x250
#define MSR_MTRR_FIX_LAST   0x26f
#define MSR_PAT             0x277
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MSR_EFER            0xc0000080
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101

#define EFER_SCE    BIT(0)
#define EFER_LME    BIT(8)
#define EFER_LMA    BIT(10)
#define EFER_NXE    BIT(11)
#define EFER_SVME   BIT(12)
#define EFER_FFXSR  BIT(14)
#define EFER_TCE    BIT(15) /* translation cache extension */
#define EFER_AIBRSE BIT(21) /* automatic IBRS */

#define DR6_BS BIT(14) /* single step */

#define PAT_RESET 0x0007040600070406ull /* value after RESET */
#define PAT_WB    0x0606060606060606ull
#define PAT_UC    0ull

#define VECTOR_DB            1
#define VECTOR_NMI           2
#define VECTOR_UD            6
#define VECTOR_DF            8
#define VECTOR_GP            13
#define VECTOR_PF            14
#define VECTOR_NO_ERROR_CODE 0xffffffffu

/* Page-table entries of the CPU (4.5). */
#define PTE_P       BIT(0)
#define PTE_W       BIT(1)
#define PTE_U       BIT(2)
#define PTE_PWT     BIT(3)
#define PTE_PCD     BIT(4)
#define PTE_PS      BIT(7)
#define PTE_NX      BIT(63)
#define PTE_ADDRESS MASK(51, 12)

/* General registers in the order of instruction encodings. */
enum gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_COUNT
};

#endif
