/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of the demo; each reports what it saw. */
#ifndef DEMO_STEPS_H
#define DEMO_STEPS_H

#include <stdbool.h>
#include <stdint.h>

/* cpuid.c: who we run on, and what it hides; hypercalls with bad arguments, one of them about a
 * function that is not this VM's. */
void step_cpuid(void);
void step_hypercalls(uint64_t foreign);

/* flush.c: every form of WBINVD, WBNOINVD and INVD in every mode (R14), counted. */
void step_verdict(void);
void step_flush(void);
void step_single_step(void);
void step_wbinvd_loop(uint64_t count);
/* What runs between them, runs while the other CPUs flush. */
void step_flush_begin(void);
void step_flush_end(void);

/* state.c: cache control, PAT and MTRRs (R16); what a guest does not have. */
void step_cache_disable(void);
void step_pat(void);
void step_mtrr(void);
void step_msr(void);
void step_undefined(void);

/* master.c: tries to let every function of the machine master the bus (R21) */
void step_bus_master(void);

/* edu.c: DMA of QEMU's edu device, if there is one; memory is [0, memory_size); messages
 * that nothing but remapping holds back are sent only if there is some */
void step_edu(uint64_t memory_size, bool remapped);

/* measure.c */
void measure_exits(void);

#endif
