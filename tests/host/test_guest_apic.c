// SPDX-License-Identifier: BSD-2-Clause
/* core/guest_apic.c: interprocessor interrupts stay within the VM, each as it was sent (SDM volume
 * 3, 11.6). */
#include "core/guest_apic.h"
#include "core/apic.h"
#include "tests/host/fake_backend.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define PAGE     0xfee00000ull
#define LOGICAL  0x800
#define SELF     0x40000
#define ALL      0x80000
#define OTHERS   0xc0000
#define FIXED    0x4041
#define LOWEST   0x4141
#define NMI      0x4400
#define INIT     0x4500
#define DEASSERT 0x8500
#define SIPI     0x4609

/* The guest has CPUs 0 to 2, another one CPU 3. */
static struct vm *vm, *other;

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_facts_reset();
	fake_backend_reset();
	memset(fake_apic, 0, sizeof(fake_apic));
	vm = fake_backend_add_vm("guest", MIB(64), MIB(2));
	fake_backend_add_vcpu(vm);
	fake_backend_add_vcpu(vm);
	other = fake_backend_add_vm("other", MIB(66), MIB(2));
	return 0;
}

static void write_register(u32 cpu, u32 offset, u32 value)
{
	assert_ptr_equal(trapped_find(vm, PAGE + offset), &apic_trapped);
	apic_trapped.write(vm->vcpus[cpu], PAGE + offset, 4, value);
}

static u32 read_register(u32 cpu, u32 offset)
{
	return (u32)apic_trapped.read(vm->vcpus[cpu], PAGE + offset, 4);
}

/* From CPU 0. Which CPUs got one of the machine's; the kicks are among them. */
static u64 send(u32 destination, u32 command)
{
	fake_ipi_targets = fake_ipi_count = 0;
	write_register(0, APIC_ICR_HIGH, destination << 24);
	write_register(0, APIC_ICR, command);
	return fake_ipi_targets;
}

static u64 refused(void)
{
	return vm->vcpus[0]->counters.ipis_refused;
}

/* ---- destinations ---- */

static void test_physical(void **state)
{
	(void)state;
	for (u32 id = 0; id < 3; id++) {
		assert_int_equal(send(id, FIXED), BIT(id));
		assert_int_equal(fake_ipi, FIXED); /* to one CPU, physically, whatever was asked */
	}
	assert_int_equal(send(0xff, FIXED), BIT(0) | BIT(1) | BIT(2));
	assert_int_equal(fake_ipi, FIXED);
	assert_int_equal(refused(), 0);
	assert_int_equal(send(3, FIXED), 0);
	assert_int_equal(send(4, FIXED), 0);
	assert_int_equal(send(0xfe, FIXED), 0);
	assert_int_equal(refused(), 3);
	assert_non_null(strstr(fake_log, "refused ipi vm=guest cpu=0 command=0x4041 "
	                                 "destination=0x3000000 reason=destination count=1\n"));
}

static void test_shorthands(void **state)
{
	(void)state;
	/* the destination does not count */
	assert_int_equal(send(3, SELF | FIXED), BIT(0));
	assert_int_equal(send(3, ALL | FIXED), BIT(0) | BIT(1) | BIT(2));
	assert_int_equal(send(3, OTHERS | FIXED), BIT(1) | BIT(2));
	assert_int_equal(fake_ipi, FIXED);
	assert_int_equal(refused(), 0);
}

static void test_flat(void **state)
{
	(void)state;
	assert_int_equal(send(0x05, LOGICAL | FIXED), BIT(0) | BIT(2));
	assert_int_equal(send(0xff, LOGICAL | FIXED), BIT(0) | BIT(1) | BIT(2));
	assert_int_equal(send(0x0a, LOGICAL | FIXED), BIT(1)); /* bit 3 is the other VM's */
	assert_int_equal(send(0x08, LOGICAL | FIXED), 0);
	assert_int_equal(send(0, LOGICAL | FIXED), 0);
	assert_int_equal(refused(), 2);
	write_register(1, APIC_LDR, 0x80000000);
	assert_int_equal(send(0x02, LOGICAL | FIXED), 0);
	assert_int_equal(send(0x80, LOGICAL | FIXED), BIT(1));
}

static void test_clusters(void **state)
{
	static const u32 ids[] = {0x11000000, 0x12000000, 0x21000000};

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		write_register(i, APIC_DFR, 0x0fffffff);
		write_register(i, APIC_LDR, ids[i]);
	}
	assert_int_equal(send(0x13, LOGICAL | FIXED), BIT(0) | BIT(1));
	assert_int_equal(send(0x12, LOGICAL | FIXED), BIT(1));
	assert_int_equal(send(0x21, LOGICAL | FIXED), BIT(2));
	assert_int_equal(send(0x22, LOGICAL | FIXED), 0);
	assert_int_equal(send(0x31, LOGICAL | FIXED), 0);
	assert_int_equal(send(0xff, LOGICAL | FIXED), BIT(0) | BIT(1) | BIT(2));
}

static void test_lowest_priority_is_one(void **state)
{
	(void)state;
	assert_int_equal(send(0x06, LOGICAL | LOWEST), BIT(1));
	assert_int_equal(fake_ipi_count, 1);
	assert_int_equal(fake_ipi, FIXED);
}

/* ---- delivery modes ---- */

static void test_modes_by_mailbox(void **state)
{
	struct vcpu *one = vm->vcpus[1], *two = vm->vcpus[2];

	(void)state;
	send(1, NMI);
	assert_true(cpus[1].nmi);
	assert_false(cpus[0].nmi || cpus[2].nmi || cpus[3].nmi);
	send(0, OTHERS | INIT);
	assert_int_equal(one->activity, VCPU_WAIT_SIPI);
	assert_int_equal(two->activity, VCPU_WAIT_SIPI);
	assert_int_equal(vm->vcpus[0]->activity, VCPU_RUNNING);
	send(2, SIPI);
	assert_int_equal(one->activity, VCPU_WAIT_SIPI);
	assert_int_equal(two->activity, VCPU_STARTING);
	assert_true(two->start.real_mode);
	assert_int_equal(two->start.vector, 9);
	assert_int_equal(other->vcpus[0]->activity, VCPU_RUNNING);
	assert_int_equal(refused(), 0);
}

/* The other VM's CPU hears of nothing. */
static void test_foreign(void **state)
{
	static const u32 commands[] = {FIXED, LOWEST, NMI, INIT, SIPI};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		assert_int_equal(send(3, commands[i]), 0);
		assert_int_equal(send(8, LOGICAL | commands[i]), 0);
		assert_int_equal(send(0xff, ALL | commands[i]) & BIT(3), 0);
	}
	assert_int_equal(refused(), 2 * ARRAY_SIZE(commands));
	assert_int_equal(cpus[3].asked, 0);
	assert_int_equal(other->vcpus[0]->counters.ipis_refused, 0);
}

static void test_refused_modes(void **state)
{
	static const u32 commands[] = {
		0x4241, 0x4341, 0x4741,         /* SMI, reserved, ExtINT */
		0x4000, 0x400f, 0x4101, 0x410f, /* vectors of exceptions */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		assert_int_equal(send(1, commands[i]), 0);
		assert_int_equal(send(1, SELF | commands[i]), 0);
		assert_int_equal(refused(), 2 * (i + 1));
	}
	assert_int_equal(cpus[1].asked, 0);
	/* no CPU listens to it: neither sent nor refused */
	assert_int_equal(send(0xff, DEASSERT), 0);
	assert_int_equal(refused(), 2 * ARRAY_SIZE(commands));
	assert_int_equal(vm->vcpus[1]->activity, VCPU_RUNNING);
}

/* ---- registers ---- */

static void test_command_register(void **state)
{
	(void)state;
	fake_apic[APIC_ICR / 16] = 0x1234; /* the hypervisor's own */
	send(2, FIXED | ICR_BUSY);
	assert_int_equal(read_register(0, APIC_ICR), FIXED);
	assert_int_equal(read_register(0, APIC_ICR_HIGH), 2 << 24);
	assert_int_equal(read_register(1, APIC_ICR), 0);
	assert_int_equal(fake_apic[APIC_ICR / 16], 0x1234);
}

static void test_other_registers(void **state)
{
	(void)state;
	fake_apic[APIC_ID / 16] = 0x01000000;
	write_register(0, APIC_ID, 0x07000000);
	assert_int_equal(read_register(0, APIC_ID), 0x01000000);
	write_register(0, APIC_SVR, 0x1ff);
	assert_int_equal(fake_apic[APIC_SVR / 16], 0x1ff);
	assert_int_equal(read_register(0, APIC_SVR), 0x1ff);
}

/* What the CPU's own sources raise: an SMI or INIT would be the machine's. */
static void test_local_vectors(void **state)
{
	static const u32 registers[] = {0x2f0, 0x320, 0x330, 0x340, 0x350, 0x360, 0x370};
	static const u32 modes[] = {0, 4, 7};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(registers); i++) {
		for (u32 mode = 0; mode < 8; mode++) {
			bool good = mode == modes[0] || mode == modes[1] || mode == modes[2];

			fake_apic[registers[i] / 16] = 0x10000;
			write_register(0, registers[i], mode << 8 | 0x51);
			assert_int_equal(fake_apic[registers[i] / 16],
			                 good ? mode << 8 | 0x51 : 0x10000);
		}
	}
	/* neighbours are none of them */
	write_register(0, 0x380, 0x251);
	assert_int_equal(fake_apic[0x380 / 16], 0x251);
}

/* ---- x2APIC ---- */

static u64 send_msr(u32 destination, u32 command)
{
	fake_ipi_targets = fake_ipi_count = 0;
	assert_true(guest_apic_write_msr(vm->vcpus[0], 0x830, (u64)destination << 32 | command));
	return fake_ipi_targets;
}

static void test_x2apic(void **state)
{
	u64 value;

	(void)state;
	fake_x2apic = true;
	assert_int_equal(send_msr(2, FIXED), BIT(2));
	assert_true(guest_apic_read_msr(vm->vcpus[0], 0x830, &value));
	assert_int_equal(value, 2ull << 32 | FIXED);
	assert_int_equal(send_msr(0xffffffff, FIXED), BIT(0) | BIT(1) | BIT(2));
	assert_int_equal(send_msr(0x5, LOGICAL | FIXED), BIT(0) | BIT(2)); /* of cluster 0 */
	assert_int_equal(send_msr(0x10001, LOGICAL | FIXED), 0);
	assert_int_equal(send_msr(3, INIT), 0);
	assert_int_equal(send_msr(0x02000000, FIXED), 0);
	assert_int_equal(send_msr(0xff, FIXED), 0); /* not everybody, as it is in an xAPIC */
	assert_int_equal(refused(), 4);
	assert_int_equal(fake_msr_written, ~0u);
}

static void test_x2apic_registers(void **state)
{
	u64 value;

	(void)state;
	fake_x2apic = true;
	assert_true(guest_apic_write_msr(vm->vcpus[0], 0x80b, 0)); /* EOI */
	assert_int_equal(fake_msr_written, 0x80b);
	assert_true(guest_apic_read_msr(vm->vcpus[0], 0x802, &value));
	assert_int_equal(value, ~0x802ull);
	assert_true(guest_apic_write_msr(vm->vcpus[0], 0x832, 0x20051)); /* timer */
	assert_int_equal(fake_msr_written, 0x832);
	assert_int_equal(fake_msr_value, 0x20051);
	assert_true(guest_apic_write_msr(vm->vcpus[0], 0x832, 0x551)); /* INIT */
	assert_int_equal(fake_msr_value, 0x20051);
}

/* Where the CPU raises #GP it is the guest's, not the hypervisor's: reserved bits, a local vector
 * that this CPU does not have. */
static void test_x2apic_reserved(void **state)
{
	(void)state;
	fake_x2apic = true;
	fake_msr_absent = 0x82f;
	assert_false(guest_apic_write_msr(vm->vcpus[0], 0x82f, 0x51));
	fake_msr_absent = 0x832;
	assert_false(guest_apic_write_msr(vm->vcpus[0], 0x832, 0x80000051));
	assert_int_equal(fake_msr_value, 0x80000051);
}

/* In xAPIC mode the MSRs are not there. */
static void test_no_x2apic(void **state)
{
	u64 value;

	(void)state;
	assert_false(guest_apic_write_msr(vm->vcpus[0], 0x830, FIXED));
	assert_false(guest_apic_read_msr(vm->vcpus[0], 0x830, &value));
	assert_int_equal(fake_ipi_count, 0);
}

/* What a guest has left behind is not there for the next one. */
static void test_reset(void **state)
{
	struct vcpu *vcpu = vm->vcpus[0];

	(void)state;
	memset(fake_apic, 0, sizeof(fake_apic));
	fake_apic[APIC_VERSION / 16] = 0x50014;
	fake_apic[APIC_TPR / 16] = 0xf0;
	for (u32 i = 1; i < 8; i++) {
		fake_apic[APIC_ISR / 16 + i] = 0x11111111;
		fake_apic[APIC_IRR / 16 + i] = 0xffffffff;
	}
	fake_apic[APIC_IRR / 16] = 0xffff0000;
	write_register(0, APIC_LVT_TIMER, 0x20051);
	write_register(0, APIC_LVT_THERMAL, 0x451);
	write_register(0, APIC_TIMER_COUNT, 1000);
	write_register(0, APIC_LDR, 0x1000000);
	guest_apic_reset(vcpu);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(fake_apic[APIC_ISR / 16 + i] | fake_apic[APIC_IRR / 16 + i], 0);
	for (u32 offset = APIC_LVT_TIMER; offset <= APIC_LVT_ERROR; offset += 16)
		assert_int_equal(fake_apic[offset / 16], LVT_MASKED);
	assert_int_equal(fake_apic[APIC_LVT_CMCI / 16], 0); /* by its version it has none */
	assert_int_equal(fake_apic[APIC_TIMER_COUNT / 16] | fake_apic[APIC_TPR / 16], 0);
	assert_int_equal(fake_apic[APIC_SVR / 16], 0xff);
	assert_int_equal(fake_apic[APIC_LDR / 16], 0);
	assert_int_equal(fake_apic[APIC_DFR / 16], ~0u);
	assert_false(guest_apic_is_meant(vcpu, 1, true));
	/* one that is stuck does not hold up the CPU */
	fake_apic[APIC_IRR / 16] = 1;
	guest_apic_reset(vcpu);
	assert_int_equal(fake_apic[APIC_SVR / 16], 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_physical, set_up),
		cmocka_unit_test_setup(test_shorthands, set_up),
		cmocka_unit_test_setup(test_flat, set_up),
		cmocka_unit_test_setup(test_clusters, set_up),
		cmocka_unit_test_setup(test_lowest_priority_is_one, set_up),
		cmocka_unit_test_setup(test_modes_by_mailbox, set_up),
		cmocka_unit_test_setup(test_foreign, set_up),
		cmocka_unit_test_setup(test_refused_modes, set_up),
		cmocka_unit_test_setup(test_command_register, set_up),
		cmocka_unit_test_setup(test_other_registers, set_up),
		cmocka_unit_test_setup(test_local_vectors, set_up),
		cmocka_unit_test_setup(test_x2apic, set_up),
		cmocka_unit_test_setup(test_x2apic_registers, set_up),
		cmocka_unit_test_setup(test_x2apic_reserved, set_up),
		cmocka_unit_test_setup(test_no_x2apic, set_up),
		cmocka_unit_test_setup(test_reset, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
