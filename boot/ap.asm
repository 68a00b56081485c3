; SPDX-License-Identifier: BSD-2-Clause
; An application processor's first instructions (boot/ap.h; SDM volume 3, 9.4.4): from real mode straight
; into long mode. It runs from a copy below 1 MiB, whose address is CS * 16.
global ap_start, ap_parameters, ap_end

CR0_PE   equ 1 << 0
CR0_PG   equ 1 << 31
CR0_CACHE equ 3 << 29  ; CD and NW, which INIT sets
CR4_PAE  equ 1 << 5
MSR_EFER equ 0xc0000080
EFER_LME equ 1 << 8
EFER_NXE equ 1 << 11

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
	mov eax, cr4
	or eax, CR4_PAE
	mov cr4, eax
	mov eax, [AT(ap_parameters.root)]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME | EFER_NXE
	wrmsr
	mov eax, cr0
	and eax, ~CR0_CACHE
	or eax, CR0_PG | CR0_PE
	mov cr0, eax
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
	dq 0x00af9b000000ffff ; 64-bit code, accessed
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
