// SPDX-License-Identifier: BSD-2-Clause
#include "lib/dmar.h"
#include "lib/acpi.h"
#include "lib/bytes.h"

/* 8.2: remapping structure types. The others say nothing that we need. */
enum dmar_type { DMAR_DRHD, DMAR_RMRR, DMAR_ATSR, DMAR_SATC = 5 };

/* 8.3.1: the device scopes at the end of a structure. */
static err_t add_scopes(const u8 *bytes, u32 size, struct dmar *dmar)
{
	const u8 *end = bytes + size, *pair;
	struct dmar_scope *scope;

	for (; bytes < end; bytes += bytes[1]) {
		if (end - bytes < 2 || bytes[1] < 8 || bytes[1] % 2 || bytes[1] > end - bytes)
			return E_BAD_LENGTH;
		if (bytes[1] > 6 + 2 * DMAR_PATH_MAX || dmar->scope_count == DMAR_SCOPES_MAX)
			return E_TOO_MANY;
		scope = &dmar->scopes[dmar->scope_count++];
		*scope = (struct dmar_scope){
			.type = bytes[0], .enumeration_id = bytes[4], .start_bus = bytes[5]};
		for (pair = bytes + 6; pair < bytes + bytes[1]; pair += 2) {
			if (pair[0] > 31 || pair[1] > 7)
				return E_BAD_VALUE;
			scope->path[scope->path_length++] = (u8)(pair[0] << 3 | pair[1]);
		}
	}
	return E_OK;
}

/* 8.3 */
static err_t add_unit(const u8 *bytes, u32 length, struct dmar *dmar)
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
	for (u32 i = 0; i < dmar->unit_count; i++) {
		if (dmar->units[i].base_pa == unit.base_pa) {
			dmar->duplicates++;
			return E_OK;
		}
	}
	if (dmar->unit_count == DMAR_UNITS_MAX)
		return E_TOO_MANY;
	TRY(add_scopes(bytes + 16, length - 16, dmar));
	unit.scope_count = dmar->scope_count - unit.first_scope;
	dmar->units[dmar->unit_count++] = unit;
	return E_OK;
}

/* 8.4 */
static err_t add_rmrr(const u8 *bytes, u32 length, struct dmar *dmar)
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
	TRY(add_scopes(bytes + 24, length - 24, dmar));
	rmrr.scope_count = dmar->scope_count - rmrr.first_scope;
	dmar->rmrrs[dmar->rmrr_count++] = rmrr;
	return E_OK;
}

/* 8.5, 8.8 */
static err_t add_ats(const u8 *bytes, u32 length, bool integrated, struct dmar *dmar)
{
	struct dmar_ats ats = {
		.integrated = integrated,
		.flag = bytes[4] & 1,
		.segment = get_u16(bytes + 6),
		.first_scope = dmar->scope_count,
	};

	if (dmar->ats_count == DMAR_ATS_MAX)
		return E_TOO_MANY;
	TRY(add_scopes(bytes + 8, length - 8, dmar));
	ats.scope_count = dmar->scope_count - ats.first_scope;
	dmar->ats[dmar->ats_count++] = ats;
	return E_OK;
}

err_t dmar_parse(const u8 *table, size_t size, struct dmar *dmar, struct dmar_place *place)
{
	u32 offset = 48, end, length, least;

	*place = (struct dmar_place){0};
	TRY(acpi_check_body(table, size, "DMAR", offset, &end));
	*dmar = (struct dmar){.flags = table[37]};
	for (; offset < end; offset += length) {
		const u8 *bytes = table + offset;
		bool ats;

		place->offset = offset;
		if (end - offset < 4)
			return E_BAD_LENGTH;
		place->type = get_u16(bytes);
		length = get_u16(bytes + 2);
		ats = place->type == DMAR_ATSR || place->type == DMAR_SATC;
		least = place->type == DMAR_DRHD ? 16 : place->type == DMAR_RMRR ? 24 : ats ? 8 : 4;
		if (length < least || length > end - offset)
			return E_BAD_LENGTH;
		if (place->type == DMAR_DRHD)
			TRY(add_unit(bytes, length, dmar));
		if (place->type == DMAR_RMRR)
			TRY(add_rmrr(bytes, length, dmar));
		if (ats)
			TRY(add_ats(bytes, length, place->type == DMAR_SATC, dmar));
	}
	return E_OK;
}
