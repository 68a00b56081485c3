// SPDX-License-Identifier: BSD-2-Clause
#include "core/mmio.h"

/* Single instructions of the register's width, never merged or split. */
#define DEFINE_ACCESS(bits)                                                \
	u##bits mmio_r##bits(const struct mmio *m, u32 offset)             \
	{                                                                  \
		return *(volatile u##bits *)(m->base + offset);            \
	}                                                                  \
	void mmio_w##bits(const struct mmio *m, u32 offset, u##bits value) \
	{                                                                  \
		*(volatile u##bits *)(m->base + offset) = value;           \
	}

DEFINE_ACCESS(8)
DEFINE_ACCESS(16)
DEFINE_ACCESS(32)
DEFINE_ACCESS(64)
