/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest: its CPUs, memory, devices, image, verdict. */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "boot/boot_info.h"
#include "core/coherency.h"
#include "core/cpu.h"
#include "core/pagetable.h"
#include "core/x86.h"

#define VMS_MAX      8
#define VM_NAME_MAX  16
#define VM_RANGES_MAX 64

/* Guest-physical memory that is RAM of this VM. */
struct vm_range {
	u64 gpa, pa, size;
};

/* R16: what RAM leaves of the nested page tables say. */
enum vm_memory_type {
	VM_MEMORY_WB,    /* write-back, whatever the guest's PAT says: verdict ignore */
	VM_MEMORY_GUEST, /* write-back, the guest's PAT is honoured: verdict emulate */
	VM_MEMORY_UC,    /* the guest runs with CR0.CD set under verdict emulate */
};

enum vm_state { VM_CONFIGURED, VM_RUNNING, VM_ENDED, VM_KILLED };

struct vm_counters {
	u64 wbinvd; /* WBINVD and WBNOINVD exits; INVD served as WBINVD counts here too, and in invd */
	u64 emulated, ignored;
	u64 invd;
	u64 faults;
	u64 exits;
};

/* R14: `wbinvd` lines are rate-limited; each says how many events it stands for. */
struct wbinvd_log {
	u32 pending; /* events since the last line */
	u32 limit;   /* the next line is due at this many */
	u64 rip;     /* of the last event */
};

struct vm;

struct vcpu {
	u64 gpr[GPR_COUNT]; /* first: the vendors' entry.asm; RSP is valid in exits */
	struct vm *vm;
	struct cpu *cpu;
	void *vendor; /* the backend's own page */
	u64 cr0_cache_bits; /* CD and NW as this guest sees them (R16) */
	u64 pat;            /* PAT as this guest sees it */
	const struct vm_range *last_range; /* where vm_ram found something last: a hint */
	struct wbinvd_log wbinvd;
};

struct vm {
	char name[VM_NAME_MAX];
	u32 index;
	bool platform;
	enum vm_state state;
	u64 end_status; /* what the guest gave to HYPERCALL_END */
	u32 cpu_mask;
	struct vcpu *vcpu; /* one CPU a VM here */

	struct vm_range ram[VM_RANGES_MAX];
	u32 ram_count;
	struct pagetable stage2; /* EPT or NPT */
	enum vm_memory_type memory_type;

	enum coherency_policy policy;
	enum coherency_verdict verdict;
	enum coherency_box because;
	u32 devices_in_box[BOX_COUNT];
	struct vm_counters counters;
};

/* The host's view of [gpa, gpa + size) if it is RAM of this VM in one piece, else NULL. */
void *vm_ram(struct vcpu *vcpu, u64 gpa, u64 size);

#endif
