// SPDX-License-Identifier: BSD-2-Clause
#include "core/fault.h"

#include "core/clock.h"
#include "core/console.h"
#include "core/control.h"
#include "core/device.h"
#include "core/facts.h"
#include "core/group.h"
#include "core/ioasid.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/vm.h"
#include "lib/format.h"
#include "lib/rate.h"

#define FAULTS_PER_POLL 16 /* a storm must not keep the hypervisor from the guest */

/* So many faults of one device without a quiet second are a storm, and cost it bus mastering. */
#define STORM_FAULTS 10000
#define QUIET_MS     1000

static struct lock fault_lock; /* guards what is here, and the units' fault records */
static bool storm;             /* somebody's has not been acted upon */
static u32 fenced; /* units whose failure has been, by index; device TLBs lost, from bit 16 */

static struct cpu *event_cpu; /* that the units tell; NULL: none */

/* Rate of one device's lines, and the last fault; by index into devices[], the last for unknown
 * ones. */
static struct {
	struct rate rate;
	struct vtd_fault last;
	const struct vtd_unit *unit;
	u32 total; /* that lines have told of */
	u32 burst; /* without a quiet second */
	u64 last_ms;
} log[DEVICES_MAX + 1];

static void show(struct output *out, u32 slot, u32 count)
{
	const struct vtd_fault *f = &log[slot].last;

	output_line(out,
	            "fault unit=%u device=%s address=0x%lx access=%s reason=0x%x (%s) count=%u",
	            log[slot].unit->index, BDF_TEXT((u32)log[slot].unit->segment << 16 | f->rid),
	            f->address, f->read ? "read" : "write", f->reason, vtd_fault_reason(f->reason),
	            count);
}

static void print(u32 slot)
{
	log[slot].total += log[slot].rate.pending;
	show(&output_log, slot, rate_take(&log[slot].rate));
}

void fault_show(struct output *out)
{
	for (u32 slot = 0; slot <= DEVICES_MAX; slot++) {
		if (log[slot].unit)
			show(out, slot, log[slot].total + log[slot].rate.pending);
	}
}

/* Returns whether a storm of it would end, by quarantine. */
static bool note(const struct vtd_unit *unit, const struct vtd_fault *fault)
{
	struct device *d = group_find_requester((u32)unit->segment << 16 | fault->rid);
	u32 slot = d ? (u32)(d - devices) : DEVICES_MAX;
	u64 now_ms = clock_ms();

	if (d && d->vm)
		d->vm->counters.faults++;
	log[slot].last = *fault;
	log[slot].unit = unit;
	if (now_ms - log[slot].last_ms > QUIET_MS)
		log[slot].burst = 0;
	log[slot].last_ms = now_ms;
	storm |= ++log[slot].burst >= STORM_FAULTS && d;
	if (rate_count(&log[slot].rate))
		print(slot);
	return d && d->state == DEVICE_ATTACHED;
}

/* False: there is more, of devices that end in quarantine if they go on. A storm that cannot be
 * ended is left to the polls at exits, and to a unit that tells of it no more often than they find
 * it quiet. */
static bool poll_unit(struct vtd_unit *unit)
{
	static struct rate overflows[DMAR_UNITS_MAX]; /* each belongs to its unit */
	struct rate *rate = &overflows[unit->index];
	bool overflow = false, ends = true;
	struct vtd_fault fault;

	for (u32 i = 0; i < FAULTS_PER_POLL; i++) {
		bool more = vtd_next_fault(unit, &fault, &overflow);

		if (overflow && rate_count(rate))
			log_line("fault unit=%u overflow=%u", unit->index, rate_take(rate));
		if (!more && ends)
			vtd_arm_fault_event(unit);
		if (!more)
			return true;
		ends &= note(unit, &fault);
	}
	return !ends;
}

/* Under the control lock, so that nothing is half attached. */
static void contain(u32 failed)
{
	for_each_device (d) {
		u32 *burst = &log[d - devices].burst;

		if (*burst >= STORM_FAULTS && d->state == DEVICE_ATTACHED)
			ioasid_quarantine(d, "fault-storm");
		if (*burst >= STORM_FAULTS)
			*burst = 0;
	}
	storm = false;
	fenced = failed;
}

bool fault_poll(void)
{
	bool done = true;
	u32 failed = 0;

	if (!lock_try(&fault_lock)) /* another CPU is at it */
		return false;
	for (u32 i = 0; i < unit_count; i++) {
		done &= poll_unit(&units[i]);
		failed += ((u32)units[i].failed << i) + (units[i].tlbs_lost << 16);
	}
	if ((storm || failed != fenced) && control_try()) { /* else the next poll does */
		contain(failed);
		control_give();
	}
	lock_give(&fault_lock);
	return done;
}

void fault_start_events(void)
{
	event_cpu = &cpus[console_cpu ? console_cpu->index : 0];
	for (u32 i = 0; i < unit_count; i++)
		vtd_start_fault_event(&units[i], event_cpu->apic_id);
	fault_poll(); /* which arms them */
}

bool fault_take_event(struct cpu *cpu)
{
	bool taken = false;

	for (u32 i = 0; i < unit_count && cpu == event_cpu; i++)
		taken |= vtd_take_fault_event(&units[i]);
	if (taken)
		mailbox_post(cpu, ASK_FAULTS);
	return taken;
}

void fault_log_pending(void)
{
	lock_take(&fault_lock);
	for (u32 slot = 0; slot <= DEVICES_MAX; slot++) {
		if (log[slot].rate.pending)
			print(slot);
	}
	lock_give(&fault_lock);
}
