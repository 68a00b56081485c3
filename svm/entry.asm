; SPDX-License-Identifier: BSD-2-Clause
; The world switch. The hypervisor runs with the global interrupt flag clear from the first CLGI until the
; guest is done; VMRUN sets it, #VMEXIT clears it. RAX and RSP are switched by the VMCB.
bits 64
default rel
%include "offsets.inc"

extern svm_exit, vcpu_serve
global svm_run, svm_take_nmi

; With RDI = struct vcpu. Pairs of a register's number, as in vcpu->gpr, and its name.
%macro load 2-*
%rep %0 / 2
	mov %2, [rdi + VCPU_GPR + 8 * %1]
%rotate 2
%endrep
%endmacro
%macro store 2-*
%rep %0 / 2
	mov [rdi + VCPU_GPR + 8 * %1], %2
%rotate 2
%endrep
%endmacro

section .text
; void svm_run(struct vcpu *vcpu)
svm_run:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push rdi
	clgi
; An NMI that comes after this look stays pending until VMRUN, and ends the guest's turn at once.
.enter:
	mov rax, [rdi + VCPU_CPU]
	mov ecx, [rax + CPU_ASKED]
	cmp ecx, [rax + CPU_SERVED]
	jne .serve
	mov rax, [rdi + VCPU_VENDOR]
	mov rax, [rax + VMCB_OWN_PA]
	load 1, rcx, 2, rdx, 3, rbx, 5, rbp, 6, rsi, 8, r8, 9, r9, 10, r10, 11, r11
	load 12, r12, 13, r13, 14, r14, 15, r15, 7, rdi
	vmload
	vmrun
	vmsave
	xchg rdi, [rsp] ; the vcpu for the guest's RDI
	store 1, rcx, 2, rdx, 3, rbx, 5, rbp, 6, rsi, 8, r8, 9, r9, 10, r10, 11, r11
	store 12, r12, 13, r13, 14, r14, 15, r15
	pop rcx
	store 7, rcx
	; The hypervisor's own TR, GS base and so on
	mov rax, [rdi + VCPU_VENDOR]
	mov rax, [rax + VMCB_HOST_PA]
	vmload
	push rdi
	call svm_exit
.again:
	mov rdi, [rsp]
	test al, al
	jnz .enter
	stgi
	pop rdi
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret
.serve:
	call vcpu_serve
	jmp .again

svm_take_nmi:
	stgi
	nop
	clgi
	ret
