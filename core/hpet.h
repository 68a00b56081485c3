/* SPDX-License-Identifier: BSD-2-Clause */
/* The HPET's page, trapped where interrupts are remapped (R22): its timers interrupt through the
 * I/O APIC, never by messages of their own. */
#ifndef CORE_HPET_H
#define CORE_HPET_H

#include "core/trapped.h"

/* After the units have started. E_NO_MEMORY, E_OVERLAP. */
err_t hpet_init(void) must_check;
/* The page; 0: none is trapped. */
u64 hpet_page(void);
extern const struct trapped hpet_trapped;

#endif
