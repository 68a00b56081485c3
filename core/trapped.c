// SPDX-License-Identifier: BSD-2-Clause
#include "core/trapped.h"

#include "core/config_space.h"
#include "core/guest_apic.h"
#include "core/guest_memory.h"
#include "core/hpet.h"
#include "core/ioapic.h"
#include "core/msi.h"
#include "core/pci.h"

static bool claims_ecam(const struct vm *vm, u64 gpa)
{
	u32 bdf, offset;

	return vm->platform && pci_ecam_decode(gpa, &bdf, &offset);
}

static u64 read_ecam(struct vcpu *vcpu, u64 gpa, u8 size)
{
	u32 bdf, offset;

	(void)pci_ecam_decode(gpa, &bdf, &offset);
	return config_space_read(vcpu->vm, bdf, offset, size);
}

static void write_ecam(struct vcpu *vcpu, u64 gpa, u8 size, u64 value)
{
	u32 bdf, offset;

	(void)pci_ecam_decode(gpa, &bdf, &offset);
	config_space_write(vcpu->vm, bdf, offset, size, (u32)value);
}

static const struct trapped ecam_trapped = {claims_ecam, 1 | 2 | 4, read_ecam, write_ecam};

static const struct trapped *const pages[] = {&apic_trapped, &ioapic_trapped, &hpet_trapped,
                                              &msi_trapped, &ecam_trapped};

const struct trapped *trapped_find(const struct vm *vm, u64 gpa)
{
	for (u32 i = 0; i < ARRAY_SIZE(pages); i++) {
		if (pages[i]->claims(vm, gpa))
			return pages[i];
	}
	return NULL;
}

static u64 sign_extend(u64 value, u8 size)
{
	u32 unused = 64 - size * 8u;

	return (u64)((s64)(value << unused) >> unused);
}

enum exit_result trapped_emulate(const struct trapped *trapped, struct vcpu *vcpu,
                                 struct exit *exit)
{
	u64 gpa = exit->fault.gpa, value;
	struct insn insn;
	u8 *gpr;

	if (!guest_decode(vcpu, &insn) || (insn.kind != INSN_LOAD && insn.kind != INSN_STORE) ||
	    !(insn.operand_size & trapped->sizes) || !IS_ALIGNED(gpa, insn.operand_size))
		return exit_kill(vcpu, exit, "unsupported-access-to-trapped-page");
	gpr = (u8 *)&vcpu->gpr[insn.high_byte ? insn.reg - 4 : insn.reg] + insn.high_byte;
	if (insn.kind == INSN_LOAD) {
		value = trapped->read(vcpu, gpa, insn.operand_size);
		if (insn.sign_extend)
			value = sign_extend(value, insn.operand_size);
		gpr_receive(gpr, value, insn.register_size);
	} else {
		value = insn.immediate;
		if (!insn.has_immediate)
			memcpy(&value, gpr, insn.operand_size);
		trapped->write(vcpu, gpa, insn.operand_size, value);
	}
	exit->length = insn.length;
	return RESULT_ADVANCE;
}
