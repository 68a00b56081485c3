/* SPDX-License-Identifier: BSD-2-Clause */
/* What the manifest asks for, read whole before anything is started. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/coherency.h"
#include "core/device.h"
#include "lib/error.h"
#include "lib/types.h"

struct plan {
	enum coherency_policy policy; /* of VMs that do not say their own */
	u32 unprotected_dma;          /* 1: allowed */
	u32 scalable;                 /* 1: VT-d's scalable mode, where a unit has it (R20) */
	u32 device_count;             /* what is said of them: struct device */
	struct device *devices[DEVICES_MAX];
};
extern struct plan plan;

/* Takes only the manifest's on-exit and scalable lines: called as soon as memory can be read. */
void plan_read_early(void);

/* Reads the manifest. Errors are logged with line, word and reason, and nothing is started. */
err_t plan_read_manifest(void) must_check;

/* Builds the VMs and attaches their devices; a refused attach is logged, and the VM starts without
 * the device. */
err_t plan_start(void) must_check;

/* Starts one again that has ended, with its memory zeroed, its image, its devices. With the control
 * lock held. E_RUNNING, E_PLATFORM_VM, E_NO_CPU (one has been lost); as vm_prepare, logged too. */
err_t plan_start_vm(struct vm *vm) must_check;

#endif
