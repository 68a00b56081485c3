/* SPDX-License-Identifier: BSD-2-Clause */
/* The door core/mmio.h in host tests: every access goes to the device model that answers there. */
#ifndef TESTS_HOST_FAKE_MMIO_H
#define TESTS_HOST_FAKE_MMIO_H

#include "core/mmio.h"

/* One range of registers; the model embeds it as its first member. */
struct fake_mmio {
	u64 base_pa, size;
	u64 mapped_size; /* what mem_map_mmio was last asked for: accesses must stay within */
	u64 (*read)(struct fake_mmio *m, u32 offset, u8 size);
	void (*write)(struct fake_mmio *m, u32 offset, u8 size, u64 value);
};

/* Called before every access. NULL: not at all. */
extern void (*fake_mmio_on_access)(void);

/* For the rest of the program; once more changes nothing. */
void fake_mmio_add(struct fake_mmio *m);

#endif
