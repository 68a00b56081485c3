// SPDX-License-Identifier: BSD-2-Clause
#include "core/device.h"

#include "core/deadline.h"
#include "core/facts.h"
#include "core/log.h"
#include "core/msi.h"
#include "core/pci.h"
#include "lib/format.h"

struct device devices[DEVICES_MAX]; /* grows during boot only; an entry changes with its owner */
u32 device_count;

/* PCIe 5.0, 6.6.2: what to wait for pending transactions, and after a function-level reset. */
#define SETTLE_US 100000

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

	return d && d->bridge ? (u8)pci_read(bdf, PCI_SECONDARY_BUS, 1) : 0;
}

/* R1. The register is left as it was found. */
static void probe_nosnoop(struct device *d)
{
	u32 offset = d->pcie + PCIE_DEVICE_CONTROL;
	u32 found;

	d->nosnoop_capable = true;
	d->nosnoop_by = NOSNOOP_BY_UNKNOWN;
	if (!d->pcie)
		return;
	if (d->class_code >> 16 == 0x03 &&
	    FIELD_GET(PCIE_TYPE, pci_read(d->bdf, d->pcie + PCIE_CAPABILITIES, 2)) ==
	            PCIE_TYPE_RC_ENDPOINT) {
		d->nosnoop_by = NOSNOOP_BY_CLASS;
		return;
	}
	found = pci_read(d->bdf, offset, 2);
	if (!(found & PCIE_NO_SNOOP)) {
		pci_write(d->bdf, offset, 2, found | PCIE_NO_SNOOP);
		d->nosnoop_capable = pci_read(d->bdf, offset, 2) & PCIE_NO_SNOOP;
		pci_write(d->bdf, offset, 2, found);
	}
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
}

/* Virtual functions are not supported: none is left enabled, and the mediator keeps it so. */
static void disable_virtual_functions(u32 bdf)
{
	u32 sriov = pci_find_extended_capability(bdf, PCI_EXT_CAP_SRIOV);
	u32 control = sriov ? pci_read(bdf, sriov + SRIOV_CONTROL, 2) : 0;

	if (control & SRIOV_VF_ENABLE)
		pci_write(bdf, sriov + SRIOV_CONTROL, 2, control & ~SRIOV_VF_ENABLE);
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
	d->pcie = pci_find_capability(bdf, PCI_CAP_PCIE);
	d->command = (u16)pci_read(bdf, PCI_COMMAND, 2) & (u16)~PCI_COMMAND_BUS_MASTER;
	disable_virtual_functions(bdf);
	size_bars(d);
	probe_nosnoop(d);
}

void device_scan(void)
{
	pci_stop_bus_masters();
	pci_scan(add_device);
}

void device_find_units(void)
{
	for_each_device (d) {
		d->unit = facts_find_unit(d->bdf);
		msi_init(d);
	}
}

/* R3: the default policy's answer, before anything is attached. */
static void log_device(const struct device *d)
{
	static const char *const by[] = {"probe", "unknown", "override", "class"};
	enum coherency_format format;
	enum coherency_box box;
	bool emulate;

	if (d->bridge || !d->unit) {
		log_line("device %s id=%04x:%04x class=%06x unit=%s%s", BDF_TEXT(d->bdf),
		         d->id & 0xffff, d->id >> 16, d->class_code, d->unit ? "covered" : "none",
		         d->bridge ? " type=bridge" : "");
		return;
	}
	format = coherency_resolve(REQUEST_DEFAULT, d->unit->snoop_control);
	box = coherency_box(format, d->nosnoop_capable);
	emulate = coherency_box_authorises(POLICY_KERNEL, box);
	log_line("device %s id=%04x:%04x class=%06x unit=%u nosnoop=%s by=%s default=%s box=%u "
	         "wbinvd=%s",
	         BDF_TEXT(d->bdf), d->id & 0xffff, d->id >> 16, d->class_code, d->unit->index,
	         d->nosnoop_capable ? "yes" : "no", by[d->nosnoop_by],
	         format == FORMAT_SNOOP ? "snoop" : "nosnoop", box, emulate ? "emulate" : "ignore");
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

static bool is_above(const struct device *bridge, const struct device *d)
{
	u32 bus = d->bdf >> 8 & 0xff, first = device_secondary_bus(bridge->bdf);

	return first && bridge->bdf >> 16 == d->bdf >> 16 && first <= bus &&
	       bus <= pci_read(bridge->bdf, PCI_SECONDARY_BUS + 1, 1);
}

/* R21: a bridge gets bus mastering back when a device behind it is attached. */
void device_allow_dma(struct device *d)
{
	for_each_device (bridge) {
		if (!is_above(bridge, d))
			continue;
		bridge->command |= PCI_COMMAND_BUS_MASTER;
		pci_write(bridge->bdf, PCI_COMMAND, 2, bridge->command);
	}
	pci_write(d->bdf, PCI_COMMAND, 2, d->command);
}

static bool wait_for_pending(const struct device *d)
{
	u64 deadline = deadline_in_us(SETTLE_US);

	while (pci_read(d->bdf, d->pcie + PCIE_DEVICE_STATUS, 2) & PCIE_PENDING) {
		if (deadline_passed(deadline))
			return false;
	}
	return true;
}

static void reset_function(const struct device *d)
{
	u32 control = d->pcie + PCIE_DEVICE_CONTROL;
	u64 deadline = deadline_in_us(SETTLE_US);

	if (!(pci_read(d->bdf, d->pcie + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_FLR))
		return;
	pci_write(d->bdf, control, 2, pci_read(d->bdf, control, 2) | PCIE_FLR);
	/* 6.6.2: the function may not be touched for 100 ms. */
	while (!deadline_passed(deadline))
		__builtin_ia32_pause();
}

bool device_quiesce(struct device *d)
{
	bool drained;

	d->command &= (u16)~PCI_COMMAND_BUS_MASTER;
	pci_write(d->bdf, PCI_COMMAND, 2, d->command);
	if (!d->pcie)
		return true;
	drained = wait_for_pending(d);
	reset_function(d);
	return drained;
}
