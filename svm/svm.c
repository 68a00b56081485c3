// SPDX-License-Identifier: BSD-2-Clause
/* The SVM backend: what the CPU must have, turning it on, nested page-table format. */
#include "svm/svm.h"

#include "core/log.h"
#include "core/mem.h"

/* CPUID 0x80000001 ECX, 0x8000000a; MSRs: APM volume 2, 15.30 */
#define ECX_SVM           BIT(2)
#define EDX_NESTED_PAGING BIT(0)
#define MSR_VM_CR         0xc0010114
#define VM_CR_SVMDIS      BIT(4)
#define MSR_VM_HSAVE_PA   0xc0010117

static bool is_present(void)
{
	return cpuid(0x80000000, 0).eax >= 0x8000000a && (cpuid(0x80000001, 0).ecx & ECX_SVM);
}

static err_t check(void)
{
	bool disabled = msr_read(MSR_VM_CR) & VM_CR_SVMDIS;
	bool nested_paging = cpuid(0x8000000a, 0).edx & EDX_NESTED_PAGING;

	if (disabled)
		log_line("error cpu=%u backend=svm missing=svm reason=disabled-by-firmware",
		         cpu_this()->index);
	if (!nested_paging)
		log_line("error cpu=%u backend=svm missing=nested-paging reason=unsupported",
		         cpu_this()->index);
	return disabled || !nested_paging ? E_UNSUPPORTED : E_OK;
}

/* Two pages: the host save area, and what VMSAVE keeps of the hypervisor's own state. */
static err_t cpu_enable(struct cpu *cpu)
{
	static u8 areas[CPUS_MAX][2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

	cpu->vendor_pa = virt_to_phys(areas[cpu->index]);
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SVME);
	msr_write(MSR_VM_HSAVE_PA, cpu->vendor_pa);
	__asm__ volatile("vmsave %%rax" : : "a"(cpu->vendor_pa + PAGE_SIZE) : "memory");
	return E_OK;
}

/* Nested tables have the format of the CPU's own; everything is a user access (15.25.5). */
static const struct pt_format nested_format = {
	.present = PTE_P,
	.table_bits = PTE_P | PTE_W | PTE_U,
	.large = PTE_PS,
	.address = PTE_ADDRESS,
};

/* Write-back here; the guest's PAT decides together with it (15.25.8), and svm_refresh
 * decides what PAT that is. So no leaf depends on the type. */
static u64 ram_bits(enum vm_memory_type type)
{
	(void)type;
	return PTE_P | PTE_W | PTE_U;
}

static u64 mmio_bits(void)
{
	return PTE_P | PTE_W | PTE_U | PTE_PCD | PTE_PWT | PTE_NX;
}

const struct backend svm_backend = {
	.name = "svm",
	.vmcall = false,
	.stage2_format = &nested_format,
	.is_present = is_present,
	.check = check,
	.cpu_enable = cpu_enable,
	.stage2_leaf_sizes = mem_leaf_sizes,
	.stage2_ram = ram_bits,
	.stage2_mmio = mmio_bits,
	.vcpu_init = svm_vcpu_init,
	.vcpu_reset = svm_vcpu_reset,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_run = svm_run,
	.read_state = svm_read_state,
	.inject = svm_inject,
	.write_cr0 = svm_write_cr0,
	.retype_ram = svm_retype_ram,
	.refresh = svm_refresh,
	.dump = svm_dump,
};
