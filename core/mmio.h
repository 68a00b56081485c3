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

#endif
