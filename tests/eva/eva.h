/* SPDX-License-Identifier: BSD-2-Clause */
/* Put in front of every file that Eva reads. */
#ifndef TESTS_EVA_EVA_H
#define TESTS_EVA_EVA_H

#include <stddef.h>

/* Stands for the compiler's builtin, which Eva does not know. */
void eva_memcpy(void *to, const void *from, size_t size);

#endif
