// SPDX-License-Identifier: BSD-2-Clause
#include "guests/hostile/hostile.h"
#include "guests/lib/pci.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

#define PORT_ADDRESS 0xcf8u
#define PORT_DATA    0xcfcu
#define ENABLE       (1u << 31)

/* All of bus 0: function, offset, and four kinds of width. */
#define WRITES (1u << 18)

static void out(uint16_t port, unsigned int size, uint32_t value)
{
	if (size == 1)
		__asm__ volatile("outb %b0, %w1" : : "a"(value), "d"(port));
	else if (size == 2)
		__asm__ volatile("outw %w0, %w1" : : "a"(value), "d"(port));
	else
		__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
}

/* n: function << 10 | offset << 2 | kind; of the last kind are dwords that are not aligned. */
static void write(uint32_t n, uint32_t value)
{
	static const uint8_t sizes[] = {1, 2, 4, 4};
	uint32_t kind = n & 3, offset = n >> 2 & 0xff, size = sizes[kind];

	if (kind < 3)
		offset &= ~(size - 1);
	out(PORT_ADDRESS, 4, ENABLE | n >> 10 << 8 | (offset & 0xfc));
	out((uint16_t)(PORT_DATA + (offset & 3)), size, value);
}

/* Whether the device does what it did. */
static void check_device(const char *step, const struct edu *edu, uint32_t tried)
{
	uint32_t wrong;

	pci_write(edu->function, PCI_BAR0, (uint32_t)(uintptr_t)edu->registers);
	edu_enable(edu);
	wrong = edu_round_trip(edu, tried);
	report(!wrong, "%s tried=%u wrong=%u", step, tried, wrong);
}

void step_config(const struct edu *edu)
{
	/* One that has no device finds nothing there: the first quarter of the functions will do.
	 */
	const uint32_t writes = edu ? WRITES : WRITES / 4;
	uint32_t order = (uint32_t)random_next(), visible = 0;

	for (uint32_t i = 0; i < writes; i++) {
		order = order * 5 + 0x1235; /* modulo a power of 2 it comes by every number once */
		write(order & (writes - 1), (uint32_t)random_next());
	}
	for (uint32_t function = 0; function < PCI_FUNCTIONS; function++)
		visible += pci_read(function, PCI_ID) != PCI_NOTHING;
	report(visible == !!edu, "config writes=%u visible=%u", writes, visible);
	if (edu)
		check_device("config-own", edu, writes);
}

/* BARs over other devices, units, local APICs, RAM, each other; then no decode. It is said to have
 * moved, but answers where it was. */
void step_bars(const struct edu *edu)
{
	const uint32_t own = (uint32_t)(uintptr_t)edu->registers;
	const uint32_t targets[] = {0,          0x00100000, 0x10000000,      0xfec00000,
	                            0xfed00000, 0xfed90000, 0xfee00000,      0xb0000000,
	                            0xfffff000, own ^ 1,    own + (1 << 20), own - (1 << 20)};
	const uint32_t count = sizeof(targets) / sizeof(*targets);
	uint32_t answers = 0;

	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t bar = 0; bar < 6; bar++)
			pci_write(edu->function, PCI_BAR0 + 4 * bar, targets[i]);
		edu_enable(edu);
		answers += edu_read(edu, EDU_REG_ID) == EDU_ID_VALUE;
		pci_write(edu->function, PCI_COMMAND, 0);
		answers += edu_read(edu, EDU_REG_ID) == EDU_ID_VALUE;
	}
	report(answers == 2 * count, "bars answers=%u", answers);
	check_device("bars-own", edu, count);
}
