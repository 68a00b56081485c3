// SPDX-License-Identifier: BSD-2-Clause
/*
 * The hostile guest, and with role=victim the one beside it; role=unseen and role=storm make DMA
 * faults only. Options on its command line: cpus=N is how many it has; seed=N and calls=N,
 * hypercalls. Without an edu device it tries what takes none.
 */
#include "guests/hostile/hostile.h"

#include <stddef.h>

#include "guests/lib/cpus.h"
#include "guests/lib/options.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

static void attack(const struct multiboot *info, const struct edu *edu)
{
	uint32_t function = edu ? edu->function : 0;
	bool others;

	cpus_start((uint32_t)option_number(info, "cpus", 1));
	cpus_take_interrupts();
	others = cpus_flush_begin();
	if (edu)
		step_bars(edu);
	step_ipis();
	step_config(edu);
	if (edu) {
		step_messages(edu);
		step_dma(edu, memory_size(info));
	}
	step_calls(function, memory_size(info), option_number(info, "calls", 0));
	if (others)
		print("others wbinvd=%lu", cpus_flush_end());
}

void guest_main(const struct multiboot *info)
{
	const char *role = option_text(info, "role") ?: "";
	struct edu device, *edu;

	if (!snoopervisor_find(&hypervisor))
		for (;;)
			__asm__ volatile("cli\n\thlt");
	random_seed(option_number(info, "seed", 1));
	edu = edu_find(&device, 0) ? &device : NULL;
	if (*role == 's')
		step_storm();
	else if (*role == 'u')
		step_unseen(edu);
	else if (*role == 'v')
		victim_run(edu, memory_size(info));
	else
		attack(info, edu);
	print("hostile failed=%u", report_failed);
	snoopervisor_end(&hypervisor, report_failed);
}
