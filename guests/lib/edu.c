// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/edu.h"

#include "guests/lib/pci.h"
#include "guests/lib/ticks.h"

#define BAR_ADDRESS 0xfffffff0u
#define BUFFER      0x40000u
#define PAGE        4096u

static uint8_t out[EDU_BYTES] __attribute__((aligned(PAGE)));
static uint8_t in[2 * PAGE] __attribute__((aligned(PAGE)));

uint32_t edu_read(const struct edu *edu, uint32_t offset)
{
	return *(volatile uint32_t *)(edu->registers + offset);
}

void edu_write(const struct edu *edu, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)(edu->registers + offset) = value;
}

void edu_write32(const struct edu *edu, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(edu->registers + offset) = value;
}

void edu_enable(const struct edu *edu)
{
	pci_write(edu->function, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

bool edu_find(struct edu *edu, unsigned int n)
{
	for (edu->function = 0; edu->function < PCI_FUNCTIONS; edu->function++) {
		if (pci_read(edu->function, PCI_ID) != EDU_ID || n--)
			continue;
		edu->registers =
			(uint8_t *)(uintptr_t)(pci_read(edu->function, PCI_BAR0) & BAR_ADDRESS);
		edu_enable(edu);
		return true;
	}
	return false;
}

/* The compiler does not see that the device reads and writes memory. */
static void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

void edu_start(const struct edu *edu, bool to_ram, uint64_t iova, uint32_t bytes)
{
	barrier();
	edu_write(edu, EDU_REG_SOURCE, to_ram ? BUFFER : iova);
	edu_write(edu, EDU_REG_TARGET, to_ram ? iova : BUFFER);
	edu_write(edu, EDU_REG_COUNT, bytes);
	edu_write(edu, EDU_REG_COMMAND, (to_ram ? EDU_COMMAND_TO_RAM : 0) | EDU_COMMAND_RUN);
}

bool edu_is_running(const struct edu *edu)
{
	return edu_read(edu, EDU_REG_COMMAND) & EDU_COMMAND_RUN;
}

bool edu_wait(const struct edu *edu)
{
	bool done = WAIT_FOR(!edu_is_running(edu));

	barrier();
	return done;
}

bool edu_dma(const struct edu *edu, bool to_ram, uint64_t iova, uint32_t bytes)
{
	edu_start(edu, to_ram, iova, bytes);
	return edu_wait(edu);
}

uint32_t edu_round_trip(const struct edu *edu, uint64_t seed)
{
	uint8_t *back = in + PAGE / 2;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < EDU_BYTES; i++)
		out[i] = (uint8_t)(i * 7 + (i >> 8) + seed);
	__builtin_memset(in, 0, sizeof(in));
	if (!edu_dma(edu, false, (uintptr_t)out, EDU_BYTES) ||
	    !edu_dma(edu, true, (uintptr_t)back, EDU_BYTES))
		return EDU_BYTES;
	for (uint32_t i = 0; i < EDU_BYTES; i++)
		wrong += back[i] != out[i];
	return wrong;
}
