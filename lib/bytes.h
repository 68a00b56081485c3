/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian numbers at any alignment in somebody else's bytes. The caller has checked the end.
 */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include "lib/types.h"

/* Of 1 to 8 bytes. */
static inline u64 get_uint(const u8 *at, u32 size)
{
	u64 value = 0;

	__builtin_memcpy(&value, at, size);
	return value;
}

static inline u16 get_u16(const u8 *at)
{
	return (u16)get_uint(at, sizeof(u16));
}

static inline u32 get_u32(const u8 *at)
{
	return (u32)get_uint(at, sizeof(u32));
}

static inline u64 get_u64(const u8 *at)
{
	return get_uint(at, sizeof(u64));
}

static inline void put_u32(u8 *at, u32 value)
{
	__builtin_memcpy(at, &value, sizeof(value));
}

#endif
