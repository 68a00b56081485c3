/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions: what they are, what they can do (R1), who owns them. */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include "core/coherency.h"
#include "core/lock.h"
#include "lib/error.h"
#include "lib/types.h"
#include "vtd/vtd.h"

#define DEVICES_MAX 256
#define BARS_MAX    6

/* R1: how we know whether a device is no-snoop capable. */
enum nosnoop_by {
	NOSNOOP_BY_PROBE,
	NOSNOOP_BY_UNKNOWN,
	NOSNOOP_BY_OVERRIDE,
	NOSNOOP_BY_CLASS,
	NOSNOOP_BY_BLOCK,
};
extern const char *const nosnoop_by_names[];

enum device_state {
	DEVICE_FREE, /* blocked: no context entry, no bus mastering (R21) */
	DEVICE_ATTACHED,
	DEVICE_QUARANTINED, /* blocked for good, and nobody gets it (core/ioasid.h) */
};

struct bar {
	u64 base, size; /* size 0: not implemented, or the upper half of a 64-bit BAR */
	bool io, wide;  /* wide: 64 bits, with the next register */
	u32 shadow;     /* what the owner reads back */
};

/* The entries of an interrupt remapping table that stand for what a guest has programmed (R22). */
struct interrupt_entries {
	u16 index;
	u8 count; /* 0: none */
};

/* core/msi.c's, of a function whose unit remaps interrupts. */
struct msi {
	u32 at;        /* offset of the capability, 0: none */
	u32 shadow[4]; /* it, as the owner sees it */
	struct interrupt_entries entries;
};
struct msix {
	u32 at; /* offset of the capability, 0: none */
	u64 table_pa;
	u32 count;        /* of entries; 0: no table is trapped */
	struct mmio mmio; /* the pages of the table */
	u64 shadows_pa;
};

struct ioasid;
struct vm;

struct device {
	u32 bdf;
	u32 id;                 /* vendor in bits 15:0, device above */
	u32 class_code;         /* 24 bits */
	bool bridge;            /* type 1 header */
	u32 pcie, pm, acs, ats; /* offsets of capabilities, 0: none */
	u8 pcie_type;           /* PCIE_TYPE_* */
	u32 reset_at;           /* the byte that starts a function-level reset, 0: there is none */
	u8 reset_bit;
	u8 first_bus, last_bus; /* behind a bridge; 0: none */
	u32 group;              /* the lowest function of its isolation group (R9) */
	const struct device
		*alias; /* the bridge that its requests may seem to come from, or NULL */
	struct bar bars[BARS_MAX];
	struct vtd_unit *unit; /* NULL: no unit covers it */

	bool nosnoop_capable, nosnoop_writable; /* writable: the Enable No Snoop bit */
	enum nosnoop_by nosnoop_by;

	bool ats_allowed, ats_on; /* its device TLB (core/ats.h); on: changes with may_master */

	bool named;           /* a `device` line names it: never the platform VM's by default */
	struct vm *wanted_vm; /* as the line says; NULL: kept from everybody */
	struct ioasid *wanted_ioasid; /* NULL: the VM's own one */
	bool withdrawn;               /* an operator has taken it from its VM */
	enum device_state state;
	struct vm *vm;         /* the owner; bridges belong to the platform VM without a table */
	struct ioasid *ioasid; /* NULL when attached without a unit (unprotected DMA) */
	enum coherency_box box;
	struct msi msi;
	struct msix msix;

	struct lock lock; /* guards the function's registers, and what follows */
	u16 command;      /* the command register as the owner wrote it */
	u16 decode;       /* its bits that stay set in hardware */
	u16 control_off;  /* bits of Device Control that stay 0 */
	bool may_master;
};

extern struct device devices[DEVICES_MAX];
extern u32 device_count;

#define for_each_device(d) for (struct device *d = devices; d < devices + device_count; d++)

/* Finds all functions, stops their DMA (R21), sizes their BARs, asks R1. */
void device_scan(void);
/* After the units are known: who covers whom. */
void device_find_units(void);
/* R3: the box where an IOASID of default format puts it, and that format; without a unit none, and
 * the box is that of a device without a table. */
enum coherency_box device_default(const struct device *d, enum coherency_format *format);
/* One `device` line each. */
void device_log_all(void);

/* NULL if there is none. */
struct device *device_find(u32 bdf);
/* Of a bridge; 0 for what is none. */
u8 device_secondary_bus(u32 bdf);
/* Whether its bus is one of the bridge's. */
bool device_is_behind(const struct device *d, const struct device *bridge);

/* nosnoop= of the manifest. E_USE_BLOCK: `no` for a device probed capable (R1); E_ATTACHED (R11).
 */
err_t device_set_nosnoop(struct device *d, bool capable) must_check;
/* nosnoop=block (R2): once attached, the function's Enable No Snoop bit is 0 whenever it masters
 * the bus. E_ATTACHED; E_DENY_LIST: the bit binds no such device; E_NO_BIT: there is none to write.
 */
err_t device_block_nosnoop(struct device *d) must_check;

#endif
