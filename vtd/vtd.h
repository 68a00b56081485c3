/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d, as the rest of the hypervisor sees it: units, I/O address spaces (one second-stage table
 * each), attach and detach, faults. Section numbers: VT-d specification,
 * revision 4.
 */
#ifndef VTD_VTD_H
#define VTD_VTD_H

#include "core/lock.h"
#include "core/mmio.h"
#include "core/pagetable.h"
#include "lib/dmar.h"
#include "lib/error.h"
#include "lib/types.h"

/* Answers a bridge's secondary bus number, 0 for what is no bridge; it may be nonsense. */
typedef u8 (*vtd_secondary_bus)(u32 bdf);

/* A device TLB that is in use. */
struct vtd_tlb {
	u16 rid, domain_id;
	u8 depth;
	bool lost; /* it did not answer: all requests of the device are blocked */
};
#define VTD_TLBS_MAX 16u /* of a unit */

struct vtd_unit {
	u32 index;
	u16 segment;
	struct mmio regs;
	u64 cap, ecap;
	bool snoop_control;     /* ECAP.SC: SNP may be set in leaves (R5) */
	bool walk_coherent;     /* ECAP.C: tables need no flushing (R19) */
	bool scalable;          /* in scalable mode, else in legacy mode */
	u8 levels;              /* bit n: tables of n levels can be walked (SAGAW): bits 3, 4, 5 */
	u8 leaf_sizes;          /* PT_LEAF_* (CAP.SLLPS) */
	u32 domain_ids;         /* number of them (CAP.ND) */
	u32 fault_records;      /* number of them (CAP.NFR) */
	u32 fault_offset;       /* of the first, in bytes from the registers' base (CAP.FRO) */
	u64 root_pa;            /* root table */
	struct lock queue_lock; /* guards the queue, its status word, and the device TLBs */
	u64 queue_pa;           /* invalidation queue; empty but while a call waits for it */
	u32 queue_tail;         /* index of the next free descriptor */
	u64 status_pa; /* what wait descriptors write: status_count of the last one that is done */
	u32 status_count;
	struct vtd_tlb tlbs[VTD_TLBS_MAX];
	u32 tlb_count, tlbs_lost;
	u64 interrupts_pa; /* interrupt remapping table; 0: its interrupts are not remapped */
	bool extended_ids; /* destinations there are x2APIC ids */
	u32 fault_event;   /* VTD_EVENT_* */
	bool running;      /* translation is on */
	bool failed;       /* did not answer in bounds: nothing more is asked of it */
};

/* Maps the registers, reads CAP and ECAP. E_NO_HARDWARE (all ones), E_UNSUPPORTED (no supported
 * width), or as mem_map_mmio. Of this and the next two every failure has
 * its one line in the log: what is missing, or the step. */
err_t vtd_unit_probe(struct vtd_unit *unit, u32 index, const struct dmar_unit *facts) must_check;

/* Between probe and start: chooses scalable mode, if the unit has what it takes. */
void vtd_unit_set_scalable(struct vtd_unit *unit);

/* Stops what firmware left on: interrupt remapping, translation, queued invalidation, protected
 * memory regions, in that order, each wait bounded (R21). E_TIMEOUT names the bit in the log. */
err_t vtd_unit_stop(struct vtd_unit *unit) must_check;

/* Empty root table, queue, fault reporting without interrupts, translation on: from here on no
 * device behind this unit can DMA until it is attached. E_NO_MEMORY, E_TIMEOUT. */
err_t vtd_unit_start(struct vtd_unit *unit) must_check;

/* One I/O address space: an IOASID's tables. */
#define VTD_SPACE_UNITS_MAX DMAR_UNITS_MAX
struct vtd_space {
	struct pagetable table;
	u64 pasid_directory_pa, pasid_table_pa; /* for units in scalable mode; 0: none has come */
	u16 domain_id;
	bool snoop;                                  /* SNP in every leaf (R18) */
	struct vtd_unit *units[VTD_SPACE_UNITS_MAX]; /* by index: those with devices attached */
	u32 attached[VTD_SPACE_UNITS_MAX];           /* how many */
};

#define VTD_READ  BIT(0)
#define VTD_WRITE BIT(1)
#define VTD_SNOOP BIT(11) /* SNP: of the space's format, not a choice of vtd_map's callers */

/* domain_id is unique among spaces and not 0, which CAP.CM reserves; levels 3 to 5; flush: some
 * unit that will walk it has ECAP.C = 0 (harmless otherwise). E_NO_MEMORY. */
err_t vtd_space_init(struct vtd_space *space, u16 domain_id, bool snoop, u8 levels, u8 leaf_sizes,
                     bool flush) must_check;
/* Frees the tables. No device may be attached. */
void vtd_space_destroy(struct vtd_space *space);

/* Map and unmap with the invalidations that the attached units need; as pt_map and pt_unmap, and
 * E_TIMEOUT. Page contents are the caller's business (R17). E_RESERVED_REGION: touches
 * 0xfee00000-0xfeefffff (R4). */
err_t vtd_map(struct vtd_space *space, u64 iova, u64 pa, u64 size, u64 access) must_check;
err_t vtd_unmap(struct vtd_space *space, u64 iova, u64 size) must_check;

/* What vtd_attach would refuse, without touching anything: E_NO_SNOOP_CONTROL (R5),
 * E_ADDRESS_WIDTH, E_PAGE_SIZES (R9), E_NO_DOMAIN, E_UNSUPPORTED (tables not flushed, R19),
 * E_NO_HARDWARE (the unit has failed or is not running). */
err_t vtd_check(const struct vtd_unit *unit, const struct vtd_space *space) must_check;

/* Puts the function with this requester id (bus << 8 | devfn) behind unit into the space: context
 * entry, then the invalidations that CAP.CM or RWBF ask for. E_HAS_OWNER if its context entry is
 * present; E_NO_MEMORY, E_TIMEOUT; what vtd_check refuses. */
err_t vtd_attach(struct vtd_unit *unit, u16 rid, struct vtd_space *space) must_check;

/* Takes it out: entry not present, context and IOTLB invalidation, wait. On E_TIMEOUT the device
 * stays blocked by the cleared entry, and the unit is marked failed. */
err_t vtd_detach(struct vtd_unit *unit, u16 rid, struct vtd_space *space) must_check;

/*
 * Device TLBs (chapter 4). A device may ask for translations, and what it then sends with them is
 * checked no more: it is trusted with all that its space maps. In this order: allow, have the
 * device use it, add (from here on it is told of what leaves the space), bus mastering; and back:
 * no bus mastering, remove, have the device use it no more, disallow, vtd_detach.
 * The first is refused where vtd_detach is, E_NOT_FOUND; and E_TOO_MANY, E_TIMEOUT.
 */
err_t vtd_allow_tlb(struct vtd_unit *unit, u16 rid, const struct vtd_space *space,
                    bool allow) must_check;
/* depth: as the ATS capability says it. E_TOO_MANY. */
err_t vtd_add_tlb(struct vtd_unit *unit, u16 rid, const struct vtd_space *space,
                  u8 depth) must_check;
/* Empties it. E_DEVICE_TLB: it did not answer, now or before; its context entry is not present,
 * and it stays among those that are lost. E_TIMEOUT. */
err_t vtd_remove_tlb(struct vtd_unit *unit, u16 rid) must_check;
bool vtd_tlb_is_lost(struct vtd_unit *unit, u16 rid);
/* ECAP.DT, and the queue that it needs. */
bool vtd_tlb_supported(const struct vtd_unit *unit);
/* Whether the table lets a function use address translation services: by an ATSR for the root port
 * above it (8.5); with root_port 0 an integrated one may, but where its SATC (8.8) has the unit see
 * to it, in legacy mode. E_NO_ATSR, E_ATS_BY_HARDWARE. */
err_t vtd_check_ats(const struct dmar *dmar, u32 bdf, u32 root_port, bool scalable,
                    vtd_secondary_bus secondary_bus) must_check;

/* The context entry of a requester id, as it is in memory. */
struct vtd_context {
	u64 low, high;
};
/* Whether there may be one of this requester id, and of the others in its half of the bus. */
#define VTD_CONTEXTS 128u
bool vtd_has_contexts(const struct vtd_unit *unit, u16 rid);
/* False: not present. */
bool vtd_read_context(const struct vtd_unit *unit, u16 rid, struct vtd_context *entry);
/* Whether it is what vtd_attach writes, and in scalable mode leads to; with a device TLB allowed
 * or not. */
bool vtd_is_attached(const struct vtd_unit *unit, const struct vtd_context *entry,
                     const struct vtd_space *space, bool may_have_tlb);
bool vtd_allows_tlb(const struct vtd_context *entry);
/* Whether requests pass untranslated (R7). */
bool vtd_passes_through(const struct vtd_context *entry);

/* What an entry of a unit's interrupt remapping table does (R22). */
#define VTD_INTERRUPTS 256u /* entries of a table, which is one page */
struct vtd_interrupt {
	u16 source_id; /* the one requester that may use it */
	u8 vector;
	bool level, lowest_priority; /* else edge; else fixed */
	u32 apic_id;                 /* the one CPU that gets it */
};

/* Whether the unit can remap, with CPUs in this mode: ECAP.IR and QI, and ECAP.EIM for x2APIC. */
bool vtd_interrupt_supported(const struct vtd_unit *unit, bool x2apic);
/* After vtd_unit_start: an empty table, remapping on, compatibility format blocked. From here on no
 * device behind the unit can interrupt before it has an entry. E_NO_MEMORY, E_TIMEOUT. */
err_t vtd_interrupt_start(struct vtd_unit *unit, bool x2apic) must_check;
/* The callers of these three take care that one is at work at a time.
 * Allocates `count` consecutive entries, each with a vector one higher. E_TOO_MANY, E_TIMEOUT. */
err_t vtd_interrupt_allocate(struct vtd_unit *unit, const struct vtd_interrupt *first, u32 count,
                             u16 *index) must_check;
/* Changes allocated ones in place, but for their source id; none is lost meanwhile. E_TIMEOUT. */
err_t vtd_interrupt_change(struct vtd_unit *unit, u16 index, const struct vtd_interrupt *first,
                           u32 count) must_check;
/* Not present, and nothing of them cached, when it returns; after a time-out the unit allocates no
 * more. */
void vtd_interrupt_free(struct vtd_unit *unit, u16 index, u32 count);
/* What devices and I/O APICs are programmed with for an entry: the message's address (its data is
 * 0, or with add_data what is added to the index); the bits beside vector, trigger mode, polarity
 * and mask. */
u32 vtd_msi_address(u16 index, bool add_data);
u64 vtd_ioapic_entry(u16 index);
/* The unit whose scope lists an I/O APIC, and its source id. Index into dmar->units, or -1. */
int vtd_find_ioapic(const struct dmar *dmar, u32 ioapic_id, vtd_secondary_bus secondary_bus,
                    u16 *source_id);

/* One fault record (11.4.14), taken out of the unit. */
struct vtd_fault {
	u16 rid;
	u8 reason;
	bool read; /* else write */
	u64 address;
};
/* True with the next pending fault; false when there is none (or no longer). Sets *overflow when
 * records were lost. Clears what it reports. A device can fault as fast as this is called: the
 * caller bounds its loop. */
bool vtd_next_fault(struct vtd_unit *unit, struct vtd_fault *fault, bool *overflow);

/* 11.4.7: a unit tells a CPU by NMI that FSTS is no longer clear. Whoever then finds something
 * masks the event; it is armed again when nothing is left and that NMI has come, so that none is
 * unaccounted for. */
enum vtd_fault_event {
	VTD_EVENT_NONE,  /* polled only */
	VTD_EVENT_TAKEN, /* masked; no NMI is under way */
	VTD_EVENT_ARMED, /* an NMI comes with the next fault */
	VTD_EVENT_OWED,  /* masked; the NMI for what was found is under way */
};
/* The CPU that is told; not armed yet. Nothing where the unit cannot name it. */
void vtd_start_fault_event(struct vtd_unit *unit, u32 apic_id);
/* By the NMI handler of that CPU: whether the NMI is (or may be) this unit's. */
bool vtd_take_fault_event(struct vtd_unit *unit);
/* After vtd_next_fault has found nothing, by the same caller. */
void vtd_arm_fault_event(struct vtd_unit *unit);

/* "no write permission" for 0x5, and so on (7.1.3). Never NULL. */
const char *vtd_fault_reason(u8 reason);

/* Which unit of the table covers a function (8.3.1): explicit scopes first, in table order, then
 * INCLUDE_PCI_ALL of the segment. Returns the index into dmar->units, or -1. */
int vtd_find_unit(const struct dmar *dmar, u32 bdf, vtd_secondary_bus secondary_bus);
/* Whether a list of scopes (an RMRR's) names this function. Scopes have no segment of their own:
 * the caller compares their owner's. */
bool vtd_scope_covers(const struct dmar *dmar, u32 first_scope, u32 scope_count, u32 bdf,
                      vtd_secondary_bus secondary_bus);

#endif
