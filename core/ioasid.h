/* SPDX-License-Identifier: BSD-2-Clause */
/* IOASIDs: named I/O address spaces; create, resolve, attach, detach (R3-R12). */
#ifndef CORE_IOASID_H
#define CORE_IOASID_H

#include "core/coherency.h"
#include "core/device.h"
#include "core/vm.h"
#include "vtd/vtd.h"

/* Interrupt requests are not memory (VT-d 3.14): never mapped (R4). */
#define IOASID_MSI_START 0xfee00000ull
#define IOASID_MSI_END   0xfef00000ull

#define IOASIDS_MAX     32
#define IOASID_NAME_MAX 32

struct ioasid {
	char name[IOASID_NAME_MAX];
	enum coherency_request request;
	enum coherency_format format; /* once resolved, it never changes (R4) */
	struct vm *vm;                /* once bound, it never changes; the space maps its memory */
	struct vtd_space space;
};

extern struct ioasid ioasids[IOASIDS_MAX];
extern u32 ioasid_count;

/* E_DUPLICATE, E_TOO_LONG, E_TOO_MANY. */
err_t ioasid_create(const char *name, enum coherency_request request,
                    struct ioasid **ioasid) must_check;
struct ioasid *ioasid_find(const char *name);

/*
 * Puts a device into an IOASID for a VM, in the order of R11, R16, R17. NULL: the VM's own one in
 * the default format of the device's unit (R4), NAME.snoop or NAME.nosnoop. On any error nothing
 * has changed: E_HAS_OWNER, E_IOASID_OF_OTHER_VM, E_NO_UNIT, E_NO_SNOOP_CONTROL, E_ADDRESS_WIDTH,
 * E_PAGE_SIZES, E_RESERVED_REGION, E_BRIDGE, E_QUARANTINED, E_OVERLAP, E_TOO_MANY, E_NO_MEMORY,
 * E_TIMEOUT, what vtd_check says. Logs `attach` or `refused attach`.
 */
err_t ioasid_attach(struct ioasid *ioasid, struct device *d, struct vm *vm) must_check;

/* The same without a table, on a machine without VT-d, as the manifest allowed: the device counts
 * as in a no-snoop table (box 3 or 4). E_HAS_OWNER, E_BRIDGE, E_QUARANTINED, E_OVERLAP,
 * E_NO_MEMORY. */
err_t ioasid_attach_unprotected(struct device *d, struct vm *vm) must_check;

/* Takes a device out. What cannot be completed ends in quarantine, with the verdict on the safe
 * side. */
void ioasid_detach(struct device *d);

#endif
