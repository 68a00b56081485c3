/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APICs whose unit remaps interrupts (R22): their pages are trapped, the platform VM's
 * redirection entries are shadows, hardware gets the remappable format (core/interrupt.h). Others
 * are left alone.
 */
#ifndef CORE_IOAPIC_H
#define CORE_IOAPIC_H

#include "core/trapped.h"

/* Intel 82093AA, 3.1: two registers that everything else is reached through; later ones have EOI */
#define IOAPIC_INDEX 0x00
#define IOAPIC_DATA  0x10
#define IOAPIC_EOI   0x40

/* 3.2 */
#define IOAPIC_VERSION      0x01
#define IOAPIC_VERSION_LAST MASK(23, 16)        /* the last pin */
#define IOAPIC_PIN          0x10                /* two registers each */
#define PIN_STATUS          (BIT(12) | BIT(14)) /* delivery status, remote IRR */
#define PIN_LOGICAL         BIT(11)
#define PIN_POLARITY        BIT(13)
#define PIN_MASKED          BIT(16)
#define PIN_DESTINATION     MASK(63, 56)

/* After the units have started: masks every pin. One `ioapic` line each. E_NO_MEMORY, E_OVERLAP. */
err_t ioapic_init(void) must_check;
/* Masks every pin again; no entry stands for one any more. */
void ioapic_reset(void);

/* The page of the one with this index, whole; 0 past the last one. */
u64 ioapic_page(u32 index);
extern const struct trapped ioapic_trapped;

#endif
