// SPDX-License-Identifier: BSD-2-Clause
/*
 * The rounds guest: attaches and detaches its edu devices by hypercall, while DMA and WBINVD go on.
 * For a VM with control=yes. Options on its command line: cpus=N is how many it has; rounds=N and
 * waits=N, of which so many wait for their DMA; policy=device if that is its policy.
 */
#include "guests/lib/console.h"
#include "guests/lib/cpus.h"
#include "guests/lib/options.h"
#include "guests/lib/report.h"
#include "guests/rounds/rounds.h"

/* Pages of the hypervisor's pool in use. */
static uint64_t pool_used(void)
{
	const char *p = console_find("stats", "pool-used=");
	uint64_t value = 0;

	for (; p && *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (uint64_t)(*p - '0');
	return value;
}

/* Rounds use no memory that does not come back: the first two are taken as given. */
static void run_rounds(const struct multiboot *info, bool others)
{
	uint64_t before, after;

	ioasids_alloc();
	step_rounds(&toys[0], 2, 0, others);
	ioasids_free();
	before = pool_used();
	ioasids_alloc();
	step_rounds(&toys[0], option_number(info, "rounds", 0), option_number(info, "waits", 0),
	            others);
	ioasids_free();
	after = pool_used();
	report(before && before == after, "pool before=%lu after=%lu", before, after);
}

void guest_main(const struct multiboot *info)
{
	const char *policy = option_text(info, "policy");
	uint32_t count;
	bool others;

	if (!snoopervisor_find(&hypervisor))
		for (;;)
			__asm__ volatile("cli\n\thlt");
	cpus_start((uint32_t)option_number(info, "cpus", 1));
	count = toys_init(policy && *policy == 'd');
	report(count, "devices count=%u", count);
	if (count == TOYS_MAX)
		step_orders();
	others = cpus_flush_begin();
	if (count && option_number(info, "rounds", 0))
		run_rounds(info, others);
	if (others)
		print("others wbinvd=%lu", cpus_flush_end());
	print("rounds failed=%u", report_failed);
	snoopervisor_end(&hypervisor, report_failed);
}
