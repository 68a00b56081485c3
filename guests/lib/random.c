// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/random.h"

static uint64_t random_state;

/* xorshift64* */
uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

void random_seed(uint64_t seed)
{
	random_state = seed * 2 + 1; /* never 0 */
}
