/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor keeps a hand on while a guest drives a function: bus mastering (R21), Device
 * Control (R2), resets. */
#ifndef CORE_DEVICE_CONTROL_H
#define CORE_DEVICE_CONTROL_H

#include "core/device.h"

/* Bus mastering of a function as its owner wants it, and of the bridges above it. */
void device_allow_dma(struct device *d);
/* Bus mastering off for good, pending transactions drained, function reset where there is one.
 * False: transactions are still pending. */
bool device_quiesce(struct device *d);

/* The rest is called with the function's lock held. */

/* Puts the command register into hardware: as the owner wrote it, with memory decode where a BAR
 * is mapped, and with bus mastering only while it is allowed and Device Control is as it must be.
 */
void device_write_command(struct device *d);
/* Clears what must be 0 in Device Control. False: it does not stay so. */
bool device_hold_control(const struct device *d);
/* Has the function's requests redirected to the root complex (ACS), as far as it can. */
void device_isolate(const struct device *d);
/* A BAR whose shadow is the address that firmware gave it is written to hardware. */
void device_restore_bar(const struct device *d, u32 i);
/* Bus mastering off, pending transactions drained (false: they are not), then the function-level
 * reset, if there is one, with its 100 ms; what it lost goes back, but for bus mastering. */
bool device_reset(struct device *d);
/* The function has just been woken from D3hot: waits; what it lost, if it did, goes back. */
void device_resume(struct device *d);

#endif
