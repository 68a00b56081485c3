// SPDX-License-Identifier: BSD-2-Clause
/* When the CPU does not enter a guest: what was wrong, in words. And the dump of one guest CPU. */
#include "core/log.h"
#include "vmx/vmcs.h"

/* VM-instruction error numbers: SDM volume 3, 31.4. */
static const char *const instruction_errors[] = {
	[1] = "vmcall-in-root",        [2] = "vmclear-address",
	[3] = "vmclear-vmxon-region",  [4] = "vmlaunch-not-clear",
	[5] = "vmresume-not-launched", [6] = "vmresume-after-vmxoff",
	[7] = "control-fields",        [8] = "host-state",
	[9] = "vmptrld-address",       [10] = "vmptrld-vmxon-region",
	[11] = "vmptrld-revision",     [12] = "unsupported-field",
	[13] = "read-only-field",      [15] = "vmxon-in-root",
	[26] = "blocked-by-mov-ss",    [28] = "invept-invvpid-operand",
};

void vmx_log_instruction_error(const struct vcpu *vcpu)
{
	u64 number = vmcs_read(VMCS_INSTRUCTION_ERROR);
	const char *name =
		number < ARRAY_SIZE(instruction_errors) ? instruction_errors[number] : NULL;

	log_line("error vm=%s vm-entry=refused instruction-error=%lu (%s)", vcpu->vm->name, number,
	         name ? name : "unknown");
}

/*
 * The checks of guest state on VM entry, in the manual's groups (volume 3, 27.3.1.1 to 27.3.1.6).
 * Not every rule: those that a hypervisor gets wrong, and that a guest can bring about.
 */
static bool is_ia32e(void)
{
	return vmcs_read(VMCS_ENTRY) & VMENTRY_IA32E;
}

static bool has_bad_fixed_bits(u64 value, u32 msr_fixed0, u32 msr_fixed1, u64 exempt)
{
	return (~value & msr_read(msr_fixed0) & ~exempt) || (value & ~msr_read(msr_fixed1));
}

static bool has_bad_control_registers(void)
{
	u64 cr0 = vmcs_read(VMCS_GUEST_CR0);
	u64 cr4 = vmcs_read(VMCS_GUEST_CR4);
	u64 efer = vmcs_read(VMCS_GUEST_EFER);
	bool long_mode = efer & EFER_LMA;

	/* An unrestricted guest may run without protection and paging. */
	return has_bad_fixed_bits(cr0, MSR_VMX_CR0_FIXED0, MSR_VMX_CR0_FIXED1, CR0_PE | CR0_PG) ||
	       has_bad_fixed_bits(cr4, MSR_VMX_CR4_FIXED0, MSR_VMX_CR4_FIXED1, 0) ||
	       (cr0 & (CR0_PE | CR0_PG)) == CR0_PG || long_mode != is_ia32e() ||
	       (cr0 & CR0_PG && long_mode != !!(efer & EFER_LME)) ||
	       (long_mode && !(cr0 & CR0_PG && cr4 & CR4_PAE)) ||
	       vmcs_read(VMCS_GUEST_CR3) >> cpu_physical_bits() || vmcs_read(VMCS_GUEST_DR7) >> 32;
}

static bool has_bad_segment(enum vmx_segment segment)
{
	u64 rights = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, segment));
	u64 limit = vmcs_read(VMCS_SEGMENT(VMCS_GUEST_LIMIT, segment));
	bool system = segment == SEG_LDTR || segment == SEG_TR;

	if (rights & AR_UNUSABLE)
		return segment == SEG_CS || segment == SEG_TR;
	return !(rights & AR_P) || rights & AR_RESERVED || system == !!(rights & AR_S) ||
	       (limit & 0xfff) != (rights & AR_G ? 0xfff : limit & 0xfff) ||
	       (limit >> 20 && !(rights & AR_G)) ||
	       (segment == SEG_CS && rights & AR_L && rights & AR_DB && is_ia32e()) ||
	       (segment == SEG_TR && (rights & 7) != 3);
}

static bool has_bad_segments(void)
{
	for (enum vmx_segment segment = SEG_ES; segment < SEG_COUNT; segment++) {
		if (has_bad_segment(segment))
			return true;
	}
	return false;
}

static bool has_bad_descriptor_tables(void)
{
	return (vmcs_read(VMCS_GUEST_GDTR_LIMIT) | vmcs_read(VMCS_GUEST_IDTR_LIMIT)) >> 16;
}

static bool has_bad_rip_or_rflags(void)
{
	u64 rflags = vmcs_read(VMCS_GUEST_RFLAGS);
	bool code_64 = is_ia32e() && vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, SEG_CS)) & AR_L;

	return (!code_64 && vmcs_read(VMCS_GUEST_RIP) >> 32) || !(rflags & RFLAGS_FIXED) ||
	       rflags & RFLAGS_RESERVED;
}

static bool has_bad_blocking(void)
{
	u64 blocking = vmcs_read(VMCS_GUEST_BLOCKING);
	u64 event = vmcs_read(VMCS_ENTRY_EVENT);
	bool nmi = event & EVENT_VALID && FIELD_GET(EVENT_TYPE, event) == EVENT_TYPE_NMI;

	return vmcs_read(VMCS_GUEST_ACTIVITY) > ACTIVITY_WAIT_FOR_SIPI ||
	       (blocking & BLOCKING_STI && blocking & BLOCKING_MOV_SS) ||
	       (nmi && blocking & (BLOCKING_MOV_SS | BLOCKING_NMI)) ||
	       vmcs_read(VMCS_LINK_POINTER) != ~0ull;
}

static bool has_bad_pdptes(void)
{
	bool pae = vmcs_read(VMCS_GUEST_CR0) & CR0_PG && vmcs_read(VMCS_GUEST_CR4) & CR4_PAE;

	for (u32 i = 0; i < 4 && pae && !is_ia32e(); i++) {
		u64 entry = vmcs_read((enum vmcs_field)(VMCS_GUEST_PDPTE + 2 * i));

		if (entry & PTE_P && entry & PDPTE_RESERVED)
			return true;
	}
	return false;
}

const char *vmx_faulty_guest_state(void)
{
	static const struct {
		const char *name;
		bool (*is_bad)(void);
	} groups[] = {
		{"control-registers", has_bad_control_registers},
		{"segments", has_bad_segments},
		{"descriptor-tables", has_bad_descriptor_tables},
		{"rip-rflags", has_bad_rip_or_rflags},
		{"non-register-state", has_bad_blocking},
		{"pdptes", has_bad_pdptes},
	};

	for (u32 i = 0; i < ARRAY_SIZE(groups); i++) {
		if (groups[i].is_bad())
			return groups[i].name;
	}
	return "unknown";
}

static void dump_segments(void)
{
	static const char *const names[SEG_COUNT] = {"es", "cs", "ss",   "ds",
	                                             "fs", "gs", "ldtr", "tr"};

	for (enum vmx_segment s = SEG_ES; s < SEG_COUNT; s++)
		log_line("dump segment=%s selector=0x%lx base=0x%lx limit=0x%lx rights=0x%lx",
		         names[s], vmcs_read(VMCS_SEGMENT(VMCS_GUEST_SELECTOR, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_BASE, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_LIMIT, s)),
		         vmcs_read(VMCS_SEGMENT(VMCS_GUEST_RIGHTS, s)));
}

void vmx_dump(const struct vcpu *vcpu)
{
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
	dump_segments();
}
