// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/report.h"
#include "guests/lib/ticks.h"
#include "guests/rounds/rounds.h"

#define PAGE       4096u
#define UNTOUCHED  0xc7
#define LATE_EVERY 50           /* rounds */
#define LATE_TICKS (1ull << 30) /* more than the 100 ms that a DMA takes */

struct served {
	uint64_t emulated, ignored;
};

/* What a DMA that nobody waits for may overwrite; and what one may not. */
static volatile uint8_t scratch[PAGE] __attribute__((aligned(PAGE)));
static volatile uint8_t late[PAGE] __attribute__((aligned(PAGE)));

/* By the other CPU. */
static struct served read_served(void)
{
	uint64_t other = HYPERCALL_COUNTER_OF_CPU(1);

	return (struct served){
		.emulated = (uint64_t)snoopervisor_counter(&hypervisor,
	                                                   other | HYPERCALL_COUNTER_EMULATED),
		.ignored = (uint64_t)snoopervisor_counter(&hypervisor,
	                                                  other | HYPERCALL_COUNTER_IGNORED),
	};
}

/* While the device is attached, the other CPU goes on, and in box 3 none of its WBINVDs is ignored:
 * neither after the attach nor before the detach (R11). */
static bool others_are_served(const struct toy *toy, const struct served *before)
{
	bool emulate = toy->box == BOX_3, goes_on;
	struct served now;

	goes_on = WAIT_FOR((now = read_served(), emulate ? now.emulated != before->emulated
	                                                 : now.ignored != before->ignored));
	if (goes_on && (!emulate || now.ignored == before->ignored))
		return true;
	report(false, "others box=%u emulated=%lu ignored=%lu", toy->box,
	       now.emulated - before->emulated, now.ignored - before->ignored);
	return false;
}

static bool is_untouched(const volatile uint8_t *page)
{
	for (uint32_t i = 0; i < PAGE; i++)
		if (page[i] != UNTOUCHED)
			return false;
	return true;
}

/* A DMA that is under way when its device leaves does not come through while it is away. Returns
 * with the device attached; counts in *blocked those that ended meanwhile. */
static bool check_late_dma(struct toy *toy, bool snoop, uint64_t *blocked)
{
	bool moved;

	__builtin_memset((uint8_t *)late, UNTOUCHED, PAGE);
	if (!edu_wait(&toy->edu))
		return false;
	edu_start(&toy->edu, true, (uintptr_t)late, EDU_BYTES);
	if (!toy_detach(toy))
		return false;
	moved = WAIT_UP_TO(LATE_TICKS, !is_untouched(late));
	if (moved)
		report(false, "late-dma box=%u", toy->box);
	if (moved || !toy_attach(toy, snoop))
		return false;
	*blocked += !edu_is_running(&toy->edu) && is_untouched(late);
	return edu_wait(&toy->edu);
}

/* Both ways, each byte; or one that nobody waits for. */
static bool run_dma(struct toy *toy, bool wait, uint64_t n)
{
	uint32_t wrong;

	if (!wait) {
		edu_start(&toy->edu, true, (uintptr_t)scratch, EDU_BYTES);
		return true;
	}
	wrong = edu_wait(&toy->edu) ? edu_round_trip(&toy->edu, n) : EDU_BYTES;
	if (wrong)
		report(false, "dma round=%lu box=%u wrong=%u", n, toy->box, wrong);
	return !wrong;
}

void step_rounds(struct toy *toy, uint64_t rounds, uint64_t waits, bool others)
{
	uint64_t every = waits ? rounds / waits : rounds + 1, n, waited = 0, tried = 0, blocked = 0;
	bool ok = true;

	for (n = 0; ok && n < rounds; n++) {
		bool snoop = n & 1, wait = (n / 2) % every == 0;
		struct served before;

		ok = toy_attach(toy, snoop);
		if (ok && n % LATE_EVERY == 0) {
			tried++;
			ok = check_late_dma(toy, snoop, &blocked);
		}
		before = read_served();
		ok = ok && run_dma(toy, wait, n) && (!others || others_are_served(toy, &before)) &&
		     toy_detach(toy);
		waited += wait;
	}
	report(ok && (!tried || blocked), "rounds done=%lu waited=%lu late-dma=%lu blocked=%lu", n,
	       waited, tried, blocked);
}
