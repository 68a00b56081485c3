// SPDX-License-Identifier: BSD-2-Clause
#include "core/hpet.h"

#include "core/facts.h"
#include "core/mmio.h"
#include "core/mem.h"

/* The page; not mapped where there is none to trap. Set by hpet_init. */
static struct mmio hpet;

err_t hpet_init(void)
{
	for (u32 i = 0; i < unit_count; i++) {
		if (units[i].interrupts_pa && facts.hpet_pa)
			return mem_map_mmio(ALIGN_DOWN(facts.hpet_pa, PAGE_SIZE), PAGE_SIZE, &hpet);
	}
	return E_OK;
}

u64 hpet_page(void)
{
	return hpet.base_pa;
}

static bool claims(const struct vm *vm, u64 gpa)
{
	return vm->platform && hpet.base && gpa - hpet.base_pa < PAGE_SIZE;
}

/* Bits that the guest neither sees nor sets. */
static u64 hidden(u64 gpa)
{
	u64 at = gpa - facts.hpet_pa;

	return at >= HPET_TIMERS && at % HPET_TIMER_SIZE < 8 ? HPET_MESSAGES >> (at & 7) * 8 : 0;
}

static u64 read_page(struct vcpu *vcpu, u64 gpa, u8 size)
{
	(void)vcpu;
	return mmio_read(&hpet, (u32)(gpa - hpet.base_pa), size) & ~hidden(gpa);
}

static void write_page(struct vcpu *vcpu, u64 gpa, u8 size, u64 value)
{
	(void)vcpu;
	mmio_write(&hpet, (u32)(gpa - hpet.base_pa), size, value & ~hidden(gpa));
}

const struct trapped hpet_trapped = {claims, 1 | 2 | 4 | 8, read_page, write_page};
