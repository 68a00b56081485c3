/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The coherency matrix and the verdict: pure functions, no state, no hardware (house rule 7).
 * This file and coherency.c compile unchanged into the hypervisor, the host tests and the model.
 */
#ifndef CORE_COHERENCY_H
#define CORE_COHERENCY_H

#include <stdbool.h>
#include <stdint.h>

/* What the second-stage tables of an IOASID are (R4); fixed once it is not UNRESOLVED. */
enum coherency_format { FORMAT_UNRESOLVED, FORMAT_SNOOP, FORMAT_NOSNOOP };

/* What was asked for (R4). */
enum coherency_request { REQUEST_DEFAULT, REQUEST_SNOOP, REQUEST_NOSNOOP };

enum coherency_box { BOX_NONE, BOX_1, BOX_2, BOX_3, BOX_4, BOX_COUNT };

enum coherency_policy { POLICY_KERNEL, POLICY_DEVICE };

enum coherency_verdict { VERDICT_IGNORE, VERDICT_EMULATE };

/* R3, R4: the format a request resolves to; all_snoop_control: every unit concerned has SC. */
enum coherency_format coherency_resolve(enum coherency_request request, bool all_snoop_control);

/* R5: whether a table of this format may be walked by a unit with or without SC. */
bool coherency_may_attach(enum coherency_format format, bool snoop_control);

/* The matrix. A device without a table (unprotected DMA) sits where a no-snoop table puts it. */
enum coherency_box coherency_box(enum coherency_format format, bool nosnoop_capable);

/* R8: DMA is coherent in every box but 3. */
bool coherency_is_coherent(enum coherency_box box);

/* R10: does one device in this box authorise WBINVD? */
bool coherency_box_authorises(enum coherency_policy policy, enum coherency_box box);

/*
 * R10-R12: the verdict of a VM from the number of its attached devices in each box. *because is the
 * box that decided, box 3 before box 4, or BOX_NONE.
 */
enum coherency_verdict coherency_verdict(enum coherency_policy policy,
                                         const uint32_t devices_in_box[BOX_COUNT],
                                         enum coherency_box *because);

/* Their words, by value; of requests and policies a null pointer ends the list. */
extern const char *const coherency_requests[], *const coherency_policies[];
extern const char *const coherency_formats[], *const coherency_verdicts[], *const coherency_boxes[];

#endif
