/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of an application processor from real mode to the core (boot/ap.asm): copied to a page
 * below 1 MiB, whose number is the vector of the startup IPI. */
#ifndef BOOT_AP_H
#define BOOT_AP_H

#include "lib/types.h"

extern const u8 ap_start[], ap_parameters[], ap_end[];

/* At ap_parameters; everything that the page cannot know. */
struct ap_parameters {
	u64 page_pa;
	u64 root_pa; /* below 4 GiB: maps the page at its own address, and the core */
	u64 stack_top;
	u64 entry; /* called with index */
	u64 index;
};

#endif
