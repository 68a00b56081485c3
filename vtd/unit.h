/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of vtd/ ask of a unit: commands and invalidations. All wait, with a bound; a unit
 * that does not answer is marked failed, its status word is never looked at again, and every later
 * call says E_TIMEOUT at once.
 */
#ifndef VTD_UNIT_H
#define VTD_UNIT_H

#include "vtd/entry.h"
#include "vtd/vtd.h"

#define VTD_TIMEOUT_US 1000000u

/* Logs `error unit=N step=... reason=...` and marks the unit failed; returns e. */
err_t vtd_unit_fail(struct vtd_unit *unit, const char *step, err_t e);

/* Sets or clears one bit of the global command register and waits for its status (11.4.4). step:
 * its name in the log. */
err_t vtd_unit_command(struct vtd_unit *unit, u32 command, bool on, const char *step) must_check;

/* Whether the masked bits of a register read as value within the bound. */
bool vtd_unit_wait(const struct vtd_unit *unit, u32 offset, u32 mask, u32 value);

/* All context entries and all translations. */
err_t vtd_invalidate_all(struct vtd_unit *unit) must_check;
/* The context entry of a function, cached under domain cached_id, and then the translations of
 * domain_id (6.5.3: in that order). */
err_t vtd_invalidate_device(struct vtd_unit *unit, u16 rid, u16 cached_id,
                            u16 domain_id) must_check;
/* The translations of [iova, iova + size) of a domain, in device TLBs, too, and the tables that led
 * to them. */
err_t vtd_invalidate_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size) must_check;

/* The entry of an interrupt, or with `all` every one (6.5.2.7). */
err_t vtd_invalidate_interrupts(struct vtd_unit *unit, bool all, u16 index) must_check;

/* Queued invalidation with an empty queue, from the off state. */
err_t vtd_start_queue(struct vtd_unit *unit) must_check;
/* The context entry of a function is not present any more; nothing is invalidated. */
void vtd_block(struct vtd_unit *unit, u16 rid);

/* What the CPUs have stored gets to where the unit reads (6.8); nothing to do without CAP.RWBF. */
err_t vtd_flush_write_buffer(struct vtd_unit *unit) must_check;
/* What CAP.CM or CAP.RWBF ask for when a context entry, or second-stage entries, became present
 * (6.1, 6.8). */
err_t vtd_announce_device(struct vtd_unit *unit, u16 rid, u16 domain_id) must_check;
err_t vtd_announce_range(struct vtd_unit *unit, u16 domain_id, u64 iova, u64 size) must_check;

#endif
