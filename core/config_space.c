// SPDX-License-Identifier: BSD-2-Clause
#include "core/config_space.h"

#include "core/device_control.h"
#include "core/msi.h"
#include "core/pci.h"

/* The owner's view, while it has the function: one that leaves may_master is being reset for the
 * next. The platform VM also sees bridges, to find what is behind them. */
static bool is_visible(const struct vm *vm, const struct device *d)
{
	if (d->bridge)
		return vm->platform;
	return d->vm == vm && d->state == DEVICE_ATTACHED && d->may_master;
}

/* A function that the VM sees, locked, or NULL. Nobody waits for the lock of what it does not see;
 * who had to wait for it may see the function no longer. */
static struct device *enter(const struct vm *vm, u32 bdf)
{
	struct device *d = device_find(bdf);

	if (!d || !is_visible(vm, d))
		return NULL;
	lock_take(&d->lock);
	if (is_visible(vm, d))
		return d;
	lock_give(&d->lock);
	return NULL;
}

static u32 size_mask(u8 size)
{
	return (u32)MASK(size * 8 - 1, 0);
}

/* Replaces the bytes of `whole` that an access of this offset and size touches. */
static u32 merge(u32 whole, u32 offset, u8 size, u32 value)
{
	u32 shift = (offset & 3) * 8;

	return (whole & ~(size_mask(size) << shift)) | (value & size_mask(size)) << shift;
}

static bool is_bar(const struct device *d, u32 offset)
{
	return !d->bridge && offset >= PCI_BAR && offset < PCI_BAR + 4 * BARS_MAX;
}

/* BARs stay where firmware put them: the guest may size them, and reads back what it wrote, but the
 * function does not move. */
static void write_bar(struct device *d, u32 offset, u8 size, u32 value)
{
	u32 i = (offset - PCI_BAR) / 4, *shadow = &d->bars[i].shadow;
	bool upper = i > 0 && d->bars[i - 1].wide;
	const struct bar *bar = &d->bars[upper ? i - 1 : i];
	u64 writable = bar->size ? ~(bar->size - 1) : 0;
	u32 mask = (u32)(upper ? writable >> 32 : writable & ~(bar->io ? 3ull : 15ull));

	*shadow = (merge(*shadow, offset, size, value) & mask) | (*shadow & ~mask);
	device_restore_bar(d, upper ? i - 1 : i); /* a reset that nobody saw may have lost it */
}

/* What a bridge is not given to use (concerns_others) it does not show: who wrote it would wait for
 * interrupts and hot-plug commands in vain. A capability with id 0 has no registers. */
static u32 hide_of_bridge(const struct device *d, u32 offset, u32 value)
{
	static const u8 hidden[] = {PCI_CAP_PM, PCI_CAP_MSI, PCI_CAP_SHPC, PCI_CAP_MSIX};

	if (offset == PCI_BAR || offset == PCI_BAR + 4 || offset == PCI_BRIDGE_ROM)
		return 0;
	if (d->pcie && offset == d->pcie)
		return value & ~PCIE_SLOT;
	for (u32 i = 0; i < ARRAY_SIZE(hidden) && offset >= PCI_CAPS; i++) {
		if (offset == pci_find_capability(d->bdf, hidden[i]))
			return value & ~0xffu;
	}
	return value;
}

/* Memory decode stays on where BARs are mapped, whatever the owner wrote: to some machines an
 * access that nobody answers is fatal (XSA-126, CVE-2020-12888). I/O decode may be off. */
static u32 read_register(struct device *d, u32 offset)
{
	const u32 *shadow = msi_shadow(d, offset);
	u32 kept = d->decode | PCI_COMMAND_IO;

	if (offset == PCI_COMMAND)
		return (pci_read(d->bdf, offset, 4) & ~kept) | (d->command & kept);
	if (d->bridge)
		return hide_of_bridge(d, offset, pci_read(d->bdf, offset, 4));
	if (shadow)
		return *shadow;
	if (is_bar(d, offset))
		return d->bars[(offset - PCI_BAR) / 4].shadow;
	return offset == PCI_ROM ? 0 : pci_read(d->bdf, offset, 4); /* nobody is given a ROM */
}

/* Bus mastering of bridges is the hypervisor's (R21). The status register beside it clears bits by
 * writing 1, so that zeroes stand for the bytes the guest does not write. */
static void write_command(struct device *d, u32 offset, u8 size, u32 value)
{
	u32 written = merge(d->command, offset, size, value);
	u16 kept = d->bridge ? PCI_COMMAND_BUS_MASTER : 0;

	d->command = (u16)((written & ~kept) | (d->command & kept));
	device_write_command(d);
	if (written >> 16)
		pci_write(d->bdf, PCI_STATUS, 2, written >> 16);
}

/* Writes that would make requesters nobody has looked at (virtual functions are not supported),
 * move BARs, or open ways past the IOMMU. */
static bool is_refused(const struct device *d, u32 offset, u32 value)
{
	static const u16 controls[] = {PCI_EXT_CAP_ACS, PCI_EXT_CAP_ATS, PCI_EXT_CAP_PRI,
	                               PCI_EXT_CAP_PASID}; /* all of them in dword 4 */
	u32 sriov, rebar;

	if (offset < PCI_EXT_CAPS)
		return (offset & ~3u) == PCI_ROM;
	for (u32 i = 0; i < ARRAY_SIZE(controls); i++) {
		u32 at = pci_find_extended_capability(d->bdf, controls[i]);

		if (at && (offset & ~3u) == at + 4)
			return true;
	}
	rebar = pci_find_extended_capability(d->bdf, PCI_EXT_CAP_REBAR);
	if (rebar && offset - rebar < REBAR_SIZE)
		return true;
	sriov = value & SRIOV_VF_ENABLE ? pci_find_extended_capability(d->bdf, PCI_EXT_CAP_SRIOV)
	                                : 0;
	return sriov && offset == sriov + SRIOV_CONTROL;
}

/* Bus numbers, windows and resets of a bridge concern everybody behind it; registers of the host
 * bridge move memory and ECAM itself. */
static bool concerns_others(const struct device *d)
{
	return d->bridge || d->class_code >> 8 == PCI_CLASS_HOST_BRIDGE;
}

static bool starts_reset(const struct device *d, u32 offset, u8 size, u32 value)
{
	return d->reset_at && d->reset_at - offset < size &&
	       (value >> (d->reset_at - offset) * 8 & d->reset_bit);
}

/* What sleeps in D3hot may come back as after a reset. */
static void write_power_state(struct device *d, u32 offset, u8 size, u32 value)
{
	bool slept = FIELD_GET(PM_STATE, pci_read(d->bdf, d->pm + PM_CONTROL, 1)) == PM_STATE_D3HOT;

	if (d->ats_on && offset == d->pm + PM_CONTROL) /* its device TLB would not answer */
		value &= ~PM_STATE;
	pci_write(d->bdf, offset, size, value);
	if (slept && offset == d->pm + PM_CONTROL && !(value & PM_STATE))
		device_resume(d);
}

static void write_register(struct device *d, u32 offset, u8 size, u32 value)
{
	u32 dword = offset & ~3u, shift = (offset & 3) * 8;
	u32 *shadow = msi_shadow(d, offset);

	if (dword == PCI_COMMAND)
		write_command(d, offset, size, value);
	else if (is_bar(d, offset))
		write_bar(d, offset, size, value);
	else if (concerns_others(d) || is_refused(d, offset, value))
		return;
	else if (shadow)
		msi_write(d, shadow, merge(*shadow, offset, size, value));
	else if (starts_reset(d, offset, size, value))
		device_reset(d);
	else if (d->pcie && dword == d->pcie + PCIE_DEVICE_CONTROL)
		pci_write(d->bdf, offset, size, value & ~((d->control_off | PCIE_FLR) >> shift));
	else if (d->pm && dword == d->pm + PM_CONTROL)
		write_power_state(d, offset, size, value);
	else
		pci_write(d->bdf, offset, size, value);
}

u32 config_space_read(const struct vm *vm, u32 bdf, u32 offset, u8 size)
{
	struct device *d = enter(vm, bdf);
	u32 value;

	if (!d)
		return size_mask(size);
	value = read_register(d, offset & ~3u) >> (offset & 3) * 8;
	lock_give(&d->lock);
	return value & size_mask(size);
}

void config_space_write(struct vm *vm, u32 bdf, u32 offset, u8 size, u32 value)
{
	struct device *d = enter(vm, bdf);

	if (!d)
		return;
	write_register(d, offset, size, value);
	lock_give(&d->lock);
}
