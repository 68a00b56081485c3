/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that change nothing: what there is, what it does, and why. Lines fit 80 columns
 * where names are short. */
#ifndef CORE_SHOW_H
#define CORE_SHOW_H

#include "core/line.h"

err_t show_list(struct line *l) must_check;
err_t show_info(struct line *l) must_check;
err_t show_verdicts(struct line *l) must_check;
err_t show_why(struct line *l) must_check;
err_t show_walk(struct line *l) must_check;
err_t show_stats(struct line *l) must_check;
err_t show_faults(struct line *l) must_check;
err_t show_log(struct line *l) must_check;

void show_ioasids(struct output *out);
/* Who has it. */
void show_owner(struct output *out, const struct device *d);
/* What attach has come to (R8). */
void show_attached(struct output *out, const struct device *d);

#endif
