// SPDX-License-Identifier: BSD-2-Clause
#include "lib/string.h"
#include "lib/types.h"

/* gcc would turn these loops into calls of the very functions they implement. */
#ifndef __clang__
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif

/* Eight bytes wherever they lie, whatever type they have. */
typedef u64 __attribute__((may_alias, aligned(1))) any_u64;

/* Also right for overlapping ranges if to is below from: a word is read before it is overwritten.
 */
void *memcpy(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	for (; size >= 8; size -= 8, t += 8, f += 8)
		*(any_u64 *)t = *(const any_u64 *)f;
	while (size--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	if ((uintptr_t)to - (uintptr_t)from >= size)
		return memcpy(to, from, size);
	while (size--)
		t[size] = f[size];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	u64 word = (u8)byte * 0x0101010101010101ull;
	u8 *t = to;

	for (; size >= 8; size -= 8, t += 8)
		*(any_u64 *)t = word;
	while (size--)
		*t++ = (u8)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t length = 0;

	while (s[length])
		length++;
	return length;
}

int strcmp(const char *a, const char *b)
{
	return memcmp(a, b, MIN(strlen(a), strlen(b)) + 1);
}
