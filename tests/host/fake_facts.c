// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_facts.h"
#include <string.h>
#include "core/facts.h"

struct facts facts;
struct vtd_unit units[DMAR_UNITS_MAX];
u32 unit_count;

void fake_facts_reset(void)
{
	memset(&facts, 0, sizeof(facts));
	memset(units, 0, sizeof(units));
	unit_count = 0;
}

void facts_show_cpus(u64 cpu_mask)
{
	(void)cpu_mask;
}

struct vtd_unit *facts_find_unit(u32 bdf)
{
	return bdf >> 8 < unit_count ? &units[bdf >> 8] : NULL;
}
