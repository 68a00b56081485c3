; SPDX-License-Identifier: BSD-2-Clause
; The world switch. The hypervisor runs with the global interrupt flag clear from the first CLGI until the
; guest is done; VMRUN sets it, #VMEXIT clears it. RAX and RSP are switched by the VMCB.
bits 64
default rel
%include "offsets.inc"

extern svm_exit
global svm_run, svm_take_nmi

%define GPR(n) VCPU_GPR + 8 * (n)

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
.enter:
	mov rax, [rdi + VCPU_VENDOR]
	mov rax, [rax + SVM_VMCB_PA]
	mov rcx, [rdi + GPR(1)]
	mov rdx, [rdi + GPR(2)]
	mov rbx, [rdi + GPR(3)]
	mov rbp, [rdi + GPR(5)]
	mov rsi, [rdi + GPR(6)]
	mov r8, [rdi + GPR(8)]
	mov r9, [rdi + GPR(9)]
	mov r10, [rdi + GPR(10)]
	mov r11, [rdi + GPR(11)]
	mov r12, [rdi + GPR(12)]
	mov r13, [rdi + GPR(13)]
	mov r14, [rdi + GPR(14)]
	mov r15, [rdi + GPR(15)]
	mov rdi, [rdi + GPR(7)]
	vmload
	vmrun
	vmsave
	xchg rdi, [rsp] ; the vcpu for the guest's RDI
	mov [rdi + GPR(1)], rcx
	mov [rdi + GPR(2)], rdx
	mov [rdi + GPR(3)], rbx
	mov [rdi + GPR(5)], rbp
	mov [rdi + GPR(6)], rsi
	mov [rdi + GPR(8)], r8
	mov [rdi + GPR(9)], r9
	mov [rdi + GPR(10)], r10
	mov [rdi + GPR(11)], r11
	mov [rdi + GPR(12)], r12
	mov [rdi + GPR(13)], r13
	mov [rdi + GPR(14)], r14
	mov [rdi + GPR(15)], r15
	pop rcx
	mov [rdi + GPR(7)], rcx
	; The hypervisor's own TR, GS base and so on
	mov rax, [rdi + VCPU_VENDOR]
	mov rax, [rax + SVM_HOST_PA]
	vmload
	push rdi
	call svm_exit
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

svm_take_nmi:
	stgi
	nop
	clgi
	ret
