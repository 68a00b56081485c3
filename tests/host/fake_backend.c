// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_backend.h"
#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "core/apic.h"
#include "core/facts.h"
#include "core/guest_image.h"
#include "core/mailbox.h"
#include "core/mem.h"
#include "core/power.h"
#include "tests/host/test.h"
#include "vmx/ept.h"

struct cpu cpus[CPUS_MAX];
static struct vcpu vcpus[VMS_MAX];
static u32 vcpu_total;

char fake_trace[1 << 12];
const char *(*fake_trace_state)(void);
struct vcpu_state fake_state;
u32 fake_vector, fake_error_code;
u64 fake_cr0;
u32 fake_msr_absent;
u32 fake_msr_written;
u64 fake_msr_value;
bool fake_x2apic;
u32 fake_apic[0x40];
u32 fake_ipi_count, fake_ipi_to, fake_ipi;
u64 fake_ipi_targets;
u64 fake_deaf_cpus;
bool fake_vcpu_init_fails;
void (*fake_on_serve)(void);

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

static err_t vcpu_init(struct vcpu *vcpu)
{
	vcpu->vendor = vcpu;
	return fake_vcpu_init_fails ? E_NO_MEMORY : E_OK;
}

static void vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start)
{
	(void)vcpu, (void)start;
}

static void vcpu_destroy(struct vcpu *vcpu)
{
	vcpu->vendor = NULL;
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

static void retype_ram(struct vm *vm)
{
	ept_set_memory_type(&vm->stage2, vm->memory_type);
	fake_trace_step("retype");
}

static void refresh(struct vcpu *vcpu)
{
	(void)vcpu;
	fake_trace_step("refresh");
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

static const struct backend fake_backend = {
	.name = "fake",
	.stage2_format = &ept_format,
	.stage2_leaf_sizes = leaf_sizes,
	.stage2_ram = ept_ram,
	.stage2_mmio = ept_mmio,
	.vcpu_init = vcpu_init,
	.vcpu_reset = vcpu_reset,
	.vcpu_destroy = vcpu_destroy,
	.read_state = read_state,
	.inject = inject,
	.retype_ram = retype_ram,
	.refresh = refresh,
	.write_cr0 = write_cr0,
	.dump = dump,
};
const struct backend *backend = &fake_backend;

/* ---- VMs ---- */

static void be_cpu(struct cpu *cpu)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, cpu);
}

void fake_be_cpu(u32 index)
{
	be_cpu(&cpus[index]);
}

void fake_serve(u32 index)
{
	struct cpu *self = cpu_this();

	be_cpu(&cpus[index]);
	mailbox_take_kick(&cpus[index]);
	mailbox_serve();
	be_cpu(self);
}

void fake_backend_reset(void)
{
	memset(vms, 0, sizeof(vms));
	memset(vcpus, 0, sizeof(vcpus));
	vm_count = vcpu_total = 0;
	fake_vcpu_init_fails = false;
	fake_on_serve = NULL;
	fake_ipi_targets = 0;
	fake_trace[0] = 0;
	fake_trace_state = NULL;
	fake_vector = ~0u;
	fake_x2apic = false;
	fake_ipi_count = 0;
	fake_deaf_cpus = 0;
	fake_msr_absent = fake_msr_written = ~0u;
	memset(cpus, 0, sizeof(cpus));
	for (u32 i = 0; i < CPUS_MAX; i++)
		cpus[i] = (struct cpu){
			.self = &cpus[i], .index = i, .apic_id = i, .online = i < VMS_MAX};
	be_cpu(&cpus[0]);
}

/* ---- other CPUs: they answer a kick at once ---- */

err_t apic_init(void)
{
	return E_OK;
}

bool apic_is_x2apic(void)
{
	return fake_x2apic;
}

u64 apic_page(void)
{
	return 0xfee00000;
}

u32 apic_read(u32 offset)
{
	return fake_apic[offset / 16];
}

/* The highest vector in these 8 registers, or -1. */
static int highest(u32 offset)
{
	for (int vector = 255; vector >= 0; vector--) {
		if (fake_apic[offset / 16 + (u32)vector / 32] & BIT(vector % 32))
			return vector;
	}
	return -1;
}

void apic_write(u32 offset, u32 value)
{
	int done = offset == APIC_EOI ? highest(APIC_ISR) : -1;

	if (done >= 0)
		fake_apic[APIC_ISR / 16 + (u32)done / 32] &= ~(u32)BIT(done % 32);
	fake_apic[offset / 16] = value;
}

/* SDM volume 3, 11.8.4: of a higher class than what is in service and the task's. */
void cpu_lose_interrupt(void)
{
	int vector = highest(APIC_IRR), task = (int)fake_apic[APIC_TPR / 16];

	if (!(fake_apic[APIC_SVR / 16] & SVR_ENABLE) || vector < 0 ||
	    vector >> 4 <= MAX(highest(APIC_ISR), task) >> 4)
		return;
	fake_apic[APIC_IRR / 16 + (u32)vector / 32] &= ~(u32)BIT(vector % 32);
	fake_apic[APIC_ISR / 16 + (u32)vector / 32] |= (u32)BIT(vector % 32);
}

void apic_send(u32 apic_id, u32 command)
{
	fake_ipi_count++;
	fake_ipi_targets |= BIT(apic_id % 64);
	fake_ipi_to = apic_id;
	fake_ipi = command;
	if (FIELD_GET(ICR_MODE, command) != APIC_NMI || apic_id >= CPUS_MAX ||
	    fake_deaf_cpus & BIT(apic_id))
		return;
	fake_serve(apic_id);
}

struct vcpu *fake_backend_add_vcpu(struct vm *vm)
{
	u32 index = vcpu_total++;
	struct vcpu *vcpu = &vcpus[index];

	vm->config.cpu_mask |= BIT(index);
	vm->vcpus[vm->vcpu_count++] = vcpu;
	*vcpu = (struct vcpu){.vm = vm,
	                      .cpu = &cpus[index],
	                      .last_range = vm->ram,
	                      .activity = VCPU_RUNNING,
	                      .busy = true,
	                      .inside = true,
	                      .ldr = 1u << (24 + index),
	                      .dfr = ~0u};
	cpus[index].vcpu = vcpu;
	return vcpu;
}

struct vm *fake_backend_add_vm(const char *name, u64 pa, u64 size)
{
	struct vm *vm;

	assert_ok(vm_create(name, &vm));
	fake_backend_add_vcpu(vm);
	vm->state = VM_RUNNING;
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

u64 cpu_online_mask(void)
{
	return MASK(VMS_MAX - 1, 0);
}

void cpu_wait(const struct cpu *cpu)
{
	fail_msg("cpu %u waits", cpu->index);
}

/* Where core/trap.c is not linked. */
__attribute__((weak)) void trap_stop_in_panic(void)
{
	if (fake_on_serve)
		fake_on_serve();
}

/* Where core/power.c is not linked. */
__attribute__((weak)) void power_end(u32 status)
{
	fail_msg("the machine ends with status %u", status);
	abort();
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
