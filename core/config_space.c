// SPDX-License-Identifier: BSD-2-Clause
#include "core/config_space.h"

#include "core/device.h"
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

static bool touches(u32 offset, u8 size, u32 reg, u32 reg_size)
{
	return offset < reg + reg_size && reg < offset + size;
}

static bool is_bar(const struct device *d, u32 offset)
{
	return !d->bridge && offset >= PCI_BAR && offset < PCI_BAR + 4 * BARS_MAX;
}

/* BARs stay where firmware put them: the guest may size them, and reads back what it wrote, but the
 * function does not move. */
static void write_bar(struct device *d, u32 offset, u8 size, u32 value)
{
	u32 i = (offset - PCI_BAR) / 4;
	bool upper = i > 0 && d->bars[i - 1].wide;
	const struct bar *bar = &d->bars[upper ? i - 1 : i];
	u32 written = merge(d->bars[i].shadow, offset, size, value);
	u64 writable = bar->size ? ~(bar->size - 1) : 0;
	u32 fixed;

	if (upper) {
		d->bars[i].shadow = written & (u32)(writable >> 32);
		return;
	}
	fixed = bar->io ? 3 : 15;
	d->bars[i].shadow = (written & (u32)writable & ~fixed) | (d->bars[i].shadow & fixed);
}

/* Bus mastering of bridges is the hypervisor's (R21). A dword write reaches the status register
 * too, whose bits clear by writing 1. */
static void write_command(struct device *d, u32 offset, u8 size, u32 value)
{
	u16 command = (u16)merge(d->command, offset, size, value);

	if (d->bridge)
		command = (command & (u16)~PCI_COMMAND_BUS_MASTER) |
		          (d->command & PCI_COMMAND_BUS_MASTER);
	if (touches(offset, size, PCI_COMMAND, 2)) {
		d->command = command;
		pci_write(d->bdf, PCI_COMMAND, 2, command);
	}
	if (size == 4)
		pci_write(d->bdf, PCI_STATUS, 2, value >> 16);
	else if (offset >= PCI_STATUS)
		pci_write(d->bdf, offset, size, value);
}

/* Virtual functions are not supported: they would be requesters that nobody has looked at. */
static bool enables_virtual_functions(const struct device *d, u32 offset, u8 size, u32 value)
{
	u32 sriov =
		offset < PCI_EXT_CAPS ? 0 : pci_find_extended_capability(d->bdf, PCI_EXT_CAP_SRIOV);

	return sriov && offset == sriov + SRIOV_CONTROL && size && (value & SRIOV_VF_ENABLE);
}

u32 config_space_read(const struct vm *vm, u32 bdf, u32 offset, u8 size)
{
	const struct device *d = visible(vm, bdf);

	if (!d)
		return size_mask(size);
	if (is_bar(d, offset))
		return d->bars[(offset - PCI_BAR) / 4].shadow >> (offset & 3) * 8 & size_mask(size);
	return pci_read(bdf, offset, size);
}

void config_space_write(struct vm *vm, u32 bdf, u32 offset, u8 size, u32 value)
{
	struct device *d = visible(vm, bdf);

	if (!d || enables_virtual_functions(d, offset, size, value))
		return;
	if (offset >= PCI_COMMAND && offset < PCI_COMMAND + 4)
		write_command(d, offset, size, value);
	else if (is_bar(d, offset))
		write_bar(d, offset, size, value);
	else if (!d->bridge && (offset < PCI_ROM || offset >= PCI_ROM + 4))
		/* Bus numbers, windows and resets of a bridge concern everybody behind it. */
		pci_write(bdf, offset, size, value);
}
