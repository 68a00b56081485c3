/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the hypervisor's console, for a VM with control=yes. */
#ifndef LIB_CONSOLE_H
#define LIB_CONSOLE_H

/* The answer to a command behind the first place where it says word, or NULL. It is overwritten by
 * the next one. */
const char *console_find(const char *command, const char *word);

#endif
