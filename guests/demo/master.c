// SPDX-License-Identifier: BSD-2-Clause
/* R21: whatever this VM writes, what it does not own cannot master the bus. That is seen from
 * outside only; from here, those functions answer all ones. */
#include "guests/lib/pci.h"
#include "guests/lib/report.h"
#include "guests/demo/steps.h"

void step_bus_master(void)
{
	unsigned int seen = 0, half_hidden = 0;

	for (uint32_t function = 0; function < PCI_FUNCTIONS; function++) {
		pci_write(function, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		if (pci_read(function, PCI_ID) != PCI_NOTHING)
			seen++;
		else if (pci_read(function, PCI_COMMAND) != PCI_NOTHING)
			half_hidden++;
	}
	report(!half_hidden, "bus-master written=%u seen=%u half-hidden=%u", PCI_FUNCTIONS, seen,
	       half_hidden);
}
