/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware says about the machine: collected once, read-only afterwards, but for the memory
 * map, which also says who has what (core/vm_memory.c). */
#ifndef CORE_FACTS_H
#define CORE_FACTS_H

#include "boot/boot_info.h"
#include "lib/acpi.h"
#include "lib/dmar.h"
#include "lib/error.h"
#include "vtd/vtd.h"

struct facts {
	struct boot_info boot;
	struct acpi_madt madt;
	struct acpi_mcfg mcfg;
	struct acpi_fadt fadt;
	struct dmar dmar;     /* unit_count is 0 without a DMAR */
	u64 dmar_pa, madt_pa; /* 0: none */
	u64 hpet_pa;          /* 0: none */
};
extern struct facts facts;

/* The VT-d units, in the order of the DMAR; each changes under its own functions only. */
extern struct vtd_unit units[DMAR_UNITS_MAX];
extern u32 unit_count;

/* From facts.boot to the rest; afterwards firmware's lists of tables name no DMAR. What is absent
 * is left out; a table that is there and broken is an error that has been logged with its place. */
err_t facts_collect(void) must_check;

/* The platform VM finds these CPUs in the MADT, by index, and no others. */
void facts_show_cpus(u64 cpu_mask);

/* The unit that covers a function, or NULL. */
struct vtd_unit *facts_find_unit(u32 bdf);

/* Probes, stops and starts all units, and logs them. R21: bus mastering is off by now. */
err_t facts_start_units(void) must_check;

#endif
