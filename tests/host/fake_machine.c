// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_machine.h"
#include "core/facts.h"
#include "core/mem.h"
#include "core/pci.h"
#include "tests/host/test.h"

void machine_reset(void)
{
	fake_mem_reset();
	fake_facts_reset();
	fake_config_reset();
	fake_backend_reset();
	fake_time_step_us = 1000;
	memset(devices, 0, sizeof(devices));
	memset(ioasids, 0, sizeof(ioasids));
	device_count = ioasid_count = 0;
}

struct vtd_unit *machine_add_unit(u64 cap, u64 ecap)
{
	u32 n = unit_count;
	struct dmar_unit where = {.base_pa = FAKE_UNIT_BASE(n), .size_pages = 1};

	fake_unit_reset(n, cap, ecap);
	assert_ok(vtd_unit_probe(&units[n], n, &where));
	assert_ok(vtd_unit_start(&units[n]));
	unit_count++;
	return &units[n];
}

struct fake_function *machine_add_function(u32 bdf, bool nosnoop_capable)
{
	struct fake_function *f = fake_config_add(bdf, 0x020000);

	fake_config_add_pcie(f, 0, 0, nosnoop_capable ? PCIE_NO_SNOOP : 0);
	fake_config_add_bar(f, 0, 0xfe000000 + (u64)bdf * PAGE_SIZE, PAGE_SIZE, false);
	return f;
}

void machine_scan(void)
{
	device_scan();
	device_find_units();
	for_each_device (d)
		d->command |= PCI_COMMAND_BUS_MASTER;
	fake_config_notes[0] = 0;
	fake_config_writes = 0;
}

struct vm *machine_add_vm(const char *name)
{
	return fake_backend_add_vm(name, GIB(1) + vm_count * MACHINE_RAM, MACHINE_RAM);
}

struct ioasid *machine_add_ioasid(const char *name, enum coherency_request request)
{
	struct ioasid *io;

	assert_ok(ioasid_create(name, request, &io));
	return io;
}

void machine_add_rmrr(u32 bdf, u64 base_pa, u64 limit_pa)
{
	struct dmar *dmar = &facts.dmar;

	dmar->scopes[dmar->scope_count] =
		(struct dmar_scope){DMAR_SCOPE_ENDPOINT, 0, 0, 1, {(u8)bdf}};
	dmar->rmrrs[dmar->rmrr_count++] =
		(struct dmar_rmrr){base_pa, limit_pa, 0, dmar->scope_count++, 1};
}

bool machine_has_context(const struct device *d)
{
	const u64 *root = phys_to_virt(d->unit->root_pa), *context;
	u64 bus = root[2 * (d->bdf >> 8 & 0xff)];

	if (!(bus & 1))
		return false;
	context = phys_to_virt(ALIGN_DOWN(bus, PAGE_SIZE));
	return context[2 * (d->bdf & 0xff)] & 1;
}

bool machine_has_master(const struct device *d)
{
	return pci_read(d->bdf, PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER;
}

const u64 *machine_irte(const struct vtd_unit *unit, u32 index)
{
	return (const u64 *)phys_to_virt(unit->interrupts_pa) + 2 * index;
}

u32 machine_count_irtes(const struct vtd_unit *unit)
{
	u32 count = 0;

	for (u32 i = 0; i < VTD_INTERRUPTS; i++)
		count += machine_irte(unit, i)[0] & 1;
	return count;
}
