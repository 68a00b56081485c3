/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall ABI, version 1: all that a guest needs to include.
 *
 * VMMCALL (AMD) or VMCALL (Intel) from CPL 0 with the number in EAX and arguments in RBX, RCX, RDX;
 * the result is in RAX, negative on failure. All other registers are preserved. An unknown number
 * returns HYPERCALL_E_NUMBER. Whether Snoopervisor is there: CPUID leaf 0x40000000 gives
 * HYPERVISOR_SIGNATURE in EBX, ECX, EDX, and in EAX the highest leaf; leaf 0x40000001 gives in EAX
 * the ABI version and in EBX HYPERVISOR_VMCALL or HYPERVISOR_VMMCALL, the instruction to use.
 */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#define HYPERVISOR_CPUID_BASE 0x40000000u
#define HYPERVISOR_SIGNATURE  "Snoopervisor" /* 12 bytes: EBX "Snoo", ECX "perv", EDX "isor" */
#define HYPERCALL_VERSION     1
#define HYPERVISOR_VMCALL     1
#define HYPERVISOR_VMMCALL    2

#define HYPERCALL_VERSION_GET 0 /* -> HYPERCALL_VERSION */
#define HYPERCALL_VERDICT     1 /* -> HYPERCALL_VERDICT_* of the calling VM | because (box) << 8 */
#define HYPERCALL_LOG         2 /* RBX = text address (guest-physical), RCX = bytes, at most 128 */
#define HYPERCALL_COUNTERS    3 /* RBX = which HYPERCALL_COUNTER_* -> its value for the calling VM */
#define HYPERCALL_END         4 /* RBX = status, 0 is good; ends the calling VM; does not return */

#define HYPERCALL_VERDICT_IGNORE  0
#define HYPERCALL_VERDICT_EMULATE 1

#define HYPERCALL_COUNTER_WBINVD   0
#define HYPERCALL_COUNTER_EMULATED 1
#define HYPERCALL_COUNTER_IGNORED  2
#define HYPERCALL_COUNTER_INVD     3
#define HYPERCALL_COUNTER_FAULTS   4

#define HYPERCALL_E_NUMBER   (-1l)
#define HYPERCALL_E_ARGUMENT (-2l)
#define HYPERCALL_E_ADDRESS  (-3l)

#endif
