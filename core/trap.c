// SPDX-License-Identifier: BSD-2-Clause
#include "core/trap.h"

#include "core/apic.h"
#include "core/deadline.h"
#include "core/fault.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/pci.h"
#include "core/power.h"
#include "core/symbols.h"
#include "core/vm.h"
#include "lib/format.h"

/* Where an instruction may fault and where to go then; core/cpu.c makes the entries. */
struct fixup {
	u64 at, to;
};
extern const struct fixup __start_fixup[], __stop_fixup[]; /* the linker bounds the section */

/* Where a look into the mailbox and what it allows (a halt, an entry into the guest) are one: a
 * kick that comes between them starts the piece anew. Assembly files make the entries. */
struct restart {
	u64 start, end;
};
extern const struct restart __start_restart[], __stop_restart[];

#define TRACE_DEPTH  12
#define STOP_US      100000 /* for another CPU to stop in a panic */
#define REPLAY_LINES 40     /* twice what a panic itself says */

static const char *const exception_names[TRAP_COUNT] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",   "#TS",
	"#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

static void log_address(const char *word, u64 va)
{
	u64 offset;
	const char *name = symbol_find(va, &offset);

	log_line("panic %s=0x%lx symbol=%s+0x%lx", word, va, name, offset);
}

/* There are no frame pointers: what lies on the stack and points into the text may be a return
 * address. An overflown stack is read from above its guard page on. */
static void log_trace(u64 rsp)
{
	const struct guarded_stack *stack = cpu_stacks[0].stack;
	const u64 *sp;
	u64 offset;

	if (rsp - (u64)stack >= sizeof(cpu_stacks))
		return;
	stack += (rsp - (u64)stack) / sizeof(*stack);
	sp = (const u64 *)MAX(ALIGN_DOWN(rsp, 8), (u64)stack->stack);
	for (u32 lines = 0; lines < TRACE_DEPTH && sp < (const u64 *)(stack + 1); sp++) {
		if (*symbol_find(*sp, &offset) == '?')
			continue;
		log_address("called-from", *sp);
		lines++;
	}
}

/* Everything stops: no device may go on writing, nothing is started again. */
static void __attribute__((noreturn)) stop_machine(void)
{
	pci_stop_bus_masters();
	log_line("panic log-replay lines=%u", REPLAY_LINES);
	log_replay(REPLAY_LINES);
	power_end(POWER_STATUS_PANIC);
}

/* The CPU that panics, by index + 1: whoever comes first. A fault of its own while it does must not
 * start over. */
static u32 panicking;

static void __attribute__((noreturn)) stay_stopped(void)
{
	__atomic_store_n(&cpu_this()->stopped, true, __ATOMIC_RELEASE);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void trap_stop_in_panic(void)
{
	u32 who = __atomic_load_n(&panicking, __ATOMIC_RELAXED);

	if (who && who != cpu_this()->index + 1)
		stay_stopped();
}

static void stop_cpu(struct cpu *cpu)
{
	apic_send(cpu->apic_id, FIELD_PUT(ICR_MODE, APIC_NMI) | ICR_ASSERT);
	(void)deadline_await(&cpu->stopped, STOP_US);
}

static void enter_panic(void)
{
	u32 nobody = 0;

	if (!__atomic_compare_exchange_n(&panicking, &nobody, cpu_this()->index + 1, false,
	                                 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		if (nobody == cpu_this()->index + 1)
			power_end(POWER_STATUS_PANIC);
		stay_stopped();
	}
	for (u32 i = 0; i < CPUS_MAX; i++) {
		if (cpus[i].online && &cpus[i] != cpu_this())
			stop_cpu(&cpus[i]);
	}
	log_break_lock();
}

void panic(const char *format, ...)
{
	char text[160];
	va_list arguments;

	enter_panic();
	va_start(arguments, format);
	format_text_va(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_line("panic reason=\"%s\"", text);
	log_trace((u64)__builtin_frame_address(0));
	stop_machine();
}

static void __attribute__((noreturn)) panic_frame(const struct trap_frame *f)
{
	const char *name = exception_names[f->vector];

	enter_panic();
	log_line("panic exception=%s vector=%lu error-code=0x%lx cr2=0x%lx cpu=%u",
	         name ? name : "reserved", f->vector, f->error_code, CPU_READ_CR(2),
	         cpu_this()->index);
	log_address("rip", f->rip);
	log_registers("panic", f->gpr);
	log_line("panic rflags=0x%lx cr0=0x%lx cr3=0x%lx cr4=0x%lx", f->rflags, CPU_READ_CR(0),
	         CPU_READ_CR(3), CPU_READ_CR(4));
	log_trace(f->rsp);
	stop_machine();
}

/* No line: the code that was interrupted may hold the log's lock. */
static void handle_nmi(struct trap_frame *frame)
{
	struct cpu *cpu = cpu_this();

	trap_stop_in_panic();
	for (const struct restart *r = __start_restart; r < __stop_restart; r++) {
		if (frame->rip > r->start && frame->rip < r->end)
			frame->rip = r->start;
	}
	/* One NMI may be both, a kick and a fault event. Neither: it is the platform's, and asked
	 * for, so that an entry under way does not leave it behind. */
	if (!(mailbox_take_kick(cpu) | fault_take_event(cpu)) && cpu->vcpu &&
	    cpu->vcpu->vm->platform)
		mailbox_post(cpu, ASK_NMI);
}

void trap_handle(struct trap_frame *frame)
{
	if (frame->vector == VECTOR_NMI) {
		handle_nmi(frame);
		return;
	}
	for (const struct fixup *f = __start_fixup; f < __stop_fixup; f++) {
		if (frame->rip == f->at) {
			frame->rip = f->to;
			return;
		}
	}
	panic_frame(frame);
}
