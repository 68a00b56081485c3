// SPDX-License-Identifier: BSD-2-Clause
#include "core/exit.h"

#include "core/backend.h"
#include "core/cpuid.h"
#include "core/fault.h"
#include "core/guest_memory.h"
#include "core/hypercall_handle.h"
#include "core/io.h"
#include "core/log.h"
#include "core/mailbox.h"
#include "core/msr.h"
#include "core/trapped.h"
#include "core/vcpu.h"
#include "lib/format.h"
#include "lib/insn.h"

enum exit_result exit_inject(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	backend->inject(vcpu, vector, error_code);
	return RESULT_RETRY;
}

static __attribute__((noinline)) enum exit_result report_wbinvd(struct vcpu *vcpu,
                                                                enum coherency_verdict verdict)
{
	fault_poll();
	vcpu_log_wbinvd(vcpu, verdict);
	return RESULT_ADVANCE;
}

/* The clocks of CPUs may differ: a time that has not come yet is long past. */
void exit_wait_turn(const struct vm *vm)
{
	while (cpu_tsc() - vm->turn_end < vm->turn_cost && vm->state == VM_RUNNING) {
		mailbox_serve();
		__builtin_ia32_pause();
	}
}

void exit_end_turn(struct vm *vm, u64 start)
{
	vm->turn_end = cpu_tsc();
	vm->turn_cost = vm->turn_end - start;
}

static __attribute__((noinline)) enum exit_result emulate_wbinvd(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	u64 start;

	exit_wait_turn(vm);
	start = cpu_tsc();
	vm_flush_caches(vm);
	if (vm->state == VM_KILLED) /* a CPU did not answer: never say that it is done */
		return RESULT_STOP;
	exit_end_turn(vm, start);
	vcpu->counters.emulated++;
	/* Where the verdict has fallen meanwhile, what comes next is another line's. */
	if (rate_count(&vcpu->wbinvd.rate) || vcpu->verdict != VERDICT_EMULATE)
		return report_wbinvd(vcpu, VERDICT_EMULATE);
	return RESULT_ADVANCE;
}

/*
 * R14: WBNOINVD is served as WBINVD. Ignoring one is the hot path: no lock, no register, no line,
 * and calls in tail position only, so that nothing is saved for them.
 */
static enum exit_result handle_wbinvd(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	vcpu->counters.wbinvd++;
	if (vcpu->verdict == VERDICT_EMULATE)
		return emulate_wbinvd(vcpu);
	vcpu->counters.ignored++;
	return rate_count(&vcpu->wbinvd.rate) ? report_wbinvd(vcpu, VERDICT_IGNORE)
	                                      : RESULT_ADVANCE;
}

/* R14: INVD would throw dirty lines away, ours too; it is served as WBINVD. */
static enum exit_result handle_invd(struct vcpu *vcpu, struct exit *exit)
{
	vcpu->counters.invd++;
	return handle_wbinvd(vcpu, exit);
}

/* Executed for real: the hypervisor does not use the state that XCR0 enables. Under SVM it exits
 * before the CPU looks at the privilege level. */
static enum exit_result handle_xsetbv(struct vcpu *vcpu, struct exit *exit)
{
	struct vcpu_state state;

	(void)exit;
	backend->read_state(vcpu, &state);
	if (state.cpl || !xcr_try_write((u32)vcpu->gpr[GPR_RCX], vcpu_edx_eax(vcpu)))
		return exit_inject(vcpu, VECTOR_GP, 0);
	return RESULT_ADVANCE;
}

/* What is not is #GP (SDM volume 3, 2.5, 4.1.2); exits may come before the CPU looks. */
static bool cr0_is_valid(u64 cr0, const struct vcpu_state *s)
{
	if (cr0 >> 32 || (cr0 & CR0_CACHE_BITS) == CR0_NW)
		return false;
	if (!(cr0 & CR0_PG))
		return s->code_bits != 64;
	return cr0 & CR0_PE && (!(s->efer & EFER_LME) || s->cr4 & CR4_PAE);
}

/* R16: CD and NW are the guest's to see, never the CPU's to have. The memory type that goes with
 * them may cost a write-back (R15). */
static void set_cache_bits(struct vcpu *vcpu, u64 cache_bits)
{
	u64 start;

	if (cache_bits == vcpu->cr0_cache_bits)
		return;
	exit_wait_turn(vcpu->vm);
	start = cpu_tsc();
	vcpu->cr0_cache_bits = cache_bits;
	vm_update_cache_bits(vcpu);
	exit_end_turn(vcpu->vm, start);
}

static enum exit_result handle_cr0_write(struct vcpu *vcpu, struct exit *exit)
{
	struct vcpu_state state;
	u64 cr0;

	backend->read_state(vcpu, &state);
	cr0 = state.code_bits == 64 ? exit->cr0 : (u32)exit->cr0;
	if (!cr0_is_valid(cr0, &state))
		return exit_inject(vcpu, VECTOR_GP, 0);
	set_cache_bits(vcpu, cr0 & CR0_CACHE_BITS);
	backend->write_cr0(vcpu, cr0 & ~CR0_CACHE_BITS);
	return RESULT_ADVANCE;
}

static enum exit_result handle_cr0_read(struct vcpu *vcpu, struct exit *exit)
{
	struct vcpu_state state;

	backend->read_state(vcpu, &state);
	vcpu->gpr[exit->gpr] = (state.cr0 & ~CR0_CACHE_BITS) | vcpu->cr0_cache_bits;
	return RESULT_ADVANCE;
}

static enum exit_result handle_nested_fault(struct vcpu *vcpu, struct exit *exit)
{
	const struct trapped *trapped = trapped_find(vcpu->vm, exit->fault.gpa);

	if (trapped)
		return trapped_emulate(trapped, vcpu, exit);
	return exit_kill(vcpu, exit, "nested-paging-violation");
}

static enum exit_result handle_undefined(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	return exit_inject(vcpu, VECTOR_UD, VECTOR_NO_ERROR_CODE);
}

static enum exit_result handle_fatal(struct vcpu *vcpu, struct exit *exit)
{
	return exit_kill(vcpu, exit, exit->kind == EXIT_SHUTDOWN ? "triple-fault" : "unknown-exit");
}

static enum exit_result (*const handlers[EXIT_COUNT])(struct vcpu *, struct exit *) = {
	[EXIT_UNKNOWN] = handle_fatal,
	[EXIT_WBINVD] = handle_wbinvd,
	[EXIT_INVD] = handle_invd,
	[EXIT_CPUID] = cpuid_handle,
	[EXIT_XSETBV] = handle_xsetbv,
	[EXIT_HYPERCALL] = hypercall_handle,
	[EXIT_MSR_READ] = msr_handle_read,
	[EXIT_MSR_WRITE] = msr_handle_write,
	[EXIT_IO] = io_handle,
	[EXIT_CR0_WRITE] = handle_cr0_write,
	[EXIT_CR0_READ] = handle_cr0_read,
	[EXIT_NESTED_FAULT] = handle_nested_fault,
	[EXIT_UNDEFINED] = handle_undefined,
	[EXIT_SHUTDOWN] = handle_fatal,
};

enum exit_result exit_handle(struct vcpu *vcpu, struct exit *exit)
{
	vcpu->counters.exits++;
	return handlers[exit->kind](vcpu, exit);
}

static void log_instruction(struct vcpu *vcpu, const struct vcpu_state *state)
{
	u8 bytes[INSN_MAX];
	char text[3 * INSN_MAX + 1] = "";
	size_t size = guest_fetch(vcpu, state, bytes, sizeof(bytes)), at = 0;

	for (size_t i = 0; i < size; i++)
		at += format_text(text + at, sizeof(text) - at, i ? "-%02x" : "%02x", bytes[i]);
	log_line("dump vm=%s instruction=%s", vcpu->vm->name, size ? text : "unreadable");
}

enum exit_result exit_kill(struct vcpu *vcpu, const struct exit *exit, const char *reason)
{
	const char *vm = vcpu->vm->name;
	char words[sizeof("dump vm=") + VM_NAME_MAX];
	struct vcpu_state s;

	backend->read_state(vcpu, &s);
	log_line("killed vm=%s cpu=%u reason=%s exit=0x%lx qualification=0x%lx", vm,
	         vcpu->cpu->index, reason, exit->reason, exit->qualification);
	if (exit->kind == EXIT_NESTED_FAULT)
		log_line("dump vm=%s gpa=0x%lx access=%s", vm, exit->fault.gpa,
		         exit->fault.write   ? "write"
		         : exit->fault.fetch ? "fetch"
		                             : "read");
	log_line("dump vm=%s rip=0x%lx rflags=0x%lx cs-base=0x%lx mode=%u cpl=%u", vm, s.rip,
	         s.rflags, s.cs_base, s.code_bits, s.cpl);
	log_line("dump vm=%s cr0=0x%lx cr3=0x%lx cr4=0x%lx efer=0x%lx", vm, s.cr0, s.cr3, s.cr4,
	         s.efer);
	vcpu->gpr[GPR_RSP] = s.rsp;
	format_text(words, sizeof(words), "dump vm=%s", vm);
	log_registers(words, vcpu->gpr);
	log_instruction(vcpu, &s);
	backend->dump(vcpu);
	vm_leave(vcpu->vm, VM_KILLED);
	return RESULT_STOP;
}
