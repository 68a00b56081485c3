// SPDX-License-Identifier: BSD-2-Clause
#include "core/facts.h"

#include "core/cpu.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/pci.h"
#include "core/power.h"
#include "lib/format.h"

struct facts facts;
struct vtd_unit units[DMAR_UNITS_MAX];
u32 unit_count;

static err_t broken(const char *table, u32 offset, err_t e)
{
	log_line("error table=%s offset=0x%x reason=%s", table, offset, error_name(e));
	return e;
}

/* A whole table by its address: the header first, then what its length says. */
static err_t map_table(u64 pa, const u8 **table, u32 *size)
{
	TRY(mem_map_firmware(pa, ACPI_HEADER_SIZE, table));
	*size = acpi_table_length(*table);
	if (!*size)
		return E_BAD_LENGTH;
	return mem_map_firmware(pa, *size, table);
}

static void read_s5(void)
{
	const u8 *dsdt;
	u32 size;
	u8 slp_typ;
	bool found = facts.fadt.dsdt_pa && !map_table(facts.fadt.dsdt_pa, &dsdt, &size) &&
	             !acpi_find_s5(dsdt, size, &slp_typ);

	power_init(&facts.fadt, found ? slp_typ : -1);
}

static err_t read_table(u64 pa)
{
	const u8 *table;
	u32 size;
	struct dmar_place place = {0, 0};
	err_t e = map_table(pa, &table, &size);

	if (e)
		return broken("?", 0, e);
	if (acpi_table_is(table, "APIC") && (e = acpi_parse_madt(table, size, &facts.madt)))
		return broken("MADT", 0, e);
	if (acpi_table_is(table, "FACP") && (e = acpi_parse_fadt(table, size, &facts.fadt)))
		return broken("FADT", 0, e);
	if (acpi_table_is(table, "MCFG")) {
		facts.mcfg_pa = pa;
		e = acpi_parse_mcfg(table, size, &facts.mcfg);
		if (e)
			return broken("MCFG", 0, e);
	}
	if (acpi_table_is(table, "DMAR")) {
		facts.dmar_pa = pa;
		e = dmar_parse(table, size, &facts.dmar, &place);
		if (e)
			return broken("DMAR", place.offset, e);
	}
	return E_OK;
}

static err_t read_tables(void)
{
	const u8 *bytes, *root;
	u64 pa;
	u32 size, ignored;
	err_t e;

	e = mem_map_firmware(facts.boot.rsdp_pa, ACPI_RSDP_SIZE, &bytes);
	if (!e)
		e = acpi_parse_rsdp(bytes, ACPI_RSDP_SIZE, &facts.root);
	if (e)
		return broken("RSDP", 0, e);
	e = map_table(facts.root.table_pa, &root, &size);
	if (!e)
		e = acpi_check_table(root, size, facts.root.entry_size == 8 ? "XSDT" : "RSDT");
	if (e)
		return broken("XSDT", 0, e);
	/* The other list is not read, but DMAR is to be taken out of it too. */
	if (facts.root.rsdt_pa && facts.root.rsdt_pa != facts.root.table_pa &&
	    map_table(facts.root.rsdt_pa, &bytes, &ignored))
		facts.root.rsdt_pa = 0;
	for (u32 i = 0; acpi_root_entry(root, facts.root.entry_size, i, &pa); i++)
		TRY(read_table(pa));
	return E_OK;
}

static void log_cpus(void)
{
	if (!facts.madt.cpu_count)
		facts.madt.apic_id[facts.madt.cpu_count++] = cpus[0].apic_id;
	for (u32 i = 0; i < facts.madt.cpu_count; i++) {
		bool here = facts.madt.apic_id[i] == cpus[0].apic_id;

		log_line("cpu %u apic-id=%u state=%s", i, facts.madt.apic_id[i],
		         here ? "running" : "parked");
	}
}

err_t facts_collect(void)
{
	if (facts.boot.rsdp_pa)
		TRY(read_tables());
	else
		log_line("acpi absent reason=no-rsdp");
	read_s5();
	log_cpus();
	return E_OK;
}

static u8 secondary_bus(u32 bdf)
{
	if ((pci_read(bdf, PCI_HEADER_TYPE, 1) & 0x7f) != 1)
		return 0;
	return (u8)pci_read(bdf, PCI_SECONDARY_BUS, 1);
}

struct vtd_unit *facts_find_unit(u32 bdf)
{
	int index = unit_count ? vtd_find_unit(&facts.dmar, bdf, secondary_bus) : -1;

	return index < 0 ? NULL : &units[index];
}

/* Appends "39" or ",39" and so on; the list is short, so the buffer is always large enough. */
static void append(char *list, const char *word)
{
	size_t length = 0;

	while (list[length])
		length++;
	format_text(list + length, 32 - length, "%s%s", length ? "," : "", word);
}

static void log_unit(const struct vtd_unit *unit)
{
	static const char *const width_names[] = {[3] = "39", [4] = "48", [5] = "57"};
	char widths[32] = "", pages[32] = "4K";

	for (u32 levels = 3; levels <= 5; levels++) {
		if (unit->levels & BIT(levels))
			append(widths, width_names[levels]);
	}
	if (unit->leaf_sizes & PT_LEAF_2M)
		append(pages, "2M");
	if (unit->leaf_sizes & PT_LEAF_1G)
		append(pages, "1G");
	log_line(
		"unit %u base=0x%lx cap=0x%lx ecap=0x%lx sc=%u walk-coherent=%u widths=%s pages=%s",
		unit->index, unit->regs.base_pa, unit->cap, unit->ecap, unit->snoop_control,
		unit->walk_coherent, widths, pages);
}

err_t facts_start_units(void)
{
	if (!facts.dmar.unit_count)
		log_line("unit none reason=no-dmar");
	for (u32 i = 0; i < facts.dmar.unit_count; i++) {
		TRY(vtd_unit_probe(&units[i], i, &facts.dmar.units[i]));
		unit_count++;
		log_unit(&units[i]);
		TRY(vtd_unit_stop(&units[i]));
		TRY(vtd_unit_start(&units[i]));
	}
	return E_OK;
}
