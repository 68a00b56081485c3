/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions in the hypervisor: instructions that may fault are fixed up, everything else is a
 * panic. */
#ifndef CORE_TRAP_H
#define CORE_TRAP_H

#include "core/x86.h"

/* As core/trap.asm lays it down. */
struct trap_frame {
	u64 gpr[GPR_COUNT]; /* RSP: as below */
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};

#define TRAP_COUNT     32
#define TRAP_STUB_SIZE 16
extern const u8 trap_stubs[];
extern const u8 trap_lost[]; /* for an interrupt that nobody wants any more */

/* Called by the stubs. */
void trap_handle(struct trap_frame *frame);

/* By a CPU that waits, for the NMI of another one's panic may have to wait with it (SVM's GIF). */
void trap_stop_in_panic(void);

/* One line that names the reason, then registers, call trace, the last log lines; bus mastering off
 * everywhere; ends with a status that is not 0. */
void panic(const char *format, ...) printf_like(1, 2) __attribute__((noreturn));

/* A bug of ours. Nothing a guest does, and no hardware or configuration, may reach one. */
#define assert(condition)                                                         \
	do {                                                                      \
		if (!(condition))                                                 \
			panic("assert %s:%d %s", __FILE__, __LINE__, #condition); \
	} while (0)

#endif
