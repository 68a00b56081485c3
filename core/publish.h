/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door through which entries that hardware walks are stored: second-stage and nested
 * tables, root, context and interrupt-remapping tables (house rule 3). Whatever an entry points to
 * is in memory before the entry says it is present. Host tests may supply their own definitions and
 * see every store.
 */
#ifndef CORE_PUBLISH_H
#define CORE_PUBLISH_H

#include "lib/types.h"

/*
 * Stores count 8-byte entries: first, first + step, first + 2 * step, ... With flush they are
 * written back before it returns (R19: a walker that does not snoop sees nothing else).
 */
void publish_entries(u64 *slots, u64 first, u64 step, unsigned int count, bool flush);

/*
 * A 16-byte entry whose present bit is in the low half: the high half is stored before the low one,
 * and both are in one line. The slot must not be present already.
 */
void publish_pair(void *slot, u64 low, u64 high, bool flush);

#endif
