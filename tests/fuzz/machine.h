/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of the targets with state, and what must hold on it whatever was asked. */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include "tests/fuzz/fuzz.h"
#include "tests/host/fake_machine.h"

/* Two units, the first with SC. On bus 0 a capable function 3, one that is not (4), and one of
 * which nothing is known (5); a capable one on bus 1, behind a bridge. No VMs. */
void fuzz_machine_reset(void);

/* R21: who has no owner cannot DMA. R5, R8: formats and boxes are what the tables attached say.
 * R10, R12: so are the verdicts. Nobody is left holding a lock. */
void fuzz_machine_check(void);

#endif
