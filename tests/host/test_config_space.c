// SPDX-License-Identifier: BSD-2-Clause
/* core/config_space.c: what guests see of configuration space, and what their writes reach. */
#include "core/config_space.h"
#include "core/deadline.h"
#include "core/device_control.h"
#include "core/pci.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define NETWORK 0x020000
#define MINE    BDF(0, 3, 0)
#define OTHERS  BDF(0, 4, 0)
#define BRIDGE  BDF(0, 28, 0)

#define SRIOV_AT (0x160 + SRIOV_CONTROL)

static struct vm platform = {.platform = true}, other;
static struct fake_function *mine, *bridge;
static struct device *device;

static void give(u32 bdf, struct vm *vm, enum device_state state)
{
	device_find(bdf)->vm = vm;
	device_find(bdf)->state = state;
	device_allow_dma(device_find(bdf));
}

/* The platform VM's function has everything a mediator must look at, and all of it can be written.
 */
static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_config_reset();
	fake_facts_reset();
	memset(devices, 0, sizeof(devices));
	device_count = 0;
	mine = fake_config_add(MINE, NETWORK);
	memset(mine->writable + 0x28, 0xff, 4096 - 0x28);
	fake_config_add_bar(mine, 0, 0xfe000000, MIB(2), false);
	fake_config_add_bar(mine, 1, 0x1234500000, MIB(1), true);
	fake_config_define(mine, PCI_BAR + 4 * 3, 4, 0xc001, 0xffffffe0);
	fake_config_define(mine, PCI_ROM, 4, 0xfe400000, 0xfff00001);
	fake_config_add_pcie(mine, 0, 0x2010, 0x7fff);
	fake_config_add_sriov(mine, false);
	fake_config_add(OTHERS, NETWORK);
	fake_config_add(BDF(0, 5, 0), NETWORK); /* nobody's */
	fake_config_add(BDF(0, 6, 0), NETWORK); /* in quarantine */
	bridge = fake_config_add_bridge(BRIDGE, 1, 1);
	device_scan();
	device = device_find(MINE);
	give(MINE, &platform, DEVICE_ATTACHED);
	give(OTHERS, &other, DEVICE_ATTACHED);
	give(BDF(0, 6, 0), &platform, DEVICE_QUARANTINED);
	fake_config_notes[0] = 0;
	fake_config_writes = 0;
	return 0;
}

/* Whatever came through, nobody is kept waiting. */
static int tear_down(void **state)
{
	(void)state;
	for_each_device (d)
		assert_int_equal(d->lock.next, d->lock.serving);
	return 0;
}

/* ---- what is not the guest's ---- */

static const u32 patterns[] = {0, ~0u, 0x00000007, 0xa5c31e81};

/* Every offset, every width, every pattern. */
static void write_everywhere(struct vm *vm, u32 bdf, u32 first, u32 end)
{
	for (u8 size = 1; size <= 4; size *= 2) {
		for (u32 at = first; at < end; at += size) {
			for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
				config_space_write(vm, bdf, at, size, patterns[i]);
		}
	}
}

static void expect_all_ones(const struct vm *vm, u32 bdf)
{
	static const u32 ones[] = {[1] = 0xff, [2] = 0xffff, [4] = 0xffffffff};

	for (u8 size = 1; size <= 4; size *= 2) {
		for (u32 at = 0; at < 4096; at += size)
			assert_int_equal(config_space_read(vm, bdf, at, size), ones[size]);
	}
}

static void test_others_functions_do_not_exist(void **state)
{
	const struct {
		struct vm *vm;
		u32 bdf;
	} rows[] = {
		{&platform, OTHERS},
		{&platform, BDF(0, 5, 0)},
		{&platform, BDF(0, 6, 0)},
		{&platform, BDF(0, 7, 0)},
		{&other, MINE},
		{&other, BDF(0, 5, 0)},
		{&other, BRIDGE},
		{&platform, 0x10000 | MINE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect_all_ones(rows[i].vm, rows[i].bdf);
		write_everywhere(rows[i].vm, rows[i].bdf, 0, 4096);
	}
	assert_int_equal(fake_config_writes, 0);
}

static void test_own_functions_are_read(void **state)
{
	(void)state;
	assert_int_equal(config_space_read(&platform, MINE, 0, 4), 0x10d38086);
	assert_int_equal(config_space_read(&platform, MINE, 2, 2), 0x10d3);
	assert_int_equal(config_space_read(&platform, MINE, 3, 1), 0x10);
	assert_int_equal(config_space_read(&other, OTHERS, 0, 2), 0x8086);
	assert_int_equal(config_space_read(&platform, BRIDGE, PCI_SECONDARY_BUS, 1), 1);
}

/* ---- command and status ---- */

#define STATUS 0xf900 /* all that clears by writing 1 */

/* XSA-126: hardware decodes memory all the time; the guest reads what it wrote. */
static void test_command(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		u16 command, status; /* afterwards; before: 0x0003 and STATUS */
	} rows[] = {
		{4, 0x0007, 2, 0x0007, STATUS},     {4, 0x06, 1, 0x0006, STATUS},
		{5, 0x04, 1, 0x0403, STATUS},       {4, 0x00000406, 4, 0x0406, STATUS},
		{4, 0x10000007, 4, 0x0007, 0xe900}, {4, 0xffff0000, 4, 0x0000, 0},
		{6, 0x0100, 2, 0x0003, 0xf800},     {7, 0x80, 1, 0x0003, 0x7900},
		{6, 0xff, 1, 0x0003, STATUS},       {6, 0, 2, 0x0003, STATUS},
		{4, 0xffff, 2, 0x0547, STATUS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up(state);
		fake_config_set(mine, PCI_STATUS, 2, STATUS);
		config_space_write(&platform, MINE, rows[i].offset, rows[i].size, rows[i].value);
		assert_int_equal(fake_config_get(mine, PCI_COMMAND, 2), rows[i].command | 2);
		assert_int_equal(fake_config_get(mine, PCI_STATUS, 2), rows[i].status);
		assert_int_equal(config_space_read(&platform, MINE, PCI_COMMAND, 2),
		                 rows[i].command);
		assert_int_equal(device->command & 0x0547, rows[i].command);
	}
}

/* R21: a bridge's bus mastering is the hypervisor's, on and off. */
static void test_bridge_command(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		u16 command;
	} rows[] = {
		{4, 0x0147, 2, 0x0143}, {4, 0x07, 1, 0x0003}, {4, 0x0106, 4, 0x0102},
		{4, 0x0000, 2, 0x0000}, {5, 0x05, 1, 0x0503},
	};
	struct device *d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (u16 master = 0; master <= PCI_COMMAND_BUS_MASTER;
		     master += PCI_COMMAND_BUS_MASTER) {
			set_up(state);
			d = device_find(BRIDGE);
			d->command |= master;
			d->may_master = master;
			config_space_write(&platform, BRIDGE, rows[i].offset, rows[i].size,
			                   rows[i].value);
			/* what is behind it stays within reach */
			assert_int_equal(fake_config_get(bridge, PCI_COMMAND, 2),
			                 rows[i].command | master | 3);
			assert_int_equal(config_space_read(&platform, BRIDGE, PCI_COMMAND, 2),
			                 rows[i].command | master);
		}
	}
}

/* What a driver would set up in vain is not there: BARs, ROM, interrupts, power states, hot plug.
 */
static void test_bridge_shows_what_may_be_used(void **state)
{
	static const u8 hidden[] = {PCI_CAP_PM, PCI_CAP_MSI, PCI_CAP_SHPC, PCI_CAP_MSIX};
	static const u8 gone[] = {PCI_BAR, PCI_BAR + 4, PCI_BRIDGE_ROM};

	(void)state;
	fake_config_add_pcie(bridge, PCIE_TYPE_ROOT_PORT, 0, 0);
	fake_config_set(bridge, 0x42, 2, 0x0142); /* a root port with a slot */
	device_find(BRIDGE)->pcie = 0x40;
	for (u8 i = 0; i < ARRAY_SIZE(hidden); i++)
		fake_config_add_capability(bridge, 0x80 + 0x10 * i, hidden[i]);
	for (u32 i = 0; i < ARRAY_SIZE(gone); i++) {
		fake_config_set(bridge, gone[i], 4, 0xfe500001);
		assert_int_equal(config_space_read(&platform, BRIDGE, gone[i], 4), 0);
	}
	assert_int_equal(config_space_read(&platform, BRIDGE, 0, 4), 0x10d38086);
	assert_int_equal(config_space_read(&platform, BRIDGE, PCI_SECONDARY_BUS, 1), 1);
	assert_int_equal(config_space_read(&platform, BRIDGE, PCI_CAP_POINTER, 1), 0xb0);
	for (u8 at = 0xb0; at > 0x40; at = (u8)config_space_read(&platform, BRIDGE, at + 1, 1))
		assert_int_equal(config_space_read(&platform, BRIDGE, at, 1), 0);
	assert_int_equal(config_space_read(&platform, BRIDGE, 0x40, 4), 0x00420010);
	assert_int_equal(config_space_read(&platform, MINE, PCI_ROM, 4), 0);
}

/* Bus numbers, windows and resets concern everybody behind a bridge. */
static void test_bridge_is_read_only(void **state)
{
	u8 before[4096];

	(void)state;
	memset(bridge->writable + 0x10, 0xff, 4096 - 0x10);
	memcpy(before, bridge->bytes, sizeof(before));
	write_everywhere(&platform, BRIDGE, 0, PCI_COMMAND);
	write_everywhere(&platform, BRIDGE, PCI_COMMAND + 4, 4096);
	assert_int_equal(fake_config_writes, 0);
	assert_memory_equal(bridge->bytes, before, sizeof(before));
}

/* ---- base address registers ---- */

static u32 bar(u32 i)
{
	return config_space_read(&platform, MINE, PCI_BAR + 4 * i, 4);
}

/* The only thing that may reach a BAR is what firmware wrote there. */
static const u32 firmware_bars[BARS_MAX] = {0xfe000000, 0x34500004, 0x12, 0xc001, 0, 0};

static void expect_firmware_bar(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)f;
	assert_in_range(offset, PCI_BAR, PCI_BAR + 4 * BARS_MAX - 4);
	assert_int_equal(size, 4);
	assert_int_equal(value, firmware_bars[(offset - PCI_BAR) / 4]);
}

/* What a guest finds after writing all ones, by any width, and again after writing back. */
static void test_bars_are_sized(void **state)
{
	const u32 *found = firmware_bars;
	static const u32 sized[BARS_MAX] = {0xffe00000, 0xfff00004, 0xffffffff, 0xffffffe1, 0, 0};

	(void)state;
	fake_config_on_write = expect_firmware_bar;
	for (u8 size = 1; size <= 4; size *= 2) {
		for (u32 i = 0; i < BARS_MAX; i++) {
			u32 at = PCI_BAR + 4 * i;

			assert_int_equal(bar(i), found[i]);
			for (u32 byte = 0; byte < 4; byte += size)
				config_space_write(&platform, MINE, at + byte, size, ~0u);
			assert_int_equal(bar(i), sized[i]);
			assert_int_equal(config_space_read(&platform, MINE, at + 2, 2),
			                 sized[i] >> 16);
			assert_int_equal(config_space_read(&platform, MINE, at + 3, 1),
			                 sized[i] >> 24);
			for (u32 byte = 0; byte < 4; byte += size)
				config_space_write(&platform, MINE, at + byte, size,
				                   found[i] >> 8 * byte);
			assert_int_equal(bar(i), found[i]);
		}
	}
}

/* A function that was reset has lost its BARs; its driver restores what it read before. */
static void test_bars_are_restored(void **state)
{
	static const u32 after_reset[BARS_MAX] = {0, 4, 0, 1, 0, 0};

	(void)state;
	memcpy(mine->bytes + PCI_BAR, after_reset, sizeof(after_reset));
	for (u32 i = 0; i < BARS_MAX; i++)
		config_space_write(&platform, MINE, PCI_BAR + 4 * i, 4, bar(i));
	for (u32 i = 0; i < BARS_MAX; i++)
		assert_int_equal(fake_config_get(mine, PCI_BAR + 4 * i, 4), firmware_bars[i]);
}

/* Half of a 64-bit address is another one. */
static void test_bars_are_restored_whole(void **state)
{
	static const u32 after_reset[] = {4, 0};

	(void)state;
	config_space_write(&platform, MINE, PCI_BAR + 8, 4, ~0u); /* the guest sizes it */
	memcpy(mine->bytes + PCI_BAR + 4, after_reset, sizeof(after_reset));
	fake_config_writes = 0;
	config_space_write(&platform, MINE, PCI_BAR + 4, 4, 0x34500000);
	assert_int_equal(fake_config_writes, 0);
	config_space_write(&platform, MINE, PCI_BAR + 8, 4, 0x12);
	assert_int_equal(fake_config_get(mine, PCI_BAR + 4, 4), 0x34500004);
	assert_int_equal(fake_config_get(mine, PCI_BAR + 8, 4), 0x12);
}

/* Bits below the size stay 0, type bits stay, and bytes are merged into what was written before. */
static void test_bars_are_merged(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		u32 bar, expected;
	} rows[] = {
		{0x10, 0x12345678, 4, 0, 0x12200000}, {0x13, 0xab, 1, 0, 0xab200000},
		{0x12, 0x5a, 1, 0, 0xab400000},       {0x10, 0xffff, 2, 0, 0xab400000},
		{0x14, 0x00100000, 4, 1, 0x00100004}, {0x1a, 0x00ff, 2, 2, 0x00ff0012},
		{0x1c, 0x40, 1, 3, 0xc041},           {0x1c, 0x00, 1, 3, 0xc001},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		config_space_write(&platform, MINE, rows[i].offset, rows[i].size, rows[i].value);
		assert_int_equal(bar(rows[i].bar), rows[i].expected);
	}
}

/* ---- whatever the owner writes ---- */

static void expect_kept(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)offset, (void)size, (void)value;
	assert_int_equal(fake_config_get(f, SRIOV_AT, 2) & SRIOV_VF_ENABLE, 0);
}

static void test_owner_cannot_move_bars_or_make_functions(void **state)
{
	u8 bars[4 * BARS_MAX], rom[4];

	(void)state;
	memcpy(bars, mine->bytes + PCI_BAR, sizeof(bars));
	memcpy(rom, mine->bytes + PCI_ROM, sizeof(rom));
	fake_config_on_write = expect_kept;
	write_everywhere(&platform, MINE, PCI_BAR, PCI_BAR + 4 * BARS_MAX);
	write_everywhere(&platform, MINE, PCI_ROM, PCI_ROM + 4);
	assert_memory_equal(mine->bytes + PCI_BAR, bars, sizeof(bars));
	assert_memory_equal(mine->bytes + PCI_ROM, rom, sizeof(rom));
	/* not the lists themselves, which are read-only in hardware */
	write_everywhere(&platform, MINE, 0x44, 0x100);
	write_everywhere(&platform, MINE, 0x104, 0x160);
	write_everywhere(&platform, MINE, 0x164, 4096);
	assert_int_not_equal(fake_config_writes, 0);
	assert_memory_equal(mine->bytes + PCI_BAR, bars, sizeof(bars));
	assert_memory_equal(mine->bytes + PCI_ROM, rom, sizeof(rom));
}

/* The rest of the SR-IOV control register is the owner's, as is everything next to it. */
static void test_virtual_functions_stay_off(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		bool passes;
	} rows[] = {
		{SRIOV_AT, 0x0001, 2, false},        {SRIOV_AT, 0x01, 1, false},
		{SRIOV_AT, 0xffffffff, 4, false},    {SRIOV_AT, 0x0010, 2, true},
		{SRIOV_AT + 1, 0x01, 1, true},       {SRIOV_AT + 2, 0x0001, 2, true},
		{SRIOV_AT, 0xffff0010, 4, true},     {SRIOV_AT - 4, 0x00000001, 4, true},
		{SRIOV_AT + 8, 0x00000001, 4, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_config_writes = 0;
		config_space_write(&platform, MINE, rows[i].offset, rows[i].size, rows[i].value);
		assert_int_equal(fake_config_writes, rows[i].passes);
	}
}

/* ---- a function with a power switch and a reset ---- */

#define SWITCH  BDF(1, 0, 0)
#define CONTROL (0x40 + PCIE_DEVICE_CONTROL)
#define PMCSR   (0xd0 + PM_CONTROL)

static struct fake_function *function;
static struct device *owned;

static u32 get(u32 offset, u8 size)
{
	return config_space_read(&other, SWITCH, offset, size);
}

static void put(u32 offset, u8 size, u32 value)
{
	config_space_write(&other, SWITCH, offset, size, value);
}

/* After a reset its Enable No Snoop bit is set (PCIe 5.0, 7.5.3.4). */
static int set_up_switch(void **state)
{
	set_up(state);
	device_count = 0;
	memset(devices, 0, sizeof(devices));
	fake_time_step_us = 1000;
	function = fake_config_add(SWITCH, NETWORK);
	fake_config_add_bar(function, 0, 0xfd000000, MIB(1), false);
	fake_config_add_bar(function, 2, 0x4500000000, MIB(1), true);
	fake_config_add_pcie(function, 0, 0x2810, 0x7fff);
	function->cleared_by_one[CONTROL + 2] = 0x0f;
	function->after_reset[CONTROL + 1] = 0x28;
	function->after_reset[CONTROL] = 0x10;
	return 0;
}

static void give_switch(void)
{
	device_scan();
	owned = device_find(SWITCH);
	give(SWITCH, &other, DEVICE_ATTACHED);
}

static void give_blocked(void)
{
	device_scan();
	owned = device_find(SWITCH);
	assert_ok(device_block_nosnoop(owned));
	give(SWITCH, &other, DEVICE_ATTACHED);
}

/* R2, R9: No Snoop and phantom functions stay off, by whatever width; the rest is the owner's. */
static void test_device_control(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		u16 blocked, open; /* afterwards; before: 0x2010 and 0x2810 */
	} rows[] = {
		{CONTROL, 0xffff, 2, 0x75ff, 0x7dff},
		{CONTROL, 0, 2, 0, 0},
		{CONTROL, 0xff, 1, 0x20ff, 0x28ff},
		{CONTROL + 1, 0xff, 1, 0x7510, 0x7d10},
		{CONTROL, 0xffffffff, 4, 0x75ff, 0x7dff},
		{CONTROL, 0x0000ffff, 4, 0x75ff, 0x7dff},
		{CONTROL + 2, 0xffff, 2, 0x2010, 0x2810},
		{CONTROL + 3, 0xff, 1, 0x2010, 0x2810},
		{CONTROL - 4, 0xffffffff, 4, 0x2010, 0x2810},
		{CONTROL + 4, 0xffffffff, 4, 0x2010, 0x2810},
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool blocked = i & 1;

		set_up_switch(state);
		blocked ? give_blocked() : give_switch();
		fake_config_set(function, CONTROL + 2, 1, 0x0f);
		put(rows[i / 2].offset, rows[i / 2].size, rows[i / 2].value);
		assert_int_equal(get(CONTROL, 2), blocked ? rows[i / 2].blocked : rows[i / 2].open);
		assert_int_equal(get(CONTROL, 2), fake_config_get(function, CONTROL, 2));
		/* errors are the owner's to clear, where it does */
		assert_int_equal(get(CONTROL + 2, 1), i / 2 == 4 || i / 2 == 6 ? 0 : 0x0f);
	}
}

/* R2: a reset that nobody saw shows when the guest asks for bus mastering. */
static void test_block_is_checked_before_mastering(void **state)
{
	(void)state;
	give_blocked();
	put(PCI_COMMAND, 2, 3);
	fake_config_set(function, CONTROL, 2, 0x2a10);
	fake_config_notes[0] = 0;
	put(PCI_COMMAND, 2, 3);
	assert_string_equal(fake_config_notes, "01:00.0 04.2=0002 ");
	fake_config_notes[0] = 0;
	put(PCI_COMMAND, 2, 7);
	assert_string_equal(fake_config_notes, "01:00.0 48.2=2010 01:00.0 04.2=0006 ");
	/* one that does not clear it does not master the bus, and the guest can see that */
	fake_config_define(function, CONTROL, 2, 0x2810, 0x77ff);
	put(PCI_COMMAND, 2, 7);
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 2);
	assert_int_equal(get(PCI_COMMAND, 2), 3);
}

static void lose(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)offset, (void)size, (void)value;
	if (f->resets && (f->bytes[PCI_COMMAND] & PCI_COMMAND_BUS_MASTER))
		assert_int_equal(fake_config_get(f, CONTROL, 2) & PCIE_NO_SNOOP, 0);
}

static void expect_restored(void)
{
	assert_int_equal(fake_config_get(function, PCI_BAR, 4), 0xfd000000);
	assert_int_equal(fake_config_get(function, PCI_BAR + 8, 4), 4);
	assert_int_equal(fake_config_get(function, PCI_BAR + 12, 4), 0x45);
	assert_int_equal(get(PCI_BAR + 12, 4), 0x45);
	assert_int_equal(fake_config_get(function, CONTROL, 2), 0x2010);
}

/* The guest's reset takes its time and gives back what firmware wrote, but no bus mastering. */
static void expect_reset(u32 offset, u8 size, u32 value)
{
	u64 start = deadline_in_us(0);

	fake_config_on_write = lose;
	put(PCI_COMMAND, 2, 0x0407);
	put(PCI_BAR + 12, 4, ~0u);
	put(offset, size, value);
	assert_int_equal(function->resets, 1);
	assert_true(deadline_in_us(0) - start >= 100000);
	expect_restored();
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 2);
	assert_int_equal(get(PCI_COMMAND, 2), 0);
	put(PCI_COMMAND + 1, 1, 4);
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 0x0402);
	put(PCI_COMMAND, 2, 7);
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 6);
}

static void test_function_level_reset(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
	} rows[] = {{CONTROL, 0xa810, 2}, {CONTROL, 0xfa10, 4}, {CONTROL + 1, 0x80, 1}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up_switch(state);
		fake_config_add_flr(function);
		give_blocked();
		expect_reset(rows[i].offset, rows[i].size, rows[i].value);
		put(CONTROL, 1, 0x80); /* the other half */
		put(CONTROL + 2, 2, 0x8000);
		put(CONTROL, 1, 0x8010); /* more than its size */
		assert_int_equal(function->resets, 1);
	}
}

static void test_reset_by_advanced_features(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
	} rows[] = {{0xa4, 1, 1}, {0xa4, 0xff01, 2}, {0xa4, 1, 4}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		set_up_switch(state);
		fake_config_add_af(function);
		give_blocked();
		expect_reset(rows[i].offset, rows[i].size, rows[i].value);
		put(0xa5, 1, 1);
		put(CONTROL, 2, 0xa010);
		assert_int_equal(function->resets, 1);
		assert_int_equal(get(PCI_COMMAND, 2), 7);
	}
}

/* Without a reset the bit is reserved, and bus mastering stays as it is. */
static void test_no_reset(void **state)
{
	(void)state;
	give_switch();
	put(PCI_COMMAND, 2, 7);
	fake_config_notes[0] = 0;
	put(CONTROL, 2, 0xa010);
	assert_string_equal(fake_config_notes, "01:00.0 48.2=2010 ");
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 6);
}

static void test_power_states(void **state)
{
	static const struct {
		u32 offset, value;
		u8 size;
		bool wakes, soft_reset;
	} rows[] = {
		{PMCSR, 0, 1, true, true},      {PMCSR, 0x0100, 2, true, true},
		{PMCSR, 0x8000, 4, true, true}, {PMCSR, 0, 1, true, false},
		{PMCSR + 1, 0, 1, false, true}, {PMCSR + 2, 0, 2, false, true},
		{PMCSR, 0x103, 2, false, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool reset = rows[i].wakes && rows[i].soft_reset;
		u64 start;

		set_up_switch(state);
		fake_config_add_pm(function, rows[i].soft_reset);
		give_blocked();
		put(PCI_COMMAND, 2, 0x0405);
		start = deadline_in_us(0);
		put(PMCSR, 2, 0); /* it is awake */
		assert_int_equal(deadline_in_us(0), start);
		put(PCI_BAR, 4, 0x12300000);
		put(PMCSR, 2, 3);
		assert_int_equal(get(PMCSR, 1) & 3, 3);
		start = deadline_in_us(0);
		put(rows[i].offset, rows[i].size, rows[i].value);
		assert_int_equal(deadline_in_us(0) - start >= 10000, rows[i].wakes);
		assert_int_equal(function->resets, reset);
		assert_int_equal(get(PMCSR, 1) & 3, rows[i].wakes ? 0 : 3);
		expect_restored();
		assert_int_equal(get(PCI_BAR, 4), reset ? 0xfd000000 : 0x12300000);
		assert_int_equal(get(PCI_COMMAND, 2), reset ? 0 : 0x0405);
		assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), reset ? 2 : 0x0406);
	}
}

/* Another CPU of the VM may still write while the device is taken from it: not what the next owner
 * would find, least of all bus mastering. */
static void test_nothing_after_quiesce(void **state)
{
	(void)state;
	give_switch();
	put(PCI_COMMAND, 2, 7);
	assert_true(device_quiesce(owned));
	put(PCI_COMMAND, 2, 7);
	put(0x3c, 1, 0x77);
	assert_int_equal(get(0x3c, 1), 0xff);
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 2);
	device_allow_dma(owned);
	assert_int_equal(fake_config_get(function, PCI_COMMAND, 2), 2);
	assert_int_not_equal(get(0x3c, 1), 0x77);
}

/* Ports are open to the platform VM: whoever else has the function has its ports closed, and reads
 * back what it wrote. */
static void test_ports(void **state)
{
	struct vm *const owners[] = {&platform, &other};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		bool open = owners[i] == &platform;

		device->vm = owners[i];
		device_allow_dma(device);
		config_space_write(owners[i], MINE, PCI_COMMAND, 2, 7);
		assert_int_equal(config_space_read(owners[i], MINE, PCI_COMMAND, 2), 7);
		assert_int_equal(fake_config_get(mine, PCI_COMMAND, 2), open ? 7 : 6);
		assert_true(device_quiesce(device));
		assert_int_equal(fake_config_get(mine, PCI_COMMAND, 2), 2);
	}
}

/* Isolation is not the owner's to switch off, nor the size of a BAR its to change. */
static void test_fixed_extended_capabilities(void **state)
{
	(void)state;
	fake_config_add_extended(function, 0x120, PCI_EXT_CAP_ACS);
	fake_config_define(function, 0x124, 4, 0x0000005f, 0x007f0000);
	fake_config_add_extended(function, 0x140, PCI_EXT_CAP_REBAR);
	memset(function->writable + 0x144, 0xff, 0x40);
	fake_config_add_flr(function);
	give_switch();
	assert_int_equal(fake_config_get(function, 0x126, 2), 0x1d);
	fake_config_writes = 0;
	write_everywhere(&other, SWITCH, 0x124, 0x128);
	write_everywhere(&other, SWITCH, 0x140, 0x174);
	assert_int_equal(fake_config_writes, 0);
	write_everywhere(&other, SWITCH, 0x128, 0x12c);
	write_everywhere(&other, SWITCH, 0x174, 0x178);
	assert_int_not_equal(fake_config_writes, 0);
	put(CONTROL, 2, 0xa810);
	assert_int_equal(function->resets, 1);
	assert_int_equal(fake_config_get(function, 0x126, 2), 0x1d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_others_functions_do_not_exist, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_own_functions_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bridge_command, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bridge_shows_what_may_be_used, set_up,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_bridge_is_read_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bars_are_sized, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bars_are_restored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bars_are_restored_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bars_are_merged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_owner_cannot_move_bars_or_make_functions,
	                                        set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_virtual_functions_stay_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_device_control, set_up_switch, tear_down),
		cmocka_unit_test_setup_teardown(test_block_is_checked_before_mastering,
	                                        set_up_switch, tear_down),
		cmocka_unit_test_setup_teardown(test_function_level_reset, set_up_switch,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_reset_by_advanced_features, set_up_switch,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_no_reset, set_up_switch, tear_down),
		cmocka_unit_test_setup_teardown(test_power_states, set_up_switch, tear_down),
		cmocka_unit_test_setup(test_ports, set_up),
		cmocka_unit_test_setup_teardown(test_nothing_after_quiesce, set_up_switch,
	                                        tear_down),
		cmocka_unit_test_setup_teardown(test_fixed_extended_capabilities, set_up_switch,
	                                        tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
