/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O ports of guests. */
#ifndef CORE_IO_H
#define CORE_IO_H

#include "core/exit.h"

/* Handler of EXIT_IO. */
enum exit_result io_handle(struct vcpu *vcpu, struct exit *exit);

/* Tells the backend which ports of the platform VM are trapped. All ports of other VMs are. */
void io_intercept_platform(struct vcpu *vcpu);

#endif
