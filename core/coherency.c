// SPDX-License-Identifier: BSD-2-Clause
#include "core/coherency.h"

const char *const coherency_formats[] = {"unresolved", "snoop", "nosnoop"};
const char *const coherency_requests[] = {"default", "snoop", "nosnoop", 0};
const char *const coherency_policies[] = {"kernel", "device", 0};
const char *const coherency_verdicts[] = {"ignore", "emulate"};
const char *const coherency_boxes[] = {"none", "box1", "box2", "box3", "box4"};

enum coherency_format coherency_resolve(enum coherency_request request, bool all_snoop_control)
{
	if (request == REQUEST_DEFAULT)
		return all_snoop_control ? FORMAT_SNOOP : FORMAT_NOSNOOP;
	return request == REQUEST_SNOOP ? FORMAT_SNOOP : FORMAT_NOSNOOP;
}

bool coherency_may_attach(enum coherency_format format, bool snoop_control)
{
	return format != FORMAT_SNOOP || snoop_control;
}

enum coherency_box coherency_box(enum coherency_format format, bool nosnoop_capable)
{
	if (format == FORMAT_SNOOP)
		return nosnoop_capable ? BOX_1 : BOX_2;
	return nosnoop_capable ? BOX_3 : BOX_4;
}

bool coherency_is_coherent(enum coherency_box box)
{
	return box != BOX_3;
}

bool coherency_box_authorises(enum coherency_policy policy, enum coherency_box box)
{
	return box == BOX_3 || (box == BOX_4 && policy == POLICY_KERNEL);
}

enum coherency_verdict coherency_verdict(enum coherency_policy policy,
                                         const uint32_t devices_in_box[BOX_COUNT],
                                         enum coherency_box *because)
{
	for (enum coherency_box box = BOX_3; box <= BOX_4; box++) {
		if (devices_in_box[box] && coherency_box_authorises(policy, box)) {
			*because = box;
			return VERDICT_EMULATE;
		}
	}
	*because = BOX_NONE;
	return VERDICT_IGNORE;
}
