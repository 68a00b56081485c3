/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall ABI, version 2: all that a guest needs to include. Shaped after iommufd.
 *
 * VMMCALL (AMD) or VMCALL (Intel) from CPL 0 with the number in EAX and arguments in RBX, RCX, RDX,
 * RSI, RDI; the result is in RAX, negative on failure (HYPERCALL_E_*). All other registers are
 * preserved. Whether Snoopervisor is there: CPUID leaf 0x40000000 gives HYPERVISOR_SIGNATURE in
 * EBX, ECX, EDX, and in EAX the highest leaf; leaf 0x40000001 gives in EAX the ABI version and in
 * EBX HYPERVISOR_VMCALL or HYPERVISOR_VMMCALL, the instruction to use.
 *
 * Numbers and bits keep their meaning in later versions; bits not named here are 0. Addresses of
 * texts and buffers are guest-physical, in one piece of the VM's RAM. A VM acts on what it was
 * given: the devices that the manifest names for it (the platform VM: those that no line names)
 * unless an operator has taken them back, those attached to it, and its own IOASIDs. A device that
 * it detaches stays its to attach.
 */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#define HYPERVISOR_CPUID_BASE 0x40000000u
#define HYPERVISOR_SIGNATURE  "Snoopervisor" /* 12 bytes: EBX "Snoo", ECX "perv", EDX "isor" */
#define HYPERCALL_VERSION     2
#define HYPERVISOR_VMCALL     1
#define HYPERVISOR_VMMCALL    2

#define HYPERCALL_VERSION_GET 0 /* -> HYPERCALL_VERSION */
#define HYPERCALL_VERDICT     1 /* -> HYPERCALL_VERDICT_* of the calling VM | because (box) << 8 */
#define HYPERCALL_LOG         2 /* RBX = text, RCX = bytes, at most HYPERCALL_TEXT_MAX */
#define HYPERCALL_COUNTERS    3 /* RBX = HYPERCALL_COUNTER_* -> its value for the calling VM */
#define HYPERCALL_END         4 /* RBX = status, 0 is good; ends the calling VM; does not return */

/* Since version 2. BDF: segment << 16 | bus << 8 | device << 3 | function. ID: of an IOASID. */
#define HYPERCALL_DEVICE_INFO  5 /* RBX = BDF -> HYPERCALL_INFO_* */
#define HYPERCALL_IOASID_ALLOC 6 /* RBX = HYPERCALL_REQUEST_* -> ID */
#define HYPERCALL_IOASID_FREE  7 /* RBX = ID of IOASID_ALLOC, without devices */
/* RBX = ID, RCX = IOVA, RDX = guest-physical address, RSI = bytes, at most 1 GiB, RDI =
 * HYPERCALL_ACCESS_*. From its first attach an IOASID maps all RAM of the VM with IOVA = GPA; this
 * adds to it. The memory is RAM of the VM in one piece, and nothing is mapped there yet. */
#define HYPERCALL_IOASID_MAP   8
#define HYPERCALL_IOASID_UNMAP 9 /* RBX = ID, RCX = IOVA, RDX = bytes: what is mapped there */
/* RBX = BDF, RCX = ID, or HYPERCALL_IOASID_NONE for the VM's own one in the default format ->
 * HYPERCALL_FORMAT_* | coherent << 8 | box << 16. An IOASID of the manifest that is nobody's yet
 * becomes the VM's. */
#define HYPERCALL_ATTACH 10
#define HYPERCALL_DETACH 11 /* RBX = BDF */
/* RBX = text, RCX = bytes, at most HYPERCALL_TEXT_MAX: a line of the console (docs/console.md);
 * RDX = buffer, RSI = bytes of it -> bytes of the answer, of which as many as fit are in the
 * buffer. That of a command that failed begins with "error ". For a VM with control=yes. */
#define HYPERCALL_COMMAND 12

#define HYPERCALL_TEXT_MAX 128

#define HYPERCALL_VERDICT_IGNORE  0
#define HYPERCALL_VERDICT_EMULATE 1

#define HYPERCALL_COUNTER_WBINVD   0
#define HYPERCALL_COUNTER_EMULATED 1
#define HYPERCALL_COUNTER_IGNORED  2
#define HYPERCALL_COUNTER_INVD     3
#define HYPERCALL_COUNTER_FAULTS   4
/* Added: of the VM's n-th CPU alone (not of FAULTS); since version 2. */
#define HYPERCALL_COUNTER_OF_CPU(n) (((n) + 1ul) << 8)

#define HYPERCALL_REQUEST_DEFAULT                                       \
	0 /* snoop where the unit of its first device has snoop control \
	   */
#define HYPERCALL_REQUEST_SNOOP   1
#define HYPERCALL_REQUEST_NOSNOOP 2 /* non-coherent, whatever the unit can do */

#define HYPERCALL_FORMAT_NONE    0 /* no unit covers the device */
#define HYPERCALL_FORMAT_SNOOP   1
#define HYPERCALL_FORMAT_NOSNOOP 2

#define HYPERCALL_ACCESS_READ  1
#define HYPERCALL_ACCESS_WRITE 2

#define HYPERCALL_IOASID_NONE 0xff

/* Format, box and verdict are what the default policy would do (R3). */
#define HYPERCALL_INFO_FORMAT(info)      ((info)&0xff)
#define HYPERCALL_INFO_BOX(info)         ((info) >> 8 & 0xff)
#define HYPERCALL_INFO_VERDICT(info)     ((info) >> 16 & 0xff)
#define HYPERCALL_INFO_BY(info)          ((info) >> 24 & 0xf) /* HYPERCALL_BY_*: why so */
#define HYPERCALL_INFO_NOSNOOP(info)     ((info) >> 28 & 1)   /* it is no-snoop capable */
#define HYPERCALL_INFO_ATTACHED(info)    ((info) >> 29 & 1)
#define HYPERCALL_INFO_QUARANTINED(info) ((info) >> 30 & 1)
/* Bus << 8 | device << 3 | function of the lowest function of its group, in the same segment. */
#define HYPERCALL_INFO_GROUP(info)  ((info) >> 32 & 0xffff)
#define HYPERCALL_INFO_IOASID(info) ((info) >> 48 & 0xff) /* where it is attached, or NONE */

#define HYPERCALL_BY_PROBE    0
#define HYPERCALL_BY_UNKNOWN  1
#define HYPERCALL_BY_OVERRIDE 2
#define HYPERCALL_BY_CLASS    3
#define HYPERCALL_BY_BLOCK    4

#define HYPERCALL_E_NUMBER     (-1l)  /* no such call */
#define HYPERCALL_E_ARGUMENT   (-2l)  /* out of range, unaligned, bits that are not named */
#define HYPERCALL_E_ADDRESS    (-3l)  /* not RAM of the VM in one piece */
#define HYPERCALL_E_PERMISSION (-4l)  /* the VM has no control=yes */
#define HYPERCALL_E_DEVICE     (-5l)  /* there is none, or it is not the VM's */
#define HYPERCALL_E_IOASID     (-6l)  /* there is none, or it is not the VM's */
#define HYPERCALL_E_STATE      (-7l)  /* attached already, or not attached (yet) */
#define HYPERCALL_E_LIMIT      (-8l)  /* the VM has as many IOASIDs as it may have */
#define HYPERCALL_E_MEMORY     (-9l)  /* no memory for tables */
#define HYPERCALL_E_MAPPED     (-10l) /* something is mapped there */
#define HYPERCALL_E_RESERVED   (-11l) /* an interrupt range, or a region that firmware reserves */
#define HYPERCALL_E_NO_UNIT    (-12l) /* no unit covers the device */
#define HYPERCALL_E_NO_SNOOP_CONTROL                                                        \
	(-13l)                         /* snoop format behind a unit that cannot snoop (R5) \
	                                */
#define HYPERCALL_E_UNIT        (-14l) /* the unit cannot walk such a table (R9) */
#define HYPERCALL_E_GROUP       (-15l) /* its group would be split between VMs (R9) */
#define HYPERCALL_E_QUARANTINED (-16l) /* a detach was not completed: nobody gets the device */
#define HYPERCALL_E_OVERLAP     (-17l) /* its registers share a page with others' */
#define HYPERCALL_E_HARDWARE    (-18l) /* something did not answer in bounds */

#endif
