/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space by ports CF8 and CFC (PCI Local Bus 3.0, 3.2.2.3.2). */
#ifndef LIB_PCI_H
#define LIB_PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_ID      0x00
#define PCI_COMMAND 0x04
#define PCI_BAR0    0x10
#define PCI_CAPS    0x34
#define PCI_CAP_MSI 0x05
#define MSI_ENABLE  (1u << 16)

#define PCI_COMMAND_MEMORY (1u << 1)
#define PCI_COMMAND_MASTER (1u << 2)

#define PCI_NOTHING 0xffffffffu

/* Of the four buses that small machines have: each function asked for is two exits. */
#define PCI_FUNCTIONS (4u << 8)

/* function: bus << 8 | device << 3 | function; offset is a multiple of 4. */
uint32_t pci_read(uint32_t function, uint32_t offset);
void pci_write(uint32_t function, uint32_t offset, uint32_t value);

/* The first function with this identification. */
bool pci_find(uint32_t id, uint32_t *function);

/* Where a capability is. */
bool pci_find_capability(uint32_t function, uint32_t id, uint32_t *at);

#endif
