/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that come and go, and what WBINVD must do meanwhile. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "guests/lib/edu.h"

/* The coherency matrix, as docs/coherency.md has it; 0: no device. */
enum { BOX_NONE, BOX_1, BOX_2, BOX_3, BOX_4 };

/* A device that this VM may attach and detach; box: where it is now. */
struct toy {
	struct edu edu;
	uint32_t box;
};

/* attach.c: two IOASIDs of this VM's own, empty; freed. */
void ioasids_alloc(void);
void ioasids_free(void);
/* Each checks what is returned, then the verdict that all devices together must give. False, with a
 * `failed` line: it is wrong. */
bool toy_attach(struct toy *toy, bool snoop);
bool toy_detach(struct toy *toy);
/* The toys of this machine, detached. policy_device: R10. How many there are. */
uint32_t toys_init(bool policy_device);

#define TOYS_MAX 2
extern struct toy toys[TOYS_MAX];

/* orders.c: two devices come and leave in every order, in every pair of formats. */
void step_orders(void);

/* dma.c: one device, in turn in a snoop and in a no-snoop IOASID; DMA and WBINVD go on. others:
 * another CPU executes WBINVD meanwhile. waits: so many rounds wait for their DMA. */
void step_rounds(struct toy *toy, uint64_t rounds, uint64_t waits, bool others);

#endif
