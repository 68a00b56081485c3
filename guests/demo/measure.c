// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an exit costs, in ticks of the TSC. Bochs, and QEMU with -icount shift=0, count one tick an
 * instruction; a real CPU counts cycles.
 */
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

#define RUNS 64

/* Ticks from the RDTSC before to the one behind. */
#define TICKS(instruction)                                                   \
	({                                                                   \
		uint32_t ticks;                                              \
		__asm__ volatile("rdtsc\n\tmov %%eax, %%esi\n\t" instruction \
		                 "\n\trdtsc\n\tsub %%esi, %%eax"             \
		                 : "=a"(ticks)                               \
		                 :                                           \
		                 : "rbx", "rcx", "rdx", "rsi", "memory");    \
		ticks;                                                       \
	})

#define LEAST_TICKS(instruction)                           \
	({                                                 \
		uint32_t least = UINT32_MAX;               \
		for (int run = 0; run < RUNS; run++) {     \
			uint32_t now = TICKS(instruction); \
			least = now < least ? now : least; \
		}                                          \
		least;                                     \
	})

void measure_exits(void)
{
	uint32_t nothing = LEAST_TICKS("");

	print("measure what=wbinvd ticks=%u", LEAST_TICKS("wbinvd") - nothing);
	print("measure what=cpuid ticks=%u", LEAST_TICKS("cpuid") - nothing);
}
