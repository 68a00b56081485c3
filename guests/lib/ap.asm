; SPDX-License-Identifier: BSD-2-Clause
; The other CPUs: from real mode, where a startup IPI puts them, to C in long mode (cpus.c); and their
; interrupts.

%include "guests/lib/long_mode.inc"

CR0_PE		equ 1 << 0
CR0_CACHE	equ 3 << 29		; CD and NW, which INIT sets
APIC_EOI	equ 0xfee000b0

STACK_LG2	equ 12

extern cpu_main, cpu_stacks, pml4
global ap_start, ap_gdt_pointer, ap_end, ap_count, cpu_interrupt, cpu_nmi, cpu_nmis

section .rodata
; Copied to a page below 1 MiB, whose address is CS * 16. The first CPU fills in where its GDT is.
bits 16
ap_start:
	o32 lgdt [cs:ap_gdt_pointer - ap_start]
	mov eax, cr0
	and eax, ~CR0_CACHE
	or eax, CR0_PE
	mov cr0, eax
	jmp dword SELECTOR_CODE32:ap_protected
ap_gdt_pointer:
	times 10 db 0
ap_end:

section .text
bits 32
ap_protected:
	mov eax, SELECTOR_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	enter_long_mode pml4
	jmp SELECTOR_CODE64:.long
bits 64
.long:
	mov edi, 1
	lock xadd [rel ap_count], edi
	inc edi				; they are numbered as they come, from 1 on
	mov eax, edi
	shl eax, STACK_LG2
	lea rsp, [rax + cpu_stacks]	; where the stack before this number's ends
	call cpu_main

cpu_nmi:
	lock inc dword [rel cpu_nmis]
	iretq

cpu_interrupt:
	push rax
	mov eax, APIC_EOI
	mov dword [rax], 0
	pop rax
	iretq

section .bss
ap_count:	resd 1
cpu_nmis:	resd 1
