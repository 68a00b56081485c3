/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's side of core/hypercall.h. */
#ifndef CORE_HYPERCALL_HANDLE_H
#define CORE_HYPERCALL_HANDLE_H

#include "core/exit.h"

/* Handler of EXIT_HYPERCALL. */
enum exit_result hypercall_handle(struct vcpu *vcpu, struct exit *exit);

#endif
