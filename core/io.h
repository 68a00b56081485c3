/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports of guests. */
#ifndef CORE_IO_H
#define CORE_IO_H

#include "core/exit.h"

/* Handler of EXIT_IO. */
enum exit_result io_handle(struct vcpu *vcpu, struct exit *exit);

/* Sets the bits of the ports that are trapped, in a bitmap as both vendors have it (SDM volume 3,
 * 25.6.4; APM volume 2, 15.10.1): some of the platform VM's, all of other VMs'. */
#define IO_BITMAP_SIZE KIB(8)
void io_fill_bitmap(bool platform, u8 bitmap[IO_BITMAP_SIZE]);

#endif
