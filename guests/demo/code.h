/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs a few bytes of machine code in a mode of the CPU, and says how they came out of it. */
#ifndef DEMO_CODE_H
#define DEMO_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum code_mode {
	CODE_64,      /* long mode */
	CODE_32,      /* long mode, a 32-bit segment */
	CODE_16,      /* long mode, a 16-bit segment with a base */
	CODE_UNPAGED, /* protected mode: there an exception is a triple fault */
	CODE_PAGED,   /* protected mode, 32-bit paging */
	CODE_PAE,     /* protected mode, PAE paging */
	CODE_MODES
};

extern const char *const code_mode_names[CODE_MODES];

#define CODE_BYTES_MAX 16

struct code {
	uint8_t length;
	uint8_t bytes[CODE_BYTES_MAX];
};

/* In the order of instruction encodings. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, GPR_COUNT = 16 };

struct registers {
	uint64_t gpr[GPR_COUNT]; /* RSP's slot is unused */
	uint64_t rflags;         /* afterwards */
};

#define CODE_NO_TRAP (-1)
#define TRAP_DB      1
#define TRAP_UD      6
#define TRAP_GP      13

struct code_result {
	int vector;  /* of the exception that ended it, or CODE_NO_TRAP */
	int steps;   /* single-step traps: the first one clears TF and goes on */
	int step_at; /* offset in the code at which the last one was reported */
};

/* The code is placed at an offset into two pages, the second of which is elsewhere in memory. */
#define CODE_PAGE     4096u
#define CODE_ANYWHERE (CODE_PAGE / 2)

void code_init(void);

/* registers: in and out. */
void code_run(enum code_mode mode, const struct code *code, uint32_t offset,
              struct registers *registers, struct code_result *result);

/* As above, in long mode; the vector. */
int code_trap(const struct code *code, struct registers *registers);

#endif
