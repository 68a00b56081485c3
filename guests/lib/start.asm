; SPDX-License-Identifier: BSD-2-Clause
; From the Multiboot1 door (32-bit flat protected mode, EBX = information) to C in long mode, with the
; first 4 GiB mapped as they are.

%include "guests/lib/long_mode.inc"

MULTIBOOT_MAGIC	equ 0x1badb002
MULTIBOOT_FLAGS	equ 0x00000003		; modules page-aligned; memory information wanted

PAGE_TABLE	equ 0x003		; present, writable
PAGE_MEMORY	equ 0x083		; and 2 MiB large
PAGE_DEVICE	equ 0x09b		; and uncached

extern guest_main
global pml4, page_directories

section .multiboot
	dd MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

section .text
bits 32
global start
start:
	mov esp, stack_end
	lgdt [gdt_pointer]

	; Memory in the first GiB, device registers above it.
	mov edi, page_directories
	mov eax, PAGE_MEMORY
.map:
	cmp eax, 1 << 30
	jb .cached
	or eax, PAGE_DEVICE
.cached:
	mov [edi], eax
	add edi, 8
	add eax, 2 << 20
	jnc .map

	mov dword [pml4], pdpt + PAGE_TABLE
	mov edi, pdpt
	mov eax, page_directories + PAGE_TABLE
.directory:
	mov [edi], eax
	add edi, 8
	add eax, 4096
	cmp edi, pdpt + 4 * 8
	jb .directory

	enter_long_mode pml4
	jmp SELECTOR_CODE64:.long

bits 64
.long:
	mov eax, SELECTOR_DATA
	mov ss, eax
	mov ds, eax
	mov es, eax
	mov edi, ebx
	jmp guest_main

section .data
align 16
gdt:
	dq 0
	dq 0x00af9b000000ffff		; 0x08: 64-bit code
	dq 0x00cf93000000ffff		; 0x10: data
	dq 0x00cf9b000000ffff		; 0x18: 32-bit code
	dq 0x3f009be00000ffff		; 0x20: 16-bit code, based at PAGING_WINDOW (paging.h)
gdt_pointer:
	dw $ - gdt - 1
	dd gdt, 0

section .bss
alignb 4096
pml4:		resb 4096
pdpt:		resb 4096
page_directories: resb 4 * 4096
		resb 16384
stack_end:
