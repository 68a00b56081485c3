/* SPDX-License-Identifier: BSD-2-Clause */
/* This CPU's local APIC (SDM volume 3, chapter 11), in the mode firmware has put it into. */
#ifndef CORE_APIC_H
#define CORE_APIC_H

#include "lib/error.h"
#include "lib/types.h"

/* Offsets in the xAPIC page; an x2APIC has the register in MSR 0x800 + offset / 16 (table 11-6). */
#define APIC_ID          0x20
#define APIC_VERSION     0x30
#define APIC_TPR         0x80
#define APIC_EOI         0xb0
#define APIC_LDR         0xd0
#define APIC_DFR         0xe0
#define APIC_SVR         0xf0
#define APIC_ISR         0x100 /* 8 of 32 bits, 16 bytes apart, and so on */
#define APIC_IRR         0x200
#define APIC_LVT_CMCI    0x2f0
#define APIC_ICR         0x300
#define APIC_ICR_HIGH    0x310
#define APIC_LVT_TIMER   0x320
#define APIC_LVT_THERMAL 0x330
#define APIC_LVT_PERF    0x340
#define APIC_LVT_LINT0   0x350
#define APIC_LVT_LINT1   0x360
#define APIC_LVT_ERROR   0x370
#define APIC_TIMER_COUNT 0x380

#define VERSION_LAST_LVT MASK(23, 16)
#define SVR_RESET        0xff
#define SVR_ENABLE       BIT(8)
#define LVT_MASKED       BIT(16)

/* Interrupt command (11.6.1). */
#define ICR_VECTOR      MASK(7, 0)
#define ICR_MODE        MASK(10, 8)
#define ICR_LOGICAL     BIT(11)
#define ICR_BUSY        BIT(12)
#define ICR_ASSERT      BIT(14)
#define ICR_LEVEL       BIT(15)
#define ICR_SHORTHAND   MASK(19, 18)
#define ICR_DESTINATION MASK(31, 24) /* of the upper half */
enum apic_mode {
	APIC_FIXED,
	APIC_LOWEST,
	APIC_SMI,
	APIC_NMI = 4,
	APIC_INIT,
	APIC_SIPI,
	APIC_EXTINT
};

#define MSR_X2APIC 0x800

/* Maps the page. E_OVERLAP, E_NO_MEMORY. */
err_t apic_init(void) must_check;
bool apic_is_x2apic(void);
/* Where every CPU finds its own. */
u64 apic_page(void);
u32 apic_read(u32 offset);
void apic_write(u32 offset, u32 value);
/* An interprocessor interrupt to one CPU: vector, mode and level as in the interrupt command.
 * Waits, bounded, until the last one has left. */
void apic_send(u32 apic_id, u32 command);

#endif
