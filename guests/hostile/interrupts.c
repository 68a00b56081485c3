// SPDX-License-Identifier: BSD-2-Clause
#include "guests/hostile/hostile.h"
#include "guests/lib/cpus.h"
#include "guests/lib/pci.h"
#include "guests/lib/random.h"
#include "guests/lib/report.h"

#define APIC_IDS      256u
#define APIC_ALL      255u
#define ICR_LOGICAL   (1u << 11)
#define ICR_ASSERT    (1u << 14)
#define ICR_SHORTHAND (1u << 18)
#define ICR_MODE(m)   ((m) << 8) /* 0 fixed, 2 SMI, 4 NMI, 5 INIT, 6 startup, 7 ExtINT */
#define MODE_NMI      4u
#define VECTOR        0x77u

/* VT-d 5.1.2.2: a message in remappable format */
#define MESSAGE(index) (0xfee00010u | ((index)&0x7fff) << 5 | ((index) >> 15) << 2)
#define MSI_MESSAGES   512u
#define DMA_MESSAGES   24u

/* INIT and startup not to itself, or what remained of this VM would be nothing. */
void step_ipis(void)
{
	uint32_t sent = 0, own = cpus_own_apic_id();

	for (uint32_t id = 0; id < APIC_IDS; id++) {
		for (uint32_t mode = 0; mode < 8; mode++) {
			if (mode > MODE_NMI && (id <= own + 1 || id == APIC_ALL))
				continue;
			cpus_send(id, ICR_ASSERT | ICR_MODE(mode) | VECTOR);
			sent++;
			if (mode > MODE_NMI)
				continue;
			cpus_send(id, ICR_ASSERT | ICR_LOGICAL | ICR_MODE(mode) | VECTOR);
			sent++;
		}
	}
	for (uint32_t mode = 0; mode <= MODE_NMI; mode++) {
		for (uint32_t shorthand = 1; shorthand < 4; shorthand++) {
			cpus_send(0,
			          shorthand * ICR_SHORTHAND | ICR_ASSERT | ICR_MODE(mode) | VECTOR);
			sent++;
		}
	}
	report(true, "ipis sent=%u", sent);
}

static void send_msi(const struct edu *edu, uint32_t msi, uint32_t index)
{
	uint32_t control = pci_read(edu->function, msi) & ~MSI_ENABLE;

	pci_write(edu->function, msi, control);
	pci_write(edu->function, msi + 4, MESSAGE(index));
	pci_write(edu->function, msi + 8, 0);
	pci_write(edu->function, msi + 12, (uint32_t)random_next() & 0xffff);
	pci_write(edu->function, msi, control | MSI_ENABLE);
	edu_write32(edu, EDU_REG_RAISE, 1);
	edu_write32(edu, EDU_REG_LOWER, 1);
}

/* By its MSI registers, and by DMA to where messages go: with every index that is in use and many
 * that are not. */
void step_messages(const struct edu *edu)
{
	static volatile uint32_t data;
	uint32_t msi, ended = 0;
	bool found = pci_find_capability(edu->function, PCI_CAP_MSI, &msi);

	for (uint32_t i = 0; found && i < MSI_MESSAGES; i++)
		send_msi(edu, msi, i % 2 ? (uint32_t)random_next() & 0xffff : i / 2);
	for (uint32_t i = 0; i < DMA_MESSAGES; i++) {
		data = i % 4;
		ended += edu_dma(edu, false, (uintptr_t)&data, sizeof(data)) &&
		         edu_dma(edu, true,
		                 MESSAGE(i < DMA_MESSAGES / 2 ? i : random_next() % 65536),
		                 sizeof(data));
	}
	report(found && ended == DMA_MESSAGES, "messages msi=%u dma=%u", MSI_MESSAGES, ended);
}
