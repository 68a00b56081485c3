// SPDX-License-Identifier: BSD-2-Clause
#include "core/config_space.h"

#include "core/device.h"
#include "core/msi.h"
#include "core/pci.h"

/* The owner's view; the platform VM also sees bridges, to find what is behind them. */
static struct device *visible(const struct vm *vm, u32 bdf)
{
	struct device *d = device_find(bdf);

	if (!d)
		return NULL;
	if (d->bridge)
		return vm->platform ? d : NULL;
	return d->vm == vm && d->state == DEVICE_ATTACHED ? d : NULL;
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

/* A reset of the function has lost what firmware wrote. It goes back whole: half of a 64-bit
 * address may be where another function is. */
static void restore_bar(const struct device *d, u32 i)
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
	restore_bar(d, upper ? i - 1 : i);
}

/* Bus mastering of bridges is the hypervisor's (R21). The status register beside it clears bits by
 * writing 1, so that zeroes stand for the bytes the guest does not write. */
static void write_command(struct device *d, u32 offset, u8 size, u32 value)
{
	u32 written = merge(d->command, offset, size, value);
	u16 kept = d->bridge ? PCI_COMMAND_BUS_MASTER : 0;

	d->command = (u16)((written & ~kept) | (d->command & kept));
	pci_write(d->bdf, PCI_COMMAND, 2, d->command);
	if (written >> 16)
		pci_write(d->bdf, PCI_STATUS, 2, written >> 16);
}

/* Virtual functions are not supported: they would be requesters that nobody has looked at. */
static bool enables_virtual_functions(const struct device *d, u32 offset, u32 value)
{
	u32 sriov = 0;

	if (offset >= PCI_EXT_CAPS && (value & SRIOV_VF_ENABLE))
		sriov = pci_find_extended_capability(d->bdf, PCI_EXT_CAP_SRIOV);
	return sriov && offset == sriov + SRIOV_CONTROL;
}

/* Bus numbers, windows and resets of a bridge concern everybody behind it; registers of the host
 * bridge move memory and ECAM itself. */
static bool concerns_others(const struct device *d)
{
	return d->bridge || d->class_code >> 8 == PCI_CLASS_HOST_BRIDGE;
}

u32 config_space_read(const struct vm *vm, u32 bdf, u32 offset, u8 size)
{
	struct device *d = visible(vm, bdf);
	const u32 *shadow;

	if (!d)
		return size_mask(size);
	if (is_bar(d, offset))
		return d->bars[(offset - PCI_BAR) / 4].shadow >> (offset & 3) * 8 & size_mask(size);
	shadow = msi_shadow(d, offset);
	if (shadow)
		return *shadow >> (offset & 3) * 8 & size_mask(size);
	return pci_read(bdf, offset, size);
}

void config_space_write(struct vm *vm, u32 bdf, u32 offset, u8 size, u32 value)
{
	struct device *d = visible(vm, bdf);
	u32 *shadow;

	if (!d || enables_virtual_functions(d, offset, value))
		return;
	if ((offset & ~3u) == PCI_COMMAND)
		write_command(d, offset, size, value);
	else if (is_bar(d, offset))
		write_bar(d, offset, size, value);
	else if (concerns_others(d) || (offset & ~3u) == PCI_ROM)
		return;
	else if ((shadow = msi_shadow(d, offset)))
		msi_write(d, shadow, merge(*shadow, offset, size, value));
	else
		pci_write(bdf, offset, size, value);
}
