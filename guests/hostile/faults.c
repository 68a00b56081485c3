// SPDX-License-Identifier: BSD-2-Clause
/* DMA that faults while its VM gives the hypervisor no other cause to look. */
#include "guests/hostile/hostile.h"
#include "guests/lib/pci.h"
#include "guests/lib/report.h"
#include "guests/lib/ticks.h"

#define OUTSIDE     0x20000000u  /* no memory of this VM */
#define DMA_TICKS   (1ull << 32) /* much more than the 100 ms that a DMA takes */
#define NOWHERE     0xd0000000u  /* no memory at all */
#define STORM_TICKS (1ull << 40) /* some minutes */
#define STORM       100000u      /* DMA reads of each controller, and more */
#define ROUND       1000u        /* of writes between looks whether there is an end */

/* Intel 8254x, as QEMU's e1000 has it (Software Developer's Manual, 13.4, 13.5): what a doorbell
 * announces is fetched at once. */
#define NIC_ID      0x100e8086u
#define NIC_TCTL    0x400
#define NIC_TCTL_EN (1u << 1)
#define NIC_TDBAL   0x3800
#define NIC_TDBAH   0x3804
#define NIC_TDLEN   0x3808
#define NIC_TDT     0x3818
#define DESCRIPTORS 4096u
#define DESCRIPTOR  16u
#define A_WRITE     10u /* descriptors that each doorbell announces */

/* QEMU lets one CPU at a time to its devices: this leaves some of it to others. */
#define GAP_TICKS (1u << 20)

struct nic {
	uint32_t function, tail;
	uint8_t *registers;
};

void step_unseen(const struct edu *edu)
{
	print("unseen begins");
	edu_start(edu, true, OUTSIDE, EDU_BYTES);
	WAIT_UP_TO(DMA_TICKS, false);
	*(volatile uint8_t *)(uintptr_t)NOWHERE = 0;
}

static void nic_write(const struct nic *nic, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(nic->registers + offset) = value;
}

/* Its ring is where this VM has no memory. */
static bool nic_find(struct nic *nic, uint32_t from)
{
	for (nic->function = from; nic->function < PCI_FUNCTIONS; nic->function++) {
		if (pci_read(nic->function, PCI_ID) != NIC_ID)
			continue;
		nic->tail = 0;
		nic->registers = (uint8_t *)(uintptr_t)(pci_read(nic->function, PCI_BAR0) & ~15u);
		pci_write(nic->function, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		nic_write(nic, NIC_TDBAL, OUTSIDE);
		nic_write(nic, NIC_TDBAH, 0);
		nic_write(nic, NIC_TDLEN, DESCRIPTORS * DESCRIPTOR);
		nic_write(nic, NIC_TCTL, NIC_TCTL_EN);
		return true;
	}
	return false;
}

static bool is_quarantined(const struct nic *nic)
{
	int64_t info = snoopervisor_device_info(&hypervisor, nic->function);

	return info >= 0 && HYPERCALL_INFO_QUARANTINED(info);
}

static volatile uint32_t *doorbell(struct nic *nic)
{
	nic->tail = (nic->tail + A_WRITE) % DESCRIPTORS;
	return (volatile uint32_t *)(nic->registers + NIC_TDT);
}

/* So close that the unit still holds the fault of the first, and has no room for the second's. */
static void ring(struct nic *first, struct nic *second)
{
	for (uint32_t i = 0; i < ROUND; i++) {
		volatile uint32_t *a = doorbell(first), *b = doorbell(second);
		uint32_t at_a = first->tail, at_b = second->tail;

		*a = at_a;
		*b = at_b;
		WAIT_UP_TO(GAP_TICKS, false);
	}
}

void step_storm(void)
{
	struct nic first, second;
	uint64_t reads = 0;
	bool ended;

	if (!nic_find(&first, 0)) {
		report(false, "storm device=none");
		return;
	}
	if (!nic_find(&second, first.function + 1))
		second = first; /* which rings twice */
	ended = WAIT_UP_TO(STORM_TICKS,
	                   (ring(&first, &second), reads += ROUND * A_WRITE,
	                    reads >= STORM && is_quarantined(&first) && is_quarantined(&second)));
	report(ended, "storm reads=%lu", reads);
}
