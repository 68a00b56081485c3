// SPDX-License-Identifier: BSD-2-Clause
#include "core/mailbox.h"

#include "core/apic.h"
#include "core/cache.h"
#include "core/deadline.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/trap.h"
#include "core/vcpu.h"

#define ANSWER_US 5000000 /* a write-back takes some ms; an emulator's CPU may be slow to come */

/* One NMI is under way at most for each `kicked`: another is a real one. */
void mailbox_kick(struct cpu *cpu)
{
	if (!__atomic_exchange_n(&cpu->kicked, true, __ATOMIC_SEQ_CST))
		apic_send(cpu->apic_id, FIELD_PUT(ICR_MODE, APIC_NMI) | ICR_ASSERT);
}

/* The request is there before the count that announces it, so whoever has seen the count has
 * served it. Returns the count that acknowledges it. */
static u32 put(struct cpu *cpu, u32 requests)
{
	u32 ticket;

	__atomic_or_fetch(&cpu->requests, requests, __ATOMIC_SEQ_CST);
	ticket = __atomic_add_fetch(&cpu->asked, 1, __ATOMIC_SEQ_CST);
	if (cpu != cpu_this()) /* which looks before it enters a guest, or halts */
		mailbox_kick(cpu);
	return ticket;
}

bool mailbox_take_kick(struct cpu *cpu)
{
	return __atomic_exchange_n(&cpu->kicked, false, __ATOMIC_SEQ_CST);
}

void mailbox_post(struct cpu *cpu, u32 requests)
{
	if (cpu->online)
		put(cpu, requests);
}

void mailbox_serve(void)
{
	struct cpu *cpu = cpu_this();
	u32 asked = __atomic_load_n(&cpu->asked, __ATOMIC_SEQ_CST), requests;

	trap_stop_in_panic();
	if (asked == cpu->served)
		return;
	requests = __atomic_exchange_n(&cpu->requests, 0, __ATOMIC_SEQ_CST);
	if (cpu->vcpu) /* first: what the guest does from here on is as flushed as it must be */
		vcpu_take(cpu->vcpu, requests);
	if (requests & ASK_FLUSH)
		cache_flush_all();
	if (requests & ASK_DROP)
		cpu->vcpu = NULL;
	__atomic_store_n(&cpu->served, asked, __ATOMIC_SEQ_CST);
	if (requests & ASK_FAULTS && !fault_poll()) /* it may ask others, so it comes last */
		mailbox_post(cpu, ASK_FAULTS);
}

static void await(struct cpu *cpu, u32 ticket, u64 deadline)
{
	while ((int)(__atomic_load_n(&cpu->served, __ATOMIC_SEQ_CST) - ticket) < 0) {
		mailbox_serve();
		if (!deadline_passed(deadline)) {
			__builtin_ia32_pause();
			continue;
		}
		cpu->online = false;
		log_line("error cpu=%u reason=no-answer", cpu->index);
		if (cpu->vcpu)
			vm_leave(cpu->vcpu->vm, VM_KILLED);
		return;
	}
}

void mailbox_ask(u64 cpu_mask, u32 requests)
{
	u64 deadline = deadline_in_us(ANSWER_US), asked = 0;
	u32 tickets[CPUS_MAX];

	for (u32 i = 0; i < CPUS_MAX; i++) {
		if (!(cpu_mask & BIT(i)) || !cpus[i].online)
			continue;
		tickets[i] = put(&cpus[i], requests);
		asked |= BIT(i);
	}
	for (u32 i = 0; i < CPUS_MAX; i++) {
		if (asked & BIT(i))
			await(&cpus[i], tickets[i], deadline);
	}
}
