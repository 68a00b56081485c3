/* SPDX-License-Identifier: BSD-2-Clause */
/* Which physical memory a VM sees, and where. */
#ifndef CORE_VM_MEMORY_H
#define CORE_VM_MEMORY_H

#include "core/device.h"
#include "core/vm.h"

/* What the memory map calls memory that somebody has: the hypervisor (R22), or a VM. */
#define MEMORY_TAKEN BOOT_MEMORY_UNUSABLE

/*
 * Gives the VM its memory and builds its nested page tables. The platform VM (config.memory = 0)
 * gets all RAM that nobody else has, at its own addresses, and everything that is not RAM as device
 * memory, except: the hypervisor (R22), VT-d units, ECAM windows (both trapped), and the BARs of
 * devices, which come with the devices. Others get zeroed RAM, as vm_memory_add has it.
 * E_NO_MEMORY, E_TOO_MANY.
 */
err_t vm_memory_build(struct vm *vm) must_check;

/* Gives the VM, which has none yet, this RAM: from 0 up as far as the machine's own goes below 4
 * GiB, so that BARs and local APICs keep their place; the rest is above 4 GiB. */
err_t vm_memory_add(struct vm *vm, u64 pa, u64 size) must_check;

/* The BARs of a device, page by page. E_OVERLAP: shares a page with another VM's device, or lies
 * where the VM has RAM. */
err_t vm_memory_map_device(struct vm *vm, const struct device *d) must_check;
void vm_memory_unmap_device(struct vm *vm, const struct device *d);

/* A file of the loader's that has a part of [pa, pa + size), or NULL. */
const struct boot_file *vm_memory_find_file(u64 pa, u64 size);

/* The VM's memory as a list for guests, what is not RAM included. Returns the number of entries, 1
 * to max. */
u32 vm_memory_list(const struct vm *vm, struct boot_memory *list, u32 max);

#endif
