// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/report.h"
#include "guests/rounds/rounds.h"

struct toy toys[TOYS_MAX];
static uint32_t toy_count;
static bool is_policy_device;
static int64_t ioasids[2]; /* by snoop */

void ioasids_alloc(void)
{
	ioasids[0] = snoopervisor_ioasid_alloc(&hypervisor, HYPERCALL_REQUEST_NOSNOOP);
	ioasids[1] = snoopervisor_ioasid_alloc(&hypervisor, HYPERCALL_REQUEST_SNOOP);
	if (ioasids[0] < 0 || ioasids[1] < 0)
		report(false, "alloc nosnoop=%ld snoop=%ld", ioasids[0], ioasids[1]);
}

void ioasids_free(void)
{
	for (int i = 0; i < 2; i++) {
		int64_t result = snoopervisor_ioasid_free(&hypervisor, (uint64_t)ioasids[i]);

		if (result)
			report(false, "free ioasid=%ld result=%ld", ioasids[i], result);
	}
}

static uint32_t count_in(uint32_t box)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < toy_count; i++)
		count += toys[i].box == box;
	return count;
}

/* R10 */
static uint32_t box_that_decides(void)
{
	if (count_in(BOX_3))
		return BOX_3;
	return count_in(BOX_4) && !is_policy_device ? BOX_4 : BOX_NONE;
}

static uint64_t count(uint64_t which)
{
	return (uint64_t)snoopervisor_counter(&hypervisor, which | HYPERCALL_COUNTER_OF_CPU(0));
}

/* What is said, and what is done on this CPU. */
static bool check_verdict(const char *after, const struct toy *toy)
{
	uint32_t because = box_that_decides();
	uint64_t verdict = because ? HYPERCALL_VERDICT_EMULATE : HYPERCALL_VERDICT_IGNORE;
	uint64_t said = (uint64_t)snoopervisor_verdict(&hypervisor), done;
	uint64_t which = because ? HYPERCALL_COUNTER_EMULATED : HYPERCALL_COUNTER_IGNORED;

	done = count(which);
	__asm__ volatile("wbinvd" : : : "memory");
	done = count(which) - done;
	if (said == (verdict | because << 8) && done == 1)
		return true;
	report(false, "verdict after=%s function=0x%x expected-box=%u said=0x%lx served=%lu", after,
	       toy->edu.function, because, said, done);
	return false;
}

static uint32_t box_of(bool snoop, bool capable)
{
	if (snoop)
		return capable ? BOX_1 : BOX_2;
	return capable ? BOX_3 : BOX_4;
}

bool toy_attach(struct toy *toy, bool snoop)
{
	int64_t info = snoopervisor_device_info(&hypervisor, toy->edu.function);
	uint32_t box = box_of(snoop, HYPERCALL_INFO_NOSNOOP(info));
	uint32_t format = snoop ? HYPERCALL_FORMAT_SNOOP : HYPERCALL_FORMAT_NOSNOOP;
	int64_t result =
		snoopervisor_attach(&hypervisor, toy->edu.function, (uint64_t)ioasids[snoop]);

	if (result != (int64_t)(format | (box != BOX_3) << 8 | box << 16)) {
		report(false, "attach function=0x%x info=0x%lx box=%u result=0x%lx",
		       toy->edu.function, info, box, result);
		return false;
	}
	toy->box = box;
	edu_enable(&toy->edu);
	return check_verdict("attach", toy);
}

bool toy_detach(struct toy *toy)
{
	int64_t result = snoopervisor_detach(&hypervisor, toy->edu.function);

	if (result) {
		report(false, "detach function=0x%x result=%ld", toy->edu.function, result);
		return false;
	}
	toy->box = BOX_NONE;
	return check_verdict("detach", toy);
}

uint32_t toys_init(bool policy_device)
{
	is_policy_device = policy_device;
	while (toy_count < TOYS_MAX && edu_find(&toys[toy_count].edu, toy_count))
		toy_count++;
	for (uint32_t i = 0; i < toy_count; i++)
		if (snoopervisor_detach(&hypervisor, toys[i].edu.function))
			report(false, "detach function=0x%x", toys[i].edu.function);
	return toy_count;
}
