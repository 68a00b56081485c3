// SPDX-License-Identifier: BSD-2-Clause
#include "guests/hostile/hostile.h"
#include "guests/lib/console.h"
#include "guests/lib/cpus.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

#define BOX_3 3

extern uint64_t image_end[];

static uint64_t hash(uint64_t memory)
{
	uint64_t sum = 0;

	for (const uint64_t *p = image_end; (uintptr_t)p < memory; p++)
		sum = (sum << 1 | sum >> 63) ^ *p;
	return sum;
}

static bool is_hostile_there(void)
{
	const char *state = console_find("list", "vm hostile state=");

	return state && (*state == 'c' || *state == 'r'); /* configured, running */
}

static bool is_well(const struct edu *edu, uint64_t memory, uint64_t expected, uint64_t pass)
{
	uint64_t sum = hash(memory);
	int64_t verdict = snoopervisor_verdict(&hypervisor);
	int64_t faults = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_FAULTS);
	uint32_t wrong = edu ? edu_round_trip(edu, pass) : 0, waits = cpus_interrupt_waits();
	bool well = sum == expected && !wrong && !waits && !faults &&
	            verdict == (edu ? HYPERCALL_VERDICT_EMULATE | BOX_3 << 8
	                            : HYPERCALL_VERDICT_IGNORE);

	print("pass number=%lu hash=0x%lx", pass, sum);
	if (!well)
		report(false, "pass hash=0x%lx wrong=%u interrupts=%u faults=%ld verdict=0x%lx",
		       sum, wrong, waits, faults, verdict);
	return well;
}

void victim_run(const struct edu *edu, uint64_t memory)
{
	uint64_t expected, pass = 0;
	bool well = true;

	cpus_take_interrupts();
	for (uint64_t *p = image_end; (uintptr_t)p < memory; p++)
		*p = random_next();
	expected = hash(memory);
	while (well && is_hostile_there())
		well = is_well(edu, memory, expected, ++pass);
	well = well && is_well(edu, memory, expected, ++pass);
	report(well, "victim passes=%lu", pass);
}
