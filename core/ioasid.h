/* SPDX-License-Identifier: BSD-2-Clause */
/* IOASIDs: named I/O address spaces; create, resolve, attach, detach (R3-R12). */
#ifndef CORE_IOASID_H
#define CORE_IOASID_H

#include "core/coherency.h"
#include "core/device.h"
#include "core/vm.h"
#include "vtd/vtd.h"

#define IOASIDS_MAX     32
#define IOASID_NAME_MAX 32

struct ioasid {
	char name[IOASID_NAME_MAX];
	u32 index;
	enum coherency_request request;
	enum coherency_format format; /* once resolved, it never changes (R4) */
	struct vm *vm;                /* once bound, it never changes */
	struct vtd_space space;
	bool built; /* the space exists and maps the VM's memory */
};

extern struct ioasid ioasids[IOASIDS_MAX];
extern u32 ioasid_count;

/* E_DUPLICATE, E_TOO_LONG, E_TOO_MANY. *ioasid may be NULL. */
err_t ioasid_create(const char *name, enum coherency_request request,
                    struct ioasid **ioasid) must_check;
struct ioasid *ioasid_find(const char *name);

/* R4: fixes the format; further calls change nothing. */
void ioasid_resolve(struct ioasid *ioasid, bool all_snoop_control);

/*
 * Puts a device into an IOASID for a VM, in the order of R11, R16, R17. On any error nothing has
 * changed. E_HAS_OWNER, E_IOASID_OF_OTHER_VM, E_NO_UNIT, E_NO_SNOOP_CONTROL, E_ADDRESS_WIDTH,
 * E_PAGE_SIZES, E_RESERVED_REGION, E_BRIDGE, E_QUARANTINED, E_NO_MEMORY, E_TIMEOUT. Logs `attach`
 * or `refused attach`.
 */
err_t ioasid_attach(struct ioasid *ioasid, struct device *d, struct vm *vm) must_check;

/* Gives a device to a VM on a machine without VT-d, as the manifest allowed: it counts as in a
 * no-snoop table (box 3 or 4). E_HAS_OWNER, E_BRIDGE. */
err_t ioasid_attach_unprotected(struct device *d, struct vm *vm) must_check;

/* Takes a device out. What cannot be completed ends in quarantine, with the verdict on the safe
 * side. */
void ioasid_detach(struct device *d);

/* R4, architecture: the platform VM's own default IOASIDs, one per format: linux.snoop,
 * linux.nosnoop. */
err_t ioasid_implicit(struct vm *vm, const struct device *d, struct ioasid **ioasid) must_check;

#endif
