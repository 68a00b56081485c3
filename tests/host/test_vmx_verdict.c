// SPDX-License-Identifier: BSD-2-Clause
/*
 * VMX with the IOASIDs: no emulator here has VMX and VT-d in one machine. The shipped policy, VMs,
 * IOASIDs and EPT; stand-ins for the devices and units, which note what they are asked, in order.
 * What EPT says of RAM is noted with each step, so that a device that could DMA under the wrong
 * memory type shows (R11, R16).
 */
#include <asm/prctl.h>
#include <stdio.h>
#include "core/audit.h"
#include "core/guest_apic.h"
#include <sys/syscall.h>
#include <unistd.h>
#include "core/apic.h"
#include "core/backend.h"
#include "core/device_control.h"
#include "core/facts.h"
#include "core/fault.h"
#include "core/group.h"
#include "core/guest_image.h"
#include "core/ioapic.h"
#include "core/ioasid.h"
#include "core/mem.h"
#include "core/power.h"
#include "core/vm_memory.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"
#include "vmx/ept.h"

struct facts facts;
struct vtd_unit units[DMAR_UNITS_MAX];
u32 unit_count;
struct device devices[DEVICES_MAX];
u32 device_count;

static struct vm *vm;
static struct vcpu vcpu;
struct cpu cpus[CPUS_MAX];
static char trace[256];
static err_t attach_result;

void guest_apic_reset(struct vcpu *vcpu)
{
	(void)vcpu;
}

void audit_after_change(void)
{
}

static char ram_type(void)
{
	u64 size;

	switch (pt_lookup(&vm->stage2, 0, &size) & 0x7f) {
	case 0x77:
		return 'w'; /* WB, PAT ignored */
	case 0x37:
		return 'g'; /* the guest's PAT decides */
	case 0x47:
		return 'u'; /* UC */
	}
	return '?';
}

static void note(const char *step)
{
	size_t length = strlen(trace);

	snprintf(trace + length, sizeof(trace) - length, "%s:%c ", step, ram_type());
}

static void retype_ram(struct vm *v)
{
	note("retype");
	ept_set_memory_type(&v->stage2, v->memory_type);
}

static void refresh(struct vcpu *v)
{
	(void)v;
}

static const struct backend fake_backend = {
	.name = "vmx", .retype_ram = retype_ram, .refresh = refresh};
const struct backend *backend = &fake_backend;

static void on_flush(void)
{
	note("flush");
}

err_t vtd_space_init(struct vtd_space *space, u16 domain_id, bool snoop, u8 levels, u8 leaf_sizes,
                     bool flush)
{
	(void)domain_id, (void)levels, (void)leaf_sizes, (void)flush;
	space->snoop = snoop;
	return E_OK;
}

void vtd_space_destroy(struct vtd_space *space)
{
	(void)space;
}

err_t vtd_map(struct vtd_space *space, u64 iova, u64 pa, u64 size, u64 access)
{
	(void)space, (void)iova, (void)pa, (void)size, (void)access;
	return E_OK;
}

err_t vtd_unmap(struct vtd_space *space, u64 iova, u64 size)
{
	(void)space, (void)iova, (void)size;
	return E_OK;
}

err_t vtd_check(const struct vtd_unit *unit, const struct vtd_space *space)
{
	(void)unit, (void)space;
	return E_OK;
}

err_t vtd_attach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	(void)unit, (void)rid, (void)space;
	note("connect");
	return attach_result;
}

err_t vtd_detach(struct vtd_unit *unit, u16 rid, struct vtd_space *space)
{
	(void)unit, (void)rid, (void)space;
	note("disconnect");
	return E_OK;
}

bool vtd_tlb_is_lost(struct vtd_unit *unit, u16 rid)
{
	(void)unit, (void)rid;
	return false;
}

bool vtd_scope_covers(const struct dmar *dmar, u32 first_scope, u32 scope_count, u32 bdf,
                      vtd_secondary_bus secondary_bus)
{
	(void)dmar, (void)first_scope, (void)scope_count, (void)bdf, (void)secondary_bus;
	return false;
}

err_t group_check(const struct device *d, const struct ioasid *io, const struct vm *v)
{
	(void)d, (void)io, (void)v;
	return E_OK;
}

u32 group_rids(const struct device *d, u16 rids[GROUP_RIDS_MAX])
{
	rids[0] = (u16)d->bdf;
	return 1;
}

u8 device_secondary_bus(u32 bdf)
{
	(void)bdf;
	return 0;
}

void device_allow_dma(struct device *d)
{
	(void)d;
	note("dma");
}

bool device_quiesce(struct device *d)
{
	(void)d;
	note("quiesce");
	return true;
}

void ioapic_reset(void)
{
}

err_t vm_memory_build(struct vm *v)
{
	(void)v;
	return E_OK;
}

err_t vm_memory_map_device(struct vm *v, const struct device *d)
{
	(void)v, (void)d;
	return E_OK;
}

void vm_memory_unmap_device(struct vm *v, const struct device *d)
{
	(void)v, (void)d;
}

err_t guest_image_load(struct vm *v, struct vcpu_start *start, const char **file)
{
	(void)v, (void)start, (void)file;
	return E_OK;
}

bool mem_is_hypervisor(u64 pa, u64 size)
{
	(void)pa, (void)size;
	return false;
}

bool msr_try_read(u32 msr, u64 *value)
{
	(void)msr, (void)value;
	return false;
}

bool fault_poll(void)
{
	return true;
}

void apic_send(u32 apic_id, u32 command)
{
	fail_msg("IPI 0x%x to CPU %u, which is the only one", command, apic_id);
}

void trap_stop_in_panic(void)
{
}

void cpu_wait(const struct cpu *cpu)
{
	(void)cpu;
}

void power_end(u32 status)
{
	exit((int)status);
}

void fault_log_pending(void)
{
}

/* A VM of 2 MiB and two devices behind a unit with SC: 0 no-snoop capable, 1 not. */
static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	memset(devices, 0, sizeof(devices));
	memset(vms, 0, sizeof(vms));
	memset(ioasids, 0, sizeof(ioasids));
	memset(&vcpu, 0, sizeof(vcpu));
	vcpu.activity = VCPU_RUNNING;
	vm_count = ioasid_count = 0;
	unit_count = 1;
	device_count = 2;
	attach_result = E_OK;
	units[0] = (struct vtd_unit){
		.snoop_control = true, .levels = BIT(3), .leaf_sizes = PT_LEAF_4K};
	devices[0] = (struct device){.bdf = 0x18, .unit = units, .nosnoop_capable = true};
	devices[1] = (struct device){.bdf = 0x20, .unit = units};
	assert_ok(vm_create("guest", &vm));
	vcpu.vm = vm;
	vcpu.cpu = cpus;
	vcpu.inside = true;
	vm->vcpus[0] = &vcpu;
	vm->vcpu_count = 1;
	vm->config.cpu_mask = 1;
	cpus[0] = (struct cpu){.self = cpus, .vcpu = &vcpu, .online = true};
	syscall(SYS_arch_prctl, ARCH_SET_GS, cpus);
	vm->ram[0] = (struct vm_range){0, MIB(64), MIB(2), NULL, BOOT_MEMORY_USABLE};
	vm->ram_count = 1;
	assert_ok(pt_init(&vm->stage2, &ept_format, 4, PT_LEAF_4K | PT_LEAF_2M, false));
	assert_ok(pt_map(&vm->stage2, 0, MIB(64), MIB(2), ept_ram(vm->memory_type)));
	fake_mem_on_flush = on_flush;
	trace[0] = 0;
	return 0;
}

static struct ioasid *make_ioasid(const char *name, enum coherency_request request)
{
	struct ioasid *io;

	assert_ok(ioasid_create(name, request, &io));
	return io;
}

#define assert_trace(expected)                        \
	do {                                          \
		assert_string_equal(trace, expected); \
		trace[0] = 0;                         \
	} while (0)

static void test_coherent_device_changes_nothing(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(make_ioasid("a", REQUEST_DEFAULT), &devices[0], vm));
	assert_trace("connect:w dma:w ");
	ioasid_detach(&devices[0]);
	assert_trace("quiesce:w disconnect:w ");
}

static void test_box_3_is_complete_before_dma(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(make_ioasid("a", REQUEST_NOSNOOP), &devices[0], vm));
	assert_int_equal(vm->verdict, VERDICT_EMULATE);
	assert_trace("retype:w flush:g flush:g connect:g dma:g ");
	ioasid_detach(&devices[0]);
	assert_int_equal(vm->verdict, VERDICT_IGNORE);
	assert_trace("quiesce:g disconnect:g flush:g retype:g flush:w ");
}

static void test_box_4_follows_the_policy(void **state)
{
	(void)state;
	vm->policy = POLICY_DEVICE;
	assert_ok(ioasid_attach(make_ioasid("a", REQUEST_NOSNOOP), &devices[1], vm));
	assert_trace("flush:w connect:w dma:w ");
	ioasid_detach(&devices[1]);
	assert_trace("quiesce:w disconnect:w flush:w ");
	vm->policy = POLICY_KERNEL;
	assert_ok(ioasid_attach(ioasid_find("a"), &devices[1], vm));
	assert_trace("retype:w flush:g flush:g connect:g dma:g ");
}

static void test_failed_attach_takes_the_verdict_back(void **state)
{
	(void)state;
	attach_result = E_TIMEOUT;
	assert_error(ioasid_attach(make_ioasid("a", REQUEST_NOSNOOP), &devices[0], vm), E_TIMEOUT);
	assert_int_equal(vm->verdict, VERDICT_IGNORE);
	assert_trace("retype:w flush:g flush:g connect:g retype:g flush:w ");
}

static void test_first_of_two_leaves(void **state)
{
	(void)state;
	assert_ok(ioasid_attach(make_ioasid("a", REQUEST_NOSNOOP), &devices[0], vm));
	assert_ok(ioasid_attach(ioasid_find("a"), &devices[1], vm));
	trace[0] = 0;
	ioasid_detach(&devices[0]);
	assert_int_equal(vm->because, BOX_4);
	assert_trace("quiesce:g disconnect:g flush:g ");
	ioasid_detach(&devices[1]);
	assert_trace("quiesce:g disconnect:g flush:g retype:g flush:w ");
}

static void test_cache_disable(void **state)
{
	(void)state;
	vcpu.cr0_cache_bits = CR0_CD;
	vm_update_cache_bits(&vcpu);
	assert_trace(""); /* coherent: the caches stay on */
	assert_ok(ioasid_attach(make_ioasid("a", REQUEST_NOSNOOP), &devices[0], vm));
	assert_trace("retype:w flush:u flush:u connect:u dma:u ");
	vcpu.cr0_cache_bits = 0;
	vm_update_cache_bits(&vcpu);
	assert_trace("retype:u flush:g ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_coherent_device_changes_nothing, set_up),
		cmocka_unit_test_setup(test_box_3_is_complete_before_dma, set_up),
		cmocka_unit_test_setup(test_box_4_follows_the_policy, set_up),
		cmocka_unit_test_setup(test_failed_attach_takes_the_verdict_back, set_up),
		cmocka_unit_test_setup(test_first_of_two_leaves, set_up),
		cmocka_unit_test_setup(test_cache_disable, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
