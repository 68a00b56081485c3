// SPDX-License-Identifier: BSD-2-Clause
#include "core/acpi_hide.h"

#include "core/facts.h"
#include "core/mem.h"
#include "lib/acpi.h"

static void hide_from(u64 list_pa, u32 entry_size)
{
	if (list_pa && facts.dmar_pa)
		acpi_root_remove(phys_to_virt(list_pa), entry_size, facts.dmar_pa);
}

void acpi_hide_dmar(void)
{
	hide_from(facts.root.rsdt_pa, 4);
	hide_from(facts.root.xsdt_pa, 8);
}
