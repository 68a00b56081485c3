; SPDX-License-Identifier: BSD-2-Clause
; Into the guest and out of it. VMX itself switches RSP, RIP, RFLAGS, segments and control registers; the
; general registers are ours. HOST_RSP is written once a run: there [rsp] is the struct vcpu, and nothing else moves.
bits 64
default rel
%include "offsets.inc"

extern vmx_exit, vmx_entry_refused, vcpu_serve
global vmx_run, vmx_exit_entry

%define GPR(n) [rdi + VCPU_GPR + 8 * (n)] ; numbered as instructions encode them; 4 is RSP, 7 is RDI

; load or save FIRST, REGISTER...: registers with consecutive numbers
%macro load 2-*
%assign number %1
%rep %0 - 1
%rotate 1
	mov %1, GPR(number)
%assign number number + 1
%endrep
%endmacro
%macro save 2-*
%assign number %1
%rep %0 - 1
%rotate 1
	mov GPR(number), %1
%assign number number + 1
%endrep
%endmacro

%macro load_guest 0
	load 0, rax, rcx, rdx, rbx
	load 5, rbp, rsi
	load 8, r8, r9, r10, r11, r12, r13, r14, r15
	load 7, rdi
%endmacro

; Looks into the mailbox, and enters. A kick that comes in between starts it anew (core/trap.c).
%macro enter 1
%%start:
	mov rdi, [rsp]
	mov rax, [rdi + VCPU_CPU]
	mov ecx, [rax + CPU_ASKED]
	cmp ecx, [rax + CPU_SERVED]
	jne %%serve
	load_guest
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
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push rdi
	vmwrite rsi, rsp
	enter vmlaunch

align 16
vmx_exit_entry:
	push rdi
	mov rdi, [rsp + 8]
	save 0, rax, rcx, rdx, rbx
	save 5, rbp, rsi
	save 8, r8, r9, r10, r11, r12, r13, r14, r15
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
	add rsp, 8
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
