; SPDX-License-Identifier: BSD-2-Clause
; The one entry of the core, whatever the door: long mode, the door's page tables (image at its link
; address, physical memory at identity), interrupts off, RDI = struct boot_info.
bits 64
default rel
%include "offsets.inc"

extern main, cpu_stacks
global core_entry

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
