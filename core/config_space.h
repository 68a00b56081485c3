/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mediator of PCI configuration space: every access of every guest, by ports or ECAM, comes
 * through here. What a VM does not own reads all ones and ignores writes.
 */
#ifndef CORE_CONFIG_SPACE_H
#define CORE_CONFIG_SPACE_H

#include "core/vm.h"

/* size 1, 2 or 4, offset a multiple of it and below 4096. */
u32 config_space_read(const struct vm *vm, u32 bdf, u32 offset, u8 size);
void config_space_write(struct vm *vm, u32 bdf, u32 offset, u8 size, u32 value);

#endif
