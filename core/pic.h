/* SPDX-License-Identifier: BSD-2-Clause */
/* The two 8259 interrupt controllers of a PC (Intel 8259A, operation command word 1). */
#ifndef CORE_PIC_H
#define CORE_PIC_H

/* Firmware leaves the timer on. A guest without interrupt controllers must not get its interrupts;
 * the platform VM sets them up anew. */
void pic_mask_all(void);

#endif
