// SPDX-License-Identifier: BSD-2-Clause
#include "core/pci.h"

#include "core/cpu.h"
#include "core/lock.h"
#include "core/mem.h"

/* Configuration mechanism 1 (PCI 3.0, 3.2.2.3.2). */
#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE BIT(31)

struct window {
	struct acpi_ecam ecam;
	struct mmio mmio; /* of first_bus */
};

/* Set by pci_init, read-only afterwards. */
static struct window windows[ACPI_ECAMS_MAX];
static u32 window_count;
/* Guards the address and data ports. */
static struct lock port_lock;

#define BUS_OF(bdf) ((bdf) >> 8 & 0xff)

err_t pci_init(const struct acpi_mcfg *mcfg)
{
	for (u32 i = 0; i < mcfg->count; i++) {
		struct window *w = &windows[i];
		u64 first = (u64)mcfg->ecam[i].first_bus << 20;
		u64 size = ((u64)mcfg->ecam[i].last_bus + 1 - mcfg->ecam[i].first_bus) << 20;

		w->ecam = mcfg->ecam[i];
		TRY(mem_map_mmio(w->ecam.base_pa + first, size, &w->mmio));
		window_count++;
	}
	return E_OK;
}

static const struct window *find_window(u32 bdf)
{
	for (u32 i = 0; i < window_count; i++) {
		const struct acpi_ecam *e = &windows[i].ecam;

		if (e->segment == bdf >> 16 && BUS_OF(bdf) >= e->first_bus &&
		    BUS_OF(bdf) <= e->last_bus)
			return &windows[i];
	}
	return NULL;
}

static u32 window_offset(const struct window *w, u32 bdf, u32 offset)
{
	return ((bdf & 0xffff) - ((u32)w->ecam.first_bus << 8)) << 12 | offset;
}

bool pci_ecam_decode(u64 pa, u32 *bdf, u32 *offset)
{
	for (u32 i = 0; i < window_count; i++) {
		const struct acpi_ecam *e = &windows[i].ecam;
		u64 at = pa - windows[i].mmio.base_pa;

		if (at >> 20 > (u64)(e->last_bus - e->first_bus))
			continue;
		*bdf = (u32)e->segment << 16 | (((u32)e->first_bus << 8) + (u32)(at >> 12));
		*offset = at & 0xfff;
		return true;
	}
	return false;
}

bool pci_window(u32 index, u32 *segment, u32 *first_bus, u32 *last_bus)
{
	if (!window_count) {
		*segment = *first_bus = 0;
		*last_bus = 255;
		return index == 0;
	}
	if (index >= window_count)
		return false;
	*segment = windows[index].ecam.segment;
	*first_bus = windows[index].ecam.first_bus;
	*last_bus = windows[index].ecam.last_bus;
	return true;
}

static bool port_reachable(u32 bdf, u32 offset)
{
	return bdf <= 0xffff && offset < 256;
}

static u32 port_read(u32 bdf, u32 offset, u8 size)
{
	u16 data = (u16)(PORT_DATA + (offset & 3));
	u32 value;

	lock_take(&port_lock);
	io_w32(PORT_ADDRESS, ADDRESS_ENABLE | bdf << 8 | (offset & ~3u));
	value = size == 1 ? io_r8(data) : size == 2 ? io_r16(data) : io_r32(data);
	lock_give(&port_lock);
	return value;
}

static void port_write(u32 bdf, u32 offset, u8 size, u32 value)
{
	u16 data = (u16)(PORT_DATA + (offset & 3));

	lock_take(&port_lock);
	io_w32(PORT_ADDRESS, ADDRESS_ENABLE | bdf << 8 | (offset & ~3u));
	if (size == 1)
		io_w8(data, (u8)value);
	else if (size == 2)
		io_w16(data, (u16)value);
	else
		io_w32(data, value);
	lock_give(&port_lock);
}

u32 pci_read(u32 bdf, u32 offset, u8 size)
{
	const struct window *w = find_window(bdf);
	u32 at;

	if (!w)
		return port_reachable(bdf, offset) ? port_read(bdf, offset, size)
		                                   : (u32)MASK(size * 8 - 1, 0);
	at = window_offset(w, bdf, offset);
	if (size == 1)
		return mmio_r8(&w->mmio, at);
	return size == 2 ? mmio_r16(&w->mmio, at) : mmio_r32(&w->mmio, at);
}

void pci_write(u32 bdf, u32 offset, u8 size, u32 value)
{
	const struct window *w = find_window(bdf);
	u32 at;

	if (!w) {
		if (port_reachable(bdf, offset))
			port_write(bdf, offset, size, value);
		return;
	}
	at = window_offset(w, bdf, offset);
	if (size == 1)
		mmio_w8(&w->mmio, at, (u8)value);
	else if (size == 2)
		mmio_w16(&w->mmio, at, (u16)value);
	else
		mmio_w32(&w->mmio, at, value);
}

u32 pci_find_capability(u32 bdf, u8 id)
{
	u32 at;

	if (!(pci_read(bdf, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_read(bdf, PCI_CAP_POINTER, 1) & ~3u;
	/* 48 capabilities fill the space: a longer walk is a loop. */
	for (u32 left = 48; at >= 0x40 && left; left--) {
		if (pci_read(bdf, at, 1) == id)
			return at;
		at = pci_read(bdf, at + 1, 1) & ~3u;
	}
	return 0;
}

u32 pci_find_extended_capability(u32 bdf, u16 id)
{
	u32 at = PCI_EXT_CAPS;

	if (!find_window(bdf))
		return 0;
	for (u32 left = (PCI_CONFIG_SIZE - PCI_EXT_CAPS) / 8; at >= PCI_EXT_CAPS && left; left--) {
		u32 header = pci_read(bdf, at, 4);

		if (header == 0 || header == ~0u)
			return 0;
		if ((header & 0xffff) == id)
			return at;
		at = header >> 20 & ~3u;
	}
	return 0;
}

static void scan_device(u32 bdf, void (*visit)(u32 bdf))
{
	u32 functions = 1;

	for (u32 function = 0; function < functions; function++) {
		if ((pci_read(bdf + function, PCI_VENDOR_ID, 2) & 0xffff) == 0xffff)
			continue;
		if (function == 0 && (pci_read(bdf, PCI_HEADER_TYPE, 1) & PCI_HEADER_MULTI))
			functions = 8;
		visit(bdf + function);
	}
}

/* Every bus of every window, also those that no bridge leads to: a root bus may be any of them. */
void pci_scan(void (*visit)(u32 bdf))
{
	u32 segment, first, last;

	for (u32 i = 0; pci_window(i, &segment, &first, &last); i++) {
		for (u32 bdf = first << 8; bdf < (last + 1) << 8; bdf += 8)
			scan_device(segment << 16 | bdf, visit);
	}
}

static void stop_bus_master(u32 bdf)
{
	u32 command = pci_read(bdf, PCI_COMMAND, 2);

	if (command & PCI_COMMAND_BUS_MASTER)
		pci_write(bdf, PCI_COMMAND, 2, command & ~PCI_COMMAND_BUS_MASTER);
}

void pci_stop_bus_masters(void)
{
	pci_scan(stop_bus_master);
}
