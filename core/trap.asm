; SPDX-License-Identifier: BSD-2-Clause
; Exceptions in the hypervisor: 32 stubs that build one struct trap_frame (core/trap.h) and call trap_handle.
; Interrupts are not taken here but to be lost: the hypervisor runs with IF clear.
bits 64
default rel
%include "core/registers.inc"

extern trap_handle
global trap_stubs, trap_lost

%define TRAPS 32
%define STUB_SIZE 16

section .text
align STUB_SIZE
trap_stubs:
%assign vector 0
%rep TRAPS
	align STUB_SIZE
	; SDM volume 3, 6.13: these push an error code themselves.
%if !(vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30)
	push 0
%endif
	push vector
	jmp trap_common
%assign vector vector + 1
%endrep

trap_common:
	push_all r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp
	push qword [rsp + 16 * 8] ; the RSP of the frame above
	push_all rbx, rdx, rcx, rax
	cld
	mov rdi, rsp
	call trap_handle ; returns for what the hypervisor expected: a fix-up, an NMI
	pop_all rax, rcx, rdx, rbx
	add rsp, 8
	pop_all rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	add rsp, 16
	iretq
trap_lost:
	iretq
