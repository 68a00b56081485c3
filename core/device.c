// SPDX-License-Identifier: BSD-2-Clause
#include "core/device.h"

#include "core/ats.h"
#include "core/device_control.h"
#include "core/facts.h"
#include "core/group.h"
#include "core/log.h"
#include "core/msi.h"
#include "core/pci.h"
#include "lib/format.h"

struct device devices[DEVICES_MAX]; /* grows during boot only; an entry changes with its owner */
u32 device_count;

const char *const nosnoop_by_names[] = {"probe", "unknown", "override", "class", "block"};

struct device *device_find(u32 bdf)
{
	for_each_device (d) {
		if (d->bdf == bdf)
			return d;
	}
	return NULL;
}

u8 device_secondary_bus(u32 bdf)
{
	const struct device *d = device_find(bdf);

	return d ? d->first_bus : 0;
}

bool device_is_behind(const struct device *d, const struct device *bridge)
{
	u32 bus = d->bdf >> 8 & 0xff;

	return bridge->first_bus && bridge->bdf >> 16 == d->bdf >> 16 && bridge->first_bus <= bus &&
	       bus <= bridge->last_bus;
}

/* Whether Enable No Snoop can be set and cleared. The register is left as it was found. */
static bool can_toggle_nosnoop(const struct device *d)
{
	u32 at = d->pcie + PCIE_DEVICE_CONTROL, control = pci_read(d->bdf, at, 2);
	u32 first, second;

	pci_write(d->bdf, at, 2, control ^ PCIE_NO_SNOOP);
	first = pci_read(d->bdf, at, 2);
	pci_write(d->bdf, at, 2, control);
	second = pci_read(d->bdf, at, 2);
	return (first ^ second) & PCIE_NO_SNOOP;
}

/* R1 */
static void probe_nosnoop(struct device *d)
{
	u32 control;

	d->nosnoop_capable = true;
	d->nosnoop_by = NOSNOOP_BY_UNKNOWN;
	if (!d->pcie)
		return;
	if (d->class_code >> 16 == PCI_CLASS_DISPLAY && d->pcie_type == PCIE_TYPE_RC_ENDPOINT) {
		d->nosnoop_by = NOSNOOP_BY_CLASS;
		return;
	}
	control = pci_read(d->bdf, d->pcie + PCIE_DEVICE_CONTROL, 2);
	d->nosnoop_writable = can_toggle_nosnoop(d);
	d->nosnoop_capable = (control & PCIE_NO_SNOOP) || d->nosnoop_writable;
	d->nosnoop_by = NOSNOOP_BY_PROBE;
}

/* PCI 3.0, 6.2.5.1: all ones in, the writable bits out. */
static u32 writable_bits(u32 bdf, u32 offset, u32 found)
{
	u32 mask;

	pci_write(bdf, offset, 4, ~0u);
	mask = pci_read(bdf, offset, 4);
	pci_write(bdf, offset, 4, found);
	return mask;
}

/* Of `count` BARs the one with index i; returns how many registers it takes. */
static u32 size_bar(struct device *d, u32 i, u32 count)
{
	u32 offset = PCI_BAR + 4 * i;
	u32 low = pci_read(d->bdf, offset, 4), high = 0;
	u32 address_bits = low & PCI_BAR_IO ? PCI_BAR_IO_BITS : PCI_BAR_MEMORY_BITS;
	u64 writable = writable_bits(d->bdf, offset, low) & address_bits;
	struct bar *bar = &d->bars[i];

	bar->shadow = low;
	bar->io = low & PCI_BAR_IO;
	bar->wide = !bar->io && FIELD_GET(PCI_BAR_TYPE, low) == PCI_BAR_TYPE_64 && i + 1 < count;
	if (bar->wide) {
		high = pci_read(d->bdf, offset + 4, 4);
		writable |= (u64)writable_bits(d->bdf, offset + 4, high) << 32;
		d->bars[i + 1].shadow = high;
	}
	bar->base = (low & address_bits) | (u64)high << 32;
	bar->size = writable & -writable; /* the lowest address bit that is not wired to 0 */
	if (!bar->io && bar->size && bar->base)
		d->decode = PCI_COMMAND_MEMORY; /* it will be mapped */
	return bar->wide ? 2 : 1;
}

static void size_bars(struct device *d)
{
	u32 command = pci_read(d->bdf, PCI_COMMAND, 2);
	u32 count = d->bridge ? 2 : BARS_MAX;

	/* A half-written BAR must not answer anywhere. */
	pci_write(d->bdf, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (u32 i = 0; i < count;)
		i += size_bar(d, i, count);
	pci_write(d->bdf, PCI_COMMAND, 2, command);
	if (d->bridge) /* it concerns those behind it */
		d->decode = command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

/* Virtual functions are not supported: none is left enabled, and the mediator keeps it so. */
static void disable_virtual_functions(u32 bdf)
{
	u32 sriov = pci_find_extended_capability(bdf, PCI_EXT_CAP_SRIOV);
	u32 control = sriov ? pci_read(bdf, sriov + SRIOV_CONTROL, 2) : 0;

	if (control & SRIOV_VF_ENABLE)
		pci_write(bdf, sriov + SRIOV_CONTROL, 2, control & ~SRIOV_VF_ENABLE);
}

/* A function-level reset is started by one byte, of PCIe or of Advanced Features. */
static void find_reset(struct device *d)
{
	u32 af = pci_find_capability(d->bdf, PCI_CAP_AF);

	if (d->pcie && (pci_read(d->bdf, d->pcie + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_FLR)) {
		d->reset_at = d->pcie + PCIE_DEVICE_CONTROL + 1;
		d->reset_bit = PCIE_FLR >> 8;
	} else if (af && (pci_read(d->bdf, af + AF_CAPABILITY, 1) & AF_CAP_FLR)) {
		d->reset_at = af + AF_CONTROL;
		d->reset_bit = AF_FLR;
	}
}

static void find_capabilities(struct device *d)
{
	d->pcie = pci_find_capability(d->bdf, PCI_CAP_PCIE);
	d->pcie_type = PCIE_TYPE_NONE;
	if (d->pcie)
		d->pcie_type =
			FIELD_GET(PCIE_TYPE, pci_read(d->bdf, d->pcie + PCIE_CAPABILITIES, 2));
	d->acs = pci_find_extended_capability(d->bdf, PCI_EXT_CAP_ACS);
	if (d->bridge) {
		d->first_bus = (u8)pci_read(d->bdf, PCI_SECONDARY_BUS, 1);
		d->last_bus = (u8)pci_read(d->bdf, PCI_SECONDARY_BUS + 1, 1);
		return;
	}
	d->pm = pci_find_capability(d->bdf, PCI_CAP_PM);
	find_reset(d);
	ats_init(d);
	/* R9: phantom functions would be requesters without a context entry. */
	d->control_off = d->pcie ? PCIE_PHANTOM : 0;
}

static void add_device(u32 bdf)
{
	struct device *d = &devices[device_count];
	u32 header = pci_read(bdf, PCI_HEADER_TYPE, 1) & 0x7f;

	if (device_count == DEVICES_MAX) {
		log_line("device %s ignored reason=%s", BDF_TEXT(bdf), error_name(E_TOO_MANY));
		return;
	}
	device_count++;
	d->bdf = bdf;
	d->id = pci_read(bdf, PCI_VENDOR_ID, 4);
	d->class_code = pci_read(bdf, PCI_CLASS, 4) >> 8;
	d->bridge = header != 0;
	find_capabilities(d);
	d->command = (u16)pci_read(bdf, PCI_COMMAND, 2) & (u16)~PCI_COMMAND_BUS_MASTER;
	disable_virtual_functions(bdf);
	device_isolate(d);
	size_bars(d);
	probe_nosnoop(d);
}

void device_scan(void)
{
	pci_stop_bus_masters();
	pci_scan(add_device);
	group_form();
}

void device_find_units(void)
{
	for_each_device (d) {
		d->unit = facts_find_unit(d->bdf);
		msi_init(d);
	}
}

enum coherency_box device_default(const struct device *d, enum coherency_format *format)
{
	*format = d->unit ? coherency_resolve(REQUEST_DEFAULT, d->unit->snoop_control)
	                  : FORMAT_UNRESOLVED;
	return coherency_box(*format, d->nosnoop_capable);
}

/* R3: the default policy's answer, before anything is attached. */
static void log_device(const struct device *d)
{
	enum coherency_format format;
	enum coherency_box box = device_default(d, &format);

	if (d->bridge || !d->unit) {
		log_line("device %s id=%04x:%04x class=%06x group=%s unit=%s%s", BDF_TEXT(d->bdf),
		         d->id & 0xffff, d->id >> 16, d->class_code, BDF_TEXT(d->group),
		         d->unit ? "covered" : "none", d->bridge ? " type=bridge" : "");
		return;
	}
	log_line("device %s id=%04x:%04x class=%06x group=%s unit=%u nosnoop=%s by=%s default=%s "
	         "box=%u wbinvd=%s",
	         BDF_TEXT(d->bdf), d->id & 0xffff, d->id >> 16, d->class_code, BDF_TEXT(d->group),
	         d->unit->index, d->nosnoop_capable ? "yes" : "no", nosnoop_by_names[d->nosnoop_by],
	         coherency_formats[format], box,
	         coherency_verdicts[coherency_box_authorises(POLICY_KERNEL, box)]);
}

void device_log_all(void)
{
	for_each_device (d)
		log_device(d);
}

err_t device_set_nosnoop(struct device *d, bool capable)
{
	bool proven = d->nosnoop_by == NOSNOOP_BY_PROBE || d->nosnoop_by == NOSNOOP_BY_CLASS;

	if (d->state != DEVICE_FREE)
		return E_ATTACHED;
	if (d->nosnoop_capable && proven)
		return capable ? E_OK : E_USE_BLOCK;
	d->nosnoop_capable = capable;
	d->nosnoop_by = NOSNOOP_BY_OVERRIDE;
	log_device(d);
	return E_OK;
}

/* R2: the bit of these binds nobody. Integrated graphics snoops as its own page tables say (R1);
 * graphics of AMD and Nvidia has configuration space in its BARs too, past the mediator (QEMU,
 * hw/vfio/pci-quirks.c). */
static bool is_on_deny_list(const struct device *d)
{
	static const u16 vendors[] = {0x1002, 0x10de};

	if (d->class_code >> 16 != PCI_CLASS_DISPLAY)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(vendors); i++) {
		if ((d->id & 0xffff) == vendors[i])
			return true;
	}
	return (d->bdf >> 8 & 0xff) == 0;
}

err_t device_block_nosnoop(struct device *d)
{
	if (d->state != DEVICE_FREE)
		return E_ATTACHED;
	if (is_on_deny_list(d))
		return E_DENY_LIST;
	if (!d->nosnoop_writable)
		return E_NO_BIT;
	d->control_off |= PCIE_NO_SNOOP;
	d->nosnoop_capable = false;
	d->nosnoop_by = NOSNOOP_BY_BLOCK;
	log_device(d);
	return E_OK;
}
