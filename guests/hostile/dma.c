// SPDX-License-Identifier: BSD-2-Clause
#include "guests/hostile/hostile.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

#define PAGE     4096u
#define PATTERN  0x6d
#define SAMPLES  16u
#define MSI_PAGE 0xfee00000u /* messages, in the way of interrupts.c */

static volatile uint8_t buffer[PAGE] __attribute__((aligned(PAGE)));

/* Half of them in the first GiB, where all VMs and the hypervisor are. */
static uint64_t sample(uint32_t i, uint64_t memory)
{
	uint64_t random = random_next(), at;

	if (i % 2)
		return memory + random % ((1ull << 30) - memory - PAGE) / PAGE * PAGE;
	at = random >> random % 44;
	return at < memory || at >> 20 == MSI_PAGE >> 20 ? 1ull << 32 : at;
}

static bool holds_nothing_new(void)
{
	for (uint32_t i = 0; i < EDU_BYTES; i++)
		if (buffer[i] != PATTERN && buffer[i] != 0 && buffer[i] != 0xff)
			return false;
	return true;
}

/* Writes there, reads from there, and looks at what has come. */
static bool try(const struct edu *edu, uint64_t iova)
{
	__builtin_memset((uint8_t *)buffer, PATTERN, PAGE);
	return edu_dma(edu, false, (uintptr_t)buffer, EDU_BYTES) &&
	       edu_dma(edu, true, iova, EDU_BYTES) && edu_dma(edu, false, iova, EDU_BYTES) &&
	       edu_dma(edu, true, (uintptr_t)buffer, EDU_BYTES) && holds_nothing_new();
}

void step_dma(const struct edu *edu, uint64_t memory)
{
	uint32_t ok = 0;
	int64_t faults;

	for (uint32_t i = 0; i < SAMPLES; i++)
		ok += try(edu, sample(i, memory));
	faults = snoopervisor_counter(&hypervisor, HYPERCALL_COUNTER_FAULTS);
	report(ok == SAMPLES && faults > 0, "dma-outside tried=%u nothing=%u faults=%ld", SAMPLES,
	       ok, faults);
}
