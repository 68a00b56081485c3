// SPDX-License-Identifier: BSD-2-Clause
/* When the CPU does not enter a guest: what was wrong, in words. And the dump of one guest CPU. */
#include "core/log.h"
#include "vmx/vmcs.h"

void vmx_entry_refused(struct vcpu *vcpu)
{
	/* SDM volume 3, 31.4. */
	static const char *const names[] = {
		[4] = "vmlaunch-not-clear", [5] = "vmresume-not-launched", [7] = "control-fields",
		[8] = "host-state",         [26] = "blocked-by-mov-ss",
	};
	struct exit exit = {.kind = EXIT_UNKNOWN};
	u64 number = vmcs_read(VMCS_INSTRUCTION_ERROR);

	log_line("error vm=%s vm-entry=refused instruction-error=%lu (%s)", vcpu->vm->name, number,
	         number < ARRAY_SIZE(names) && names[number] ? names[number] : "unknown");
	(void)exit_kill(vcpu, &exit, "vm-entry-refused");
}

/*
 * The checks of guest state on VM entry, in the manual's groups (volume 3, 27.3.1.1 to 27.3.1.6).
 * Not every rule: those that a hypervisor gets wrong, and that a guest can bring about.
 */
static bool has_bad_fixed_bits(u64 value, u32 msr_fixed0, u32 msr_fixed1)
{
	return ~value & msr_read(msr_fixed0) || value & ~msr_read(msr_fixed1);
}

static bool has_bad_control_registers(void)
{
	u64 cr0 = vmcs_read(VMCS_GUEST_CR0);
	u64 cr4 = vmcs_read(VMCS_GUEST_CR4);
	u64 efer = vmcs_read(VMCS_GUEST_EFER);
	bool long_mode = efer & EFER_LMA;

	/* An unrestricted guest may run without protection and paging. */
	return has_bad_fixed_bits(cr0 | CR0_PE | CR0_PG, MSR_VMX_CR0_FIXED0, MSR_VMX_CR0_FIXED1) ||
	       has_bad_fixed_bits(cr4, MSR_VMX_CR4_FIXED0, MSR_VMX_CR4_FIXED1) ||
	       (cr0 & (CR0_PE | CR0_PG)) == CR0_PG ||
	       long_mode != !!(vmcs_read(VMCS_ENTRY) & VMENTRY_IA32E) ||
	       (cr0 & CR0_PG && long_mode != !!(efer & EFER_LME)) ||
	       (long_mode && !(cr0 & CR0_PG && cr4 & CR4_PAE));
}

static bool has_bad_segments(void)
{
	bool bad = false;

	for (enum vmx_segment s = SEG_ES; s < SEG_COUNT; s++) {
		u64 rights = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, s));
		u64 limit = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_LIMIT, s));
		bool system = s == SEG_LDTR || s == SEG_TR;

		if (rights & AR_UNUSABLE)
			bad |= s == SEG_CS || s == SEG_TR;
		else
			bad |= !(rights & AR_P) || rights & AR_RESERVED ||
			       system == !!(rights & AR_S) ||
			       (rights & AR_G ? ~limit & 0xfff : limit >> 20) ||
			       (s == SEG_CS && rights & AR_DB && vmx_is_code_64()) ||
			       (s == SEG_TR && (rights & 7) != 3);
	}
	return bad;
}

static bool has_bad_rip_or_rflags(void)
{
	u64 rflags = vmcs_read(VMCS_GUEST_RFLAGS);

	return (!vmx_is_code_64() && vmcs_read(VMCS_GUEST_RIP) >> 32) || !(rflags & RFLAGS_FIXED) ||
	       rflags & RFLAGS_RESERVED;
}

static bool has_bad_blocking(void)
{
	u64 blocking = vmcs_read(VMCS_GUEST_BLOCKING);
	u64 event = vmcs_read(VMCS_ENTRY_EVENT);
	bool nmi = event & EVENT_VALID && FIELD_GET(EVENT_TYPE, event) == EVENT_TYPE_NMI;

	return (blocking & BLOCKING_STI && blocking & BLOCKING_MOV_SS) ||
	       (nmi && blocking & (BLOCKING_MOV_SS | BLOCKING_NMI));
}

static const char *faulty_group(u64 qualification)
{
	/* What the CPU says itself: 27.8. */
	if (qualification)
		return qualification == QUAL_ENTRY_PDPTES ? "pdptes" : "non-register-state";
	if (has_bad_control_registers())
		return "control-registers";
	if (has_bad_segments())
		return "segments";
	if (has_bad_rip_or_rflags())
		return "rip-rflags";
	return has_bad_blocking() ? "non-register-state" : "unknown";
}

enum exit_result vmx_entry_failed(struct vcpu *vcpu, const struct exit *exit)
{
	log_line("error vm=%s vm-entry=failed reason=%llu qualification=0x%lx group=%s",
	         vcpu->vm->name, exit->reason & REASON_BASIC, exit->qualification,
	         faulty_group(exit->qualification));
	return exit_kill(vcpu, exit, "vm-entry-failed");
}

void vmx_dump(const struct vcpu *vcpu)
{
	static const char *const names[SEG_COUNT] = {"es", "cs", "ss",   "ds",
	                                             "fs", "gs", "ldtr", "tr"};

	(void)vcpu;
	log_line("dump vmx reason=0x%lx qualification=0x%lx length=%lu gpa=0x%lx linear=0x%lx",
	         vmcs_read(VMCS_EXIT_REASON), vmcs_read(VMCS_QUALIFICATION),
	         vmcs_read(VMCS_EXIT_LENGTH), vmcs_read(VMCS_GUEST_PHYSICAL),
	         vmcs_read(VMCS_GUEST_LINEAR));
	log_line("dump vmx exit-event=0x%lx vectoring-event=0x%lx entry-event=0x%lx blocking=0x%lx "
	         "activity=%lu",
	         vmcs_read(VMCS_EXIT_EVENT), vmcs_read(VMCS_VECTORING_EVENT),
	         vmcs_read(VMCS_ENTRY_EVENT), vmcs_read(VMCS_GUEST_BLOCKING),
	         vmcs_read(VMCS_GUEST_ACTIVITY));
	log_line("dump vmx pin=0x%lx proc=0x%lx proc2=0x%lx exit=0x%lx entry=0x%lx",
	         vmcs_read(VMCS_PIN), vmcs_read(VMCS_PROC), vmcs_read(VMCS_PROC2),
	         vmcs_read(VMCS_EXIT), vmcs_read(VMCS_ENTRY));
	log_line("dump vmx cr0=0x%lx cr4=0x%lx gdtr=0x%lx/0x%lx idtr=0x%lx/0x%lx dr7=0x%lx "
	         "pat=0x%lx",
	         vmcs_read(VMCS_GUEST_CR0), vmcs_read(VMCS_GUEST_CR4),
	         vmcs_read(VMCS_GUEST_GDTR_BASE), vmcs_read(VMCS_GUEST_GDTR_LIMIT),
	         vmcs_read(VMCS_GUEST_IDTR_BASE), vmcs_read(VMCS_GUEST_IDTR_LIMIT),
	         vmcs_read(VMCS_GUEST_DR7), vmcs_read(VMCS_GUEST_PAT));
	for (enum vmx_segment s = SEG_ES; s < SEG_COUNT; s++)
		log_line("dump segment=%s selector=0x%lx base=0x%lx limit=0x%lx rights=0x%lx",
		         names[s], vmcs_read(VMCS_SEGMENT(VMCS_GUEST_SELECTOR, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_BASE, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_LIMIT, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, s)));
}
