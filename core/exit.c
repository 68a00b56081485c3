// SPDX-License-Identifier: BSD-2-Clause
#include "core/exit.h"

#include "core/backend.h"
#include "core/config_space.h"
#include "core/cpuid.h"
#include "core/fault.h"
#include "core/guest_memory.h"
#include "core/hypercall_handle.h"
#include "core/io.h"
#include "core/log.h"
#include "core/msr.h"
#include "core/pci.h"
#include "lib/format.h"
#include "lib/insn.h"
#include "lib/string.h"

static enum exit_result inject(struct vcpu *vcpu, u8 vector, u32 error_code)
{
	backend->inject(vcpu, vector, error_code);
	return RESULT_RETRY;
}

static __attribute__((noinline)) enum exit_result report_wbinvd(struct vcpu *vcpu)
{
	fault_poll();
	vm_log_wbinvd(vcpu);
	return RESULT_ADVANCE;
}

static __attribute__((noinline)) enum exit_result emulate_wbinvd(struct vcpu *vcpu)
{
	vm_flush_caches(vcpu->vm);
	vcpu->vm->counters.emulated++;
	return rate_count(&vcpu->wbinvd.rate) ? report_wbinvd(vcpu) : RESULT_ADVANCE;
}

/*
 * R14: WBNOINVD is served as WBINVD. Ignoring one is the hot path: no lock, no register, no line,
 * and calls in tail position only, so that nothing is saved for them.
 */
static enum exit_result handle_wbinvd(struct vcpu *vcpu, struct exit *exit)
{
	struct vm *vm = vcpu->vm;

	(void)exit;
	vm->counters.wbinvd++;
	if (vm->verdict == VERDICT_EMULATE)
		return emulate_wbinvd(vcpu);
	vm->counters.ignored++;
	return rate_count(&vcpu->wbinvd.rate) ? report_wbinvd(vcpu) : RESULT_ADVANCE;
}

/* R14: INVD would throw dirty lines away, ours too; it is served as WBINVD. */
static enum exit_result handle_invd(struct vcpu *vcpu, struct exit *exit)
{
	vcpu->vm->counters.invd++;
	return handle_wbinvd(vcpu, exit);
}

/* Executed for real: the hypervisor does not use the state that XCR0 enables. */
static enum exit_result handle_xsetbv(struct vcpu *vcpu, struct exit *exit)
{
	u64 value = (u32)vcpu->gpr[GPR_RAX] | vcpu->gpr[GPR_RDX] << 32;

	(void)exit;
	if (!xcr_try_write((u32)vcpu->gpr[GPR_RCX], value))
		return inject(vcpu, VECTOR_GP, 0);
	return RESULT_ADVANCE;
}

/* R16: CD and NW are the guest's to see, never the CPU's to have. */
static enum exit_result handle_cr0_write(struct vcpu *vcpu, struct exit *exit)
{
	u64 cache_bits = exit->cr0 & CR0_CACHE_BITS;

	/* SDM volume 3, 2.5: NW without CD is #GP, as is PG without PE, as is the upper half; the
	 * backend's hardware checks the rest. */
	if (cache_bits == CR0_NW || (exit->cr0 & (CR0_PG | CR0_PE)) == CR0_PG || exit->cr0 >> 32)
		return inject(vcpu, VECTOR_GP, 0);
	if (cache_bits != vcpu->cr0_cache_bits) {
		vcpu->cr0_cache_bits = cache_bits;
		vm_update_memory_type(vcpu->vm);
	}
	backend->write_cr0(vcpu, exit->cr0 & ~CR0_CACHE_BITS);
	return RESULT_ADVANCE;
}

static enum exit_result handle_cr0_read(struct vcpu *vcpu, struct exit *exit)
{
	struct vcpu_state state;

	backend->read_state(vcpu, &state);
	vcpu->gpr[exit->gpr] = (state.cr0 & ~CR0_CACHE_BITS) | vcpu->cr0_cache_bits;
	return RESULT_ADVANCE;
}

static u64 load_value(const struct insn *insn, u64 value, u64 old)
{
	u32 bits = insn->operand_size * 8u;

	if (insn->sign_extend)
		value = (u64)((s64)(value << (64 - bits)) >> (64 - bits));
	if (insn->register_size == 8)
		return value;
	if (insn->register_size == 4)
		return (u32)value;
	if (insn->register_size == 2)
		return (old & ~0xffffull) | (value & 0xffff);
	return insn->high_byte ? (old & ~0xff00ull) | (value & 0xff) << 8
	                       : (old & ~0xffull) | (value & 0xff);
}

/* Moves to and from the ECAM windows, of which nothing is mapped. */
static enum exit_result emulate_ecam(struct vcpu *vcpu, struct exit *exit, u32 bdf, u32 offset)
{
	struct vcpu_state state;
	u8 bytes[INSN_MAX];
	struct insn insn;
	u64 *gpr, value;
	size_t size;

	backend->read_state(vcpu, &state);
	size = guest_fetch(vcpu, &state, bytes, sizeof(bytes));
	if (insn_decode(bytes, size, (enum insn_mode)state.code_bits, &insn) ||
	    (insn.kind != INSN_LOAD && insn.kind != INSN_STORE) || insn.operand_size > 4 ||
	    !IS_ALIGNED(offset, insn.operand_size))
		return exit_kill(vcpu, exit, "unsupported-access-to-ecam");
	gpr = &vcpu->gpr[insn.high_byte ? insn.reg - 4 : insn.reg];
	if (insn.kind == INSN_LOAD) {
		value = config_space_read(vcpu->vm, bdf, offset, insn.operand_size);
		*gpr = load_value(&insn, value, *gpr);
	} else {
		value = insn.has_immediate ? insn.immediate : insn.high_byte ? *gpr >> 8 : *gpr;
		config_space_write(vcpu->vm, bdf, offset, insn.operand_size, (u32)value);
	}
	exit->length = insn.length;
	return RESULT_ADVANCE;
}

static enum exit_result handle_nested_fault(struct vcpu *vcpu, struct exit *exit)
{
	u32 bdf, offset;

	if (vcpu->vm->platform && pci_ecam_decode(exit->fault.gpa, &bdf, &offset))
		return emulate_ecam(vcpu, exit, bdf, offset);
	return exit_kill(vcpu, exit, "nested-paging-violation");
}

static enum exit_result handle_undefined(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	return inject(vcpu, VECTOR_UD, VECTOR_NO_ERROR_CODE);
}

static enum exit_result handle_unknown(struct vcpu *vcpu, struct exit *exit)
{
	return exit_kill(vcpu, exit, "unknown-exit");
}

static enum exit_result handle_shutdown(struct vcpu *vcpu, struct exit *exit)
{
	return exit_kill(vcpu, exit, "triple-fault");
}

static enum exit_result handle_hypercall(struct vcpu *vcpu, struct exit *exit)
{
	(void)exit;
	fault_poll();
	return hypercall_handle(vcpu);
}

static enum exit_result (*const handlers[EXIT_COUNT])(struct vcpu *, struct exit *) = {
	[EXIT_UNKNOWN] = handle_unknown,
	[EXIT_WBINVD] = handle_wbinvd,
	[EXIT_INVD] = handle_invd,
	[EXIT_CPUID] = cpuid_handle,
	[EXIT_XSETBV] = handle_xsetbv,
	[EXIT_HYPERCALL] = handle_hypercall,
	[EXIT_MSR_READ] = msr_handle_read,
	[EXIT_MSR_WRITE] = msr_handle_write,
	[EXIT_IO] = io_handle,
	[EXIT_CR0_WRITE] = handle_cr0_write,
	[EXIT_CR0_READ] = handle_cr0_read,
	[EXIT_NESTED_FAULT] = handle_nested_fault,
	[EXIT_UNDEFINED] = handle_undefined,
	[EXIT_NMI] = handle_unknown, /* the backends keep them */
	[EXIT_SHUTDOWN] = handle_shutdown,
};

enum exit_result exit_handle(struct vcpu *vcpu, struct exit *exit)
{
	vcpu->vm->counters.exits++;
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
	const u64 *r = vcpu->gpr;
	const char *vm = vcpu->vm->name;
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
	log_line("dump vm=%s rax=0x%lx rcx=0x%lx rdx=0x%lx rbx=0x%lx", vm, r[0], r[1], r[2], r[3]);
	log_line("dump vm=%s rsp=0x%lx rbp=0x%lx rsi=0x%lx rdi=0x%lx", vm, s.rsp, r[5], r[6], r[7]);
	log_line("dump vm=%s r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx", vm, r[8], r[9], r[10], r[11]);
	log_line("dump vm=%s r12=0x%lx r13=0x%lx r14=0x%lx r15=0x%lx", vm, r[12], r[13], r[14],
	         r[15]);
	log_instruction(vcpu, &s);
	backend->dump(vcpu);
	vcpu->vm->state = VM_KILLED;
	return RESULT_STOP;
}
