; SPDX-License-Identifier: BSD-2-Clause
; Into the guest and out of it. VMX itself switches RSP, RIP, RFLAGS, segments and control registers; the
; general registers are ours. HOST_RSP is written once a run: there [rsp] is the struct vcpu, and nothing else moves.
bits 64
default rel
%include "offsets.inc"

extern vmx_exit, vmx_entry_refused
global vmx_run, vmx_exit_entry

%define GPR(n) [rdi + VCPU_GPR + 8 * (n)] ; numbered as instructions encode them; 4 is RSP, 7 is RDI

%macro load_guest 0
	mov rax, GPR(0)
	mov rcx, GPR(1)
	mov rdx, GPR(2)
	mov rbx, GPR(3)
	mov rbp, GPR(5)
	mov rsi, GPR(6)
	mov r8, GPR(8)
	mov r9, GPR(9)
	mov r10, GPR(10)
	mov r11, GPR(11)
	mov r12, GPR(12)
	mov r13, GPR(13)
	mov r14, GPR(14)
	mov r15, GPR(15)
	mov rdi, GPR(7)
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
	load_guest
	vmlaunch
	jmp .refused

align 16
vmx_exit_entry:
	push rdi
	mov rdi, [rsp + 8]
	mov GPR(0), rax
	mov GPR(1), rcx
	mov GPR(2), rdx
	mov GPR(3), rbx
	mov GPR(5), rbp
	mov GPR(6), rsi
	mov GPR(8), r8
	mov GPR(9), r9
	mov GPR(10), r10
	mov GPR(11), r11
	mov GPR(12), r12
	mov GPR(13), r13
	mov GPR(14), r14
	mov GPR(15), r15
	pop qword GPR(7)
	call vmx_exit
	mov rdi, [rsp]
	test al, al
	jz vmx_run.stop
	load_guest
	vmresume
	jmp vmx_run.refused

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
