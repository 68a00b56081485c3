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
const char *(*fake_trace_state)(void);
struct vcpu_state fake_state;
u32 fake_vector, fake_error_code;
u64 fake_cr0;
bool fake_intercepted_ports[1 << 16];
u32 fake_msr_absent;
u32 fake_msr_written;
u64 fake_msr_value;

void fake_trace_step(const char *step)
{
	size_t length = strlen(fake_trace);
	const char *state = fake_trace_state ? fake_trace_state() : "";

	snprintf(fake_trace + length, sizeof(fake_trace) - length, "%s:%s ", step, state);
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
	fake_vector = vector;
	fake_error_code = error_code;
}

static void update_memory_type(struct vcpu *vcpu, enum vm_memory_type from)
{
	(void)from;
	ept_set_memory_type(&vcpu->vm->stage2, vcpu->vm->memory_type);
	fake_trace_step("retype");
}

static void invalidate(struct vcpu *vcpu)
{
	(void)vcpu;
}

static void write_cr0(struct vcpu *vcpu, u64 value)
{
	(void)vcpu;
	fake_cr0 = value;
}

static void dump(const struct vcpu *vcpu)
{
	(void)vcpu;
}

static void intercept_port(struct vcpu *vcpu, u16 port)
{
	(void)vcpu;
	fake_intercepted_ports[port] = true;
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
	.write_cr0 = write_cr0,
	.dump = dump,
	.intercept_port = intercept_port,
};
const struct backend *backend = &fake_backend;

/* ---- VMs ---- */

void fake_backend_reset(void)
{
	memset(vms, 0, sizeof(vms));
	memset(vcpus, 0, sizeof(vcpus));
	vm_count = 0;
	fake_trace[0] = 0;
	fake_trace_state = NULL;
	fake_vector = ~0u;
	fake_msr_absent = fake_msr_written = ~0u;
	memset(fake_intercepted_ports, 0, sizeof(fake_intercepted_ports));
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

bool msr_try_read(u32 msr, u64 *value)
{
	*value = msr == fake_msr_absent ? 0 : ~(u64)msr;
	return msr != fake_msr_absent;
}

bool msr_try_write(u32 msr, u64 value)
{
	fake_msr_written = msr;
	fake_msr_value = value;
	return msr != fake_msr_absent;
}

bool xcr_try_write(u32 index, u64 value)
{
	return index == 0 && (value & 1); /* SDM volume 1, 13.3: x87 state is always on */
}
