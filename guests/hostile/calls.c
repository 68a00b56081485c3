// SPDX-License-Identifier: BSD-2-Clause
#include "guests/hostile/hostile.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

#define PAGE       4096u
#define KINDS      8
#define UNUSED     (4u << 20) /* from here on this VM's memory is not in use */
#define LAST_ERROR HYPERCALL_E_HARDWARE

/* Some of every kind that some call takes; the rest is nothing to any. */
static uint64_t argument(uint32_t function, uint64_t memory)
{
	uint64_t random = random_next();

	switch (random >> 32 & (KINDS - 1)) {
	case 0:
	case 1:
		return random & 15;
	case 2:
		return random & 1 ? function : random & 0xffff;
	case 3:
		return UNUSED + random % (memory - UNUSED) / PAGE * PAGE;
	case 4:
		return random % memory / PAGE * PAGE;
	case 5:
		return 1ull << (random & 63);
	case 6:
		return -(random & 0xffff);
	}
	return random_next();
}

/* All but END, and numbers that are none. */
static uint64_t number(void)
{
	uint64_t random = random_next(), known = random & 15;

	if (known > HYPERCALL_COMMAND && (uint32_t)random != HYPERCALL_END)
		return random;
	return known == HYPERCALL_END ? HYPERCALL_ATTACH : known;
}

void step_calls(uint32_t function, uint64_t memory, uint64_t count)
{
	uint64_t refused = 0, unknown = 0;

	for (uint64_t i = 0; i < count; i++) {
		int64_t result =
			snoopervisor_call5(&hypervisor, number(), argument(function, memory),
		                           argument(function, memory), argument(function, memory),
		                           argument(function, memory), argument(function, memory));

		refused += result < 0;
		unknown += result < LAST_ERROR;
	}
	report(!unknown && refused < count, "calls count=%lu refused=%lu unknown=%lu", count,
	       refused, unknown);
}
