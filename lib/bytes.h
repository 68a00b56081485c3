/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian numbers at any alignment in somebody else's bytes. The caller has checked the end.
 */
#ifndef LIB_BYTES_H
#define LIB_BYTES_H

#include "lib/types.h"

static inline u16 get_u16(const u8 *at)
{
	u16 value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static inline u32 get_u32(const u8 *at)
{
	u32 value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static inline u64 get_u64(const u8 *at)
{
	u64 value;

	__builtin_memcpy(&value, at, sizeof(value));
	return value;
}

static inline void put_u32(u8 *at, u32 value)
{
	__builtin_memcpy(at, &value, sizeof(value));
}

#endif
