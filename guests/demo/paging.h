/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The demo's ways of paging. All map memory as it is, but for the window: its two pages are not
 * neighbours in memory, so that a fetch across their border needs two translations.
 */
#ifndef DEMO_PAGING_H
#define DEMO_PAGING_H

#include <stdint.h>

#define PAGING_WINDOW 0x3fe00000u

/* What makes a mode; code.asm knows the layout. */
struct paging {
	uint32_t cr0, cr3, cr4, efer;
};

struct paging_modes {
	struct paging none, bits32, pae, long_mode;
};

/* The current tables are those of long mode (start.asm). first, second: pages behind the window. */
void paging_init(const void *first, const void *second, struct paging_modes *modes);

#endif
