// SPDX-License-Identifier: BSD-2-Clause
/* Events for the guest: SDM volume 3, 27.6 (injection), 28.2.4 (information for vectoring events).
 */
#include "vmx/vmcs.h"

static bool event_is_pending(void)
{
	return vmcs_read(VMCS_ENTRY_EVENT) & EVENT_VALID;
}

/* Now, or when the guest can take it: NMI-window exiting tells. NMIs do not queue: one is
 * remembered. */
static void inject_nmi(void)
{
	if (event_is_pending() ||
	    vmcs_read(VMCS_GUEST_BLOCKING) & (BLOCKING_MOV_SS | BLOCKING_NMI)) {
		vmcs_set_bits(VMCS_PROC, PROC_NMI_WINDOW);
		return;
	}
	/* Some CPUs fail an entry with an NMI in the shadow of STI (27.3.1.5). */
	vmcs_clear_bits(VMCS_GUEST_BLOCKING, BLOCKING_STI);
	vmcs_write(VMCS_ENTRY_EVENT,
	           EVENT_VALID | FIELD_PUT(EVENT_TYPE, EVENT_TYPE_NMI) | VECTOR_NMI);
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

	if (!(event & EVENT_VALID) || event_is_pending())
		return;
	/* If an NMI's delivery had begun to block NMIs: its injection wants them unblocked. */
	if (FIELD_GET(EVENT_TYPE, event) == EVENT_TYPE_NMI)
		vmcs_clear_bits(VMCS_GUEST_BLOCKING, BLOCKING_NMI);
	/* Not every event has an error code or a length; the CPU looks at them where it has. */
	vmcs_write(VMCS_ENTRY_ERROR_CODE, vmcs_read(VMCS_VECTORING_ERROR_CODE));
	vmcs_write(VMCS_ENTRY_LENGTH, vmcs_read(VMCS_EXIT_LENGTH));
	vmcs_write(VMCS_ENTRY_EVENT,
	           event & (EVENT_VALID | EVENT_ERROR_CODE | EVENT_TYPE | EVENT_VECTOR));
}
