; SPDX-License-Identifier: BSD-2-Clause
; The Multiboot2 door (Multiboot2 2.0): header, the way from 32-bit protected mode into long mode, and
; on to core_entry. Boot information is read in multiboot2.c.
%include "boot/long_mode.inc"

global multiboot2_image_offset
extern core_entry, multiboot2_collect

LOADER_MAGIC equ 0x36d76289
STACK_SIZE   equ 16384

; Link address less load address; linker.ld checks it. 32-bit code runs at load addresses.
multiboot2_image_offset equ 0xffffffff80000000
%define PA(symbol) ((symbol) - multiboot2_image_offset)

PTE_TABLE  equ 0x3 ; present, writable
PTE_LARGE  equ 0x83
LARGE_PAGE equ 0x200000

section .multiboot2 progbits alloc noexec nowrite align=8
header: ; tags are padded to multiples of 8
	dd 0xe85250d6, 0, header.end - header   ; architecture: 32-bit protected mode of i386
	dd -(0xe85250d6 + (header.end - header)) & 0xffffffff
.request:                                       ; 3.1.3: the memory map
	dw 1, 0
	dd 12, 6, 0
.request_optional:                              ; modules, either RSDP
	dw 1, 1
	dd 20, 3, 14, 15, 0
.entry:                                         ; 3.1.7
	dw 3, 0
	dd 12, PA(multiboot2_entry), 0
.module_alignment:                              ; 3.1.12: modules begin on pages
	dw 6, 0
	dd 8
	dw 0, 0
	dd 8
.end:

section .text.boot progbits alloc exec nowrite align=16
bits 32
multiboot2_entry:
	cli
	cld
	mov esp, PA(stack.top)
	mov ebp, ebx                            ; the boot information's address
	mov esi, PA(not_multiboot2)
	cmp eax, LOADER_MAGIC
	jne refuse
	mov esi, PA(no_long_mode)
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb refuse
	mov eax, 0x80000001
	cpuid
	bt edx, 29
	jnc refuse

	call build_tables
	enter_long_mode PA(pml4), EFER_LME
	lgdt [PA(gdt.pointer)]
	jmp 8:PA(long_mode)

; The first 4 GiB at identity, and the first one, with the image, at multiboot2_image_offset too.
build_tables:
	mov dword [PA(pml4)], PA(pdpt) + PTE_TABLE
	mov dword [PA(pml4) + 511 * 8], PA(pdpt) + PTE_TABLE
	mov dword [PA(pdpt) + 510 * 8], PA(pd) + PTE_TABLE
	mov eax, PA(pd) + PTE_TABLE
	mov edi, PA(pdpt)
	mov ecx, 4
	mov edx, 4096
	call fill
	mov eax, PTE_LARGE
	mov edi, PA(pd)
	mov ecx, 4 * 512
	mov edx, LARGE_PAGE
	; falls through

; ECX entries at EDI: EAX, EAX + EDX, ... The tables are .bss, so upper halves are zero.
fill:
	mov [edi], eax
	add eax, edx
	add edi, 8
	loop fill
	ret

; Says the line at ESI on the first serial port, and stops.
refuse:
	mov dx, 0x3fd
	mov ecx, 100000
.wait:
	in al, dx
	test al, 0x20
	loopz .wait
	lodsb
	test al, al
	jz .stop
	mov dx, 0x3f8
	out dx, al
	jmp refuse
.stop:
	hlt
	jmp .stop

no_long_mode:   db "error loader reason=no-long-mode", 13, 10, 0
not_multiboot2: db "error loader reason=not-multiboot2", 13, 10, 0

	align 8
gdt:
	dq 0
	dq GDT_CODE_64
.pointer:
	dw $ - gdt - 1
	dd PA(gdt)

bits 64
long_mode:
	mov rax, at_link_address
	jmp rax
at_link_address:
	mov rsp, stack.top
	mov edi, ebp
	call multiboot2_collect                 ; -> physical address of boot_info, or 0
	mov rdi, rax
	test rax, rax
	jnz core_entry
.stop:
	hlt
	jmp .stop

section .bss align=4096
pml4:  resb 4096
pdpt:  resb 4096
pd:    resb 4 * 4096
stack: resb STACK_SIZE
.top:
