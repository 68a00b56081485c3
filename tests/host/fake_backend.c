// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_backend.h"
#include <asm/prctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "core/facts.h"
#include "core/guest_image.h"
#include "core/mem.h"
#include "tests/host/test.h"
#include "vmx/ept.h"

struct cpu cpus[CPUS_MAX];
static struct vcpu vcpus[VMS_MAX];

char fake_trace[1 << 12];
struct vcpu_state fake_state;
u32 fake_injected;
u32 fake_msr_written;
u64 fake_msr_value;

void fake_trace_add(const char *format, ...)
{
	size_t length = strlen(fake_trace);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fake_trace + length, sizeof(fake_trace) - length, format, arguments);
	va_end(arguments);
}

/* ---- the backend ---- */

static u8 leaf_sizes(void)
{
	return PT_LEAF_4K | PT_LEAF_2M;
}

static err_t vcpu_init(struct vcpu *vcpu, const struct vcpu_start *start)
{
	(void)start;
	vcpu->vendor = vcpu;
	return E_OK;
}

static void read_state(const struct vcpu *vcpu, struct vcpu_state *state)
{
	(void)vcpu;
	*state = fake_state;
}

static void inject(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	(void)vcpu;
	fake_injected = (u32)vector << 8 | error_code;
}

static void update_memory_type(struct vcpu *vcpu, enum vm_memory_type from)
{
	(void)from;
	ept_set_memory_type(&vcpu->vm->stage2, vcpu->vm->memory_type);
	fake_trace_add("retype=%c ", fake_backend_ram_type(vcpu->vm));
}

static void invalidate(struct vcpu *vcpu)
{
	(void)vcpu;
}

static const struct backend fake_backend = {
	.name = "fake",
	.stage2_format = &ept_format,
	.stage2_leaf_sizes = leaf_sizes,
	.stage2_ram = ept_ram,
	.stage2_mmio = ept_mmio,
	.vcpu_init = vcpu_init,
	.read_state = read_state,
	.inject = inject,
	.update_memory_type = update_memory_type,
	.invalidate = invalidate,
};
const struct backend *backend = &fake_backend;

/* ---- VMs ---- */

void fake_backend_reset(void)
{
	memset(vms, 0, sizeof(vms));
	memset(vcpus, 0, sizeof(vcpus));
	vm_count = 0;
	fake_trace[0] = 0;
	fake_injected = ~0u;
	fake_msr_written = 0;
	cpus[0].self = &cpus[0];
	syscall(SYS_arch_prctl, ARCH_SET_GS, &cpus[0]);
}

struct vm *fake_backend_add_vm(const char *name, u64 pa, u64 size)
{
	struct vm *vm;

	assert_ok(vm_create(name, &vm));
	vm->vcpu = &vcpus[vm->index];
	*vm->vcpu = (struct vcpu){.vm = vm, .cpu = &cpus[0], .last_range = vm->ram};
	vm->ram[0] = (struct vm_range){0, pa, size, NULL, BOOT_MEMORY_USABLE};
	vm->ram_count = 1;
	assert_ok(pt_init(&vm->stage2, &ept_format, 4, leaf_sizes(), false));
	assert_ok(pt_map(&vm->stage2, 0, pa, size, ept_ram(vm->memory_type)));
	return vm;
}

char fake_backend_ram_type(const struct vm *vm)
{
	u64 size;

	switch (pt_lookup(&vm->stage2, 0, &size) & 0x78) {
	case 0x70:
		return 'w';
	case 0x30:
		return 'g';
	case 0x40:
		return 'u';
	}
	return '?';
}

err_t guest_image_load(struct vm *vm, struct vcpu_start *start, const char **file)
{
	*start = (struct vcpu_start){0};
	*file = vm->config.image;
	return strcmp(*file, "missing") ? E_OK : E_NOT_FOUND;
}

/* ---- the CPU ---- */

bool mem_is_hypervisor(u64 pa, u64 size)
{
	return pa < facts.boot.image_pa + HYPERVISOR_SIZE && facts.boot.image_pa < pa + size;
}

u8 cpu_physical_bits(void)
{
	return 46;
}

static bool has_msr(u32 msr)
{
	return msr >> 8 != 9;
}

bool msr_try_read(u32 msr, u64 *value)
{
	if (has_msr(msr))
		*value = msr == fake_msr_written ? fake_msr_value : ~(u64)msr;
	return has_msr(msr);
}

bool msr_try_write(u32 msr, u64 value)
{
	fake_msr_written = msr;
	fake_msr_value = value;
	return has_msr(msr);
}
