; SPDX-License-Identifier: BSD-2-Clause
; Into the guest and out of it. VMX itself switches RSP, RIP, RFLAGS, segments and control registers; the
; general registers are ours. HOST_RSP is written once a run: there [rsp] is the struct vcpu, and nothing else moves.
bits 64
default rel
%include "core/registers.inc"
%include "offsets.inc"

extern vmx_exit, vmx_entry_refused, vcpu_serve
global vmx_run, vmx_exit_entry

; Looks into the mailbox, and enters. A kick that comes in between starts it anew (core/trap.c).
%macro enter 1
%%start:
	mov rdi, [rsp]
	mov rax, [rdi + VCPU_CPU]
	mov ecx, [rax + CPU_ASKED]
	cmp ecx, [rax + CPU_SERVED]
	jne %%serve
	load 0, rax
	guest_registers load
	load 7, rdi
	%1
%%end:
	jmp vmx_run.refused
%%serve:
	call vcpu_serve
	test al, al
	jnz %%start
	jmp vmx_run.stop
[section restart progbits alloc noexec nowrite align=8]
	dq %%start, %%end
__SECT__
%endmacro

section .text
align 16
; void vmx_run(struct vcpu *vcpu, u64 host_rsp_field)
vmx_run:
	push_all rbx, rbp, r12, r13, r14, r15, rdi
	vmwrite rsi, rsp
	enter vmlaunch

align 16
vmx_exit_entry:
	push rdi
	mov rdi, [rsp + 8]
	save 0, rax
	guest_registers save
	pop qword GPR(7)
	call vmx_exit
	test al, al
	jz vmx_run.stop
	enter vmresume

; VMfail: the instruction after VMLAUNCH or VMRESUME runs, with the guest's registers still loaded.
vmx_run.refused:
	mov rdi, [rsp]
	call vmx_entry_refused
vmx_run.stop:
	pop_all rdi, r15, r14, r13, r12, rbp, rbx
	ret
