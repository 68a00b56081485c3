/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX as the manual has it (Intel SDM volume 3): MSRs, controls, VMCS fields, exit reasons. */
#ifndef VMX_REG_H
#define VMX_REG_H

#include "lib/types.h"

#define CPUID_1_ECX_VMX BIT(5)

/* MSRs: SDM volume 3, appendix A; IA32_FEATURE_CONTROL in volume 4, table 2-2. */
#define MSR_VMX_BASIC      0x480
#define MSR_VMX_CR0_FIXED0 0x486
#define MSR_VMX_CR0_FIXED1 0x487
#define MSR_VMX_CR4_FIXED0 0x488
#define MSR_VMX_CR4_FIXED1 0x489
#define MSR_VMX_PROC2      0x48b
#define MSR_VMX_EPT_VPID   0x48c
#define MSR_VMX_TRUE_PIN   0x48d
#define MSR_VMX_TRUE_PROC  0x48e
#define MSR_VMX_TRUE_EXIT  0x48f
#define MSR_VMX_TRUE_ENTRY 0x490

#define FEATURE_CONTROL_LOCK  BIT(0)
#define FEATURE_CONTROL_VMXON BIT(2) /* outside SMX */

/* Volume 4, table 2-2; not every CPU has the MSR. */
#define MSR_ARCH_CAPABILITIES   0x10a
#define ARCH_CAP_PSCHANGE_MC_NO BIT(6) /* no machine check when a page changes its size */

/* IA32_VMX_BASIC: A.1. */
#define VMX_BASIC_REVISION      MASK(30, 0)
#define VMX_BASIC_MEMORY_TYPE   MASK(53, 50) /* of the VMCS; 6 = WB */
#define VMX_BASIC_TRUE_CONTROLS BIT(55)

/* IA32_VMX_EPT_VPID_CAP: A.10. */
#define EPT_CAP_WALK_4         BIT(6)
#define EPT_CAP_WB             BIT(14) /* of the tables */
#define EPT_CAP_2M             BIT(16)
#define EPT_CAP_1G             BIT(17)
#define EPT_CAP_INVEPT         BIT(20)
#define EPT_CAP_INVEPT_CONTEXT BIT(25)

/* Operand of INVEPT: SDM volume 3, 31.3. */
#define INVEPT_CONTEXT 1

/* Pin-based controls: 25.6.1. */
#define PIN_NMI_EXITING  BIT(3)
#define PIN_VIRTUAL_NMIS BIT(5)

/* Processor-based controls: 25.6.2. */
#define PROC_NMI_WINDOW  BIT(22)
#define PROC_IO_BITMAPS  BIT(25)
#define PROC_MSR_BITMAPS BIT(28)
#define PROC_SECONDARY   BIT(31)

#define PROC2_EPT                BIT(1)
#define PROC2_RDTSCP             BIT(3)
#define PROC2_VPID               BIT(5)
#define PROC2_WBINVD_EXITING     BIT(6)
#define PROC2_UNRESTRICTED_GUEST BIT(7)
#define PROC2_INVPCID            BIT(12)
#define PROC2_XSAVES             BIT(20)
#define PROC2_USER_WAIT          BIT(26)

/* VM-exit controls (25.7.1) and VM-entry controls (25.8.1). */
#define VMEXIT_SAVE_DEBUG  BIT(2)
#define VMEXIT_HOST_64     BIT(9)
#define VMEXIT_LOAD_PAT    BIT(19)
#define VMEXIT_SAVE_EFER   BIT(20)
#define VMEXIT_LOAD_EFER   BIT(21)
#define VMENTRY_LOAD_DEBUG BIT(2)
#define VMENTRY_IA32E      BIT(9)
#define VMENTRY_LOAD_PAT   BIT(14)
#define VMENTRY_LOAD_EFER  BIT(15)

/* Extended-page-table pointer: 25.6.11. */
#define EPTP_WB      6ull
#define EPTP_WALK(n) FIELD_PUT(MASK(5, 3), (n)-1)

/* Entries of extended page tables: 29.3.2. Bit 52 is ignored by the CPU. */
#define EPT_R           BIT(0)
#define EPT_W           BIT(1)
#define EPT_X           BIT(2)
#define EPT_MEMORY_TYPE MASK(5, 3)
#define EPT_TYPE_UC     FIELD_PUT(EPT_MEMORY_TYPE, 0)
#define EPT_TYPE_WB     FIELD_PUT(EPT_MEMORY_TYPE, 6)
#define EPT_IGNORE_PAT  BIT(6)
#define EPT_LARGE       BIT(7)
#define EPT_ADDRESS     MASK(51, 12)
#define EPT_DEVICE      BIT(52) /* ours: device memory, always UC */

/* Interruption information, of exits, entries and IDT vectoring: 25.8.3, 25.9.2, 25.9.3. */
#define EVENT_VECTOR         MASK(7, 0)
#define EVENT_TYPE           MASK(10, 8)
#define EVENT_TYPE_NMI       2
#define EVENT_TYPE_EXCEPTION 3
#define EVENT_ERROR_CODE     BIT(11)
#define EVENT_VALID          BIT(31)

/* Guest interruptibility state: table 25-3. Pending debug exceptions: table 25-4. */
#define BLOCKING_STI     BIT(0)
#define BLOCKING_MOV_SS  BIT(1)
#define BLOCKING_NMI     BIT(3)
#define PENDING_DEBUG_BS BIT(14)

#define DEBUGCTL_BTF    BIT(1) /* single-step on branches: volume 3, 18.4.1 */
#define DR7_RESET       0x400
#define RFLAGS_RESERVED (BIT(3) | BIT(5) | BIT(15) | MASK(63, 22)) /* volume 1, 3.4.3 */

/* PAE paging: volume 3, 4.4.1. */
#define PDPT_ADDRESS MASK(31, 5)

/* Access rights of a segment: 25.4.1. */
#define AR_S        BIT(4) /* code or data */
#define AR_DPL      MASK(6, 5)
#define AR_P        BIT(7)
#define AR_L        BIT(13)
#define AR_DB       BIT(14)
#define AR_G        BIT(15)
#define AR_UNUSABLE BIT(16)
#define AR_RESERVED (MASK(11, 8) | MASK(31, 17))
#define AR_CODE_64  0xa09b /* flat, accessed; what an interrupt gate finds after a far jump */
#define AR_CODE_32  0xc09b
#define AR_CODE_16  0x9b
#define AR_DATA     0xc093
#define AR_DATA_16  0x93
#define AR_TSS_BUSY 0x8b

/* Exit qualifications: control registers (table 28-3), I/O (28-5), EPT violations (28-7). */
#define QUAL_CR_NUMBER    MASK(3, 0)
#define QUAL_CR_GPR       MASK(11, 8)
#define QUAL_IO_SIZE      MASK(2, 0) /* bytes less 1 */
#define QUAL_IO_IN        BIT(3)
#define QUAL_IO_STRING    BIT(4)
#define QUAL_IO_PORT      MASK(31, 16)
#define QUAL_EPT_WRITE    BIT(1)
#define QUAL_EPT_FETCH    BIT(2)
#define QUAL_EPT_IRET_NMI BIT(12) /* an IRET had just ended the blocking of NMIs */

/* And of an entry that failed its checks of the guest's state: 27.8. */
#define QUAL_ENTRY_PDPTES 2

/* Basic exit reasons: volume 3, appendix C. */
enum vmx_reason {
	REASON_EXCEPTION_NMI = 0,
	REASON_TRIPLE_FAULT = 2,
	REASON_NMI_WINDOW = 8,
	REASON_CPUID = 10,
	REASON_GETSEC = 11,
	REASON_INVD = 13,
	REASON_VMCALL = 18,
	REASON_VMCLEAR = 19, /* to VMXON: the VMX instructions */
	REASON_VMXON = 27,
	REASON_CR_ACCESS = 28,
	REASON_IO = 30,
	REASON_RDMSR = 31,
	REASON_WRMSR = 32,
	REASON_EPT_VIOLATION = 48,
	REASON_INVEPT = 50,
	REASON_INVVPID = 53,
	REASON_WBINVD = 54, /* WBNOINVD too */
	REASON_XSETBV = 55,
	REASON_COUNT
};
#define REASON_BASIC        MASK(15, 0)
#define REASON_ENTRY_FAILED BIT(31)

/* Fields of the VMCS: appendix B. Segment fields of ES; CS, SS, DS, FS, GS, LDTR, TR follow at
 * steps of 2. */
enum vmcs_field {
	VMCS_VPID = 0x0000,
	VMCS_GUEST_SELECTOR = 0x0800,
	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_TR = 0x0c0c,
	VMCS_IO_BITMAP_A = 0x2000,
	VMCS_IO_BITMAP_B = 0x2002,
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_EPTP = 0x201a,
	VMCS_GUEST_PHYSICAL = 0x2400,
	VMCS_LINK_POINTER = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE = 0x280a, /* the first of four */
	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,
	VMCS_PIN = 0x4000,
	VMCS_PROC = 0x4002,
	VMCS_EXIT = 0x400c,
	VMCS_ENTRY = 0x4012,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR_CODE = 0x4018,
	VMCS_ENTRY_LENGTH = 0x401a,
	VMCS_PROC2 = 0x401e,
	VMCS_INSTRUCTION_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_VECTORING_EVENT = 0x4408,
	VMCS_VECTORING_ERROR_CODE = 0x440a,
	VMCS_EXIT_LENGTH = 0x440c,
	VMCS_GUEST_LIMIT = 0x4800,
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_RIGHTS = 0x4814,
	VMCS_GUEST_BLOCKING = 0x4824, /* interruptibility state */
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_QUALIFICATION = 0x6400,
	VMCS_GUEST_LINEAR = 0x640a,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_BASE = 0x6806,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_RSP = 0x6c14,
	VMCS_HOST_RIP = 0x6c16,
};

/* Segments in the order of their fields. */
enum vmx_segment { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };
#define VMCS_SEGMENT(field, segment) ((enum vmcs_field)((field) + 2 * (segment)))

#endif
