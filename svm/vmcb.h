/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control block and its bits (AMD APM volume 2, appendix B; exit codes:
 * appendix C). */
#ifndef SVM_VMCB_H
#define SVM_VMCB_H

#include "lib/types.h"

/* Intercept vector 3, offset 0x00c */
#define INTERCEPT_NMI      BIT(1)
#define INTERCEPT_CR0_SEL  BIT(5) /* CR0 writes that change more than TS and MP */
#define INTERCEPT_CPUID    BIT(18)
#define INTERCEPT_INVD     BIT(22)
#define INTERCEPT_INVLPGA  BIT(26)
#define INTERCEPT_IO       BIT(27)
#define INTERCEPT_MSR      BIT(28)
#define INTERCEPT_SHUTDOWN BIT(31)
/* Intercept vector 4, offset 0x010 */
#define INTERCEPT_VMRUN   BIT(0)
#define INTERCEPT_VMMCALL BIT(1)
#define INTERCEPT_VMLOAD  BIT(2)
#define INTERCEPT_VMSAVE  BIT(3)
#define INTERCEPT_STGI    BIT(4)
#define INTERCEPT_CLGI    BIT(5)
#define INTERCEPT_SKINIT  BIT(6)
#define INTERCEPT_WBINVD  BIT(9)
#define INTERCEPT_XSETBV  BIT(13)
/* Intercept vectors 0 and 1: bit n is CRn */
#define INTERCEPT_CR0 BIT(0)

#define TLB_KEEP         0
#define TLB_FLUSH_ALL    1
#define NESTED_PAGING    BIT(0)
#define INTERRUPT_SHADOW BIT(0)

/* EVENTINJ and EXITINTINFO (15.20) */
#define EVENT_VECTOR      MASK(7, 0)
#define EVENT_TYPE        MASK(10, 8)
#define EVENT_NMI         2
#define EVENT_EXCEPTION   3
#define EVENT_ERROR_VALID BIT(11)
#define EVENT_VALID       BIT(31)
#define EVENT_ERROR       MASK(63, 32)

/* EXITINFO1 of an I/O intercept (15.10.2); EXITINFO2 is the next RIP */
#define IO_IN     BIT(0)
#define IO_STRING BIT(2)
#define IO_SIZE   MASK(6, 4)
#define IO_PORT   MASK(31, 16)

/* EXITINFO1 of a nested page fault is a page-fault error code (15.25.6) */
#define NPF_WRITE BIT(1)
#define NPF_FETCH BIT(4)

enum svm_exit_code {
	SVM_EXIT_READ_CR0 = 0x00,
	SVM_EXIT_WRITE_CR0 = 0x10,
	SVM_EXIT_NMI = 0x61,
	SVM_EXIT_CR0_SEL_WRITE = 0x65,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_VMSAVE = 0x83,
	SVM_EXIT_STGI = 0x84,
	SVM_EXIT_CLGI = 0x85,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_WBINVD = 0x89,
	SVM_EXIT_XSETBV = 0x8d,
	SVM_EXIT_NPF = 0x400,
};

struct vmcb_segment {
	u16 selector, attributes;
	u32 limit;
	u64 base;
};

/* Segment attributes: bits 7:0 are descriptor bits 47:40, bits 11:8 are 55:52 (4.7). */
#define SEGMENT_CODE_64 0xa9b
#define SEGMENT_CODE_32 0xc9b
#define SEGMENT_CODE_16 0x09b
#define SEGMENT_DATA    0xc93
#define SEGMENT_DATA_16 0x093
#define SEGMENT_TSS     0x08b
#define SEGMENT_LDT     0x082
#define SEGMENT_L       BIT(9)
#define SEGMENT_D       BIT(10)

struct vmcb {
	u16 cr_reads, cr_writes; /* 0x000: intercepts */
	u16 dr_reads, dr_writes;
	u32 exceptions;
	u32 intercepts3, intercepts4, intercepts5;
	u8 reserved1[0x40 - 0x18];
	u64 iopm_pa, msrpm_pa, tsc_offset; /* 0x040 */
	u32 asid;
	u8 tlb_control, reserved2[3];
	u64 virtual_interrupt, interrupt_shadow; /* 0x060 */
	u64 exit_code, exit_info1, exit_info2, exit_interrupt_info;
	u64 nested_control; /* 0x090 */
	u8 reserved3[0xa8 - 0x98];
	u64 event_injection;
	u64 nested_cr3; /* 0x0b0 */
	u64 lbr_control;
	u32 clean, reserved4;
	u64 next_rip; /* 0x0c8 */
	u8 reserved5[0x3e0 - 0xd0];
	/* Left to the host: what svm/entry.asm wants to know, where VMRUN and VMLOAD take it. */
	u64 own_pa, host_pa; /* 0x3e0 */
	u8 reserved13[0x400 - 0x3f0];

	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr; /* 0x400 */
	u8 reserved6[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved7;
	u64 efer; /* 0x4d0 */
	u8 reserved8[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip; /* 0x548 */
	u8 reserved9[0x5d8 - 0x580];
	u64 rsp;
	u8 reserved10[0x5f8 - 0x5e0];
	u64 rax; /* 0x5f8 */
	u64 star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved11[0x668 - 0x648];
	u64 pat; /* 0x668 */
	u64 debug_control;
	u8 reserved12[0x1000 - 0x678];
};
_Static_assert(offsetof(struct vmcb, iopm_pa) == 0x40, "VMCB");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x70, "VMCB");
_Static_assert(offsetof(struct vmcb, nested_control) == 0x90, "VMCB");
_Static_assert(offsetof(struct vmcb, event_injection) == 0xa8, "VMCB");
_Static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "VMCB");
_Static_assert(offsetof(struct vmcb, own_pa) == 0x3e0, "VMCB");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "VMCB");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "VMCB");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "VMCB");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "VMCB");
_Static_assert(sizeof(struct vmcb) == 4096, "VMCB");

#endif
