/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address translation services (PCIe 5.0, chapter 10): a device TLB where the manifest allows one.
 * Such a device is trusted more than others: its translated requests go to memory as they are,
 * unchecked by the unit, and whether they snoop is up to it. Of the others the hypervisor keeps the
 * enable bit 0.
 */
#ifndef CORE_ATS_H
#define CORE_ATS_H

#include "core/device.h"

/* Finds the capability, and turns it off. */
void ats_init(struct device *d);
/* ats= of the manifest. E_ATTACHED; E_NO_ATS: no capability, or one that does not keep to pages;
 * E_NO_UNIT; E_NO_DEVICE_TLB: its unit has no ECAP.DT; E_NO_ATSR: no ATSR covers its root port;
 * E_ATS_BY_HARDWARE: its SATC says that the unit turns it on. */
err_t ats_allow(struct device *d, bool allow) must_check;
/* none, no, allowed, yes: it is on. */
const char *ats_text(const struct device *d);

/* The function's lock is held, its bus mastering is off. On, if it is allowed and the function is
 * about to master the bus; off, with nothing left in the device TLB. */
void ats_start(struct device *d);
void ats_stop(struct device *d);

/* R24: of an attached function with a table, whether its register, its context entry and the books
 * agree. */
bool ats_is_consistent(struct device *d);

#endif
