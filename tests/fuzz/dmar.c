// SPDX-License-Identifier: BSD-2-Clause
#include "lib/dmar.h"
#include "tests/fuzz/fuzz.h"

static struct dmar dmar;

/* Every scope belongs to one structure, in the order of the table. */
static void check_scopes(u32 first, u32 count)
{
	assert_true(first <= dmar.scope_count && count <= dmar.scope_count - first);
	for (u32 i = first; i < first + count; i++)
		assert_in_range(dmar.scopes[i].path_length, 1, DMAR_PATH_MAX);
}

static void check_units(void)
{
	assert_true(dmar.unit_count <= DMAR_UNITS_MAX);
	for (u32 i = 0; i < dmar.unit_count; i++) {
		const struct dmar_unit *unit = &dmar.units[i];

		assert_true(unit->base_pa && IS_ALIGNED(unit->base_pa, PAGE_SIZE));
		assert_in_range(unit->size_pages, 1, 1 << 15);
		check_scopes(unit->first_scope, unit->scope_count);
		for (u32 j = 0; j < i; j++)
			assert_true(dmar.units[j].base_pa != unit->base_pa);
	}
}

static void check_rmrrs(void)
{
	assert_true(dmar.rmrr_count <= DMAR_RMRRS_MAX);
	for (u32 i = 0; i < dmar.rmrr_count; i++) {
		assert_true(dmar.rmrrs[i].base_pa <= dmar.rmrrs[i].limit_pa);
		check_scopes(dmar.rmrrs[i].first_scope, dmar.rmrrs[i].scope_count);
	}
}

static void check_ats(void)
{
	assert_true(dmar.ats_count <= DMAR_ATS_MAX);
	for (u32 i = 0; i < dmar.ats_count; i++)
		check_scopes(dmar.ats[i].first_scope, dmar.ats[i].scope_count);
}

static err_t parse(u8 *bytes, size_t size)
{
	struct dmar_place place;
	err_t e = dmar_parse(bytes, size, &dmar, &place);
	u32 scopes = 0;

	if (e) {
		assert_true(place.offset == 0 || place.offset < size);
		return e;
	}
	assert_true(dmar.scope_count <= DMAR_SCOPES_MAX);
	check_units();
	check_rmrrs();
	check_ats();
	for (u32 i = 0; i < dmar.unit_count; i++)
		scopes += dmar.units[i].scope_count;
	for (u32 i = 0; i < dmar.rmrr_count; i++)
		scopes += dmar.rmrrs[i].scope_count;
	for (u32 i = 0; i < dmar.ats_count; i++)
		scopes += dmar.ats[i].scope_count;
	assert_int_equal(scopes, dmar.scope_count);
	return E_OK;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	return fuzz_table(data, size, parse);
}
