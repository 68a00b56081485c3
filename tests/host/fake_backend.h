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
/* One more, on the next CPU that has none. */
struct vcpu *fake_backend_add_vcpu(struct vm *vm);
/* What its nested tables say of RAM at gpa 0: 'w' write-back, 'g' the guest's PAT, 'u' uncached. */
char fake_backend_ram_type(const struct vm *vm);

/* What happens in order: each step a word, and after a colon the state that the test watches. */
extern char fake_trace[1 << 12];
extern const char *(*fake_trace_state)(void); /* NULL: none */
void fake_trace_step(const char *step);
/* What has happened since the last look. */
#define assert_trace(expected)                             \
	do {                                               \
		assert_string_equal(fake_trace, expected); \
		fake_trace[0] = 0;                         \
	} while (0)

extern struct vcpu_state fake_state; /* what read_state gives */
/* The last injection; ~0: none. */
extern u32 fake_vector, fake_error_code;

extern u64 fake_cr0; /* what write_cr0 was given */

extern u32 fake_msr_absent;  /* the CPU raises #GP for this one; others read as ~number */
extern u32 fake_msr_written; /* the last one; ~0: none */
extern u64 fake_msr_value;
/* The local APIC: registers by offset / 16, and the last interprocessor interrupt. */
extern bool fake_x2apic;
extern u32 fake_apic[0x40];
extern u32 fake_ipi_count, fake_ipi_to, fake_ipi;
extern u64 fake_ipi_targets; /* APIC ids that were sent any, below 64 */
extern u64 fake_deaf_cpus;   /* these do not answer */
/* What is called from here on is called on this CPU. */
void fake_be_cpu(u32 index);
/* One of them answers after all, once. */
void fake_serve(u32 index);

extern bool fake_vcpu_init_fails;
extern void (*fake_on_serve)(void); /* NULL, or called when a mailbox is about to be served */

#endif
