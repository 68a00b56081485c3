/* SPDX-License-Identifier: BSD-2-Clause */
/* Fixed-width types and the few macros every room uses. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n)          (1ull << (n))
#define MASK(high, low) ((~0ull >> (63 - (high))) & (~0ull << (low)))

/* A register field is named by its mask; the shift follows from it. */
#define FIELD_SHIFT(mask)      __builtin_ctzll(mask)
#define FIELD_GET(mask, value) (((u64)(value) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PUT(mask, value) (((u64)(value) << FIELD_SHIFT(mask)) & (mask))

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a) ((x) & ~((u64)(a)-1))
#define ALIGN_UP(x, a)   ALIGN_DOWN((x) + (u64)(a)-1, a)
#define IS_ALIGNED(x, a) (((x) & ((u64)(a)-1)) == 0)
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))
#define KIB(n)           ((u64)(n) << 10)
#define MIB(n)           ((u64)(n) << 20)
#define GIB(n)           ((u64)(n) << 30)
#define PAGE_SIZE        4096ull
#define PAGE_SIZE_LG2    12

#define must_check           __attribute__((warn_unused_result))
#define printf_like(fmt, va) __attribute__((format(printf, fmt, va)))

#endif
