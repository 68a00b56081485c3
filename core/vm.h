/* SPDX-License-Identifier: BSD-2-Clause */
/* One guest: its CPUs, memory, devices, image, verdict. */
#ifndef CORE_VM_H
#define CORE_VM_H

#include "boot/boot_info.h"
#include "core/coherency.h"
#include "core/cpu.h"
#include "core/pagetable.h"
#include "core/x86.h"
#include "lib/error.h"
#include "lib/rate.h"

#define VMS_MAX       8
#define VM_NAME_MAX   16
#define VM_RANGES_MAX 64

/* Guest-physical memory that is RAM of this VM, in order of gpa; whole pages. */
struct vm_range {
	u64 gpa, pa, size;
	u8 *host; /* where the hypervisor sees it */
	u32 type; /* enum boot_memory_type: usable, or ACPI's */
};

/* R16: what RAM leaves of the nested page tables say. */
enum vm_memory_type {
	VM_MEMORY_WB,    /* write-back, whatever the guest's PAT says: verdict ignore */
	VM_MEMORY_GUEST, /* write-back, the guest's PAT is honoured: verdict emulate */
	VM_MEMORY_UC,    /* the guest runs with CR0.CD set under verdict emulate */
};

enum vm_state {
	VM_CONFIGURED,
	VM_RUNNING,
	VM_ENDED,  /* by itself */
	VM_KILLED, /* by the hypervisor */
	VM_STOPPED /* by an operator: it may start again */
};

/* What one of its CPUs has done. */
struct vcpu_counters {
	u64 wbinvd; /* WBINVD and WBNOINVD exits; INVD served as WBINVD counts here too, and in invd
	             */
	u64 emulated, ignored;
	u64 invd;
	u64 exits;
	u64 ipis_refused;
};

struct vm_counters {
	u64 faults;
	u64 interrupts_refused;
};

/* `wbinvd` lines are rate-limited; each says how many events it stands for. */
struct wbinvd_log {
	struct rate rate;
	u64 rip; /* of the last event; the backend sets it */
};

struct vm;

enum vcpu_activity { VCPU_WAIT_SIPI, VCPU_STARTING, VCPU_RUNNING };

/* How a guest CPU starts. */
struct vcpu_start {
	bool long_mode; /* 64-bit with paging on through cr3; else 32-bit flat protected mode,
	                   paging off */
	bool real_mode; /* at vector << 12, as after a startup IPI */
	u8 vector;
	u64 rip, cr3;
	u64 gdt_gpa; /* guest memory that holds the flat GDT: null, -, code 0x10, data 0x18 */
	u64 gpr[GPR_COUNT];
};

struct vcpu {
	u64 gpr[GPR_COUNT]; /* first: the vendors' entry.asm; RSP: see core/exit.h */
	struct vm *vm;
	struct cpu *cpu;
	void *vendor;                      /* the backend's own page */
	enum coherency_verdict verdict;    /* the VM's, as this CPU has acknowledged it (R11) */
	enum vcpu_activity activity;       /* changed by its own CPU, once the VM runs */
	bool busy;                         /* its CPU is at it: it stays */
	bool inside;                       /* the backend runs it */
	u64 cr0_cache_bits;                /* CD and NW as this guest sees them (R16) */
	u64 pat;                           /* PAT as this guest sees it */
	const struct vm_range *last_range; /* where vm_ram found something last: a hint */
	struct wbinvd_log wbinvd;
	struct vcpu_counters counters;
	struct vcpu_start start;
	u8 sipi_vector;
	u32 ldr, dfr; /* of its local APIC, as it wrote them */
	u32 icr_high, icr_low;
	struct rate ipi_rate; /* of `refused ipi` lines */
};

#define VM_COMMAND_LINE_MAX 256

/* What the manifest says about a VM, kept until it starts. */
struct vm_config {
	u64 cpu_mask;
	u64 memory; /* bytes; 0: the rest (platform VM) */
	char image[BOOT_NAME_MAX], initrd[BOOT_NAME_MAX];
	char command_line[VM_COMMAND_LINE_MAX];
	bool own_policy;
	bool control; /* it may give commands (core/hypercall.h) */
	u32 line;     /* of the manifest, for messages */
};

struct vm {
	char name[VM_NAME_MAX];
	u32 index;
	bool platform;
	enum vm_state state;
	u64 end_status; /* what the guest gave to HYPERCALL_END */
	struct vm_config config;
	struct vcpu *vcpus[CPUS_MAX]; /* while it is prepared or runs; the first starts first */
	u32 vcpu_count;
	bool finishing; /* somebody has begun to */

	struct vm_range ram[VM_RANGES_MAX];
	u32 ram_count;
	struct pagetable stage2; /* EPT or NPT */
	enum vm_memory_type memory_type;
	/* The MTRRs as the guest sees them (R16), by MSR number; the real ones are never written.
	 */
	u64 mtrrs[MSR_MTRR_DEF_TYPE + 1 - MSR_MTRR_PHYS_FIRST];
	u32 config_address; /* port CF8 as this guest wrote it */

	enum coherency_policy policy;
	enum coherency_verdict verdict;
	enum coherency_box because;
	u64 verdict_since_ms;    /* since boot */
	u64 turn_end, turn_cost; /* of what others paid for last, TSC (R15: core/exit.h) */
	u32 devices_in_box[BOX_COUNT];
	struct vm_counters counters;
	struct rate interrupt_rate; /* of `refused interrupt` lines */
};

extern struct vm vms[VMS_MAX];
extern u32 vm_count;

#define for_each_vm(v) for (struct vm *v = vms; v < vms + vm_count; v++)
#define for_each_vcpu(v, vm)                               \
	for (struct vcpu *const *v##_at = (vm)->vcpus, *v; \
	     v##_at < (vm)->vcpus + (vm)->vcpu_count && (v = *v##_at, true); v##_at++)

/* E_DUPLICATE, E_TOO_LONG, E_TOO_MANY. */
err_t vm_create(const char *name, struct vm **vm) must_check;
struct vm *vm_find(const char *name);
struct vm *vm_find_platform(void);

/* Whatever the numbers are: [gpa, gpa + size) lies in the range. */
static inline bool vm_range_holds(const struct vm_range *r, u64 gpa, u64 size)
{
	return gpa >= r->gpa && gpa - r->gpa < r->size && size <= r->size - (gpa - r->gpa);
}

/* The range that [gpa, gpa + size) lies in, or NULL. */
const struct vm_range *vm_find_range(const struct vm *vm, u64 gpa, u64 size);
/* The host's view of [gpa, gpa + size) if it is RAM of this VM in one piece, else NULL. */
void *vm_ram(struct vcpu *vcpu, u64 gpa, u64 size);

/* The same up to the end of gpa's page: short, for it is on the hot path. */
static inline void *vm_page(struct vcpu *vcpu, u64 gpa)
{
	const struct vm_range *r = vcpu->last_range;

	if (gpa - r->gpa < r->size)
		return r->host + (gpa - r->gpa);
	return vm_ram(vcpu, gpa, 1);
}

/* Memory, nested tables, image, CPUs. *file: the name of the file that an error is about, or
 * NULL. */
err_t vm_prepare(struct vm *vm, const char **file) must_check;
/* Lets its first CPU go. */
void vm_run(struct vm *vm);

/* It runs no more, for this reason, if it still does; its CPUs are told. vm_finish follows. */
void vm_leave(struct vm *vm, enum vm_state state);
/* Waits until its CPUs have left the guest, takes its devices away, prints the summary, ends the
 * machine if no other VM is left. Only the first call does. Not with the control lock held. */
void vm_finish(struct vm *vm);

/* An operator's end: complete when it returns, but of the calling CPU's own VM. Without the control
 * lock. E_NOT_RUNNING. */
err_t vm_stop(struct vm *vm) must_check;

/* R10-R12, R16: after devices_in_box or policy changed. Rising, every CPU of the VM has taken it
 * over before this returns; logs `verdict` when it changes. */
void vm_update_verdict(struct vm *vm);
/* Prints the `verdict` line. */
void vm_log_verdict(const struct vm *vm);
/* R16: after a CPU's cr0_cache_bits changed. */
void vm_update_cache_bits(struct vcpu *vcpu);
/* After mappings went away: no CPU of the VM uses them any more. */
void vm_refresh(const struct vm *vm);
/* R13: a write-back on every CPU that may hold dirty lines of this VM, the calling one too; done
 * when it returns, or the VM is killed. */
void vm_flush_caches(const struct vm *vm);
/* Of all its CPUs. */
struct vcpu_counters vm_sum_counters(const struct vm *vm);

#endif
