/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A remapping unit behind core/mmio.h: commands, the invalidation queue, fault records. It answers
 * like one, notes what it is asked as lines of text, and fails the test on an access that real or
 * emulated units do not take: two commands in one write, a one-shot bit fired again, a 64-bit write
 * to FSTS or FECTL, a wait descriptor with an interrupt.
 */
#ifndef TESTS_HOST_FAKE_UNIT_H
#define TESTS_HOST_FAKE_UNIT_H

#include "lib/types.h"
#include "tests/host/fake_mmio.h"

#define FAKE_UNITS         2
#define FAKE_UNIT_BASE(n)  (0xfed90000ull + (n)*0x10000ull)
#define FAKE_UNIT_REG_SIZE 0x3000u

struct fake_unit {
	struct fake_mmio mmio;
	u8 regs[FAKE_UNIT_REG_SIZE];
	u32 stuck;          /* commands it does not act on */
	bool lags;          /* commands and the queue wait for fake_unit_catch_up */
	u32 pending;        /* the command that does */
	bool queue_stopped; /* descriptors are not looked at */
	u32 head_lag;       /* the head reaches the tail when it is read for the n-th time */
	u32 queue_errors;   /* bits of FSTS raised at the next descriptor instead of obeying */
	u32 tail_writes;
	u32 silent_rids;      /* bit n: the device TLB of device n on bus 0 does not answer */
	bool silent_for_ever; /* and the unit does not say so by ITE */
	bool unanswered;      /* one that was asked, since the last wait */
	u32 events;           /* fault events it has sent */
	bool holds_event;     /* it cannot for a moment */
	void (*on_invalidation)(struct fake_unit *unit);                  /* before one is obeyed */
	void (*on_descriptor)(struct fake_unit *unit, u64 low, u64 high); /* what it is */
	void (*on_command)(struct fake_unit *unit, u32 command, bool on); /* when it is obeyed */
	char notes[1 << 14];
};

extern struct fake_unit fake_units[FAKE_UNITS];

void fake_unit_reset(u32 n, u64 cap, u64 ecap);
u32 fake_unit_r32(const struct fake_unit *unit, u32 offset);
void fake_unit_set32(struct fake_unit *unit, u32 offset, u32 value);
void fake_unit_set64(struct fake_unit *unit, u32 offset, u64 value);

/* Completes the command under way, then obeys what is queued. */
void fake_unit_catch_up(struct fake_unit *unit);
/* Obeys what is queued now, however late. */
void fake_unit_run_queue(struct fake_unit *unit);

/* Puts a fault into record n (16 bytes at FRO) and raises PPF; PFO if it was still full. */
void fake_unit_raise_fault(struct fake_unit *unit, u32 n, u16 rid, u8 reason, bool read,
                           u64 address);

#endif
