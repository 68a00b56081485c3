/* SPDX-License-Identifier: BSD-2-Clause */
/* Reserved memory regions (VT-d 8.4): memory that firmware has its devices use, mapped one to one
 * while such a device is attached. */
#ifndef CORE_RMRR_H
#define CORE_RMRR_H

#include "core/ioasid.h"

/* E_RESERVED_REGION: a region of the device cannot be honoured for this VM (R9). */
err_t rmrr_check(const struct device *d, const struct vm *vm) must_check;

/* Maps the regions of a device that is about to join: all or nothing. What the VM's RAM or another
 * device of this IOASID brings along is there already. E_RESERVED_REGION, E_NO_MEMORY, E_TIMEOUT.
 */
err_t rmrr_map(struct ioasid *io, const struct device *d) must_check;
/* Unmaps those that no device of this IOASID but this one needs. */
void rmrr_unmap(struct ioasid *io, const struct device *d);

/* [pa, pa + size) lies in a region of a device that is attached to this IOASID. */
bool rmrr_allows(const struct ioasid *io, u64 pa, u64 size);

#endif
