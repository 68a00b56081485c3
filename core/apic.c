// SPDX-License-Identifier: BSD-2-Clause
#include "core/apic.h"

#include "core/cpu.h"
#include "core/deadline.h"
#include "core/mem.h"
#include "core/x86.h"

#define BASE_ADDRESS MASK(51, 12)
#define SEND_US      1000

/* Set once at boot. */
static struct mmio page;
static bool x2apic;

err_t apic_init(void)
{
	u64 base = msr_read(MSR_APIC_BASE);

	x2apic = base & APIC_BASE_X2APIC;
	return mem_map_mmio(base & BASE_ADDRESS, PAGE_SIZE, &page);
}

bool apic_is_x2apic(void)
{
	return x2apic;
}

u64 apic_page(void)
{
	return page.base_pa;
}

u32 apic_read(u32 offset)
{
	return x2apic ? (u32)msr_read(MSR_X2APIC + offset / 16) : mmio_r32(&page, offset);
}

void apic_write(u32 offset, u32 value)
{
	if (x2apic)
		msr_write(MSR_X2APIC + offset / 16, value);
	else
		mmio_w32(&page, offset, value);
}

void apic_send(u32 apic_id, u32 command)
{
	u64 deadline = deadline_in_us(SEND_US);

	if (x2apic) {
		msr_write(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	while (mmio_r32(&page, APIC_ICR) & ICR_BUSY && !deadline_passed(deadline))
		__builtin_ia32_pause();
	mmio_w32(&page, APIC_ICR_HIGH, (u32)FIELD_PUT(ICR_DESTINATION, apic_id));
	mmio_w32(&page, APIC_ICR, command);
}
