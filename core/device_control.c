// SPDX-License-Identifier: BSD-2-Clause
#include "core/device_control.h"

#include "core/ats.h"
#include "core/deadline.h"
#include "core/msi.h"
#include "core/pci.h"
#include "core/vm.h"

#define SETTLE_US 100000 /* PCIe 5.0, 6.6.2: for pending transactions, and after a reset */
#define RESUME_US 10000  /* 5.9: from D3hot to D0 */

bool device_hold_control(const struct device *d)
{
	u32 at = d->pcie + PCIE_DEVICE_CONTROL, control;

	if (!d->control_off)
		return true;
	control = pci_read(d->bdf, at, 2);
	if (!(control & d->control_off))
		return true;
	pci_write(d->bdf, at, 2, control & ~d->control_off);
	return !(pci_read(d->bdf, at, 2) & d->control_off);
}

void device_isolate(const struct device *d)
{
	if (d->acs)
		pci_write(d->bdf, d->acs + ACS_CONTROL, 2,
		          pci_read(d->bdf, d->acs + ACS_CAPABILITY, 2) & ACS_ISOLATE);
}

void device_write_command(struct device *d)
{
	u16 command = d->command | d->decode;

	/* Ports are the platform VM's, with no look at whose registers are there: only its own. */
	if (!d->bridge && !(d->may_master && d->vm && d->vm->platform))
		command &= (u16)~PCI_COMMAND_IO;
	/* R2: a reset that nobody saw has taken bus mastering too, so that this is the moment. */
	if ((command & PCI_COMMAND_BUS_MASTER) && !(d->may_master && device_hold_control(d)))
		command &= (u16)~PCI_COMMAND_BUS_MASTER;
	pci_write(d->bdf, PCI_COMMAND, 2, command);
}

static void allow(struct device *d, u16 command)
{
	lock_take(&d->lock);
	d->may_master = true;
	d->command |= command;
	device_hold_control(d);
	ats_start(d);
	device_write_command(d);
	lock_give(&d->lock);
}

/* R21: a bridge gets bus mastering back when a device behind it is attached. */
void device_allow_dma(struct device *d)
{
	for_each_device (bridge) {
		if (device_is_behind(d, bridge))
			allow(bridge, PCI_COMMAND_BUS_MASTER);
	}
	allow(d, 0);
}

static bool is_pending(const struct device *d)
{
	if (d->pcie)
		return pci_read(d->bdf, d->pcie + PCIE_DEVICE_STATUS, 2) & PCIE_PENDING;
	return d->reset_at &&
	       (pci_read(d->bdf, d->reset_at - AF_CONTROL + AF_STATUS, 1) & AF_PENDING);
}

static bool wait_for_pending(const struct device *d)
{
	u64 deadline = deadline_in_us(SETTLE_US);

	while (is_pending(d)) {
		if (deadline_passed(deadline))
			return false;
	}
	return true;
}

static void wait_us(u64 us)
{
	u64 deadline = deadline_in_us(us);

	while (!deadline_passed(deadline))
		__builtin_ia32_pause();
}

/* Whole: half of a 64-bit address may be where another function is. */
void device_restore_bar(const struct device *d, u32 i)
{
	const struct bar *bar = &d->bars[i];
	u64 address = bar->shadow & ~(bar->io ? 3u : 15u);

	if (bar->wide)
		address |= (u64)bar[1].shadow << 32;
	if (!bar->size || address != bar->base)
		return;
	if (bar->wide)
		pci_write(d->bdf, PCI_BAR + 4 * (i + 1), 4, bar[1].shadow);
	pci_write(d->bdf, PCI_BAR + 4 * i, 4, bar->shadow);
}

/* What firmware and the hypervisor wrote goes back; what the owner did not write again is lost. */
static void restore(struct device *d)
{
	for (u32 i = 0; i < BARS_MAX; i++) {
		struct bar *bar = &d->bars[i];

		if (!bar->size)
			continue;
		bar->shadow = (u32)bar->base | (bar->shadow & (bar->io ? 3 : 15));
		if (bar->wide)
			bar[1].shadow = (u32)(bar->base >> 32);
		device_restore_bar(d, i);
	}
	device_isolate(d);
	device_hold_control(d);
	msi_reset(d);
	ats_start(d);
	d->command &= (u16)pci_read(d->bdf, PCI_COMMAND, 2);
	device_write_command(d);
}

bool device_reset(struct device *d)
{
	bool drained;

	d->command &= (u16)~PCI_COMMAND_BUS_MASTER;
	device_write_command(d);
	drained = wait_for_pending(d);
	ats_stop(d); /* PCIe 6.0, 10.3.1: in a reset nobody answers */
	if (!d->reset_at)
		return drained;
	pci_write(d->bdf, d->reset_at, 1, pci_read(d->bdf, d->reset_at, 1) | d->reset_bit);
	wait_us(SETTLE_US); /* 6.6.2: the function may not be touched */
	restore(d);
	return drained;
}

void device_resume(struct device *d)
{
	wait_us(RESUME_US);
	if (!(pci_read(d->bdf, d->pm + PM_CONTROL, 2) & PM_KEEPS_STATE))
		restore(d);
}

bool device_quiesce(struct device *d)
{
	bool drained;

	lock_take(&d->lock);
	d->may_master = false;
	drained = device_reset(d);
	msi_reset(d);
	lock_give(&d->lock);
	return drained;
}
