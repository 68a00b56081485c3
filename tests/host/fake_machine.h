/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine for the tests of attach and detach: units that answer, devices, VMs; empty at first. */
#ifndef TESTS_HOST_FAKE_MACHINE_H
#define TESTS_HOST_FAKE_MACHINE_H

#include "core/device.h"
#include "core/ioasid.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/fake_unit.h"

/* CAP and ECAP of QEMU 7.2's intel-iommu with aw-bits=39 and aw-bits=48. */
#define CAP_39  0xd2008c22260206ull
#define CAP_48  0xd2008c222f0606ull
#define CAP_CM  (1ull << 7)  /* caching mode */
#define CAP_2M  (1ull << 34) /* 2 MiB leaves */
#define ECAP    0xf00f4aull
#define ECAP_SC 0xf00fcaull
#define ECAP_C  1ull /* table walks snoop */

#define MACHINE_RAM MIB(8) /* of each VM */

void machine_reset(void);
/* Unit n covers bus n, and translates. */
struct vtd_unit *machine_add_unit(u64 cap, u64 ecap);
/* A function with a page of registers, probed no-snoop capable or not. For machine_scan. */
struct fake_function *machine_add_function(u32 bdf, bool nosnoop_capable);
/* Finds the functions, and lets their owners want bus mastering. No writes are noted yet. */
void machine_scan(void);
struct vm *machine_add_vm(const char *name);
struct ioasid *machine_add_ioasid(const char *name, enum coherency_request request);
/* A region that firmware reserves for a device on bus 0. limit_pa is inclusive. */
void machine_add_rmrr(u32 bdf, u64 base_pa, u64 limit_pa);

/* The function's context entry is present. */
bool machine_has_context(const struct device *d);
/* An entry of the unit's interrupt remapping table, and how many are present. */
const u64 *machine_irte(const struct vtd_unit *unit, u32 index);
u32 machine_count_irtes(const struct vtd_unit *unit);
/* The function masters the bus. */
bool machine_has_master(const struct device *d);

#endif
