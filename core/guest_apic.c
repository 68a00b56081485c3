// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_apic.h"

#include "core/apic.h"
#include "core/cpu.h"
#include "core/log.h"
#include "core/mailbox.h"

#define DFR_CLUSTER 0 /* bits 31:28; else all ones: flat */

#define DRAIN_MAX 512 /* requested and in service, of each vector */

static bool is_meant_logically(const struct vcpu *vcpu, u32 destination)
{
	u32 own = vcpu->ldr >> 24;

	if (apic_is_x2apic()) { /* 11.12.10.2 */
		u32 id = vcpu->cpu->apic_id;

		return destination >> 16 == id >> 4 && (destination & BIT(id & 15));
	}
	if (vcpu->dfr >> 28 == DFR_CLUSTER)
		return own >> 4 == destination >> 4 && (own & destination & 15);
	return own & destination;
}

bool guest_apic_is_meant(const struct vcpu *vcpu, u32 destination, bool logical)
{
	return logical ? is_meant_logically(vcpu, destination) : destination == vcpu->cpu->apic_id;
}

static void refuse(struct vcpu *vcpu, const char *reason)
{
	vcpu->counters.ipis_refused++;
	if (rate_count(&vcpu->ipi_rate))
		log_line(
			"refused ipi vm=%s cpu=%u command=0x%x destination=0x%x reason=%s count=%u",
			vcpu->vm->name, vcpu->cpu->index, vcpu->icr_low, vcpu->icr_high, reason,
			rate_take(&vcpu->ipi_rate));
}

static bool is_target(const struct vcpu *from, const struct vcpu *to, u32 destination)
{
	switch (FIELD_GET(ICR_SHORTHAND, from->icr_low)) {
	case 1:
		return to == from;
	case 2:
		return true;
	case 3:
		return to != from;
	}
	return destination == (apic_is_x2apic() ? ~0u : 0xff) ||
	       guest_apic_is_meant(to, destination, from->icr_low & ICR_LOGICAL);
}

/* Fixed ones go straight to the other CPU; the rest changes what it does, and goes by mailbox. */
static void deliver(const struct vcpu *from, struct vcpu *to)
{
	u8 vector = FIELD_GET(ICR_VECTOR, from->icr_low);

	switch (FIELD_GET(ICR_MODE, from->icr_low)) {
	case APIC_FIXED:
	case APIC_LOWEST:
		apic_send(to->cpu->apic_id, vector | ICR_ASSERT);
		break;
	case APIC_NMI:
		mailbox_post(to->cpu, ASK_NMI);
		break;
	case APIC_INIT:
		mailbox_post(to->cpu, ASK_INIT);
		break;
	case APIC_SIPI:
		to->sipi_vector = vector;
		mailbox_post(to->cpu, ASK_SIPI);
		break;
	}
}

static void send(struct vcpu *from)
{
	u32 command = from->icr_low, mode = FIELD_GET(ICR_MODE, command);
	u32 destination =
		apic_is_x2apic() ? from->icr_high : (u32)FIELD_GET(ICR_DESTINATION, from->icr_high);
	bool found = false;

	if (mode == APIC_INIT && (command & ICR_LEVEL) && !(command & ICR_ASSERT))
		return; /* INIT level de-assert: no CPU since the Pentium 4 listens */
	if (mode == APIC_SMI || mode > APIC_SIPI || mode == 3) {
		refuse(from, "delivery-mode");
		return;
	}
	if (mode <= APIC_LOWEST && FIELD_GET(ICR_VECTOR, command) < 16) {
		refuse(from, "vector");
		return;
	}
	for_each_vcpu (to, from->vm) {
		if (!is_target(from, to, destination) || (found && mode == APIC_LOWEST))
			continue;
		found = true;
		deliver(from, to);
	}
	if (!found)
		refuse(from, "destination");
}

static u32 read(struct vcpu *vcpu, u32 offset)
{
	if (offset == APIC_ICR)
		return vcpu->icr_low;
	return offset == APIC_ICR_HIGH ? vcpu->icr_high : apic_read(offset);
}

/* Anything but a local vector that ends in an SMI or INIT. */
static bool is_harmless(u32 offset, u32 value)
{
	u32 mode = FIELD_GET(ICR_MODE, value);

	return (offset != APIC_LVT_CMCI && (offset < APIC_LVT_TIMER || offset > APIC_LVT_ERROR)) ||
	       mode == APIC_FIXED || mode == APIC_NMI || mode == APIC_EXTINT;
}

static void write(struct vcpu *vcpu, u32 offset, u32 value)
{
	if (offset == APIC_ICR) {
		vcpu->icr_low = value & ~(u32)ICR_BUSY;
		send(vcpu);
	} else if (offset == APIC_ICR_HIGH) {
		vcpu->icr_high = value;
	} else if (offset != APIC_ID && is_harmless(offset, value)) {
		vcpu->ldr = offset == APIC_LDR ? value : vcpu->ldr;
		vcpu->dfr = offset == APIC_DFR ? value : vcpu->dfr;
		apic_write(offset, value);
	}
}

static bool claims(const struct vm *vm, u64 gpa)
{
	return ALIGN_DOWN(gpa, PAGE_SIZE) == apic_page() && !vm_find_range(vm, gpa, 1);
}

static u64 read_page(struct vcpu *vcpu, u64 gpa, u8 size)
{
	(void)size;
	return read(vcpu, gpa & 0xff0);
}

static void write_page(struct vcpu *vcpu, u64 gpa, u8 size, u64 value)
{
	(void)size;
	write(vcpu, gpa & 0xff0, (u32)value);
}

const struct trapped apic_trapped = {claims, 4, read_page, write_page};

bool guest_apic_read_msr(struct vcpu *vcpu, u32 msr, u64 *value)
{
	if (msr != MSR_X2APIC + APIC_ICR / 16)
		return msr_try_read(msr, value);
	*value = (u64)vcpu->icr_high << 32 | vcpu->icr_low;
	return apic_is_x2apic();
}

bool guest_apic_write_msr(struct vcpu *vcpu, u32 msr, u64 value)
{
	u32 offset = (msr - MSR_X2APIC) * 16;

	if (!apic_is_x2apic())
		return false;
	if (offset != APIC_ICR) /* reserved bits are #GP here (11.12.1.3) */
		return !is_harmless(offset, (u32)value) || msr_try_write(msr, value);
	vcpu->icr_high = (u32)(value >> 32);
	write(vcpu, offset, (u32)value);
	return true;
}

static bool has_pending(void)
{
	u32 found = 0;

	for (u32 i = 0; i < 8; i++)
		found |= apic_read(APIC_IRR + 16 * i) | apic_read(APIC_ISR + 16 * i);
	return found;
}

void guest_apic_reset(struct vcpu *vcpu)
{
	/* By number, as the version register counts them (11.4.8). */
	static const u16 lvts[] = {APIC_LVT_TIMER, APIC_LVT_LINT0,   APIC_LVT_LINT1, APIC_LVT_ERROR,
	                           APIC_LVT_PERF,  APIC_LVT_THERMAL, APIC_LVT_CMCI};
	u32 count = (u32)FIELD_GET(VERSION_LAST_LVT, apic_read(APIC_VERSION)) + 1;

	for (u32 i = 0; i < MIN(count, ARRAY_SIZE(lvts)); i++)
		apic_write(lvts[i], LVT_MASKED);
	apic_write(APIC_TIMER_COUNT, 0);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_SVR, SVR_ENABLE | SVR_RESET);
	for (u32 i = 0; i < DRAIN_MAX && has_pending(); i++) {
		cpu_lose_interrupt();
		apic_write(APIC_EOI, 0);
	}
	apic_write(APIC_SVR, SVR_RESET);
	vcpu->ldr = 0;
	vcpu->dfr = ~0u;
	if (apic_is_x2apic()) /* it has no such registers to write */
		return;
	apic_write(APIC_LDR, vcpu->ldr);
	apic_write(APIC_DFR, vcpu->dfr);
}
