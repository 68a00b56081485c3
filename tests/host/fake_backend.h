/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One CPU in host tests, its MSRs, and a backend on top of the shipped EPT format: guests are never
 * entered. What the tests want in order goes into one trace.
 */
#ifndef TESTS_HOST_FAKE_BACKEND_H
#define TESTS_HOST_FAKE_BACKEND_H

#include "core/backend.h"

/* The CPU, cpu_this(), an empty trace; no VMs. */
void fake_backend_reset(void);

/* A VM with a vcpu and nested tables that map its RAM: [0, size) at pa, which nobody touches. */
struct vm *fake_backend_add_vm(const char *name, u64 pa, u64 size);
/* What its nested tables say of RAM at gpa 0: 'w' write-back, 'g' the guest's PAT, 'u' uncached. */
char fake_backend_ram_type(const struct vm *vm);

/* The steps of this backend, and those that a test adds: words ended by blanks. */
extern char fake_trace[1 << 12];
void fake_trace_add(const char *format, ...) printf_like(1, 2);

extern struct vcpu_state fake_state; /* what read_state gives */
extern u32 fake_injected;            /* vector << 8 | error code of the last injection; ~0: none */

/* MSRs that the CPU does not have: from 0x900 to 0x9ff. Others read as ~number unless written. */
extern u32 fake_msr_written; /* the last one; 0: none */
extern u64 fake_msr_value;

#endif
