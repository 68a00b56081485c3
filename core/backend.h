/* SPDX-License-Identifier: BSD-2-Clause */
/* What a virtualization backend supplies: vmx/ and svm/ each define one `struct backend`. */
#ifndef CORE_BACKEND_H
#define CORE_BACKEND_H

#include "core/cpu.h"
#include "core/exit.h"
#include "core/vm.h"

/* The guest's state as far as common code asks for it. */
struct vcpu_state {
	u64 rip, rsp, rflags, cr0, cr3, cr4, efer;
	u64 cs_base;
	u8 code_bits; /* 16, 32 or 64 */
	u8 cpl;
};

struct backend {
	const char *name; /* "vmx", "svm" */
	bool vmcall;      /* the hypercall instruction is VMCALL, else VMMCALL */
	const struct pt_format *stage2_format;

	/* The CPU has it (CPUID). */
	bool (*is_present)(void);
	/* Everything needed is there; each missing need is logged by name. E_UNSUPPORTED. */
	err_t (*check)(void);
	/* Turns it on on this CPU. cpu->vendor_pa is the backend's. */
	err_t (*cpu_enable)(struct cpu *cpu);

	/* PT_LEAF_* that this CPU's nested tables may use. */
	u8 (*stage2_leaf_sizes)(void);
	/* Attributes of a leaf: RAM of this memory type, or device memory (always UC). All
	 * permissions; device memory is never executable. */
	u64 (*stage2_ram)(enum vm_memory_type type);
	u64 (*stage2_mmio)(void);

	/* vcpu->vm->stage2 is built. Any CPU may do it. E_NO_MEMORY. */
	err_t (*vcpu_init)(struct vcpu *vcpu);
	/* All its registers, before it runs: on its own CPU. */
	void (*vcpu_reset)(struct vcpu *vcpu, const struct vcpu_start *start);
	void (*vcpu_destroy)(struct vcpu *vcpu);
	/* Runs the guest on this CPU until exit_handle says stop. */
	void (*vcpu_run)(struct vcpu *vcpu);

	void (*read_state)(const struct vcpu *vcpu, struct vcpu_state *state);
	/* error_code: VECTOR_NO_ERROR_CODE for none. Delivered at the next entry. */
	void (*inject)(struct vcpu *vcpu, u8 vector, u32 error_code);
	/* CR0 as the guest asked for, less the cache bits, which the caller has put into
	 * vcpu->cr0_cache_bits; reads show those bits. */
	void (*write_cr0)(struct vcpu *vcpu, u64 value);
	/* vm->memory_type has changed (R16): rewrites RAM leaves where the type is in them. Every
	 * CPU of the VM is refreshed afterwards. */
	void (*retype_ram)(struct vm *vm);
	/* vcpu->pat, vm->memory_type or a mapping of vm->stage2 has changed: takes it over, and
	 * invalidates nested translations. On the CPU that has it inside. */
	void (*refresh)(struct vcpu *vcpu);
	/* Logs the vendor's fields for a dump. */
	void (*dump)(const struct vcpu *vcpu);
};

extern const struct backend vmx_backend, svm_backend;
/* The one this machine has. Set once at boot. */
extern const struct backend *backend;

#endif
