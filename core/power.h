/* SPDX-License-Identifier: BSD-2-Clause */
/* How the machine ends: the manifest's on-exit, and the registers for it from the FADT. */
#ifndef CORE_POWER_H
#define CORE_POWER_H

#include "lib/acpi.h"
#include "lib/types.h"

enum power_action { POWER_HALT, POWER_OFF, POWER_RESET, POWER_QEMU };

#define POWER_STATUS_OK     0
#define POWER_STATUS_VM     1 /* a VM was killed or ended with a status of its own */
#define POWER_STATUS_CONFIG 2 /* nothing was started: manifest, image, firmware or CPU */
#define POWER_STATUS_PANIC  3

/* What the machine offers; slp_typ_a from the \_S5 package, or -1 where none was found. */
void power_init(const struct acpi_fadt *fadt, int slp_typ_a);
void power_set_action(enum power_action action);

/* Whether a guest's write of `size` bytes from this port on asks for power-off or reset; the guest
 * must not reach the register. */
bool power_is_end_request(u16 port, u8 size, u32 value);
/* Whether power_is_end_request looks at this port. */
bool power_has_port(u16 port);

/* Prints `end status=N` and acts. */
void power_end(u32 status) __attribute__((noreturn));

#endif
