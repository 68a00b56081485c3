/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt gates (SDM volume 3, 6.14.1). */
#ifndef LIB_IDT_H
#define LIB_IDT_H

#include <stddef.h>
#include <stdint.h>

#define SELECTOR_CODE64 0x08

#define GATE_INTERRUPT 0x8e00 /* present, 64-bit interrupt gate */

struct gate {
	uint16_t offset_0, selector, type, offset_16;
	uint32_t offset_32, reserved;
};

/* handler: below 4 GiB, as all of this program. */
static inline struct gate idt_gate(const void *handler)
{
	uintptr_t at = (uintptr_t)handler;

	return (struct gate){.offset_0 = (uint16_t)at,
	                     .offset_16 = (uint16_t)(at >> 16),
	                     .selector = SELECTOR_CODE64,
	                     .type = GATE_INTERRUPT};
}

static inline void idt_load(const struct gate *idt, size_t bytes)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {(uint16_t)(bytes - 1), (uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

#endif
