; SPDX-License-Identifier: BSD-2-Clause
; Exceptions in the hypervisor: 32 stubs that build one struct trap_frame (core/trap.h) and call trap_handle.
; Interrupts are never taken here: the hypervisor runs with IF clear.
bits 64
default rel

extern trap_handle
global trap_stubs

%define TRAPS 32
%define STUB_SIZE 16

section .text
align STUB_SIZE
trap_stubs:
%assign vector 0
%rep TRAPS
	align STUB_SIZE
	; SDM volume 3, 6.13: these push an error code themselves.
%if vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21 || vector = 29 || vector = 30
%else
	push 0
%endif
	push vector
	jmp trap_common
%assign vector vector + 1
%endrep

trap_common:
	push r15
	push r14
	push r13
	push r12
	push r11
	push r10
	push r9
	push r8
	push rdi
	push rsi
	push rbp
	push 0 ; the RSP slot: the frame above has it
	push rbx
	push rdx
	push rcx
	push rax
	cld
	mov rdi, rsp
	call trap_handle ; returns for what the hypervisor expected: a fix-up, an NMI
	pop rax
	pop rcx
	pop rdx
	pop rbx
	add rsp, 8
	pop rbp
	pop rsi
	pop rdi
	pop r8
	pop r9
	pop r10
	pop r11
	pop r12
	pop r13
	pop r14
	pop r15
	add rsp, 16
	iretq
