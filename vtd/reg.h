/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-d registers and descriptors. Section numbers: VT-d specification, revision 4. */
#ifndef VTD_REG_H
#define VTD_REG_H

#include "lib/types.h"

/* 11.4.2 capability */
#define VTD_CAP       0x08
#define VTD_CAP_ND    MASK(2, 0)   /* number of domain ids: 2^(4 + 2 * ND) */
#define VTD_CAP_RWBF  BIT(4)       /* required write-buffer flushing */
#define VTD_CAP_CM    BIT(7)       /* caching mode: absent entries are cached, too */
#define VTD_CAP_SAGAW MASK(11, 9)  /* bit n: tables of n + 2 levels; here 3 to 5 */
#define VTD_CAP_FRO   MASK(33, 24) /* fault-recording registers, in 16 bytes */
#define VTD_CAP_SLLPS MASK(35, 34) /* second-stage leaves of 2 MiB, 1 GiB */
#define VTD_CAP_PSI   BIT(39)      /* page-selective invalidation */
#define VTD_CAP_NFR   MASK(47, 40) /* number of fault-recording registers less one */
#define VTD_CAP_MAMV  MASK(53, 48) /* maximum address mask */
#define VTD_CAP_DRAIN MASK(55, 54) /* write and read draining */

/* 11.4.3 extended capability */
#define VTD_ECAP      0x10
#define VTD_ECAP_C    BIT(0)      /* page-walk coherency: tables need no flushing (R19) */
#define VTD_ECAP_QI   BIT(1)      /* queued invalidation */
#define VTD_ECAP_DT   BIT(2)      /* device TLBs */
#define VTD_ECAP_IR   BIT(3)      /* interrupt remapping (R22) */
#define VTD_ECAP_EIM  BIT(4)      /* x2APIC destinations */
#define VTD_ECAP_SC   BIT(7)      /* snoop control: SNP may be set in leaves (R5) */
#define VTD_ECAP_IRO  MASK(17, 8) /* IVA and IOTLB registers, in 16 bytes */
#define VTD_ECAP_DIT  BIT(41)     /* invalidations of device TLBs are throttled by function */
#define VTD_ECAP_SMTS BIT(43)     /* scalable mode */
#define VTD_ECAP_SSTS BIT(46)     /* second-stage tables there */

/* 11.4.4 global command and status; 11.4.4.1: a command is one bit, with what is on kept on */
#define VTD_GCMD       0x18
#define VTD_GSTS       0x1c
#define VTD_GSTS_KEEP  0x96ffffffu /* all but the one-shot bits, which would fire again */
#define VTD_GCMD_SRTP  BIT(30)     /* set root table pointer, one-shot */
#define VTD_GCMD_WBF   BIT(27)     /* write-buffer flush, one-shot */
#define VTD_GCMD_TE    BIT(31)     /* translation */
#define VTD_GCMD_QIE   BIT(26)     /* queued invalidation */
#define VTD_GCMD_IRE   BIT(25)     /* interrupt remapping */
#define VTD_GCMD_SIRTP BIT(24)     /* set interrupt remapping table pointer, one-shot */
#define VTD_GCMD_CFI   BIT(23)     /* compatibility-format interrupts pass */

/* 11.4.5 root table address; bits 11:10 zero: legacy mode */
#define VTD_RTADDR          0x20
#define VTD_RTADDR_SCALABLE BIT(10)

/* 11.4.6 invalidation without a queue; in CCMD and IOTLB, bits of the same meaning as a
 * descriptor's */
#define VTD_CCMD        0x28
#define VTD_CCMD_SCOPE  MASK(62, 61)
#define VTD_CCMD_DONE   MASK(60, 59) /* the actual scope; 0: none, it was not understood */
#define VTD_CCMD_SID    MASK(31, 16)
#define VTD_IVA         0x0 /* at IRO: as the high half of a descriptor */
#define VTD_IOTLB       0x8 /* at IRO */
#define VTD_IOTLB_SCOPE MASK(61, 60)
#define VTD_IOTLB_DONE  MASK(58, 57)
#define VTD_IOTLB_DRAIN MASK(49, 48)
#define VTD_IOTLB_DID   MASK(47, 32)
#define VTD_INVALIDATE  BIT(63) /* of both: under way */

/* 11.4.7 faults; the registers are accessed as 32 bits only */
#define VTD_FSTS       0x34
#define VTD_FSTS_PFO   BIT(0)      /* primary fault overflow */
#define VTD_FSTS_PPF   BIT(1)      /* primary pending fault */
#define VTD_FSTS_IQE   BIT(4)      /* invalidation queue error */
#define VTD_FSTS_ICE   BIT(5)      /* invalidation completion error */
#define VTD_FSTS_ITE   BIT(6)      /* invalidation time-out error */
#define VTD_FSTS_FRI   MASK(15, 8) /* the first pending record */
#define VTD_FSTS_QUEUE (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)
/* Each of them, when it is set and none was, is an event. */
#define VTD_FSTS_EVENTS (VTD_FSTS_PFO | VTD_FSTS_PPF | VTD_FSTS_QUEUE)
#define VTD_FECTL       0x38
#define VTD_FECTL_IM    BIT(31) /* no interrupt */
#define VTD_FECTL_IP    BIT(30) /* an event waits for that to end */
#define VTD_FEDATA      0x3c
#define VTD_FEDATA_NMI  0x400u /* delivery mode; its messages are not remapped */
#define VTD_FEADDR      0x40
#define VTD_FEADDR_ID   MASK(19, 12) /* APIC id, bits 7:0 */
#define VTD_FEUADDR     0x44
#define VTD_FEUADDR_ID  MASK(31, 8) /* the same bits of an x2APIC id; with ECAP.EIM only */

/* 11.4.14 a fault record: 16 bytes */
#define VTD_FRCD_LOW     0x0
#define VTD_FRCD_FI      MASK(63, 12) /* low: page address */
#define VTD_FRCD_HIGH    0x8
#define VTD_FRCD_SID     MASK(15, 0)  /* high: requester id */
#define VTD_FRCD_FR      MASK(39, 32) /* high: reason */
#define VTD_FRCD_T1      BIT(62)      /* high: a read */
#define VTD_FRCD_F       BIT(63)      /* high: the record is valid */
#define VTD_FRCD_CLEAR   0xc          /* where F is written, with 32 bits */
#define VTD_FRCD_CLEAR_F BIT(31)
#define VTD_FRCD_SIZE    16u

/* 11.4.8 protected memory */
#define VTD_PMEN     0x64
#define VTD_PMEN_PRS BIT(0) /* status */

/* 11.4.9 invalidation queue; bits 18:4 of head and tail are the offset of a 16-byte descriptor */
#define VTD_IQH 0x80
#define VTD_IQT 0x88
#define VTD_IQA 0x90 /* bits 2:0 zero: one page */
#define VTD_IQA_WIDE                                                                \
	BIT(11) /* descriptors of 32 bytes, as scalable mode wants them; else of 16 \
	         */
#define VTD_IQ_OFFSET  MASK(18, 4)
#define VTD_IQ_ENTRIES 256u  /* in one page */
#define VTD_REGISTERS  0xc0u /* bytes of what this driver uses, fault records apart */

/* 11.4.19 interrupt remapping table address */
#define VTD_IRTA      0xb8
#define VTD_IRTA_EIME BIT(11)    /* destinations are x2APIC ids */
#define VTD_IRTA_SIZE MASK(3, 0) /* 2^(n + 1) entries */

/* 6.5.2 descriptors, low half */
#define VTD_DESC_CONTEXT     0x1
#define VTD_DESC_IOTLB       0x2
#define VTD_DESC_TLB         0x3
#define VTD_DESC_INTERRUPT   0x4
#define VTD_DESC_WAIT        0x5
#define VTD_DESC_PASIDS      0x7
#define VTD_DESC_ALL_PASIDS  FIELD_PUT(VTD_DESC_SCOPE, 3)
#define VTD_DESC_TYPE        MASK(3, 0)
#define VTD_DESC_SCOPE       MASK(5, 4)
#define VTD_DESC_GLOBAL      FIELD_PUT(VTD_DESC_SCOPE, 1)
#define VTD_DESC_DOMAIN      FIELD_PUT(VTD_DESC_SCOPE, 2)
#define VTD_DESC_DEVICE      FIELD_PUT(VTD_DESC_SCOPE, 3) /* context cache */
#define VTD_DESC_PAGES       FIELD_PUT(VTD_DESC_SCOPE, 3) /* IOTLB */
#define VTD_DESC_INDEX       BIT(4) /* interrupt entry cache: of one entry, else of all */
#define VTD_DESC_DOMAIN_ID   MASK(31, 16)
#define VTD_DESC_SOURCE_ID   MASK(47, 32) /* context cache, device TLB */
#define VTD_DESC_ENTRY       MASK(47, 32) /* interrupt entry cache: the index */
#define VTD_DESC_DRAIN       MASK(7, 6)   /* IOTLB: DMA writes and reads are complete, too */
#define VTD_DESC_DEPTH       MASK(20, 16) /* device TLB: what it can queue, 0: 32 */
#define VTD_DESC_PF_LOW      MASK(15, 12) /* the physical function, with ECAP.DIT */
#define VTD_DESC_PF_HIGH     MASK(63, 52)
#define VTD_DESC_STATUS      BIT(5) /* wait: writes status data */
#define VTD_DESC_STATUS_DATA MASK(63, 32)
/* high half: the address of pages or status word, and for pages: */
#define VTD_DESC_ADDRESS_MASK MASK(5, 0) /* 2^n pages */
#define VTD_DESC_SIZE         BIT(0) /* device TLB: 2^n pages, n address bits below a 0 being 1 */

/* 9.1, 9.3 root and context entries */
#define VTD_ROOT_P        BIT(0)
#define VTD_CONTEXT_P     BIT(0)
#define VTD_CONTEXT_TT    MASK(3, 2)  /* translation type: 0 by the table, 2 pass-through */
#define VTD_CONTEXT_TLB   BIT(2)      /* TT 1, and in scalable mode DTE: device TLB allowed */
#define VTD_CONTEXT_AW    MASK(2, 0)  /* high: levels - 2 */
#define VTD_CONTEXT_DID   MASK(23, 8) /* high: domain id */
#define VTD_TABLE_ADDRESS MASK(51, 12)

/* 9.2, 9.4 to 9.6 scalable mode: root entries have a context table in either half, by devfn bit 7;
 * context entries are 32 bytes. All else in it zero: 128 directory entries, RID_PASID 0. */
#define VTD_PASID_P      BIT(0)                   /* of directory entries, too */
#define VTD_PASID_AW     MASK(4, 2)               /* levels - 2 */
#define VTD_PASID_SECOND FIELD_PUT(MASK(8, 6), 2) /* by the second-stage table alone */
#define VTD_PASID_DID    MASK(15, 0)              /* high: domain id */
#define VTD_PASID_PGSNP  BIT(24) /* high: page snoop, bit 88; with ECAP.SC only (R20) */

/* 9.8 second-stage entries */
#define VTD_SS_R   BIT(0)
#define VTD_SS_W   BIT(1)
#define VTD_SS_PS  BIT(7)  /* a leaf above 4 KiB */
#define VTD_SS_SNP BIT(11) /* snoop; in leaves only, with ECAP.SC only (R5, R18) */

/* 9.10 interrupt remapping table entries */
#define VTD_IRTE_P       BIT(0)
#define VTD_IRTE_TM      BIT(4)       /* level-triggered */
#define VTD_IRTE_DLM     MASK(7, 5)   /* delivery mode: 0 fixed, 1 lowest priority */
#define VTD_IRTE_V       MASK(23, 16) /* vector */
#define VTD_IRTE_DST     MASK(63, 32) /* APIC id: physical destination mode, bit 2 */
#define VTD_IRTE_DST_8   MASK(47, 40) /* the same without EIME */
#define VTD_IRTE_SID     MASK(15, 0)  /* high: source id */
#define VTD_IRTE_SVT_ALL BIT(18)      /* high: SVT 1, SQ 0: all 16 bits of it are compared */

/* 5.1.2.2 remappable format of messages; 5.1.5.1 of I/O APIC entries */
#define VTD_MSI_ADDRESS   0xfee00010ull
#define VTD_MSI_INDEX     MASK(19, 5)
#define VTD_MSI_SHV       BIT(3) /* the data is added to the index */
#define VTD_IOAPIC_INDEX  MASK(63, 49)
#define VTD_IOAPIC_FORMAT BIT(48)

/* 3.15: interrupt messages; never memory */
#define VTD_INTERRUPT_FIRST 0xfee00000ull
#define VTD_INTERRUPT_LAST  0xfeefffffull

#endif
