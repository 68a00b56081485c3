// SPDX-License-Identifier: BSD-2-Clause
#include "core/pci.h"

#include "core/cpu.h"
#include "core/lock.h"
#include "core/mem.h"

/* Configuration mechanism 1 (PCI 3.0, 3.2.2.3.2). */
#define PORT_ADDRESS   0xcf8
#define PORT_DATA      0xcfc
#define ADDRESS_ENABLE BIT(31)

/* The functions [first, first + count), numbered as in lib/format.h; whole buses. */
struct window {
	u32 first, count;
	struct mmio mmio; /* of the first one; without a base they are reached by ports */
};

/* Set by pci_init, read-only afterwards. Before, and without an MCFG: segment 0 by ports. */
static struct window windows[ACPI_ECAMS_MAX] = {{.count = 1 << 16}};
static u32 window_count = 1;
/* Guards the address and data ports. */
static struct lock port_lock;

err_t pci_init(const struct acpi_mcfg *mcfg)
{
	for (u32 i = 0; i < mcfg->count; i++) {
		const struct acpi_ecam *e = &mcfg->ecam[i];
		struct window w = {.first = (u32)e->segment << 16 | (u32)e->first_bus << 8,
		                   .count = (e->last_bus + 1u - e->first_bus) << 8};

		TRY(mem_map_mmio(e->base_pa + ((u64)e->first_bus << 20), (u64)w.count << 12,
		                 &w.mmio));
		windows[i] = w;
		window_count = i + 1;
	}
	return E_OK;
}

/* NULL where the register cannot be reached: ports see the first 256 bytes only. */
static const struct window *find_window(u32 bdf, u32 offset)
{
	for (const struct window *w = windows; w < windows + window_count; w++) {
		if (bdf - w->first < w->count && (w->mmio.base || offset < PCI_EXT_CAPS))
			return w;
	}
	return NULL;
}

bool pci_ecam_decode(u64 pa, u32 *bdf, u32 *offset)
{
	for (const struct window *w = windows; w < windows + window_count; w++) {
		u64 at = pa - w->mmio.base_pa;

		if (!w->mmio.base || at >> 12 >= w->count)
			continue;
		*bdf = w->first + (u32)(at >> 12);
		*offset = at & 0xfff;
		return true;
	}
	return false;
}

/* Returns the data port. */
static u16 select_port(u32 bdf, u32 offset)
{
	io_w32(PORT_ADDRESS, ADDRESS_ENABLE | bdf << 8 | (offset & ~3u));
	return (u16)(PORT_DATA + (offset & 3));
}

u32 pci_read(u32 bdf, u32 offset, u8 size)
{
	const struct window *w = find_window(bdf, offset);
	u32 value;

	if (!w)
		return (u32)MASK(size * 8 - 1, 0);
	if (w->mmio.base)
		return (u32)mmio_read(&w->mmio, (bdf - w->first) << 12 | offset, size);
	lock_take(&port_lock);
	value = io_read(select_port(bdf, offset), size);
	lock_give(&port_lock);
	return value;
}

void pci_write(u32 bdf, u32 offset, u8 size, u32 value)
{
	const struct window *w = find_window(bdf, offset);

	if (!w)
		return;
	if (w->mmio.base) {
		mmio_write(&w->mmio, (bdf - w->first) << 12 | offset, size, value);
		return;
	}
	lock_take(&port_lock);
	io_write(select_port(bdf, offset), size, value);
	lock_give(&port_lock);
}

/* Follows a list of headers in the part of the space that begins at first. A header has four bytes
 * at least: a longer walk is a loop. */
static u32 find_header(u32 bdf, u32 at, u32 first, u32 id, u64 id_mask, u64 next_mask)
{
	for (u32 left = PCI_CONFIG_SIZE / 4; at >= first && left; left--) {
		u32 header = pci_read(bdf, at, 4);

		if (FIELD_GET(id_mask, header) == id)
			return at;
		at = FIELD_GET(next_mask, header) & ~3u;
	}
	return 0;
}

u32 pci_find_capability(u32 bdf, u8 id)
{
	if (!(pci_read(bdf, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	return find_header(bdf, pci_read(bdf, PCI_CAP_POINTER, 1) & ~3u, PCI_CAPS, id, MASK(7, 0),
	                   MASK(15, 8));
}

u32 pci_find_extended_capability(u32 bdf, u16 id)
{
	return find_header(bdf, PCI_EXT_CAPS, PCI_EXT_CAPS, id, MASK(15, 0), MASK(31, 20));
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
	for (const struct window *w = windows; w < windows + window_count; w++) {
		for (u32 function = 0; function < w->count; function += 8)
			scan_device(w->first + function, visit);
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
