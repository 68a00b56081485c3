// SPDX-License-Identifier: BSD-2-Clause
/* Events for the guest: SDM volume 3, 27.6 (injection), 28.2.4 (information for vectoring events).
 */
#include "vmx/vmcs.h"

/* NMIs are blocked after an exit that one caused (28.5.5), until an IRET. */
void vmx_unblock_nmis(void)
{
	__asm__ volatile("movq %%rsp, %%rax\n\t"
	                 "pushq %0\n\t"
	                 "pushq %%rax\n\t"
	                 "pushfq\n\t"
	                 "pushq %1\n\t"
	                 "leaq 1f(%%rip), %%rax\n\t"
	                 "pushq %%rax\n\t"
	                 "iretq\n"
	                 "1:"
	                 :
	                 : "i"(SELECTOR_DATA), "i"(SELECTOR_CODE)
	                 : "rax", "cc", "memory");
}

static bool event_is_pending(void)
{
	return vmcs_read(VMCS_ENTRY_EVENT) & EVENT_VALID;
}

/* Now, or when the guest can take it: NMI-window exiting tells. NMIs do not queue: one is
 * remembered. */
static void inject_nmi(void)
{
	u64 blocking = vmcs_read(VMCS_GUEST_BLOCKING);

	if (event_is_pending() || blocking & (BLOCKING_MOV_SS | BLOCKING_NMI)) {
		vmcs_write(VMCS_PROC, vmcs_read(VMCS_PROC) | PROC_NMI_WINDOW);
		return;
	}
	/* Some CPUs fail an entry with an NMI in the shadow of STI (27.3.1.5). */
	vmcs_write(VMCS_GUEST_BLOCKING, blocking & ~BLOCKING_STI);
	vmcs_write(VMCS_ENTRY_EVENT,
	           EVENT_VALID | FIELD_PUT(EVENT_TYPE, EVENT_TYPE_NMI) | VECTOR_NMI);
}

void vmx_nmi_window(void)
{
	vmcs_write(VMCS_PROC, vmcs_read(VMCS_PROC) & ~PROC_NMI_WINDOW);
	inject_nmi();
}

void vmx_inject(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	u64 event = EVENT_VALID | FIELD_PUT(EVENT_TYPE, EVENT_TYPE_EXCEPTION) | vector;

	(void)vcpu;
	if (vector == VECTOR_NMI) {
		inject_nmi();
		return;
	}
	/* Real mode has no error codes, and an entry with one fails (27.2.1.3). */
	if (error_code != VECTOR_NO_ERROR_CODE && vmcs_read(VMCS_GUEST_CR0) & CR0_PE) {
		event |= EVENT_ERROR_CODE;
		vmcs_write(VMCS_ENTRY_ERROR_CODE, error_code);
	}
	vmcs_write(VMCS_ENTRY_EVENT, event);
}

void vmx_redeliver(void)
{
	u64 event = vmcs_read(VMCS_VECTORING_EVENT);
	u64 type = FIELD_GET(EVENT_TYPE, event);

	if (!(event & EVENT_VALID) || event_is_pending())
		return;
	/* Its delivery had begun to block NMIs; an entry that injects one wants them unblocked. */
	if (type == EVENT_TYPE_NMI)
		vmcs_write(VMCS_GUEST_BLOCKING, vmcs_read(VMCS_GUEST_BLOCKING) & ~BLOCKING_NMI);
	if (event & EVENT_ERROR_CODE)
		vmcs_write(VMCS_ENTRY_ERROR_CODE, vmcs_read(VMCS_VECTORING_ERROR_CODE));
	if (type >= EVENT_TYPE_SOFT_INTERRUPT)
		vmcs_write(VMCS_ENTRY_LENGTH, vmcs_read(VMCS_EXIT_LENGTH));
	vmcs_write(VMCS_ENTRY_EVENT,
	           event & (EVENT_VALID | EVENT_ERROR_CODE | EVENT_TYPE | EVENT_VECTOR));
}
