/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI tables (ACPI 6.5, section 5.2) as bytes in, facts out. The callers map the memory; nothing
 * here follows a physical address. Every length is checked before it is believed.
 */
#ifndef LIB_ACPI_H
#define LIB_ACPI_H

#include "lib/error.h"
#include "lib/types.h"

#define ACPI_HEADER_SIZE 36u
#define ACPI_RSDP_SIZE   36u /* revision 2; a revision 0 RSDP has 20 bytes */

/* 5.2.5.3: where the list of tables is. entry_size is 4 (RSDT) or 8 (XSDT). XSDT if there is one.
 */
struct acpi_root {
	u64 table_pa;
	u32 entry_size;
	u64 rsdt_pa; /* both, for hiding a table from a guest; 0 if absent */
	u64 xsdt_pa;
};
/* E_TRUNCATED, E_BAD_SIGNATURE, E_BAD_CHECKSUM, E_BAD_LENGTH; E_NOT_FOUND if it names no table. */
err_t acpi_parse_rsdp(const u8 *bytes, size_t size, struct acpi_root *root) must_check;

/* 5.2.6: the length field of a table from its first 8 bytes; 0 when it is below the header. */
u32 acpi_table_length(const u8 *header);
bool acpi_table_is(const u8 *table, const char *signature);
/* Signature, length against size, checksum. E_BAD_SIGNATURE, E_TRUNCATED, E_BAD_CHECKSUM. */
err_t acpi_check_table(const u8 *table, size_t size, const char *signature) must_check;
/* The same, and E_BAD_LENGTH if the table ends before its body, at this offset, could start. */
err_t acpi_check_body(const u8 *table, size_t size, const char *signature, u32 body,
                      u32 *end) must_check;

/* The tables an RSDT or XSDT lists; index from 0. False past the end. */
bool acpi_root_entry(const u8 *table, u32 entry_size, u32 index, u64 *table_pa);
/* Takes every entry equal to table_pa out of the list: later entries move up, length and checksum
 * are made good. Returns how many went. Used to hide DMAR and MCFG from the platform VM. */
u32 acpi_root_remove(u8 *table, u32 entry_size, u64 table_pa);

/* 5.2.12.3 */
struct acpi_ioapic {
	u32 id; /* as DMAR scopes name it */
	u32 gsi_base;
	u64 base_pa;
};

/* 5.2.12: usable processors of the MADT (enabled or online capable), local APIC and x2APIC entries;
 * I/O APICs; where every CPU sees its local APIC. */
#define ACPI_CPUS_MAX    64
#define ACPI_IOAPICS_MAX 16
struct acpi_madt {
	u32 cpu_count, ioapic_count;
	u32 apic_id[ACPI_CPUS_MAX];
	struct acpi_ioapic ioapics[ACPI_IOAPICS_MAX];
	u64 local_apic_pa;
};
err_t acpi_parse_madt(const u8 *table, size_t size, struct acpi_madt *madt) must_check;
/* In a MADT that has been parsed, no processors but these are enabled or online capable; the
 * checksum is made good. */
void acpi_madt_keep(u8 *table, const u32 *apic_ids, u32 count);

/* MCFG (PCI Firmware Specification 4.1.2): the ECAM windows. E_OVERLAP if two of a segment overlap.
 */
struct acpi_ecam {
	u64 base_pa; /* of bus 0, as the table gives it */
	u16 segment;
	u8 first_bus, last_bus;
};
#define ACPI_ECAMS_MAX 8
struct acpi_mcfg {
	u32 count;
	struct acpi_ecam ecam[ACPI_ECAMS_MAX];
};
err_t acpi_parse_mcfg(const u8 *table, size_t size, struct acpi_mcfg *mcfg) must_check;

/* IA-PC HPET specification 3.2.4: where the block of timers is; 0: not in memory. */
err_t acpi_parse_hpet(const u8 *table, size_t size, u64 *base_pa) must_check;

/* 5.2.9: what power-off, reset and time need. A register at address 0 is absent. Only system I/O
 * registers are reported; others count as absent. */
struct acpi_fadt {
	u16 pm1a_control_port;
	u16 pm1b_control_port;
	u16 pm_timer_port;
	u16 reset_port;
	u8 reset_value;
	u64 dsdt_pa;
};
err_t acpi_parse_fadt(const u8 *table, size_t size, struct acpi_fadt *fadt) must_check;

/* 7.4.2: SLP_TYPa of the \_S5 package, found by its bytes (NameOp? "_S5_" PackageOp ...) in a DSDT.
 * E_NOT_FOUND, E_BAD_VALUE. */
err_t acpi_find_s5(const u8 *dsdt, size_t size, u8 *slp_typ_a) must_check;

#endif
