/* SPDX-License-Identifier: BSD-2-Clause */
/* What the manifest asks for, read whole before anything is started. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/coherency.h"
#include "core/device.h"
#include "core/ioasid.h"
#include "core/vm.h"

struct plan_device {
	struct device *device;
	struct vm *vm;         /* NULL: nobody gets it */
	struct ioasid *ioasid; /* NULL: the VM's implicit one */
	u32 line;
};

struct plan {
	enum coherency_policy policy; /* of VMs that do not say their own */
	bool unprotected_dma;
	u32 device_count;
	struct plan_device devices[DEVICES_MAX];
};
extern struct plan plan;

/* E_DUPLICATE: the function was named before. */
err_t plan_add_device(const struct plan_device *p) must_check;

/* Takes only the manifest's on-exit lines: called as soon as memory can be read. */
void plan_read_on_exit(void);

/* Reads the manifest. Errors are logged with line, word and reason, and nothing is started. */
err_t plan_read_manifest(void) must_check;

/* Builds the VMs and attaches their devices; a refused attach is logged, and the VM starts without
 * the device. */
err_t plan_start(void) must_check;

#endif
