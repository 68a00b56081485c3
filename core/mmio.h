/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door to memory-mapped registers (house rule 3). Host tests supply their own definitions
 * and see every access in order.
 */
#ifndef CORE_MMIO_H
#define CORE_MMIO_H

#include "lib/types.h"

struct mmio {
	u64 base_pa;
	u8 *base; /* uncached mapping; opaque to everybody but mmio.c */
};

u8 mmio_r8(const struct mmio *m, u32 offset);
u16 mmio_r16(const struct mmio *m, u32 offset);
u32 mmio_r32(const struct mmio *m, u32 offset);
u64 mmio_r64(const struct mmio *m, u32 offset);
void mmio_w8(const struct mmio *m, u32 offset, u8 value);
void mmio_w16(const struct mmio *m, u32 offset, u16 value);
void mmio_w32(const struct mmio *m, u32 offset, u32 value);
void mmio_w64(const struct mmio *m, u32 offset, u64 value);

/* size: 1, 2, 4 or 8. */
static inline u64 mmio_read(const struct mmio *m, u32 offset, u8 size)
{
	return size == 1   ? mmio_r8(m, offset)
	       : size == 2 ? mmio_r16(m, offset)
	       : size == 4 ? mmio_r32(m, offset)
	                   : mmio_r64(m, offset);
}

static inline void mmio_write(const struct mmio *m, u32 offset, u8 size, u64 value)
{
	if (size == 1)
		mmio_w8(m, offset, (u8)value);
	else if (size == 2)
		mmio_w16(m, offset, (u16)value);
	else if (size == 4)
		mmio_w32(m, offset, (u32)value);
	else
		mmio_w64(m, offset, value);
}

#endif
