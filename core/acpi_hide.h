/* SPDX-License-Identifier: BSD-2-Clause */
/* Hides the DMAR from the platform VM, which reads firmware's ACPI tables: the units are ours. */
#ifndef CORE_ACPI_HIDE_H
#define CORE_ACPI_HIDE_H

/* The table stays where firmware put it; the lists of tables (RSDT, XSDT) lose their entries for
 * it. */
void acpi_hide_dmar(void);

#endif
