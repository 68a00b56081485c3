/* SPDX-License-Identifier: BSD-2-Clause */
/* The HPET's page, trapped where interrupts are remapped (R22): its timers interrupt through the
 * I/O APIC, never by messages of their own. */
#ifndef CORE_HPET_H
#define CORE_HPET_H

#include "core/trapped.h"

/* IA-PC HPET specification, 2.3.8: a configuration register every 32 bytes */
#define HPET_TIMERS     0x100
#define HPET_TIMER_SIZE 0x20
#define HPET_MESSAGES   (BIT(14) | BIT(15)) /* FSB delivery: enabled, and there */

/* After the units have started. E_NO_MEMORY, E_OVERLAP. */
err_t hpet_init(void) must_check;
/* The page; 0: none is trapped. */
u64 hpet_page(void);
extern const struct trapped hpet_trapped;

#endif
