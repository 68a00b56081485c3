// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_unit.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/mem.h"

/* Typed from the specification once more, not taken from vtd/reg.h. */
enum {
	CAP = 0x08,
	ECAP = 0x10,
	GCMD = 0x18,
	GSTS = 0x1c,
	RTADDR = 0x20,
	CCMD = 0x28,
	FSTS = 0x34,
	FECTL = 0x38,
	FEDATA = 0x3c,
	FEADDR = 0x40,
	FEUADDR = 0x44,
	PMEN = 0x64,
	IQH = 0x80,
	IQT = 0x88,
	IQA = 0x90,
	IRTA = 0xb8,
};

struct fake_unit fake_units[FAKE_UNITS];

static const struct {
	u32 bit;
	const char *name;
} commands[] = {
	{1u << 31, "TE"},  {1u << 30, "SRTP"},  {1u << 27, "WBF"}, {1u << 26, "QIE"},
	{1u << 25, "IRE"}, {1u << 24, "SIRTP"}, {1u << 23, "CFI"},
};
#define ONE_SHOT ((1u << 30) | (1u << 29) | (1u << 27) | (1u << 24))

static void note(struct fake_unit *unit, const char *format, ...)
{
	size_t length = strlen(unit->notes);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(unit->notes + length, sizeof(unit->notes) - length, format, arguments);
	va_end(arguments);
}

static u64 reg64(const struct fake_unit *unit, u32 offset)
{
	u64 value;

	memcpy(&value, unit->regs + offset, sizeof(value));
	return value;
}

u32 fake_unit_r32(const struct fake_unit *unit, u32 offset)
{
	u32 value;

	memcpy(&value, unit->regs + offset, sizeof(value));
	return value;
}

void fake_unit_set32(struct fake_unit *unit, u32 offset, u32 value)
{
	memcpy(unit->regs + offset, &value, sizeof(value));
}

void fake_unit_set64(struct fake_unit *unit, u32 offset, u64 value)
{
	memcpy(unit->regs + offset, &value, sizeof(value));
}

/* ---- commands ---- */

static void complete_command(struct fake_unit *unit, u32 bit, bool on)
{
	u32 status = fake_unit_r32(unit, GSTS);

	if (bit == 1u << 27)
		on = false; /* its status bit is set while it is under way */
	fake_unit_set32(unit, GSTS, on ? status | bit : status & ~bit);
	if (bit == 1u << 26 && !on) {
		fake_unit_set64(unit, IQH, 0);
		unit->unanswered = false;
	}
	if (unit->on_command)
		unit->on_command(unit, bit, on);
}

static void write_command(struct fake_unit *unit, u32 value)
{
	u32 status = fake_unit_r32(unit, GSTS);
	u32 changed = (value ^ status) & ~ONE_SHOT;
	u32 bit = changed | (value & ONE_SHOT);
	bool on = value & bit;

	if (!bit || (bit & (bit - 1)))
		fail_msg("command 0x%x with status 0x%x is not one bit", value, status);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].bit == bit)
			note(unit, "%s%s\n", commands[i].name,
			     bit & ONE_SHOT ? ""
			     : on           ? "=1"
			                    : "=0");
	}
	if (unit->pending)
		fail_msg("command 0x%x while 0x%x is under way", bit, unit->pending);
	if (bit & ONE_SHOT & ~(1u << 27))
		fake_unit_set32(unit, GSTS, status & ~bit); /* set again when it is done */
	if (bit == 1u << 27)
		fake_unit_set32(unit, GSTS, status | bit);
	if (unit->lags)
		unit->pending = bit;
	else if (!(unit->stuck & bit))
		complete_command(unit, bit, on);
}

void fake_unit_catch_up(struct fake_unit *unit)
{
	u32 bit = unit->pending;

	unit->pending = 0;
	if (bit)
		complete_command(unit, bit, bit & ONE_SHOT || !(fake_unit_r32(unit, GSTS) & bit));
	if (fake_unit_r32(unit, GSTS) & 1u << 26 && !unit->queue_stopped)
		fake_unit_run_queue(unit);
}

/* ---- queue ---- */

/* 6.5.2.5: of 2^n pages, whose address has n - 1 ones above bit 11 if S is set. */
static void obey_tlb(struct fake_unit *unit, u64 low, u64 high)
{
	u32 rid = low >> 32 & 0xffff, lg2 = high & 1 ? 1 + __builtin_ctzll(~(high >> 12)) : 0;
	u64 function = (low >> 12 & 0xf) | low >> 52 << 4;

	assert_false(low & 0xffe00ff0 || high & 0xffe);
	assert_true(reg64(unit, ECAP) & 4);
	assert_int_equal(function, reg64(unit, ECAP) >> 41 & 1 ? rid : 0);
	note(unit, "tlb rid=%04x address=%llx pages-lg2=%u depth=%u\n", rid,
	     (unsigned long long)(high >> 12 << 12 & ~((1ull << lg2 << 11) - 1)), lg2,
	     (u32)(low >> 16 & 0x1f));
	if (unit->on_descriptor)
		unit->on_descriptor(unit, low, high);
}

static void obey(struct fake_unit *unit, u64 low, u64 high)
{
	u32 kind = low & 0xf, granularity = low >> 4 & 3, domain = low >> 16 & 0xffff;
	static const char *const scopes[] = {"?", "all", "domain", "one"};

	if (kind == 5) {
		assert_int_equal(low & 0xfffffff0, 1u << 5); /* SW, never with IF */
		memcpy(phys_to_virt(high), (const u8 *)&low + 4, 4);
		note(unit, "wait\n");
		return;
	}
	if (unit->on_invalidation)
		unit->on_invalidation(unit);
	if (kind == 3) {
		obey_tlb(unit, low, high);
		return;
	}
	if (kind == 1)
		note(unit, "context %s domain=%u rid=%04x\n", scopes[granularity], domain,
		     (u32)(low >> 32 & 0xffff));
	else if (kind == 2)
		note(unit, "iotlb %s domain=%u drain=%u address=%llx pages=%u\n",
		     scopes[granularity], domain, (u32)(low >> 6 & 3),
		     (unsigned long long)(high & ~0xfffull),
		     granularity == 3 ? 1u << (high & 0x3f) : 0);
	else if (low == 0x37 && !high)
		note(unit, "pasids all\n");
	else if (kind == 4 && !(low & ~0xffff0000001full) && !high)
		note(unit, "interrupt %s index=%u\n", low & 0x10 ? "one" : "all", (u32)(low >> 32));
	else
		fail_msg("descriptor 0x%llx", (unsigned long long)low);
	if (unit->on_descriptor)
		unit->on_descriptor(unit, low, high);
}

/* Whether a descriptor from here to the next wait is for a device TLB that does not answer: then
 * nothing of all that need be done. */
static bool meets_silence(const struct fake_unit *unit, const u8 *queue, u64 at, u64 size)
{
	u64 low;

	for (;; at = (at + size) % PAGE_SIZE) {
		memcpy(&low, queue + at, sizeof(low));
		if ((low & 0xf) == 5)
			return false;
		if ((low & 0xf) == 3 && !(low >> 32 & 0xff07) &&
		    unit->silent_rids >> (low >> 35 & 0x1f) & 1)
			return true;
	}
}

void fake_unit_run_queue(struct fake_unit *unit)
{
	u64 head = reg64(unit, IQH) & 0x7fff0, tail = reg64(unit, IQT) & 0x7fff0;
	const u8 *queue = phys_to_virt(reg64(unit, IQA) & ~0xfffull);
	u64 size = reg64(unit, IQA) & 0x800 ? 32 : 16;

	if (fake_unit_r32(unit, FSTS) & 0x50) /* IQE or ITE: it stands still */
		return;
	assert_true(tail < PAGE_SIZE);
	while (head != tail && !unit->queue_errors) {
		u64 words[4] = {0};

		/* in scalable mode those of 16 bytes are not understood */
		assert_true((reg64(unit, RTADDR) >> 10 & 3) != 1 || size == 32);
		memcpy(words, queue + head, size);
		assert_true(!words[2] && !words[3]);
		if (unit->unanswered && (words[0] & 0xf) == 5) { /* 6.5.2.11 */
			if (!unit->silent_for_ever)
				fake_unit_set32(unit, FSTS, fake_unit_r32(unit, FSTS) | 0x40);
			return;
		}
		unit->unanswered |= meets_silence(unit, queue, head, size);
		if (!unit->unanswered)
			obey(unit, words[0], words[1]);
		head = (head + size) % PAGE_SIZE;
		fake_unit_set64(unit, IQH, head);
	}
	fake_unit_set32(unit, FSTS, fake_unit_r32(unit, FSTS) | unit->queue_errors);
}

static void write_tail(struct fake_unit *unit)
{
	unit->tail_writes++;
	if (!(fake_unit_r32(unit, GSTS) & 1u << 26) || unit->queue_stopped || unit->lags)
		return;
	fake_unit_run_queue(unit);
}

/* ---- faults ---- */

static u32 record_offset(const struct fake_unit *unit, u32 n)
{
	return (u32)(reg64(unit, CAP) >> 24 & 0x3ff) * 16 + n * 16;
}

#define IM 0x80000000u
#define IP 0x40000000u

/* 11.4.7.2: the message leaves when neither mask nor anything else keeps it. */
static void write_event_control(struct fake_unit *unit, u32 value)
{
	if (value & IP && !(value & IM) && !unit->holds_event) {
		unit->events++;
		value &= ~IP;
	}
	fake_unit_set32(unit, FECTL, value);
}

void fake_unit_raise_fault(struct fake_unit *unit, u32 n, u16 rid, u8 reason, bool read,
                           u64 address)
{
	u32 at = record_offset(unit, n), status = fake_unit_r32(unit, FSTS);

	if (!(status & 0x73))
		write_event_control(unit, fake_unit_r32(unit, FECTL) | IP);
	if (reg64(unit, at + 8) >> 63) {
		fake_unit_set32(unit, FSTS, status | 1);
		return;
	}
	fake_unit_set64(unit, at, address);
	fake_unit_set64(unit, at + 8, rid | (u64)reason << 32 | (u64)read << 62 | 1ull << 63);
	if (!(status & 2))
		fake_unit_set32(unit, FSTS, (status & 0xff) | 2 | n << 8);
}

static void clear_record(struct fake_unit *unit, u32 offset)
{
	u32 records = (u32)(reg64(unit, CAP) >> 40 & 0xff) + 1, status = fake_unit_r32(unit, FSTS);

	fake_unit_set32(unit, offset, fake_unit_r32(unit, offset) & ~(1u << 31));
	for (u32 n = 0; n < records; n++) {
		if (reg64(unit, record_offset(unit, n) + 8) >> 63) {
			fake_unit_set32(unit, FSTS, (status & 0xff) | n << 8);
			return;
		}
	}
	fake_unit_set32(unit, FSTS, status & ~2u);
}

/* ---- the door ---- */

static u64 read_register(struct fake_mmio *m, u32 offset, u8 size)
{
	struct fake_unit *unit = (struct fake_unit *)m;

	assert_true(size == 4 || size == 8);
	if (offset == IQH && unit->head_lag && --unit->head_lag == 0) {
		note(unit, "drained\n");
		fake_unit_set64(unit, IQH, reg64(unit, IQT));
	}
	return size == 4 ? fake_unit_r32(unit, offset) : reg64(unit, offset);
}

static void write32(struct fake_unit *unit, u32 offset, u32 value)
{
	u32 records = record_offset(unit, 0);

	if (offset == GCMD) {
		write_command(unit, value);
	} else if (offset == FSTS) { /* write one to clear, but PPF and FRI */
		if (value & 0x70)
			unit->queue_errors = 0;
		if (value & 0x40)
			unit->unanswered = false;
		fake_unit_set32(unit, FSTS, fake_unit_r32(unit, FSTS) & ~(value & 0x71));
		if (!(fake_unit_r32(unit, FSTS) & 0x73)) /* QEMU looks here only */
			fake_unit_set32(unit, FECTL, fake_unit_r32(unit, FECTL) & ~IP);
	} else if (offset == PMEN) {
		note(unit, "PMEN=%u\n", value >> 31);
		fake_unit_set32(unit, PMEN, value | (unit->stuck & 1));
	} else if (offset == FECTL) {
		write_event_control(unit, value | (fake_unit_r32(unit, FECTL) & IP));
	} else if (offset == FEDATA || offset == FEADDR || offset == FEUADDR) {
		fake_unit_set32(unit, offset, value);
	} else if (offset >= records && (offset - records) % 16 == 12 && value == 1u << 31) {
		clear_record(unit, offset);
	} else {
		fail_msg("32-bit write of 0x%x to register 0x%x", value, offset);
	}
}

/* Invalidation by registers (11.4.6): done at once, unless it is told to be stuck or to refuse. */
static void invalidate(struct fake_unit *unit, u32 offset, u64 value)
{
	u32 iva = (u32)(reg64(unit, ECAP) >> 8 & 0x3ff) * 16;
	u32 shift = offset == CCMD ? 61 : 60, scope = value >> shift & 3;
	u64 low = offset == CCMD ? 1 | (value & 0xffff) << 16 | (value >> 16 & 0xffff) << 32
	                         : 2 | (value >> 32 & 0xffff) << 16 | (value >> 48 & 3) << 6;

	assert_false(reg64(unit, ECAP) & 2 || reg64(unit, offset) >> 63);
	assert_true(value >> 63 && scope);
	if (!unit->queue_stopped && !unit->queue_errors)
		obey(unit, low | scope << 4, offset == CCMD ? 0 : reg64(unit, iva));
	if (!unit->queue_stopped)
		value &= ~BIT(63);
	if (!unit->queue_errors)
		value |= (u64)scope << (shift - (offset == CCMD ? 2 : 3));
	fake_unit_set64(unit, offset, value);
}

static void write64(struct fake_unit *unit, u32 offset, u64 value)
{
	u32 iva = (u32)(reg64(unit, ECAP) >> 8 & 0x3ff) * 16;

	if (offset == CCMD || offset == iva + 8) {
		invalidate(unit, offset, value);
		return;
	}
	if (offset == iva) {
		fake_unit_set64(unit, offset, value);
		return;
	}
	if (offset != RTADDR && offset != IQT && offset != IQA && offset != IRTA)
		fail_msg("64-bit write to register 0x%x", offset);
	if (offset != IQT)
		note(unit, "%s\n", offset == RTADDR ? "RTADDR" : offset == IQA ? "IQA" : "IRTA");
	fake_unit_set64(unit, offset, value);
	if (offset == IQT)
		write_tail(unit);
}

static void write_register(struct fake_mmio *m, u32 offset, u8 size, u64 value)
{
	struct fake_unit *unit = (struct fake_unit *)m;

	assert_true(size == 4 || size == 8);
	if (size == 4)
		write32(unit, offset, (u32)value);
	else
		write64(unit, offset, value);
}

void fake_unit_reset(u32 n, u64 cap, u64 ecap)
{
	struct fake_unit *unit = &fake_units[n];

	*unit = (struct fake_unit){.mmio = {.base_pa = FAKE_UNIT_BASE(n),
	                                    .size = FAKE_UNIT_REG_SIZE,
	                                    .read = read_register,
	                                    .write = write_register}};
	fake_mmio_add(&unit->mmio);
	fake_unit_set64(unit, CAP, cap);
	fake_unit_set64(unit, ECAP, ecap);
}
