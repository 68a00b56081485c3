; SPDX-License-Identifier: BSD-2-Clause
; The ways into the code under test and back, by itself or by an exception.

CR0_PG		equ 1 << 31
MSR_EFER	equ 0xc0000080
TRAPS		equ 32
STUB_SIZE	equ 16

; struct registers (code.h): RSP is left out.
%macro for_each_register 1
	%1 rax, 0
	%1 rcx, 1
	%1 rdx, 2
	%1 rbx, 3
	%1 rbp, 5
	%1 rsi, 6
	%1 r8, 8
	%1 r9, 9
	%1 r10, 10
	%1 r11, 11
	%1 r12, 12
	%1 r13, 13
	%1 r14, 14
	%1 r15, 15
%endmacro
%macro load 2
	mov %1, [rdi + %2 * 8]
%endmacro
%macro store 2
	mov [rdi + %2 * 8], %1
%endmacro
RDI_SLOT	equ 7 * 8
RFLAGS_SLOT	equ 16 * 8

extern trap_handle
global code_call, code_target, code_protected, code_protected_target, trap_stubs
global code_paging, code_paging_long

section .text
bits 64
; void code_call(struct registers *): loads them, calls far through code_target, stores them.
code_call:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push rdi
	mov [rel resume_rsp], rsp
	for_each_register load
	mov rdi, [rdi + RDI_SLOT]
	call dword far [rel code_target]
	push rdi			; no flag changes before they are stored
	mov rdi, [rsp + 8]
	for_each_register store
	pop qword [rdi + RDI_SLOT]
	pushfq
	pop qword [rdi + RFLAGS_SLOT]
resume:
	pop rdi
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

; Called far in a 32-bit segment of long mode: calls on in protected mode, with the paging asked for.
bits 32
code_protected:
	pushfd
	pushad
	mov esi, code_paging
	call set_paging
	popad
	popfd
	call dword far [code_protected_target]
	pushfd
	pushad
	mov esi, code_paging_long
	call set_paging
	popad
	popfd
	retf

; ESI: struct paging (paging.h). Long mode comes and goes while paging is off.
set_paging:
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov ecx, MSR_EFER
	rdmsr
	mov eax, [esi + 12]
	wrmsr
	mov eax, [esi + 8]
	mov cr4, eax
	mov eax, [esi + 4]
	mov cr3, eax
	mov eax, [esi]
	mov cr0, eax
	ret

bits 64
align STUB_SIZE
trap_stubs:
%assign vector 0
%rep TRAPS
	align STUB_SIZE
	%if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21
		push 0			; no error code
	%endif
	push vector
	jmp trap
	%assign vector vector + 1
%endrep

trap:
	push rax
	push rcx
	push rdx
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push r11
	lea rdi, [rsp + 9 * 8]
	call trap_handle		; true: go on
	test al, al
	jz .end
	pop r11
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rax
	add rsp, 16
	iretq
.end:
	mov rsp, [rel resume_rsp]
	jmp resume

section .bss
code_target:	resb 8			; offset, selector
code_protected_target: resb 8
resume_rsp:	resq 1
code_paging:	resd 4
code_paging_long: resd 4
