/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads a VM's image: a Linux bzImage by the 64-bit boot protocol, or a Multiboot1 ELF. */
#ifndef CORE_GUEST_IMAGE_H
#define CORE_GUEST_IMAGE_H

#include "core/backend.h"

/* Into the VM's memory, which is built. *start: how the first CPU begins. E_NOT_FOUND (a file),
 * E_TRUNCATED, E_BAD_SIGNATURE, ... of the parsers; E_NO_MEMORY: does not fit. *file: the name of
 * the file that an error is about. */
err_t guest_image_load(struct vm *vm, struct vcpu_start *start, const char **file) must_check;

#endif
