/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar (docs/manifest.md, docs/console.md): one table of commands, one line a command. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include "core/output.h"
#include "lib/error.h"
#include "lib/token.h"

/* One line without its comment; an empty one does nothing. On failure *word is the word that is to
 * blame (empty: the line lacks one). Commands that describe VMs only take notes: start_all acts on
 * them. */
err_t command_run(struct text line, u32 line_number, struct text *word) must_check;

/* The same of a line that the console or a guest gives while VMs run; what is found out goes to
 * out, an error too. One at a time (core/control.h). */
err_t command_run_live(struct output *out, struct text line);

/* The words that live lines may begin with; NULL past the last one. */
const char *command_word(u32 index);

/* After the last line: what single lines cannot show. *line is the one to blame. */
err_t command_check(u32 *line) must_check;

#endif
