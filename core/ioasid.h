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

#define IOASIDS_MAX     64
#define IOASID_NAME_MAX 32

struct ioasid {
	char name[IOASID_NAME_MAX];
	enum coherency_request request;
	enum coherency_format format; /* once resolved, it never changes (R4) */
	struct vm *vm;                /* once bound, it never changes */
	bool by_guest, spare;         /* by_guest: the VM has created it; spare: and freed it */
	struct vtd_space space;       /* maps the VM's memory; without a root until it is needed */
};

extern struct ioasid ioasids[IOASIDS_MAX];
extern u32 ioasid_count;

/* E_DUPLICATE, E_TOO_LONG, E_TOO_MANY. */
err_t ioasid_create(const char *name, enum coherency_request request,
                    struct ioasid **ioasid) must_check;
struct ioasid *ioasid_find(const char *name);
/* For lines; NULL, without a table: "none", "unprotected". */
const char *ioasid_name(const struct ioasid *ioasid);
const char *ioasid_format(const struct ioasid *ioasid);

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

/* Takes a device out. What cannot be completed ends in quarantine: nobody gets it, and it counts in
 * box 3 whatever its table was, so that the verdict stays on the safe side. */
void ioasid_detach(struct device *d);
/* Takes an attached device out for good; if that completes, it still counts in its box. */
void ioasid_quarantine(struct device *d, const char *reason);
/* Does so with those behind units that have failed, or whose device TLB does not answer. */
void ioasid_fence(void);

/* One that the VM creates while it runs: named VM.N, N being its index, and bound. E_TOO_MANY. */
err_t ioasid_create_by_guest(struct vm *vm, enum coherency_request request,
                             struct ioasid **ioasid) must_check;
/* What was mapped and made by the VM is forgotten; its next attach builds the tables anew. One of
 * the VM's own making is free to be created again. E_ATTACHED. */
err_t ioasid_reset(struct ioasid *ioasid) must_check;
/* The same for all of a VM that has ended, but for those of devices in quarantine. */
void ioasid_reset_all(const struct vm *vm);

/* Beside the VM's memory as a whole: maps a part of its RAM at another address, or unmaps what is
 * mapped, flushing as R17 has it. access: VTD_READ, VTD_WRITE. E_NOT_ATTACHED: no device has ever
 * been attached; E_NOT_MAPPED: no RAM in one piece; E_NO_MEMORY: the pool is for others, too; as
 * vtd_map, vtd_unmap. */
err_t ioasid_map(struct ioasid *ioasid, u64 iova, u64 gpa, u64 size, u64 access) must_check;
err_t ioasid_unmap(struct ioasid *ioasid, u64 iova, u64 size) must_check;

#endif
