/* SPDX-License-Identifier: BSD-2-Clause */
/* The application processors (SDM volume 3, 9.4). */
#ifndef CORE_SMP_H
#define CORE_SMP_H

#include "lib/error.h"

/* Wakes every CPU of the MADT; one that does not come, or cannot virtualize, is logged and left
 * out. E_NO_MEMORY: there is no page below 1 MiB to start them from. */
err_t smp_start(void) must_check;

#endif
