/* SPDX-License-Identifier: BSD-2-Clause */
/* The VM's other CPUs, and what goes between them. */
#ifndef LIB_CPUS_H
#define LIB_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MAX 8

/* Interrupt command register (SDM volume 3, 11.6.1). */
#define ICR_NMI   0x4400u
#define ICR_INIT  0x4500u
#define ICR_SIPI  0x4600u
#define ICR_FIXED 0x4000u

/* Starts those that the VM has, so that there are as many; reports. */
void cpus_start(uint32_t expected);

uint32_t cpus_own_apic_id(void);
/* apic_id, or a logical destination; command: of the lower half of the interrupt command register.
 */
void cpus_send(uint32_t apic_id, uint32_t command);
/* From here on this CPU takes NMIs, and its local APIC takes interrupts, which wait. */
void cpus_take_interrupts(void);
/* Any does. */
bool cpus_interrupt_waits(void);

/* They execute WBINVD from here on, while this one does what it likes. False: there are none. */
bool cpus_flush_begin(void);
/* Until here; how often in all. */
uint64_t cpus_flush_end(void);

#endif
