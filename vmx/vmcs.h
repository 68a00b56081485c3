/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCS: access, construction, and what the files of this room share about one guest CPU. */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "core/backend.h"
#include "vmx/capability.h"
#include "vmx/reg.h"

/* vcpu->vendor. Each member is a page. */
struct vmx {
	u64 vmcs_pa;
	u64 msr_bitmap_pa;
	u64 io_bitmap_pa[2]; /* ports below 0x8000, ports above */
};

/* CR0 bits that guests see from the shadow: R16's, and NE, which VMX holds at 1 (SDM volume
 * 3, 24.8). */
#define CR0_HOST_OWNED (CR0_CACHE_BITS | CR0_NE)

/* Of the current VMCS. A field that this CPU does not have reads as rubbish. */
static inline u64 vmcs_read(enum vmcs_field field)
{
	u64 value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
	return value;
}

/* False: this CPU does not have the field. */
static inline bool vmcs_write(enum vmcs_field field, u64 value)
{
	bool ok;

	__asm__ volatile("vmwrite %2, %1" : "=@cca"(ok) : "r"((u64)field), "r"(value) : "cc");
	return ok;
}

static inline struct vmx *vmx_of(const struct vcpu *vcpu)
{
	return vcpu->vendor;
}

/* Clears this VMCS and makes it current on this CPU; false if the CPU refuses it. */
bool vmcs_load_cleared(u64 vmcs_pa);
/* The current VMCS goes back to memory and may be loaded elsewhere. */
void vmcs_clear(u64 vmcs_pa);
bool vmcs_load(u64 vmcs_pa);

/* The current VMCS: controls, and the guest as it starts. */
void vmcs_build(struct vcpu *vcpu, const struct vcpu_start *start,
                const struct vmx_controls *controls);
/* The current VMCS: this CPU as VM exits find it again. */
void vmcs_set_host(const struct cpu *cpu);

/* event.c. After an exit by NMI. */
void vmx_unblock_nmis(void);
/* The NMI window has opened. */
void vmx_nmi_window(void);
/* An exit came in the middle of an event's delivery: it is delivered again. */
void vmx_redeliver(void);
void vmx_inject(struct vcpu *vcpu, u8 vector, u32 error_code);

/* vmx.c. An instruction fetch that EPT stopped; true if it may go on (iTLB multihit). */
bool vmx_allow_fetch(struct vcpu *vcpu, u64 gpa);

/* failure.c. */
void vmx_dump(const struct vcpu *vcpu);
/* VMLAUNCH, VMRESUME or VMPTRLD failed. */
void vmx_log_instruction_error(const struct vcpu *vcpu);
/* A VM entry failed its checks of the guest's state: the first group at fault, in words. */
const char *vmx_faulty_guest_state(void);

/* exit.c, called by entry.asm. False: this VM runs no more. */
bool vmx_exit(struct vcpu *vcpu);
/* VMLAUNCH or VMRESUME did not enter the guest. */
void vmx_entry_refused(struct vcpu *vcpu);

/* entry.asm. Runs the guest of the current, cleared VMCS until vmx_exit says stop. host_rsp:
 * VMCS_HOST_RSP. */
void vmx_run(struct vcpu *vcpu, u64 host_rsp_field);
extern const u8 vmx_exit_entry[];

#endif
