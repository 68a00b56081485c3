/* SPDX-License-Identifier: BSD-2-Clause */
/* R24: every live table against what it should be. Reads hardware's tables as they are in memory,
 * and takes no bookkeeping's word for them. */
#ifndef CORE_AUDIT_H
#define CORE_AUDIT_H

#include "core/output.h"

/*
 * Context entries of every unit against the attached devices; leaves of IOASIDs and nested tables
 * against format (R18), memory type (R16) and owner (R22); formats against the units (R5); verdicts
 * against a recount (R12). Prints `finding` lines and one `audit` line; returns the number of
 * findings. Under control_take, or before other CPUs run.
 */
u32 audit_run(struct output *out);

/* The manifest's `audit always`: into the log after every attach and detach. */
extern bool audit_always;
void audit_after_change(void);

#endif
