// SPDX-License-Identifier: BSD-2-Clause
#include "core/pic.h"

#include "core/cpu.h"

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1

void pic_mask_all(void)
{
	io_w8(PIC_MASTER_MASK, 0xff);
	io_w8(PIC_SLAVE_MASK, 0xff);
}
