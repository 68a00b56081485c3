/* SPDX-License-Identifier: BSD-2-Clause */
/* The door core/mmio.h in host tests: every access goes to the device model that answers there. */
#ifndef TESTS_HOST_FAKE_MMIO_H
#define TESTS_HOST_FAKE_MMIO_H

#include "core/mem.h"
#include "core/mmio.h"

/* One range of registers; the model embeds it as its first member. */
struct fake_mmio {
	u64 base_pa, size;
	u64 mapped_size; /* what mem_map_mmio was last asked for: accesses must stay within */
	u64 (*read)(struct fake_mmio *m, u32 offset, u8 size);
	void (*write)(struct fake_mmio *m, u32 offset, u8 size, u64 value);
};

/* A page of registers that keep what is written. */
struct fake_page {
	struct fake_mmio mmio;
	u8 bytes[PAGE_SIZE];
};
u64 fake_page_read(struct fake_mmio *m, u32 offset, u8 size);
void fake_page_write(struct fake_mmio *m, u32 offset, u8 size, u64 value);
#define FAKE_PAGE(pa)                            \
	{                                        \
		.mmio = {                        \
			.base_pa = (pa),         \
			.size = PAGE_SIZE,       \
			.read = fake_page_read,  \
			.write = fake_page_write \
		}                                \
	}

/* Called before every access. NULL: not at all. */
extern void (*fake_mmio_on_access)(void);

/* For the rest of the program; once more changes nothing. */
void fake_mmio_add(struct fake_mmio *m);

#endif
