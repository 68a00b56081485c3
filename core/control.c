// SPDX-License-Identifier: BSD-2-Clause
#include "core/control.h"

#include "core/lock.h"

static struct lock control_lock;

void control_take(void)
{
	lock_take(&control_lock);
}

void control_give(void)
{
	lock_give(&control_lock);
}
