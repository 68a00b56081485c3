/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a guest starts, and what the Multiboot1 loader tells it. */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include <stdint.h>

/* Multiboot 0.6.96, 3.3. */
#define MULTIBOOT_HAS_MEMORY  (1u << 0)
#define MULTIBOOT_HAS_CMDLINE (1u << 2)

struct multiboot {
	uint32_t flags;
	uint32_t mem_lower, mem_upper; /* KiB; upper memory begins at 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
};

/* Each guest's own: in long mode, the first 4 GiB mapped as they are, interrupts off. */
void guest_main(const struct multiboot *info);

/* The text behind NAME= on the command line, or NULL. */
const char *option_text(const struct multiboot *info, const char *name);
/* As a number, or what it is if it is not given. */
uint64_t option_number(const struct multiboot *info, const char *name, uint64_t otherwise);

/* The guest's RAM is [0, this). */
static inline uint64_t memory_size(const struct multiboot *info)
{
	return ((uint64_t)info->mem_upper << 10) + (1 << 20);
}

#endif
