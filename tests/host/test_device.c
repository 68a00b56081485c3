// SPDX-License-Identifier: BSD-2-Clause
/* core/device.c and core/pci.c on a configuration space: what a scan finds and leaves (R1, R21). */
#include "core/device_control.h"
#include "core/facts.h"
#include "core/pci.h"
#include "tests/host/fake_config.h"
#include "tests/host/fake_facts.h"
#include "tests/host/fake_mem.h"
#include "tests/host/test.h"

#define NETWORK 0x020000
#define DISPLAY 0x030000

#define PCIE_ENDPOINT            0
#define PCIE_INTEGRATED_ENDPOINT 9

#define DEVICE_CONTROL (0x40 + PCIE_DEVICE_CONTROL)
#define ENABLE         0x0800 /* Enable No Snoop */

static int set_up(void **state)
{
	(void)state;
	fake_mem_reset();
	fake_config_reset();
	fake_facts_reset();
	memset(devices, 0, sizeof(devices));
	device_count = 0;
	unit_count = 1;
	units[0] = (struct vtd_unit){.snoop_control = true};
	return 0;
}

static struct device *scan_one(void)
{
	device_scan();
	assert_int_equal(device_count, 1);
	return &devices[0];
}

/* ---- R1 ---- */

static void test_probe(void **state)
{
	static const struct {
		u32 class_code;
		int type; /* -1: no PCIe capability */
		u16 control, writable;
		bool capable;
		enum nosnoop_by by;
		const char *log;
	} rows[] = {
		/* can be set; set already, and hardwired; hardwired 0 */
		{NETWORK, PCIE_ENDPOINT, 0x2010, 0x7fff, true, NOSNOOP_BY_PROBE,
	         "nosnoop=yes by=probe default=snoop box=1 wbinvd=ignore\n"},
		{NETWORK, PCIE_ENDPOINT, 0x2810, 0x7fff, true, NOSNOOP_BY_PROBE, "by=probe"},
		{NETWORK, PCIE_ENDPOINT, 0x2810, 0x77ff, true, NOSNOOP_BY_PROBE, "by=probe"},
		{NETWORK, PCIE_ENDPOINT, 0x2010, 0x77ff, false, NOSNOOP_BY_PROBE,
	         "nosnoop=no by=probe default=snoop box=2 wbinvd=ignore\n"},
		{NETWORK, PCIE_INTEGRATED_ENDPOINT, 0x2010, 0x77ff, false, NOSNOOP_BY_PROBE,
	         "nosnoop=no by=probe"},
		/* graphics: whatever the bit says, if it is integrated */
		{DISPLAY, PCIE_INTEGRATED_ENDPOINT, 0x2010, 0x77ff, true, NOSNOOP_BY_CLASS,
	         "nosnoop=yes by=class"},
		{DISPLAY, PCIE_INTEGRATED_ENDPOINT, 0x2010, 0x7fff, true, NOSNOOP_BY_CLASS,
	         "nosnoop=yes by=class"},
		{DISPLAY, PCIE_ENDPOINT, 0x2010, 0x77ff, false, NOSNOOP_BY_PROBE,
	         "nosnoop=no by=probe"},
		/* nothing is proven */
		{NETWORK, -1, 0, 0, true, NOSNOOP_BY_UNKNOWN,
	         "nosnoop=yes by=unknown default=snoop box=1 wbinvd=ignore\n"},
		{DISPLAY, -1, 0, 0, true, NOSNOOP_BY_UNKNOWN, "nosnoop=yes by=unknown"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_function *f;
		struct device *d;

		set_up(state);
		f = fake_config_add(BDF(0, 3, 0), rows[i].class_code);
		if (rows[i].type >= 0)
			fake_config_add_pcie(f, (u32)rows[i].type, rows[i].control,
			                     rows[i].writable);
		d = scan_one();
		assert_int_equal(d->nosnoop_capable, rows[i].capable);
		assert_int_equal(d->nosnoop_by, rows[i].by);
		assert_int_equal(fake_config_get(f, DEVICE_CONTROL, 2), rows[i].control);
		device_find_units();
		device_log_all();
		assert_non_null(strstr(fake_log, rows[i].log));
	}
}

/* R3: the default policy's answer behind a unit without SC, and of what no unit covers. */
static void test_device_lines(void **state)
{
	(void)state;
	fake_config_add(BDF(0, 3, 0), NETWORK);
	fake_config_add_pcie(fake_config_add(BDF(0, 4, 0), NETWORK), PCIE_ENDPOINT, 0, 0);
	fake_config_add_bridge(BDF(0, 5, 0), 1, 1);
	fake_config_add(BDF(3, 0, 0), NETWORK);
	units[0] = (struct vtd_unit){.index = 2};
	device_scan();
	device_find_units();
	device_log_all();
	assert_string_equal(
		fake_log,
		"device 00:03.0 id=8086:10d3 class=020000 group=00:03.0 unit=2 nosnoop=yes "
		"by=unknown default=nosnoop box=3 wbinvd=emulate\n"
		"device 00:04.0 id=8086:10d3 class=020000 group=00:04.0 unit=2 nosnoop=no by=probe "
		"default=nosnoop box=4 wbinvd=emulate\n"
		"device 00:05.0 id=8086:10d3 class=060400 group=00:05.0 unit=covered type=bridge\n"
		"device 03:00.0 id=8086:10d3 class=020000 group=03:00.0 unit=none\n");
}

static void test_override(void **state)
{
	static const struct {
		bool capable;
		enum nosnoop_by by;
		bool attached, want;
		err_t result;
		enum nosnoop_by after;
	} rows[] = {
		{true, NOSNOOP_BY_UNKNOWN, false, false, E_OK, NOSNOOP_BY_OVERRIDE},
		{true, NOSNOOP_BY_UNKNOWN, false, true, E_OK, NOSNOOP_BY_OVERRIDE},
		{false, NOSNOOP_BY_PROBE, false, true, E_OK, NOSNOOP_BY_OVERRIDE},
		{false, NOSNOOP_BY_PROBE, false, false, E_OK, NOSNOOP_BY_OVERRIDE},
		/* the proof stays */
		{true, NOSNOOP_BY_PROBE, false, true, E_OK, NOSNOOP_BY_PROBE},
		{true, NOSNOOP_BY_CLASS, false, true, E_OK, NOSNOOP_BY_CLASS},
		{true, NOSNOOP_BY_PROBE, false, false, E_USE_BLOCK, NOSNOOP_BY_PROBE},
		{true, NOSNOOP_BY_CLASS, false, false, E_USE_BLOCK, NOSNOOP_BY_CLASS},
		/* R11 */
		{true, NOSNOOP_BY_UNKNOWN, true, false, E_ATTACHED, NOSNOOP_BY_UNKNOWN},
		{true, NOSNOOP_BY_UNKNOWN, true, true, E_ATTACHED, NOSNOOP_BY_UNKNOWN},
		{true, NOSNOOP_BY_PROBE, true, false, E_ATTACHED, NOSNOOP_BY_PROBE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct device d = {.nosnoop_capable = rows[i].capable,
		                   .nosnoop_by = rows[i].by,
		                   .state = rows[i].attached ? DEVICE_ATTACHED : DEVICE_FREE};

		assert_error(device_set_nosnoop(&d, rows[i].want), rows[i].result);
		assert_int_equal(d.nosnoop_capable,
		                 rows[i].result ? rows[i].capable : rows[i].want);
		assert_int_equal(d.nosnoop_by, rows[i].after);
	}
	assert_string_equal(error_name(E_USE_BLOCK), "use nosnoop=block");
}

/* R1: the log says what counts now. */
static void test_override_is_logged(void **state)
{
	struct device *d;

	(void)state;
	fake_config_add(BDF(0, 3, 0), NETWORK);
	d = scan_one();
	device_find_units();
	assert_ok(device_set_nosnoop(d, false));
	assert_string_equal(
		fake_log,
		"device 00:03.0 id=8086:10d3 class=020000 group=00:03.0 unit=0 nosnoop=no "
		"by=override default=snoop box=2 wbinvd=ignore\n");
}

/* Saying yes to a device first does not make what the probe has shown go away. */
static void test_override_twice(void **state)
{
	struct device *d;

	(void)state;
	fake_config_add_pcie(fake_config_add(BDF(0, 3, 0), NETWORK), PCIE_ENDPOINT, 0, ENABLE);
	d = scan_one();
	assert_ok(device_set_nosnoop(d, true));
	assert_error(device_set_nosnoop(d, false), E_USE_BLOCK);
	assert_true(d->nosnoop_capable);
}

/* ---- base address registers ---- */

static void expect_bar(const struct device *d, u32 i, u64 base, u64 size, bool io, bool wide)
{
	assert_int_equal(d->bars[i].base, base);
	assert_int_equal(d->bars[i].size, size);
	assert_int_equal(d->bars[i].io, io);
	assert_int_equal(d->bars[i].wide, wide);
}

/* A half-written BAR must not answer anywhere. */
static void expect_decode_off(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)size, (void)value;
	if (offset >= PCI_BAR && offset < PCI_BAR + 4 * BARS_MAX)
		assert_int_equal(fake_config_get(f, PCI_COMMAND, 2) & 3, 0);
}

/* Scans, and compares: all is as it was, but bus mastering. */
static struct device *size_bars(struct fake_function *f)
{
	u8 before[64];
	struct device *d;

	fake_config_on_write = expect_decode_off;
	memcpy(before, f->bytes, sizeof(before));
	d = scan_one();
	before[PCI_COMMAND] &= (u8)~PCI_COMMAND_BUS_MASTER;
	assert_memory_equal(f->bytes, before, sizeof(before));
	return d;
}

static void test_memory_bars(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d;

	(void)state;
	fake_config_add_bar(f, 0, 0xfe000000, MIB(2), false);
	fake_config_add_bar(f, 1, 0x1234500000, MIB(1), true);
	fake_config_add_bar(f, 3, 0x4000000000, GIB(16), true);
	d = size_bars(f);
	expect_bar(d, 0, 0xfe000000, MIB(2), false, false);
	expect_bar(d, 1, 0x1234500000, MIB(1), false, true);
	expect_bar(d, 2, 0, 0, false, false);
	expect_bar(d, 3, 0x4000000000, GIB(16), false, true);
	expect_bar(d, 5, 0, 0, false, false);
	assert_int_equal(d->bars[1].shadow, 0x34500004);
	assert_int_equal(d->bars[2].shadow, 0x12);
}

/* No register follows the last one: its neighbour is not a BAR, and is not written. */
static void test_wide_bar_in_the_last_slot(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);

	(void)state;
	fake_config_add_bar(f, 5, 0xfe100000, MIB(1), true);
	expect_bar(size_bars(f), 5, 0xfe100000, MIB(1), false, false);
	assert_null(strstr(fake_config_notes, " 28."));
}

static void test_io_bars(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d;

	(void)state;
	fake_config_define(f, PCI_BAR, 4, 0xc001, 0xffffffe0);
	fake_config_define(f, PCI_BAR + 4, 4, 0xd041, 0x0000ffc0); /* upper half wired to 0 */
	d = size_bars(f);
	expect_bar(d, 0, 0xc000, 32, true, false);
	expect_bar(d, 1, 0xd040, 64, true, false);
}

/* Type bits without a writable address bit are no BAR. */
static void test_absent_bars(void **state)
{
	static const u32 values[] = {8, 1, 4, 0, 0xc, 0};
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d;

	(void)state;
	for (u32 i = 0; i < BARS_MAX; i++)
		fake_config_set(f, PCI_BAR + 4 * i, 4, values[i]);
	d = size_bars(f);
	for (u32 i = 0; i < BARS_MAX; i++)
		assert_int_equal(d->bars[i].size, 0);
}

/* Two BARs; what follows are bus numbers and windows. */
static void test_bridge_bars(void **state)
{
	struct fake_function *f = fake_config_add_bridge(BDF(0, 3, 0), 1, 1);

	(void)state;
	fake_config_add_bar(f, 0, 0xfe200000, PAGE_SIZE, false);
	fake_config_define(f, PCI_BAR + 4, 4, 0xfe300004, 0xfffff000); /* 64 bits wide: nonsense */
	expect_bar(size_bars(f), 0, 0xfe200000, PAGE_SIZE, false, false);
	assert_int_equal(fake_config_get(f, PCI_SECONDARY_BUS, 1), 1);
	assert_null(strstr(fake_config_notes, " 18."));
}

/* ---- R21 ---- */

static u32 masters(void)
{
	static const u32 all[] = {BDF(0, 3, 0), BDF(0, 3, 5), BDF(0, 28, 0), BDF(2, 0, 0)};
	u32 count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		count += (pci_read(all[i], PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER) != 0;
	return count;
}

static void expect_no_masters(struct fake_function *f, u32 offset, u8 size, u32 value)
{
	(void)f, (void)size, (void)value;
	if (offset != PCI_COMMAND)
		assert_int_equal(masters(), 0);
}

static void test_bus_mastering_stops_first(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);

	(void)state;
	fake_config_set(f, PCI_HEADER_TYPE, 1, 0x80);
	fake_config_add_bar(f, 0, 0xfe000000, MIB(2), false);
	fake_config_add_pcie(fake_config_add(BDF(0, 3, 5), NETWORK), PCIE_ENDPOINT, 0, ENABLE);
	fake_config_add_bridge(BDF(0, 28, 0), 2, 2);
	fake_config_add_sriov(fake_config_add(BDF(2, 0, 0), NETWORK), true);
	assert_int_equal(masters(), 4);
	fake_config_on_write = expect_no_masters;
	device_scan();
	assert_int_equal(device_count, 4);
	assert_int_equal(masters(), 0);
	assert_string_equal(strtok(fake_config_notes, " "), "00:03.0");
	assert_string_equal(strtok(NULL, " "), "04.2=0003");
}

/* 00:1c.0 leads to 01:00.0, which leads to bus 2; 00:1d.0 leads to bus 3; 00:1e.0 is not set up. */
static void test_bridges_follow_their_devices(void **state)
{
	static const u32 bdfs[] = {BDF(0, 28, 0), BDF(0, 29, 0), BDF(0, 30, 0), BDF(1, 0, 0)};
	struct device *d;

	(void)state;
	fake_config_add_bridge(bdfs[0], 1, 2);
	fake_config_add_bridge(bdfs[1], 3, 3);
	fake_config_add_bridge(bdfs[2], 0, 0);
	fake_config_add_bridge(bdfs[3], 2, 2);
	fake_config_add(BDF(2, 0, 0), NETWORK);
	fake_config_add(BDF(0, 2, 0), NETWORK);
	device_scan();
	device_allow_dma(device_find(BDF(0, 2, 0)));
	for (size_t i = 0; i < ARRAY_SIZE(bdfs); i++)
		assert_int_equal(pci_read(bdfs[i], PCI_COMMAND, 2), 3);
	d = device_find(BDF(2, 0, 0));
	d->command |= PCI_COMMAND_BUS_MASTER;
	fake_config_notes[0] = 0;
	device_allow_dma(d);
	assert_string_equal(fake_config_notes,
	                    "00:1c.0 04.2=0007 01:00.0 04.2=0007 02:00.0 04.2=0006 ");
	assert_int_equal(pci_read(bdfs[1], PCI_COMMAND, 2), 3);
	assert_int_equal(pci_read(bdfs[2], PCI_COMMAND, 2), 3);
}

static void test_virtual_functions_are_switched_off(void **state)
{
	struct fake_function *on = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct fake_function *off = fake_config_add(BDF(0, 4, 0), NETWORK);

	(void)state;
	fake_config_add_sriov(on, true);
	fake_config_add_sriov(off, false);
	device_scan();
	assert_int_equal(fake_config_get(on, 0x160 + SRIOV_CONTROL, 2), 0x18);
	assert_null(strstr(fake_config_notes, "00:04.0 168"));
}

/* ---- quiesce ---- */

static struct device *scan_master(struct fake_function *f)
{
	struct device *d;

	fake_config_add_pcie(f, PCIE_ENDPOINT, 0x2010, 0x7fff);
	d = scan_one();
	d->command |= PCI_COMMAND_BUS_MASTER;
	device_allow_dma(d);
	assert_int_equal(fake_config_get(f, PCI_COMMAND, 2), 6);
	fake_config_notes[0] = 0;
	return d;
}

static void test_quiesce(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d = scan_master(f);

	(void)state;
	assert_true(device_quiesce(d));
	assert_string_equal(fake_config_notes, "00:03.0 04.2=0002 ");
	fake_config_set(f, 0x40 + PCIE_DEVICE_STATUS, 2, PCIE_PENDING);
	assert_false(device_quiesce(d));
	assert_int_equal(fake_config_get(f, PCI_COMMAND, 2), 2);
}

/* Its BARs are back for the next owner; what the last one wrote is not. */
static void test_quiesce_resets(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d;

	(void)state;
	fake_config_add_flr(f);
	fake_config_add_bar(f, 0, 0xfe000000, MIB(2), false);
	d = scan_master(f);
	d->bars[0].shadow = 0xffe00000;
	assert_true(device_quiesce(d));
	assert_string_equal(fake_config_notes, "00:03.0 04.2=0002 00:03.0 49.1=a0 "
	                                       "00:03.0 10.4=fe000000 00:03.0 04.2=0002 ");
	assert_int_equal(f->resets, 1);
	assert_int_equal(d->command, 0);
	assert_int_equal(d->bars[0].shadow, 0xfe000000);
}

/* Advanced Features have a bit for pending transactions of their own. */
static void test_quiesce_by_advanced_features(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	struct device *d;

	(void)state;
	fake_config_add_af(f);
	d = scan_one();
	assert_true(device_quiesce(d));
	assert_int_equal(f->resets, 1);
	fake_config_set(f, 0xa5, 1, 1);
	assert_false(device_quiesce(d));
	assert_int_equal(f->resets, 2);
}

/* ---- nosnoop=block (R2) ---- */

static void test_block(void **state)
{
	static const struct {
		u32 bdf, class_code, id;
		int type;
		u16 control, writable;
		err_t result;
	} rows[] = {
		{BDF(0, 3, 0), NETWORK, 0x10d38086, PCIE_ENDPOINT, 0x2010, 0x7fff, E_OK},
		{BDF(0, 3, 0), NETWORK, 0x10d38086, PCIE_ENDPOINT, 0x2a10, 0x7fff, E_OK},
		{BDF(1, 0, 0), DISPLAY, 0x10d38086, PCIE_ENDPOINT, 0x2810, 0x7fff, E_OK},
		/* hardwired to 0, to 1; no register */
		{BDF(0, 3, 0), NETWORK, 0x10d38086, PCIE_ENDPOINT, 0x2010, 0x77ff, E_NO_BIT},
		{BDF(0, 3, 0), NETWORK, 0x10d38086, PCIE_ENDPOINT, 0x2810, 0x77ff, E_NO_BIT},
		{BDF(0, 3, 0), NETWORK, 0x10d38086, -1, 0, 0, E_NO_BIT},
		/* graphics: integrated, AMD's, Nvidia's */
		{BDF(0, 2, 0), DISPLAY, 0x10d38086, PCIE_INTEGRATED_ENDPOINT, 0x2010, 0x7fff,
	         E_DENY_LIST},
		{BDF(0, 2, 0), DISPLAY, 0x10d38086, -1, 0, 0, E_DENY_LIST},
		{BDF(1, 0, 0), DISPLAY, 0x10d31002, PCIE_ENDPOINT, 0x2810, 0x7fff, E_DENY_LIST},
		{BDF(1, 0, 0), DISPLAY, 0x10d310de, PCIE_ENDPOINT, 0x2810, 0x7fff, E_DENY_LIST},
		{BDF(1, 0, 0), NETWORK, 0x10d31002, PCIE_ENDPOINT, 0x2810, 0x7fff, E_OK},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_function *f;
		struct device *d;
		bool capable;

		set_up(state);
		unit_count = 2;
		units[1] = units[0];
		f = fake_config_add(rows[i].bdf, rows[i].class_code);
		fake_config_set(f, PCI_VENDOR_ID, 4, rows[i].id);
		if (rows[i].type >= 0)
			fake_config_add_pcie(f, (u32)rows[i].type, rows[i].control,
			                     rows[i].writable);
		d = scan_one();
		device_find_units();
		capable = d->nosnoop_capable;
		d->state = DEVICE_ATTACHED;
		assert_error(device_block_nosnoop(d), E_ATTACHED);
		d->state = DEVICE_FREE;
		assert_error(device_block_nosnoop(d), rows[i].result);
		if (rows[i].result) {
			assert_int_equal(d->nosnoop_capable, capable);
			assert_int_equal(fake_config_get(f, DEVICE_CONTROL, 2), rows[i].control);
			assert_string_equal(fake_log, "");
			continue;
		}
		assert_false(d->nosnoop_capable);
		device_allow_dma(d);
		assert_int_equal(fake_config_get(f, DEVICE_CONTROL, 2), 0x2010);
		assert_non_null(strstr(fake_log, "nosnoop=no by=block default=snoop box=2 "
		                                 "wbinvd=ignore\n"));
	}
}

/* ---- capability lists ---- */

static void test_broken_capability_lists_end(void **state)
{
	static const struct {
		u8 first, next; /* of the capability at 0x50 */
	} rows[] = {{0x50, 0x50}, {0x50, 0x60}, {0x50, 0xff}, {0x50, 0x3c}, {0x3c, 0}, {0xfc, 0}};
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);

	(void)state;
	fake_config_set(f, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	fake_config_set(f, 0x50, 1, 0x05);
	fake_config_set(f, 0x60, 2, 0x5001); /* back to 0x50 */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fake_config_set(f, PCI_CAP_POINTER, 1, rows[i].first);
		fake_config_set(f, 0x51, 1, rows[i].next);
		assert_int_equal(pci_find_capability(f->bdf, PCI_CAP_PCIE), 0);
	}
	fake_config_set(f, PCI_CAP_POINTER, 1, 0x53); /* the low bits are reserved */
	assert_int_equal(pci_find_capability(f->bdf, 0x05), 0x50);
	fake_config_set(f, PCI_STATUS, 2, 0); /* no list: the pointer means nothing */
	assert_int_equal(pci_find_capability(f->bdf, 0x05), 0);
}

static void test_broken_extended_lists_end(void **state)
{
	struct fake_function *f = fake_config_add(BDF(0, 3, 0), NETWORK);
	static const u32 heads[] = {0, ~0u, 0x10010001 /* itself */, 0x20010001 /* a loop */,
	                            0x04010001 /* into the first 256 bytes */};

	(void)state;
	fake_config_set(f, 0x200, 4, 0x10010002);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		fake_config_set(f, PCI_EXT_CAPS, 4, heads[i]);
		assert_int_equal(pci_find_extended_capability(f->bdf, PCI_EXT_CAP_SRIOV), 0);
	}
	fake_config_add_sriov(f, false);
	assert_int_equal(pci_find_extended_capability(f->bdf, PCI_EXT_CAP_SRIOV), 0x160);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_probe, set_up),
		cmocka_unit_test_setup(test_device_lines, set_up),
		cmocka_unit_test_setup(test_override, set_up),
		cmocka_unit_test_setup(test_override_is_logged, set_up),
		cmocka_unit_test_setup(test_override_twice, set_up),
		cmocka_unit_test_setup(test_memory_bars, set_up),
		cmocka_unit_test_setup(test_wide_bar_in_the_last_slot, set_up),
		cmocka_unit_test_setup(test_io_bars, set_up),
		cmocka_unit_test_setup(test_absent_bars, set_up),
		cmocka_unit_test_setup(test_bridge_bars, set_up),
		cmocka_unit_test_setup(test_bus_mastering_stops_first, set_up),
		cmocka_unit_test_setup(test_bridges_follow_their_devices, set_up),
		cmocka_unit_test_setup(test_virtual_functions_are_switched_off, set_up),
		cmocka_unit_test_setup(test_quiesce, set_up),
		cmocka_unit_test_setup(test_quiesce_resets, set_up),
		cmocka_unit_test_setup(test_quiesce_by_advanced_features, set_up),
		cmocka_unit_test_setup(test_block, set_up),
		cmocka_unit_test_setup(test_broken_capability_lists_end, set_up),
		cmocka_unit_test_setup(test_broken_extended_lists_end, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
