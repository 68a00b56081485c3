// SPDX-License-Identifier: BSD-2-Clause
#include "core/facts.h"

#include "core/cpu.h"
#include "core/device.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/plan.h"
#include "core/power.h"
#include "core/x86.h"

struct facts facts;
struct vtd_unit units[DMAR_UNITS_MAX];
u32 unit_count;

/* Names a table that is broken, and the place. */
static err_t report(const char *table, u32 offset, err_t e)
{
	if (e)
		log_line("error table=%s offset=0x%x reason=%s", table, offset, error_name(e));
	return e;
}

/* A whole table by its address: the header first, then what its length says. */
static err_t map_table(u64 pa, const u8 **table, u32 *size)
{
	TRY(mem_map_firmware(pa, ACPI_HEADER_SIZE, table));
	*size = acpi_table_length(*table);
	return *size ? mem_map_firmware(pa, *size, table) : E_BAD_LENGTH;
}

static err_t read_table(u64 pa)
{
	struct dmar_place place = {0, 0};
	const u8 *table;
	u32 size;
	err_t e;

	TRY(report("?", 0, map_table(pa, &table, &size)));
	if (acpi_table_is(table, "APIC")) {
		facts.madt_pa = pa;
		return report("MADT", 0, acpi_parse_madt(table, size, &facts.madt));
	}
	if (acpi_table_is(table, "FACP"))
		return report("FADT", 0, acpi_parse_fadt(table, size, &facts.fadt));
	if (acpi_table_is(table, "MCFG"))
		return report("MCFG", 0, acpi_parse_mcfg(table, size, &facts.mcfg));
	if (acpi_table_is(table, "HPET"))
		return report("HPET", 0, acpi_parse_hpet(table, size, &facts.hpet_pa));
	if (!acpi_table_is(table, "DMAR"))
		return E_OK;
	facts.dmar_pa = pa;
	e = dmar_parse(table, size, &facts.dmar, &place);
	if (facts.dmar.duplicates)
		log_line("warning table=DMAR duplicates=%u", facts.dmar.duplicates);
	return report("DMAR", place.offset, e);
}

/* The units are ours: whoever reads firmware's lists of tables does not find the DMAR there. */
static void hide_dmar(u64 list_pa, u32 entry_size)
{
	const u8 *list;
	u32 size;

	if (list_pa && facts.dmar_pa && !map_table(list_pa, &list, &size))
		acpi_root_remove(phys_to_virt(list_pa), entry_size, facts.dmar_pa);
}

static err_t read_tables(void)
{
	struct acpi_root root;
	const u8 *bytes;
	u64 pa;
	u32 size;

	TRY(report("RSDP", 0, mem_map_firmware(facts.boot.rsdp_pa, ACPI_RSDP_SIZE, &bytes)));
	TRY(report("RSDP", 0, acpi_parse_rsdp(bytes, ACPI_RSDP_SIZE, &root)));
	TRY(report("XSDT", 0, map_table(root.table_pa, &bytes, &size)));
	TRY(report("XSDT", 0,
	           acpi_check_table(bytes, size, root.entry_size == 8 ? "XSDT" : "RSDT")));
	for (u32 i = 0; acpi_root_entry(bytes, root.entry_size, i, &pa); i++)
		TRY(pa ? read_table(pa) : E_OK); /* some firmware leaves entries empty */
	hide_dmar(root.rsdt_pa, 4);
	hide_dmar(root.xsdt_pa, 8);
	return E_OK;
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

/* The CPU that runs this is CPU 0, wherever the MADT has it. */
static void sort_cpus(struct acpi_madt *madt)
{
	u32 at = 0;

	if (!madt->cpu_count)
		madt->cpu_count = 1;
	while (at < madt->cpu_count - 1 && madt->apic_id[at] != cpus[0].apic_id)
		at++;
	madt->apic_id[at] = madt->apic_id[0];
	madt->apic_id[0] = cpus[0].apic_id;
}

err_t facts_collect(void)
{
	if (facts.boot.rsdp_pa)
		TRY(read_tables());
	else
		log_line("acpi absent reason=no-rsdp");
	read_s5();
	sort_cpus(&facts.madt);
	return E_OK;
}

void facts_show_cpus(u64 cpu_mask)
{
	u32 apic_ids[CPUS_MAX], count = 0;

	for (u32 i = 0; i < CPUS_MAX; i++) {
		if (cpu_mask & BIT(i))
			apic_ids[count++] = cpus[i].apic_id;
	}
	if (facts.madt_pa)
		acpi_madt_keep(phys_to_virt(facts.madt_pa), apic_ids, count);
}

struct vtd_unit *facts_find_unit(u32 bdf)
{
	int index = vtd_find_unit(&facts.dmar, bdf, device_secondary_bus);

	return index < 0 ? NULL : &units[index];
}

/* Firmware has a word in it: DMAR flags, 8.1. */
static bool can_remap_interrupts(const struct vtd_unit *unit, bool x2apic)
{
	return facts.dmar.flags & DMAR_INTR_REMAP && vtd_interrupt_supported(unit, x2apic);
}

static void log_unit(const struct vtd_unit *unit, bool remap)
{
	static const char *const widths[] = {"",   "39",    "48",    "39,48",
	                                     "57", "39,57", "48,57", "39,48,57"};
	static const char *const pages[] = {"4K", "4K,2M", "4K,1G", "4K,2M,1G"};

	log_line(
		"unit %u base=0x%lx cap=0x%lx ecap=0x%lx sc=%u walk-coherent=%u widths=%s pages=%s "
		"scalable=%u ir=%u",
		unit->index, unit->regs.base_pa, unit->cap, unit->ecap, unit->snoop_control,
		unit->walk_coherent, widths[unit->levels >> 3 & 7],
		pages[unit->leaf_sizes >> 1 & 3], unit->scalable, remap);
}

err_t facts_start_units(void)
{
	bool x2apic = msr_read(MSR_APIC_BASE) & APIC_BASE_X2APIC;

	if (!facts.dmar.unit_count)
		log_line("unit none reason=no-dmar");
	for (u32 i = 0; i < facts.dmar.unit_count; i++) {
		bool remap;

		TRY(vtd_unit_probe(&units[i], i, &facts.dmar.units[i]));
		unit_count++;
		if (plan.scalable)
			vtd_unit_set_scalable(&units[i]);
		remap = can_remap_interrupts(&units[i], x2apic);
		log_unit(&units[i], remap);
		TRY(vtd_unit_stop(&units[i]));
		TRY(vtd_unit_start(&units[i]));
		if (remap)
			TRY(vtd_interrupt_start(&units[i], x2apic));
	}
	return E_OK;
}
