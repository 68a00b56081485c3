/* SPDX-License-Identifier: BSD-2-Clause */
/* Isolation groups (R9): functions that the IOMMU cannot tell apart, or that reach each other
 * without passing it. Each has the BDF of its lowest function for a name. */
#ifndef CORE_GROUP_H
#define CORE_GROUP_H

#include "core/device.h"

/* Sets group and alias of every device, once all are known. */
void group_form(void);

/* E_GROUP_SPLIT: another function of the group is another VM's; or requests of another one, in
 * another IOASID, carry the same requester ids. */
err_t group_check(const struct device *d, const struct ioasid *io, const struct vm *vm) must_check;

/* The requester ids of its requests that no other attached device shares: what its attach brings,
 * and what leaves with it. Returns their number. */
#define GROUP_RIDS_MAX 3
u32 group_rids(const struct device *d, u16 rids[GROUP_RIDS_MAX]);

/* The one that its interrupt messages carry. */
u16 group_source_id(const struct device *d);

/* Whose requests carry this id: of several, one that is attached. NULL: nobody's. */
struct device *group_find_requester(u32 bdf);

#endif
