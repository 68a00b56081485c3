// SPDX-License-Identifier: BSD-2-Clause
#include "core/control.h"

#include "core/ioasid.h"
#include "core/lock.h"
#include "core/mailbox.h"

static struct lock control_lock;

void control_take(void)
{
	u32 ticket = lock_draw(&control_lock);

	while (!lock_is_mine(&control_lock, ticket)) {
		mailbox_serve();
		__builtin_ia32_pause();
	}
}

bool control_try(void)
{
	return lock_try(&control_lock);
}

void control_give(void)
{
	ioasid_fence();
	lock_give(&control_lock);
}
