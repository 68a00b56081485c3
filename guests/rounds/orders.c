// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/report.h"
#include "guests/rounds/rounds.h"

/* Bits of n: the formats of the two devices, who comes first, who leaves first. */
static bool run_order(unsigned int n)
{
	bool snoop[TOYS_MAX] = {n & 1, n >> 1 & 1};
	unsigned int comes = n >> 2 & 1, leaves = n >> 3 & 1;

	return toy_attach(&toys[comes], snoop[comes]) && toy_attach(&toys[!comes], snoop[!comes]) &&
	       toy_detach(&toys[leaves]) && toy_detach(&toys[!leaves]);
}

void step_orders(void)
{
	unsigned int n = 0;

	ioasids_alloc();
	while (n < 16 && run_order(n))
		n++;
	if (n == 16)
		ioasids_free();
	report(n == 16, "orders right=%u", n);
}
