// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/pci.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define ENABLE       (1u << 31)

static void select(uint32_t function, uint32_t offset)
{
	__asm__ volatile("outl %0, %w1"
	                 :
	                 : "a"(ENABLE | function << 8 | offset), "d"(PORT_ADDRESS));
}

uint32_t pci_read(uint32_t function, uint32_t offset)
{
	uint32_t value;

	select(function, offset);
	__asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(PORT_DATA));
	return value;
}

void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
	select(function, offset);
	__asm__ volatile("outl %0, %w1" : : "a"(value), "d"(PORT_DATA));
}

bool pci_find(uint32_t id, uint32_t *function)
{
	for (*function = 0; *function < PCI_FUNCTIONS; ++*function)
		if (pci_read(*function, PCI_ID) == id)
			return true;
	return false;
}

bool pci_find_capability(uint32_t function, uint32_t id, uint32_t *at)
{
	for (*at = pci_read(function, PCI_CAPS) & 0xfc; *at;
	     *at = pci_read(function, *at) >> 8 & 0xfc)
		if ((pci_read(function, *at) & 0xff) == id)
			return true;
	return false;
}
