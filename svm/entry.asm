; SPDX-License-Identifier: BSD-2-Clause
; The world switch. The hypervisor runs with the global interrupt flag clear from the first CLGI until the
; guest is done; VMRUN sets it, #VMEXIT clears it. RAX and RSP are switched by the VMCB.
bits 64
default rel
%include "core/registers.inc"
%include "offsets.inc"

extern svm_exit, vcpu_serve
global svm_run, svm_take_nmi

section .text
; void svm_run(struct vcpu *vcpu)
svm_run:
	push_all rbx, rbp, r12, r13, r14, r15, rdi
	clgi
; An NMI that comes after this look stays pending until VMRUN, and ends the guest's turn at once.
.enter:
	mov rax, [rdi + VCPU_CPU]
	mov ecx, [rax + CPU_ASKED]
	cmp ecx, [rax + CPU_SERVED]
	jne .serve
	mov rax, [rdi + VCPU_VENDOR]
	mov rax, [rax + VMCB_OWN_PA]
	guest_registers load
	load 7, rdi
	vmload
	vmrun
	vmsave
	xchg rdi, [rsp] ; the vcpu for the guest's RDI
	guest_registers save
	pop qword GPR(7)
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
	pop_all rdi, r15, r14, r13, r12, rbp, rbx
	ret
.serve:
	call vcpu_serve
	jmp .again

svm_take_nmi:
	stgi
	nop
	clgi
	ret
