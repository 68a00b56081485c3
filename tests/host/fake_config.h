/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI configuration space behind an ECAM window (segment 0, buses 0 to 7): core/pci.c runs on it
 * unchanged. Every register has its bits that writes change and its bits that writing 1 clears;
 * all others are read-only. Every write is noted.
 */
#ifndef TESTS_HOST_FAKE_CONFIG_H
#define TESTS_HOST_FAKE_CONFIG_H

#include "lib/types.h"

#define FAKE_ECAM_BASE 0xb0000000ull
#define FAKE_BUSES     8

#define BDF(bus, device, function) ((u32)(bus) << 8 | (device) << 3 | (function))

struct fake_function {
	u32 bdf;
	u8 bytes[4096], writable[4096], cleared_by_one[4096];
	u8 after_reset[4096]; /* what a reset leaves in writable bits */
	u32 reset_at;         /* the byte, and */
	u8 reset_bit;         /* its bit, that reset the function; 0: none */
	u32 pm;               /* offset of PMCSR, 0: none */
	bool soft_reset;      /* coming back from D3hot resets the function */
	u32 resets;
	u64 busy_until; /* not to be touched before that deadline */
};

/* No functions, no notes; core/pci.c knows the window. */
void fake_config_reset(void);

/* A function with command and status registers and this class; header type 0, or 1 for a bridge. */
struct fake_function *fake_config_add(u32 bdf, u32 class_code);
struct fake_function *fake_config_add_bridge(u32 bdf, u8 secondary, u8 subordinate);

/* NULL if it was not added. */
struct fake_function *fake_config_find(u32 bdf);
u32 fake_config_get(const struct fake_function *f, u32 offset, u8 size);
void fake_config_set(struct fake_function *f, u32 offset, u8 size, u32 value);
/* The register's value, and which of its bits a write changes. */
void fake_config_define(struct fake_function *f, u32 offset, u8 size, u32 value, u32 writable);

/* In front of the capabilities there are. */
void fake_config_add_capability(struct fake_function *f, u8 at, u8 id);
/* The PCIe capability at 0x40; type as in its capabilities register, device control with these
 * writable bits. */
void fake_config_add_pcie(struct fake_function *f, u32 type, u16 control, u16 control_writable);
/* Function-level reset of PCIe, or by Advanced Features at 0xa0; power management at 0xd0. While
 * the function resets or wakes up, an access to it fails the test. */
void fake_config_add_flr(struct fake_function *f);
void fake_config_add_af(struct fake_function *f);
void fake_config_add_pm(struct fake_function *f, bool soft_reset);
/* An extended capability behind those there are. */
void fake_config_add_extended(struct fake_function *f, u32 at, u16 id);
/* SR-IOV at 0x160 behind another extended capability; VF Enable as told. */
void fake_config_add_sriov(struct fake_function *f, bool enabled);
/* Memory BARs: a power of two, 64 bits wide if told; the value's low four bits follow. */
void fake_config_add_bar(struct fake_function *f, u32 index, u64 base, u64 size, bool wide);

/* "00:03.0 04.2=0006 " for each write: function, offset, size, value. */
extern char fake_config_notes[1 << 14];
extern u32 fake_config_writes;
/* Called after each write. NULL: not at all. */
extern void (*fake_config_on_write)(struct fake_function *f, u32 offset, u8 size, u32 value);

#endif
