/* SPDX-License-Identifier: BSD-2-Clause */
/* Who asks in host tests: what live commands answer. */
#ifndef TESTS_HOST_FAKE_OUTPUT_H
#define TESTS_HOST_FAKE_OUTPUT_H

#include "core/output.h"

extern struct output fake_output;
/* All lines since it was last emptied, ended by newlines. */
extern char fake_answer[1 << 14];

#endif
