/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCS: access, construction, and what the files of this room share about one guest CPU. */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "core/backend.h"
#include "vmx/reg.h"

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

static inline void vmcs_set_bits(enum vmcs_field field, u64 bits)
{
	vmcs_write(field, vmcs_read(field) | bits);
}

static inline void vmcs_clear_bits(enum vmcs_field field, u64 bits)
{
	vmcs_write(field, vmcs_read(field) & ~bits);
}

static inline bool vmx_is_code_64(void)
{
	return vmcs_read(VMCS_GUEST_EFER) & EFER_LMA &&
	       vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, SEG_CS)) & AR_L;
}

/* vmcs.c. A zeroed page that begins as VMXON regions and VMCSs do (25.2), or 0. */
u64 vmx_alloc_region(void);
/* The members of struct backend. vcpu->vendor is the VMCS. */
err_t vmx_vcpu_init(struct vcpu *vcpu);
void vmx_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start);
void vmx_vcpu_destroy(struct vcpu *vcpu);
void vmx_vcpu_run(struct vcpu *vcpu);

/* event.c. An exit came in the middle of an event's delivery: it is delivered again. */
void vmx_redeliver(void);
void vmx_inject(struct vcpu *vcpu, u8 vector, u32 error_code);

/* vmx.c. An instruction fetch that EPT stopped; true if it may go on (iTLB multihit). */
bool vmx_allow_fetch(struct vcpu *vcpu, u64 gpa);
void vmx_invalidate(struct vcpu *vcpu);

/* failure.c. The VM is killed: the guest's state failed the checks of a VM entry; */
enum exit_result vmx_entry_failed(struct vcpu *vcpu, const struct exit *exit);
/* or VMLAUNCH or VMRESUME did not even try (called by entry.asm). */
void vmx_entry_refused(struct vcpu *vcpu);
void vmx_dump(const struct vcpu *vcpu);

/* exit.c, called by entry.asm. False: this VM runs no more. */
bool vmx_exit(struct vcpu *vcpu);

/* entry.asm. Runs the guest of the current, cleared VMCS until vmx_exit says stop. host_rsp:
 * VMCS_HOST_RSP. */
void vmx_run(struct vcpu *vcpu, u64 host_rsp_field);
extern const u8 vmx_exit_entry[];

#endif
