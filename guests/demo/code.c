// SPDX-License-Identifier: BSD-2-Clause
#include "guests/demo/code.h"
#include "guests/lib/idt.h"
#include "guests/demo/paging.h"

#define SELECTOR_CODE32 0x18
#define SELECTOR_CODE16 0x20

#define INT3         0xcc
#define OPERAND_SIZE 0x66
#define RETF         0xcb

#define TRAPS          32
#define TRAP_STUB_SIZE 16

#define RFLAGS_TF (1u << 8)
#define DR6_RESET 0xffff0ff0ull

struct far_pointer {
	uint32_t offset;
	uint16_t selector;
};

/* As code.asm and the CPU lay it down. */
struct trap_frame {
	uint64_t vector, error_code, rip, cs, rflags, rsp, ss;
};

const char *const code_mode_names[CODE_MODES] = {"64", "32", "16", "unpaged", "paged", "pae"};

extern const uint8_t trap_stubs[TRAPS * TRAP_STUB_SIZE];
extern struct far_pointer code_target, code_protected_target;
extern struct paging code_paging, code_paging_long;
void code_protected(void);
void code_call(struct registers *registers);
bool trap_handle(struct trap_frame *frame);

/* The second page of the window is the third of these; with paging off it is the next one. */
static uint8_t pages[3][CODE_PAGE] __attribute__((aligned(4096)));
static struct paging_modes paging;
static struct code_result current;
static uint64_t current_start;

bool trap_handle(struct trap_frame *frame)
{
	if (frame->vector != TRAP_DB) {
		current.vector = (int)frame->vector;
		return false;
	}
	current.steps++;
	current.step_at = (int)(frame->rip - current_start);
	frame->rflags &= ~(uint64_t)RFLAGS_TF;
	__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_RESET));
	return true;
}

static void load_idt(void)
{
	static struct gate idt[TRAPS];

	for (int i = 0; i < TRAPS; i++)
		idt[i] = idt_gate(&trap_stubs[i * TRAP_STUB_SIZE]);
	idt_load(idt, sizeof(idt));
}

void code_init(void)
{
	paging_init(pages[0], pages[2], &paging);
	code_paging_long = paging.long_mode;
	load_idt();
}

/* The code and a far return, with INT3 on either side to catch a wrong RIP. */
static void place(enum code_mode mode, const struct code *code, uint8_t *at)
{
	uint8_t *end = at + code->length;

	for (uint8_t *p = at - CODE_BYTES_MAX; p < end + CODE_BYTES_MAX; p++)
		*p = INT3;
	__builtin_memcpy(at, code->bytes, code->length);
	if (mode == CODE_16)
		*end++ = OPERAND_SIZE;
	*end = RETF;
}

static void aim(enum code_mode mode, uint32_t start)
{
	const struct far_pointer in_32 = {start, SELECTOR_CODE32};

	code_target = (struct far_pointer){(uint32_t)(uintptr_t)code_protected, SELECTOR_CODE32};
	code_protected_target = in_32;
	switch (mode) {
	case CODE_64:
		code_target = (struct far_pointer){start, SELECTOR_CODE64};
		break;
	case CODE_32:
		code_target = in_32;
		break;
	case CODE_16:
		code_target = (struct far_pointer){start, SELECTOR_CODE16};
		break;
	case CODE_UNPAGED:
		code_paging = paging.none;
		break;
	case CODE_PAGED:
		code_paging = paging.bits32;
		break;
	default:
		code_paging = paging.pae;
	}
}

void code_run(enum code_mode mode, const struct code *code, uint32_t offset,
              struct registers *registers, struct code_result *result)
{
	uint8_t *at = (uint8_t *)(uintptr_t)PAGING_WINDOW + offset;

	if (mode == CODE_UNPAGED)
		at = &pages[0][0] + offset;
	place(mode, code, at);

	/* The 16-bit segment begins at the window. */
	current_start = mode == CODE_16 ? offset : (uintptr_t)at;
	current = (struct code_result){.vector = CODE_NO_TRAP};
	aim(mode, (uint32_t)current_start);
	code_call(registers);
	*result = current;
}

int code_trap(const struct code *code, struct registers *registers)
{
	struct code_result result;

	code_run(CODE_64, code, CODE_ANYWHERE, registers, &result);
	return result.vector;
}
