/* SPDX-License-Identifier: BSD-2-Clause */
/* The VM's other CPUs, once step_cpus has found them. */
#ifndef DEMO_CPUS_H
#define DEMO_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MAX 8

/* They execute WBINVD from here on, while this one does what it likes. False: there are none. */
bool cpus_flush_begin(void);
/* Until here; how often in all. */
uint64_t cpus_flush_end(void);

#endif
