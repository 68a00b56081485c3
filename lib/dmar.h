/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table (VT-d specification, chapter 8) as bytes in, facts out: its DRHDs and RMRRs,
 * ATSRs and SATCs. Other sub-tables are skipped by their length.
 */
#ifndef LIB_DMAR_H
#define LIB_DMAR_H

#include "lib/error.h"
#include "lib/types.h"

/* 8.3.1 device scope types */
enum dmar_scope_type {
	DMAR_SCOPE_ENDPOINT = 1,
	DMAR_SCOPE_BRIDGE = 2, /* the whole sub-hierarchy below it */
	DMAR_SCOPE_IOAPIC = 3,
	DMAR_SCOPE_HPET = 4,
	DMAR_SCOPE_NAMESPACE = 5,
};

#define DMAR_PATH_MAX 8
struct dmar_scope {
	u8 type;
	u8 enumeration_id;
	u8 start_bus;
	u8 path_length;         /* pairs used in path */
	u8 path[DMAR_PATH_MAX]; /* device << 3 | function, from start_bus downwards */
};

#define DMAR_UNITS_MAX  16
#define DMAR_RMRRS_MAX  32
#define DMAR_ATS_MAX    32
#define DMAR_SCOPES_MAX 512

struct dmar_unit {
	u64 base_pa;
	u16 segment;
	bool include_all; /* INCLUDE_PCI_ALL */
	u32 size_pages;   /* register set size in 4 KiB pages; 1 where the table does not say */
	u32 first_scope, scope_count; /* into dmar.scopes */
};

struct dmar_rmrr {
	u64 base_pa, limit_pa; /* inclusive limit, as in the table */
	u16 segment;
	u32 first_scope, scope_count;
};

/* 8.5, 8.8: an ATSR names root ports that carry address translation services, a SATC integrated
 * devices that have a device TLB. */
struct dmar_ats {
	bool integrated; /* a SATC */
	bool flag;       /* ATSR: ALL_PORTS; SATC: ATC_REQUIRED */
	u16 segment;
	u32 first_scope, scope_count;
};

#define DMAR_INTR_REMAP BIT(0)

struct dmar {
	u8 flags; /* 8.1 */
	u32 unit_count, rmrr_count, ats_count, scope_count;
	u32 duplicates; /* DRHDs left out, for a former one has their base; so are their scopes */
	struct dmar_unit units[DMAR_UNITS_MAX];
	struct dmar_rmrr rmrrs[DMAR_RMRRS_MAX];
	struct dmar_ats ats[DMAR_ATS_MAX];
	struct dmar_scope scopes[DMAR_SCOPES_MAX];
};

/* Where a parse went wrong, for the one line that is logged. */
struct dmar_place {
	u32 offset; /* of the sub-table, from the start of the table */
	u16 type;
};

/*
 * In: the whole table, header included. Out: *dmar, and on failure *place.
 * E_BAD_SIGNATURE, E_TRUNCATED, E_BAD_CHECKSUM of the table; E_BAD_LENGTH for a sub-table or scope
 * that is too short or leaves its parent; E_BAD_VALUE for a DRHD base of 0 or unaligned, or an RMRR
 * whose limit is below its base; E_TOO_MANY.
 */
err_t dmar_parse(const u8 *table, size_t size, struct dmar *dmar,
                 struct dmar_place *place) must_check;

#endif
