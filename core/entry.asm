; SPDX-License-Identifier: BSD-2-Clause
; The one entry of the core, whatever the door: long mode, the door's page tables (image at its link
; address, physical memory at identity), interrupts off, RDI = struct boot_info.
bits 64
default rel
%include "offsets.inc"

extern main, cpu_stacks
global core_entry, cpu_wait

section .text
core_entry:
	cli
	cld
	lea rsp, [cpu_stacks + CPU_STACK_TOP]
	xor ebp, ebp
	call main
.stop:
	hlt
	jmp .stop

; void cpu_wait(const struct cpu *cpu)
; A kick between the check and the halt would be slept over: the NMI handler starts such a piece anew
; (core/trap.c).
cpu_wait:
	mov eax, [rdi + CPU_ASKED]
	cmp eax, [rdi + CPU_SERVED]
	jne .end
	hlt
.end:
	ret

section restart progbits alloc noexec nowrite align=8
	dq cpu_wait, cpu_wait.end
