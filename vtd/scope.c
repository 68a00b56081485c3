// SPDX-License-Identifier: BSD-2-Clause
/* Device scopes (8.3.1). Bus numbers are the machine's word: no loop here depends on them. */
#include "vtd/vtd.h"

#define BUSES 256u

/* The function a scope's path leads to, in this segment; false if a bridge on the way is none. */
static bool resolve(const struct dmar_scope *scope, u32 segment_bits,
                    vtd_secondary_bus secondary_bus, u32 *bdf)
{
	*bdf = segment_bits | (u32)scope->start_bus << 8 | scope->path[0];
	for (u32 i = 1; i < scope->path_length; i++) {
		u8 bus = secondary_bus(*bdf);

		if (!bus)
			return false;
		*bdf = segment_bits | (u32)bus << 8 | scope->path[i];
	}
	return true;
}

/* Whether a bus lies below a bridge. Each bus is looked at once, however the bridges point. */
static bool is_below(u32 bridge, u8 wanted_bus, vtd_secondary_bus secondary_bus)
{
	u8 found[BUSES] = {secondary_bus(bridge)};
	bool seen[BUSES] = {[0] = true};
	u32 count = found[0] != 0;

	seen[found[0]] = true;
	for (u32 i = 0; i < count; i++) {
		if (found[i] == wanted_bus)
			return true;
		for (u32 devfn = 0; devfn < 256; devfn++) {
			u8 bus = secondary_bus((bridge & 0xffff0000) | (u32)found[i] << 8 | devfn);

			if (!seen[bus]) {
				seen[bus] = true;
				found[count++] = bus;
			}
		}
	}
	return false;
}

bool vtd_scope_covers(const struct dmar *dmar, u32 first_scope, u32 scope_count, u32 bdf,
                      vtd_secondary_bus secondary_bus)
{
	for (u32 i = first_scope; i < first_scope + scope_count; i++) {
		const struct dmar_scope *scope = &dmar->scopes[i];
		u32 named;

		if (scope->type != DMAR_SCOPE_ENDPOINT && scope->type != DMAR_SCOPE_BRIDGE)
			continue;
		if (!resolve(scope, bdf & 0xffff0000, secondary_bus, &named))
			continue;
		if (named == bdf || (scope->type == DMAR_SCOPE_BRIDGE &&
		                     is_below(named, (u8)(bdf >> 8), secondary_bus)))
			return true;
	}
	return false;
}

int vtd_find_ioapic(const struct dmar *dmar, u32 ioapic_id, vtd_secondary_bus secondary_bus,
                    u16 *source_id)
{
	for (u32 i = 0; i < dmar->unit_count; i++) {
		const struct dmar_unit *unit = &dmar->units[i];

		for (u32 j = unit->first_scope; j < unit->first_scope + unit->scope_count; j++) {
			const struct dmar_scope *scope = &dmar->scopes[j];
			u32 bdf;

			if (scope->type != DMAR_SCOPE_IOAPIC ||
			    scope->enumeration_id != ioapic_id ||
			    !resolve(scope, (u32)unit->segment << 16, secondary_bus, &bdf))
				continue;
			*source_id = (u16)bdf;
			return (int)i;
		}
	}
	return -1;
}

int vtd_find_unit(const struct dmar *dmar, u32 bdf, vtd_secondary_bus secondary_bus)
{
	int whole_segment = -1;

	for (u32 i = 0; i < dmar->unit_count; i++) {
		const struct dmar_unit *unit = &dmar->units[i];

		if (unit->segment != bdf >> 16)
			continue;
		if (vtd_scope_covers(dmar, unit->first_scope, unit->scope_count, bdf,
		                     secondary_bus))
			return (int)i;
		if (unit->include_all && whole_segment < 0)
			whole_segment = (int)i;
	}
	return whole_segment;
}

err_t vtd_check_ats(const struct dmar *dmar, u32 bdf, u32 root_port, bool scalable,
                    vtd_secondary_bus secondary_bus)
{
	err_t e = root_port ? E_NO_ATSR : E_OK;

	for (const struct dmar_ats *a = dmar->ats; a < dmar->ats + dmar->ats_count; a++) {
		bool named = a->segment == bdf >> 16 &&
		             vtd_scope_covers(dmar, a->first_scope, a->scope_count,
		                              a->integrated ? bdf : root_port, secondary_bus);

		if (a->integrated && named)
			return a->flag && !scalable ? E_ATS_BY_HARDWARE : E_OK;
		if (!a->integrated && (named || (a->flag && a->segment == bdf >> 16)))
			e = E_OK;
	}
	return e;
}
