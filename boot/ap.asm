; SPDX-License-Identifier: BSD-2-Clause
; An application processor's first instructions (boot/ap.h; SDM volume 3, 9.4.4): from real mode straight
; into long mode. It runs from a copy below 1 MiB, whose address is CS * 16.
%include "boot/long_mode.inc"

global ap_start, ap_parameters, ap_end

%define AT(label) ((label) - ap_start)

section .rodata
align 16
bits 16
ap_start:
	cli
	mov ax, cs
	mov ds, ax
	mov ebx, [AT(ap_parameters.page)]
	lea eax, [ebx + AT(gdt)]
	mov [AT(gdt.pointer) + 2], eax
	o32 lgdt [AT(gdt.pointer)]
	lea eax, [ebx + AT(long_mode)]
	mov [AT(target)], eax
	enter_long_mode [AT(ap_parameters.root)], EFER_LME | EFER_NXE
	jmp dword far [AT(target)]

bits 64
default rel
long_mode:
	mov rsp, [ap_parameters.stack]
	mov rdi, [ap_parameters.index]
	mov rax, [ap_parameters.entry]
	xor ebp, ebp
	push rbp
	jmp rax

align 8
gdt:
	dq 0
	dq GDT_CODE_64
.pointer:
	dw $ - gdt - 1
	dd 0
target:
	dd 0
	dw 8
align 8
ap_parameters:
.page:  dq 0
.root:  dq 0
.stack: dq 0
.entry: dq 0
.index: dq 0
ap_end:
