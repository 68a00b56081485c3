/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI and MSI-X of functions whose unit remaps interrupts (PCI 3.0, 6.8): the owner's registers are
 * shadows, hardware gets the remappable format (core/interrupt.h). Of other functions nothing is
 * looked at here.
 */
#ifndef CORE_MSI_H
#define CORE_MSI_H

#include "core/interrupt.h"
#include "core/trapped.h"

/* Once d->unit is known: finds the capabilities, and disables both. */
void msi_init(struct device *d);
/* As a reset of the function leaves it; no entry stands for it any more. */
void msi_reset(struct device *d);

/* The owner's dword of the MSI capability that the register at offset lies in; NULL: none. */
u32 *msi_shadow(struct device *d, u32 offset);
/* The owner writes it. */
void msi_write(struct device *d, u32 *shadow, u32 value);

/* Where the pages are whose accesses are trapped: [*start, *start + *size), size 0: none. */
void msi_table(const struct device *d, u64 *start, u64 *size);
extern const struct trapped msi_trapped;

#endif
