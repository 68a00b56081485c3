/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of devices and I/O APICs (R22). What a guest programs is kept as its owner sees it;
 * hardware gets the index of an entry of the unit's interrupt remapping table instead, which names
 * the one source that may use it, and one CPU of the guest.
 */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include "core/device.h"
#include "core/vm.h"
#include "vtd/vtd.h"

/* Messages in compatibility format (SDM volume 3, 11.11); bits of the data are those of I/O APIC
 * entries, too. */
#define MSI_ADDRESS       0xfee00000ull
#define MSI_ADDRESS_BITS  MASK(63, 20)
#define MSI_DESTINATION   MASK(19, 12) /* address: APIC id, or logical */
#define MSI_LOGICAL       BIT(2)       /* address */
#define MSI_VECTOR        MASK(7, 0)
#define MSI_DELIVERY_MODE MASK(10, 8) /* 0 fixed, 1 lowest priority */
#define MSI_LEVEL         BIT(15)     /* trigger mode */

/* What a guest wants. */
struct interrupt_request {
	struct vm *vm;
	struct vtd_unit *unit; /* which remaps; of the source */
	u16 source_id;
	u64 address;
	u32 data;
	u32 count; /* messages that differ in the low bits of the data: a power of two up to 128 */
};

/* True: the entries do what is asked, changed in place if there are as many already. False: it is
 * not for a CPU of the VM, or no interrupt of a device (vector below 16, NMI, INIT, ...), or there
 * are no more entries; logged, counted, and there are none left: the source must be masked. */
bool interrupt_set(const struct interrupt_request *request,
                   struct interrupt_entries *entries) must_check;
/* Frees them, if there are any. */
void interrupt_clear(struct vtd_unit *unit, struct interrupt_entries *entries);

/* The CPU of the VM that has this APIC id, or answers to this logical one; false: none does. */
bool vm_find_apic_id(const struct vm *vm, u32 destination, bool logical, u32 *apic_id);

#endif
