// SPDX-License-Identifier: BSD-2-Clause
/* core/ioapic.c: what the platform VM programs, what the I/O APIC and the interrupt remapping table
 * get for it (R22). */
#include "core/facts.h"
#include "core/ioapic.h"
#include "core/mem.h"
#include "core/trapped.h"
#include "core/vm_memory.h"
#include "tests/host/fake_machine.h"
#include "tests/host/test.h"

#define FIRST  0xfec00000ull
#define SECOND 0xfec01000ull /* in no unit's scope */
#define SID    0xf0f8
#define PINS   24u
#define MASKED 0x10000u

static struct vtd_unit *unit;
static struct vm *vm;

/* ---- the hardware: Intel 82093AA ---- */

static struct ioapic_model {
	struct fake_mmio mmio;
	u32 index, id, eoi;
	u64 entries[PINS];
	u32 writes;
} models[2];

static u32 *model_half(struct ioapic_model *m)
{
	assert_in_range(m->index, 0x10, 0x10 + 2 * PINS - 1);
	return (u32 *)m->entries + (m->index - 0x10);
}

static u64 read_model(struct fake_mmio *mmio, u32 offset, u8 size)
{
	struct ioapic_model *m = (struct ioapic_model *)mmio;

	assert_int_equal(size, 4);
	assert_int_equal(offset, 0x10);
	if (m->index < 3)
		return m->index == 0 ? m->id : m->index == 1 ? 0x170020 : 0;
	return m->index < 0x10 + 2 * PINS ? *model_half(m) : ~0u;
}

static void write_model(struct fake_mmio *mmio, u32 offset, u8 size, u64 value)
{
	struct ioapic_model *m = (struct ioapic_model *)mmio;

	assert_int_equal(size, 4);
	m->writes++;
	if (offset == 0) {
		m->index = (u32)value;
	} else if (offset == 0x40) {
		m->eoi = (u32)value;
	} else {
		assert_int_equal(offset, 0x10);
		if (m->index == 0)
			m->id = (u32)value;
		else if (m->index >= 0x10)
			*model_half(m) = (u32)value;
	}
}

static void add_ioapic(u32 n, u64 base_pa)
{
	models[n] = (struct ioapic_model){.mmio = {.base_pa = base_pa,
	                                           .size = PAGE_SIZE,
	                                           .read = read_model,
	                                           .write = write_model}};
	for (u32 pin = 0; pin < PINS; pin++) /* firmware has left them open, for every CPU */
		models[n].entries[pin] = 0xff00000000000830 + pin;
	fake_mmio_add(&models[n].mmio);
	facts.madt.ioapics[n] = (struct acpi_ioapic){.id = 8 + n, .base_pa = base_pa};
	facts.madt.ioapic_count = n + 1;
}

static int set_up(void **state)
{
	static bool started;

	(void)state;
	ioapic_reset();
	if (started) { /* there is one machine a program: what ioapic_init has found stays */
		vm->counters.interrupts_refused = 0;
		vm->interrupt_rate = (struct rate){0};
		fake_log[0] = 0;
		return 0;
	}
	started = true;
	machine_reset();
	unit = machine_add_unit(CAP_48, ECAP_SC);
	assert_ok(vtd_interrupt_start(unit, false));
	facts.dmar.scopes[0] = (struct dmar_scope){DMAR_SCOPE_IOAPIC, 8, 0xf0, 1, {0xf8}};
	facts.dmar.units[0].scope_count = facts.dmar.scope_count = facts.dmar.unit_count = 1;
	add_ioapic(0, FIRST);
	add_ioapic(1, SECOND);
	assert_ok(ioapic_init());
	vm = machine_add_vm("linux");
	vm->platform = true;
	machine_add_vm("other");
	return 0;
}

static const u64 *irte(u32 index)
{
	return machine_irte(unit, index);
}

static u32 present(void)
{
	return machine_count_irtes(unit);
}

static u64 read_at(u32 offset)
{
	return trapped_find(vm, FIRST)->read(vm->vcpus[0], FIRST + offset, 4);
}

static void write_at(u32 offset, u32 value)
{
	trapped_find(vm, FIRST)->write(vm->vcpus[0], FIRST + offset, 4, value);
}

static u32 read_register(u32 index)
{
	write_at(0, index);
	return (u32)read_at(0x10);
}

static void write_register(u32 index, u32 value)
{
	write_at(0, index);
	write_at(0x10, value);
}

static void program(u32 pin, u64 entry)
{
	write_register(0x10 + 2 * pin + 1, entry >> 32);
	write_register(0x10 + 2 * pin, (u32)entry);
}

/* ---- tests ---- */

/* Runs first. The one that nobody remaps is left as it is. */
static void test_init(void **state)
{
	(void)state;
	assert_non_null(strstr(fake_log, "ioapic 8 base=0xfec00000 ir=1\n"));
	assert_non_null(strstr(fake_log, "ioapic 9 base=0xfec01000 ir=0\n"));
	for (u32 pin = 0; pin < PINS; pin++) {
		assert_int_equal((u32)models[0].entries[pin], MASKED);
		assert_int_equal(models[1].entries[pin], 0xff00000000000830 + pin);
	}
	assert_int_equal(models[1].writes, 0);
	assert_int_equal(ioapic_page(0), FIRST);
	assert_int_equal(ioapic_page(1), 0);
	assert_ptr_equal(trapped_find(vm, FIRST + 0xfff), &ioapic_trapped);
	assert_null(trapped_find(vm, SECOND));
	assert_null(trapped_find(&vms[1], FIRST));
	assert_int_equal(present(), 0);
}

static void test_entry(void **state)
{
	(void)state;
	program(4, 0x24);
	assert_int_equal(models[0].entries[4], 0x0001000000000024);
	assert_int_equal(irte(0)[0], 0x0000000000240001);
	assert_int_equal(irte(0)[1], 0x40000 | SID);
	/* level, active low, logical, lowest priority: vector and trigger mode are both's */
	program(9, 0x010000000000a929);
	assert_int_equal(models[0].entries[9], 0x000300000000a029);
	assert_int_equal(irte(1)[0], 0x0000000000290031);
	assert_int_equal(present(), 2);
	/* as the guest wrote it, and the status as it is */
	models[0].entries[9] |= 0x5000;
	assert_int_equal(read_register(0x22), 0xf929);
	assert_int_equal(read_register(0x23), 0x01000000);
	assert_int_equal(read_at(0), 0x23);
	/* in place */
	program(4, 0x55);
	assert_int_equal(models[0].entries[4], 0x0001000000000055);
	assert_int_equal(irte(0)[0], 0x0000000000550001);
	assert_int_equal(present(), 2);
}

static void test_mask(void **state)
{
	(void)state;
	program(4, 0x8024);
	program(4, 0x18024);
	assert_int_equal((u32)models[0].entries[4], 0x18024);
	assert_int_equal(present(), 1); /* what is under way arrives */
	/* how Linux ends an interrupt without the EOI register: as edge, and back */
	program(4, 0x10024);
	assert_int_equal((u32)models[0].entries[4], 0x10024);
	program(4, 0x8024);
	assert_int_equal(models[0].entries[4], 0x0001000000008024);
	assert_int_equal(irte(0)[0], 0x0000000000240011);
}

static void test_refusals(void **state)
{
	static const struct {
		u64 entry;
		const char *reason;
	} rows[] = {
		{0x0100000000000024, "reason=destination"},
		{0xff00000000000024, "reason=destination"},
		{0x0000000000000824, "reason=destination"},
		{0x000000000000000f, "reason=vector"},
		{0x0000000000000224, "reason=delivery-mode"}, /* SMI */
		{0x0000000000000424, "reason=delivery-mode"}, /* NMI */
		{0x0000000000000524, "reason=delivery-mode"}, /* INIT */
		{0x0000000000000724, "reason=delivery-mode"}, /* ExtINT */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		program(5, 0x99);
		assert_int_equal(present(), 1);
		write_register(0x1a, MASKED);
		program(5, rows[i].entry);
		assert_int_equal(present(), 0);
		assert_int_equal(models[0].entries[5] & MASKED, MASKED);
		assert_int_equal(read_register(0x1a), (u32)rows[i].entry);
		assert_int_equal(read_register(0x1b), rows[i].entry >> 32);
		assert_non_null(strstr(fake_log, rows[i].reason));
		assert_non_null(strstr(fake_log, "refused interrupt vm=linux source=f0:1f.0 "));
		assert_int_equal(vm->counters.interrupts_refused, 1);
	}
}

/* Other registers are the I/O APIC's own; those that are not there do nothing. */
static void test_other_registers(void **state)
{
	u64 before[PINS];

	(void)state;
	memcpy(before, models[0].entries, sizeof(before));
	assert_int_equal(read_register(1), 0x170020);
	write_register(0, 0x02000000);
	assert_int_equal(models[0].id, 0x02000000);
	write_at(0x40, 0x29);
	assert_int_equal(models[0].eoi, 0x29);
	for (u32 index = 0x10 + 2 * PINS; index < 0x100; index++) {
		write_register(index, 0x24);
		assert_int_equal(read_register(index), ~0u);
	}
	for (u32 at = 4; at < PAGE_SIZE; at += 4) {
		if (at == 0x10 || at == 0x40)
			continue;
		write_at(at, 0x24);
		assert_int_equal((u32)read_at(at), ~0u);
	}
	assert_memory_equal(before, models[0].entries, sizeof(before));
	assert_int_equal(present(), 0);
}

static void test_reset(void **state)
{
	(void)state;
	for (u32 pin = 0; pin < PINS; pin++)
		program(pin, 0x30 + pin);
	assert_int_equal(present(), PINS);
	ioapic_reset();
	assert_int_equal(present(), 0);
	for (u32 pin = 0; pin < PINS; pin++)
		assert_int_equal((u32)models[0].entries[pin], MASKED);
	assert_int_equal(read_register(0x10), MASKED);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_init),     TEST(test_entry),           TEST(test_mask),
		TEST(test_refusals), TEST(test_other_registers), TEST(test_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
