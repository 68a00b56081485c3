/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APICs whose unit remaps interrupts (R22): their pages are trapped, the platform VM's
 * redirection entries are shadows, hardware gets the remappable format (core/interrupt.h). Others
 * are left alone.
 */
#ifndef CORE_IOAPIC_H
#define CORE_IOAPIC_H

#include "core/trapped.h"

/* After the units have started: masks every pin. One `ioapic` line each. E_NO_MEMORY, E_OVERLAP. */
err_t ioapic_init(void) must_check;
/* Masks every pin again; no entry stands for one any more. */
void ioapic_reset(void);

/* The page of the one with this index, whole; 0 past the last one. */
u64 ioapic_page(u32 index);
extern const struct trapped ioapic_trapped;

#endif
