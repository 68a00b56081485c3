/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stdint.h>

/* The same row of numbers for the same seed. */
uint64_t random_next(void);
void random_seed(uint64_t seed);

#endif
