// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_apic.h"
#include "tests/host/fake_config.h"
#include <stdio.h>
#include "core/deadline.h"
#include "core/pci.h"
#include "lib/format.h"
#include "tests/host/fake_mmio.h"
#include "tests/host/test.h"

static struct fake_function functions[32];
static u32 function_count;

char fake_config_notes[1 << 14];
u32 fake_config_writes;
void (*fake_config_on_write)(struct fake_function *f, u32 offset, u8 size, u32 value);

struct fake_function *fake_config_find(u32 bdf)
{
	for (u32 i = 0; i < function_count; i++) {
		if (functions[i].bdf == bdf)
			return &functions[i];
	}
	return NULL;
}

static u64 read_config(struct fake_mmio *m, u32 offset, u8 size)
{
	const struct fake_function *f = fake_config_find(offset >> 12);

	(void)m;
	assert_true(!f || deadline_in_us(0) >= f->busy_until);
	assert_true(size <= 4 && IS_ALIGNED(offset, size));
	return f ? fake_config_get(f, offset & 0xfff, size) : ~0ull;
}

static void note(const struct fake_function *f, u32 offset, u8 size, u32 value)
{
	size_t length = strlen(fake_config_notes);

	fake_config_writes++;
	snprintf(fake_config_notes + length, sizeof(fake_config_notes) - length, "%s %02x.%u=%0*x ",
	         BDF_TEXT(f->bdf), offset, size, size * 2, value);
}

static void reset(struct fake_function *f, u64 us)
{
	for (u32 i = 0; i < sizeof(f->bytes); i++)
		f->bytes[i] =
			(f->bytes[i] & ~f->writable[i]) | (f->after_reset[i] & f->writable[i]);
	f->busy_until = deadline_in_us(us);
	f->resets++;
}

/* What a write starts; `slept`: before it the function was in D3hot. */
static void start(struct fake_function *f, u32 at, u8 size, u32 value, bool slept)
{
	if (f->reset_at && f->reset_at - at < size &&
	    (value >> 8 * (f->reset_at - at) & f->reset_bit))
		reset(f, 100000);
	if (!slept || (f->bytes[f->pm] & 3) != 0)
		return;
	f->busy_until = deadline_in_us(10000);
	if (f->soft_reset)
		reset(f, 10000);
}

static void write_config(struct fake_mmio *m, u32 offset, u8 size, u64 value)
{
	struct fake_function *f = fake_config_find(offset >> 12);
	u32 at = offset & 0xfff;
	bool slept = f && f->pm && (f->bytes[f->pm] & 3) == 3;

	(void)m;
	assert_true(size <= 4 && IS_ALIGNED(offset, size));
	if (!f)
		return;
	assert_true(deadline_in_us(0) >= f->busy_until);
	for (u32 i = 0; i < size; i++) {
		u8 byte = (u8)(value >> 8 * i), writable = f->writable[at + i];

		f->bytes[at + i] = (f->bytes[at + i] & ~writable) | (byte & writable);
		f->bytes[at + i] &= ~(byte & f->cleared_by_one[at + i]);
	}
	note(f, at, size, (u32)value);
	start(f, at, size, (u32)value, slept);
	if (fake_config_on_write)
		fake_config_on_write(f, at, size, (u32)value);
}

static struct fake_mmio window = {
	.base_pa = FAKE_ECAM_BASE,
	.size = FAKE_BUSES << 20,
	.read = read_config,
	.write = write_config,
};

void fake_config_reset(void)
{
	static const struct acpi_mcfg mcfg = {
		.count = 1, .ecam = {{.base_pa = FAKE_ECAM_BASE, .last_bus = FAKE_BUSES - 1}}};

	function_count = 0;
	fake_config_notes[0] = 0;
	fake_config_writes = 0;
	fake_config_on_write = NULL;
	fake_mmio_add(&window);
	assert_ok(pci_init(&mcfg));
}

struct fake_function *fake_config_add(u32 bdf, u32 class_code)
{
	struct fake_function *f = &functions[function_count++];

	assert_true(function_count <= ARRAY_SIZE(functions));
	memset(f, 0, sizeof(*f));
	f->bdf = bdf;
	fake_config_set(f, PCI_VENDOR_ID, 4, 0x10d38086);
	fake_config_define(f, PCI_COMMAND, 2, 0x0007, 0x0547);
	f->cleared_by_one[PCI_STATUS + 1] = 0xf9;
	fake_config_set(f, PCI_CLASS, 4, class_code << 8 | 0x01);
	return f;
}

struct fake_function *fake_config_add_bridge(u32 bdf, u8 secondary, u8 subordinate)
{
	struct fake_function *f = fake_config_add(bdf, 0x060400);

	fake_config_set(f, PCI_HEADER_TYPE, 1, 1);
	fake_config_define(f, PCI_SECONDARY_BUS, 1, secondary, 0xff);
	fake_config_define(f, PCI_SECONDARY_BUS + 1, 1, subordinate, 0xff);
	return f;
}

u32 fake_config_get(const struct fake_function *f, u32 offset, u8 size)
{
	u32 value = 0;

	memcpy(&value, f->bytes + offset, size);
	return value;
}

void fake_config_set(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	memcpy(f->bytes + offset, &value, size);
}

void fake_config_define(struct fake_function *f, u32 offset, u8 size, u32 value, u32 writable)
{
	memcpy(f->bytes + offset, &value, size);
	memcpy(f->writable + offset, &writable, size);
}

void fake_config_add_capability(struct fake_function *f, u8 at, u8 id)
{
	f->bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	f->bytes[at] = id;
	f->bytes[at + 1] = f->bytes[PCI_CAP_POINTER];
	f->bytes[PCI_CAP_POINTER] = at;
}

void fake_config_add_pcie(struct fake_function *f, u32 type, u16 control, u16 control_writable)
{
	fake_config_add_capability(f, 0x40, PCI_CAP_PCIE);
	fake_config_set(f, 0x40 + PCIE_CAPABILITIES, 2, 2 | type << 4);
	fake_config_define(f, 0x40 + PCIE_DEVICE_CONTROL, 2, control, control_writable);
}

void fake_config_add_flr(struct fake_function *f)
{
	fake_config_set(f, 0x40 + PCIE_DEVICE_CAP, 4, PCIE_DEVICE_CAP_FLR);
	f->reset_at = 0x40 + PCIE_DEVICE_CONTROL + 1;
	f->reset_bit = 0x80;
}

void fake_config_add_af(struct fake_function *f)
{
	fake_config_add_capability(f, 0xa0, PCI_CAP_AF);
	fake_config_set(f, 0xa2, 2, 0x0306);
	f->reset_at = 0xa4;
	f->reset_bit = 1;
}

void fake_config_add_pm(struct fake_function *f, bool soft_reset)
{
	fake_config_add_capability(f, 0xd0, PCI_CAP_PM);
	fake_config_define(f, 0xd0 + PM_CONTROL, 2, soft_reset ? 0 : 8, 0x0103);
	f->cleared_by_one[0xd5] = 0x80;
	f->pm = 0xd0 + PM_CONTROL;
	f->soft_reset = soft_reset;
}

void fake_config_add_extended(struct fake_function *f, u32 at, u16 id)
{
	u32 last = PCI_EXT_CAPS;

	if (!fake_config_get(f, last, 4))
		fake_config_set(f, last, 4, 0x00010001); /* AER */
	while (fake_config_get(f, last, 4) >> 20)
		last = fake_config_get(f, last, 4) >> 20;
	fake_config_set(f, last, 4, fake_config_get(f, last, 4) | at << 20);
	fake_config_set(f, at, 4, id | 1 << 16);
}

void fake_config_add_sriov(struct fake_function *f, bool enabled)
{
	fake_config_set(f, PCI_EXT_CAPS, 4, 0);
	fake_config_add_extended(f, 0x160, PCI_EXT_CAP_SRIOV);
	fake_config_define(f, 0x160 + SRIOV_CONTROL, 2, enabled ? 0x19 : 0x18, 0x1f);
}

void fake_config_add_bar(struct fake_function *f, u32 index, u64 base, u64 size, bool wide)
{
	u32 at = PCI_BAR + 4 * index;
	u64 writable = ~(size - 1);

	fake_config_define(f, at, 4, (u32)base | (wide ? 4 : 0), (u32)writable);
	if (wide)
		fake_config_define(f, at + 4, 4, (u32)(base >> 32), (u32)(writable >> 32));
}

/* Where core/guest_apic.c is not linked. */
__attribute__((weak)) bool guest_apic_is_meant(const struct vcpu *vcpu, u32 destination,
                                               bool logical)
{
	return logical ? destination != 0 : destination == vcpu->cpu->apic_id;
}
