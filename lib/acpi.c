// SPDX-License-Identifier: BSD-2-Clause
#include "lib/acpi.h"
#include "lib/bytes.h"
#include "lib/string.h"

#define RSDP_SIZE_1_0 20u /* of revision 0 */

static u8 sum_bytes(const u8 *bytes, size_t size)
{
	u8 sum = 0;

	while (size--)
		sum += *bytes++;
	return sum;
}

err_t acpi_parse_rsdp(const u8 *bytes, size_t size, struct acpi_root *root)
{
	if (size < RSDP_SIZE_1_0)
		return E_TRUNCATED;
	if (memcmp(bytes, "RSD PTR ", 8))
		return E_BAD_SIGNATURE;
	if (sum_bytes(bytes, RSDP_SIZE_1_0))
		return E_BAD_CHECKSUM;
	*root = (struct acpi_root){.rsdt_pa = get_u32(bytes + 16)};
	if (bytes[15] >= 2) {
		if (size < ACPI_RSDP_SIZE || get_u32(bytes + 20) > size)
			return E_TRUNCATED;
		if (get_u32(bytes + 20) < ACPI_RSDP_SIZE)
			return E_BAD_LENGTH;
		if (sum_bytes(bytes, get_u32(bytes + 20)))
			return E_BAD_CHECKSUM;
		root->xsdt_pa = get_u64(bytes + 24);
	}
	root->table_pa = root->xsdt_pa ?: root->rsdt_pa;
	root->entry_size = root->xsdt_pa ? 8 : 4;
	return root->table_pa ? E_OK : E_NOT_FOUND;
}

u32 acpi_table_length(const u8 *header)
{
	u32 length = get_u32(header + 4);

	return length < ACPI_HEADER_SIZE ? 0 : length;
}

bool acpi_table_is(const u8 *table, const char *signature)
{
	return !memcmp(table, signature, 4);
}

err_t acpi_check_table(const u8 *table, size_t size, const char *signature)
{
	u32 length;

	if (size < ACPI_HEADER_SIZE)
		return E_TRUNCATED;
	if (!acpi_table_is(table, signature))
		return E_BAD_SIGNATURE;
	length = acpi_table_length(table);
	if (!length || length > size)
		return E_TRUNCATED;
	return sum_bytes(table, length) ? E_BAD_CHECKSUM : E_OK;
}

err_t acpi_check_body(const u8 *table, size_t size, const char *signature, u32 body, u32 *end)
{
	TRY(acpi_check_table(table, size, signature));
	*end = acpi_table_length(table);
	return *end < body ? E_BAD_LENGTH : E_OK;
}

bool acpi_root_entry(const u8 *table, u32 entry_size, u32 index, u64 *table_pa)
{
	u32 length = acpi_table_length(table);

	if (!length || index >= (length - ACPI_HEADER_SIZE) / entry_size)
		return false;
	*table_pa = get_uint(table + ACPI_HEADER_SIZE + index * entry_size, entry_size);
	return true;
}

u32 acpi_root_remove(u8 *table, u32 entry_size, u64 table_pa)
{
	u32 count, kept = 0;
	u64 entry;

	for (count = 0; acpi_root_entry(table, entry_size, count, &entry); count++)
		if (entry != table_pa)
			memcpy(table + ACPI_HEADER_SIZE + kept++ * entry_size, &entry, entry_size);
	if (kept == count)
		return 0;
	put_u32(table + 4, ACPI_HEADER_SIZE + kept * entry_size);
	table[9] -= sum_bytes(table, acpi_table_length(table));
	return count - kept;
}

#define MADT_BODY   44u
#define MADT_USABLE 3u /* a processor's flags: enabled, online capable */

static err_t add_cpu(struct acpi_madt *madt, u32 apic_id, u32 flags)
{
	if (!(flags & MADT_USABLE))
		return E_OK;
	for (u32 i = 0; i < madt->cpu_count; i++)
		if (madt->apic_id[i] == apic_id) /* listed as local APIC and as x2APIC */
			return E_OK;
	if (madt->cpu_count == ACPI_CPUS_MAX)
		return E_TOO_MANY;
	madt->apic_id[madt->cpu_count++] = apic_id;
	return E_OK;
}

static err_t add_ioapic(struct acpi_madt *madt, const u8 *entry)
{
	if (madt->ioapic_count == ACPI_IOAPICS_MAX)
		return E_TOO_MANY;
	madt->ioapics[madt->ioapic_count++] =
		(struct acpi_ioapic){entry[2], get_u32(entry + 8), get_u32(entry + 4)};
	return E_OK;
}

enum madt_type { LAPIC = 0, IOAPIC = 1, LAPIC_ADDRESS = 5, X2APIC = 9, MADT_TYPES };

static err_t add_madt_entry(struct acpi_madt *madt, const u8 *entry)
{
	switch (entry[0]) {
	case LAPIC:
		return add_cpu(madt, entry[3], get_u32(entry + 4));
	case X2APIC:
		return add_cpu(madt, get_u32(entry + 4), get_u32(entry + 8));
	case IOAPIC:
		return add_ioapic(madt, entry);
	case LAPIC_ADDRESS:
		madt->local_apic_pa = get_u64(entry + 4);
	}
	return E_OK;
}

/* Table 5.21: interrupt controller structures. Those of other types are skipped. */
err_t acpi_parse_madt(const u8 *table, size_t size, struct acpi_madt *madt)
{
	static const u8 sizes[MADT_TYPES] = {
		[LAPIC] = 8, [IOAPIC] = 12, [LAPIC_ADDRESS] = 12, [X2APIC] = 16};
	u32 offset = MADT_BODY, end;

	TRY(acpi_check_body(table, size, "APIC", offset, &end));
	*madt = (struct acpi_madt){.local_apic_pa = get_u32(table + 36)};
	for (; offset < end; offset += table[offset + 1]) {
		const u8 *entry = table + offset;
		u32 least = entry[0] < MADT_TYPES ? sizes[entry[0]] : 0;

		if (end - offset < 2 || entry[1] < MAX(least, 2u) || entry[1] > end - offset)
			return E_BAD_LENGTH;
		TRY(add_madt_entry(madt, entry));
	}
	return E_OK;
}

static bool is_among(u32 apic_id, const u32 *apic_ids, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (apic_ids[i] == apic_id)
			return true;
	return false;
}

void acpi_madt_keep(u8 *table, const u32 *apic_ids, u32 count)
{
	u32 end = acpi_table_length(table);

	for (u32 offset = MADT_BODY; offset < end; offset += table[offset + 1]) {
		u8 *entry = table + offset;

		if (entry[0] == LAPIC && !is_among(entry[3], apic_ids, count))
			put_u32(entry + 4, get_u32(entry + 4) & ~MADT_USABLE);
		else if (entry[0] == X2APIC && !is_among(get_u32(entry + 4), apic_ids, count))
			put_u32(entry + 8, get_u32(entry + 8) & ~MADT_USABLE);
	}
	table[9] -= sum_bytes(table, end);
}

/* The end of a window in memory; base_pa is where bus 0 would be, whatever first_bus is. */
static u64 ecam_end(const struct acpi_ecam *e)
{
	return e->base_pa + ((e->last_bus + 1ull) << 20);
}

static bool ecams_overlap(const struct acpi_ecam *a, const struct acpi_ecam *b)
{
	bool share_bus = a->segment == b->segment && a->first_bus <= b->last_bus &&
	                 b->first_bus <= a->last_bus;
	bool share_memory = a->base_pa + ((u64)a->first_bus << 20) < ecam_end(b) &&
	                    b->base_pa + ((u64)b->first_bus << 20) < ecam_end(a);

	return share_bus || share_memory;
}

static err_t add_ecam(struct acpi_mcfg *mcfg, const u8 *entry)
{
	struct acpi_ecam ecam = {
		.base_pa = get_u64(entry),
		.segment = get_u16(entry + 8),
		.first_bus = entry[10],
		.last_bus = entry[11],
	};

	if (!ecam.base_pa || !IS_ALIGNED(ecam.base_pa, MIB(1)) || ecam.base_pa >> 52 ||
	    ecam.first_bus > ecam.last_bus)
		return E_BAD_VALUE;
	for (u32 i = 0; i < mcfg->count; i++)
		if (ecams_overlap(&mcfg->ecam[i], &ecam))
			return E_OVERLAP;
	if (mcfg->count == ACPI_ECAMS_MAX)
		return E_TOO_MANY;
	mcfg->ecam[mcfg->count++] = ecam;
	return E_OK;
}

err_t acpi_parse_mcfg(const u8 *table, size_t size, struct acpi_mcfg *mcfg)
{
	u32 offset = 44, end;

	TRY(acpi_check_body(table, size, "MCFG", offset, &end));
	if ((end - offset) % 16)
		return E_BAD_LENGTH;
	*mcfg = (struct acpi_mcfg){0};
	for (; offset < end; offset += 16)
		TRY(add_ecam(mcfg, table + offset));
	return E_OK;
}

err_t acpi_parse_hpet(const u8 *table, size_t size, u64 *base_pa)
{
	u32 end;

	TRY(acpi_check_body(table, size, "HPET", 56, &end));
	*base_pa = table[40] ? 0 : get_u64(table + 44); /* 40: address space, 0 is memory */
	return E_OK;
}
