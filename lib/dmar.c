// SPDX-License-Identifier: BSD-2-Clause
#include "lib/dmar.h"
#include "lib/acpi.h"
#include "lib/bytes.h"

#define DMAR_FIRST_STRUCTURE 48u
#define DMAR_PATH_OFFSET     6u /* of the first pair in a device scope */

/* 8.2: remapping structure types */
enum dmar_type {
	DMAR_DRHD = 0,
	DMAR_RMRR = 1,
	DMAR_ATSR = 2,
	DMAR_RHSA = 3,
	DMAR_ANDD = 4,
	DMAR_SATC = 5,
};

/* 8.3.1: one device scope of at most `size` bytes. */
static err_t parse_scope(const u8 *bytes, u32 size, struct dmar *dmar)
{
	struct dmar_scope *scope;
	u32 pairs;

	if (size < DMAR_PATH_OFFSET + 2 || bytes[1] < DMAR_PATH_OFFSET + 2 || bytes[1] > size ||
	    bytes[1] % 2)
		return E_BAD_LENGTH;
	pairs = (bytes[1] - DMAR_PATH_OFFSET) / 2;
	if (pairs > DMAR_PATH_MAX || dmar->scope_count == DMAR_SCOPES_MAX)
		return E_TOO_MANY;
	scope = &dmar->scopes[dmar->scope_count];
	*scope = (struct dmar_scope){
		.type = bytes[0],
		.enumeration_id = bytes[4],
		.start_bus = bytes[5],
		.path_length = (u8)pairs,
	};
	for (u32 i = 0; i < pairs; i++) {
		const u8 *pair = bytes + DMAR_PATH_OFFSET + 2 * i;

		if (pair[0] > 31 || pair[1] > 7)
			return E_BAD_VALUE;
		scope->path[i] = (u8)(pair[0] << 3 | pair[1]);
	}
	dmar->scope_count++;
	return E_OK;
}

static err_t parse_scopes(const u8 *bytes, u32 size, struct dmar *dmar)
{
	u32 offset = 0;

	while (offset < size) {
		TRY(parse_scope(bytes + offset, size - offset, dmar));
		offset += bytes[offset + 1];
	}
	return E_OK;
}

/* 8.3 */
static err_t parse_drhd(const u8 *bytes, u32 length, struct dmar *dmar)
{
	struct dmar_unit unit = {
		.base_pa = get_u64(bytes + 8),
		.segment = get_u16(bytes + 6),
		.include_all = bytes[4] & 1,
		.size_pages = 1u << (bytes[5] & 0xf),
		.first_scope = dmar->scope_count,
	};

	if (!unit.base_pa || !IS_ALIGNED(unit.base_pa, PAGE_SIZE))
		return E_BAD_VALUE;
	for (u32 i = 0; i < dmar->unit_count; i++)
		if (dmar->units[i].base_pa == unit.base_pa)
			return E_DUPLICATE;
	if (dmar->unit_count == DMAR_UNITS_MAX)
		return E_TOO_MANY;
	TRY(parse_scopes(bytes + 16, length - 16, dmar));
	unit.scope_count = dmar->scope_count - unit.first_scope;
	dmar->units[dmar->unit_count++] = unit;
	return E_OK;
}

/* 8.4 */
static err_t parse_rmrr(const u8 *bytes, u32 length, struct dmar *dmar)
{
	struct dmar_rmrr rmrr = {
		.base_pa = get_u64(bytes + 8),
		.limit_pa = get_u64(bytes + 16),
		.segment = get_u16(bytes + 6),
		.first_scope = dmar->scope_count,
	};

	if (rmrr.limit_pa < rmrr.base_pa)
		return E_BAD_VALUE;
	if (dmar->rmrr_count == DMAR_RMRRS_MAX)
		return E_TOO_MANY;
	TRY(parse_scopes(bytes + 24, length - 24, dmar));
	rmrr.scope_count = dmar->scope_count - rmrr.first_scope;
	dmar->rmrrs[dmar->rmrr_count++] = rmrr;
	return E_OK;
}

/* 8.5, 8.8: ATSR and SATC. Their scopes are checked, and kept by nobody. */
static err_t check_scopes(const u8 *bytes, u32 length, struct dmar *dmar)
{
	u32 scope_count = dmar->scope_count;

	TRY(parse_scopes(bytes + 8, length - 8, dmar));
	dmar->scope_count = scope_count;
	return E_OK;
}

static err_t parse_structure(const u8 *bytes, u16 type, u32 length, struct dmar *dmar)
{
	static const u8 least[] = {
		[DMAR_DRHD] = 16, [DMAR_RMRR] = 24, [DMAR_ATSR] = 8,
		[DMAR_RHSA] = 20, [DMAR_ANDD] = 8,  [DMAR_SATC] = 8,
	};

	if (type < ARRAY_SIZE(least) && length < least[type])
		return E_BAD_LENGTH;
	switch (type) {
	case DMAR_DRHD:
		return parse_drhd(bytes, length, dmar);
	case DMAR_RMRR:
		return parse_rmrr(bytes, length, dmar);
	case DMAR_ATSR:
		dmar->atsr_count++;
		return check_scopes(bytes, length, dmar);
	case DMAR_RHSA:
		dmar->rhsa_count++;
		return E_OK;
	case DMAR_ANDD:
		dmar->andd_count++;
		return E_OK;
	case DMAR_SATC:
		dmar->satc_count++;
		return check_scopes(bytes, length, dmar);
	}
	dmar->unknown_count++;
	return E_OK;
}

err_t dmar_parse(const u8 *table, size_t size, struct dmar *dmar, struct dmar_place *place)
{
	u32 offset = DMAR_FIRST_STRUCTURE, end;

	*place = (struct dmar_place){0};
	TRY(acpi_check_table(table, size, "DMAR"));
	end = acpi_table_length(table);
	if (end < offset)
		return E_BAD_LENGTH;
	*dmar = (struct dmar){.flags = table[37]};
	dmar->host_address_width = (u8)(table[36] + 1);
	while (offset < end) {
		const u8 *bytes = table + offset;
		u16 length;

		place->offset = offset;
		if (end - offset < 4)
			return E_BAD_LENGTH;
		place->type = get_u16(bytes);
		length = get_u16(bytes + 2);
		if (length < 4 || length > end - offset)
			return E_BAD_LENGTH;
		TRY(parse_structure(bytes, place->type, length, dmar));
		offset += length;
	}
	return E_OK;
}
