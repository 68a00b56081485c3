/* SPDX-License-Identifier: BSD-2-Clause */
/* Rate limiting of log lines by counting: a line is due after 1, 1, 2, 4, ... events, so that n
 * events make about log2(n) lines, and each line can say how many it stands for. */
#ifndef LIB_RATE_H
#define LIB_RATE_H

#include "lib/types.h"

#define RATE_LIMIT_MAX (1u << 20)

struct rate {
	u32 pending; /* events since the last line */
	u32 limit;   /* a line is due at this many, above the first */
};

/* Counts one event; true when a line is due. */
static inline bool rate_count(struct rate *rate)
{
	return ++rate->pending > rate->limit;
}

/* How many events the line stands for that is printed now. */
static inline u32 rate_take(struct rate *rate)
{
	u32 events = rate->pending;

	rate->pending = 0;
	if (rate->limit < RATE_LIMIT_MAX)
		rate->limit += events;
	return events;
}

#endif
