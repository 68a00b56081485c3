// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every store of the shipped code, one by one. That code is compiled with -fsanitize=thread, which
 * puts a call before each access to memory, and is linked without the sanitizer: these are the
 * calls. A plain store is announced before it is done, so the devices look at it when the next one
 * is announced, or at the next door.
 */
#include <stdint.h>
#include <string.h>
#include "core/mem.h"
#include "tests/host/fake_mem.h"
#include "tests/model/model.h"

#define DEFINE(type, name, parameters) \
	type name parameters;          \
	type name parameters

/* ---- plain accesses, about to be done ---- */

static void announce_store(void *at)
{
	static u64 announced_pa;

	if (announced_pa)
		model_stored(announced_pa);
	announced_pa = fake_mem_contains(at) ? virt_to_phys(at) : 0;
	if (announced_pa)
		model_will_store(announced_pa);
}

#define ACCESS(name, action)                    \
	DEFINE(void, __tsan_##name, (void *at)) \
	{                                       \
		action(at);                     \
	}
#define ignore(at) (void)at

ACCESS(func_entry, ignore)
ACCESS(read1, ignore)
ACCESS(read2, ignore)
ACCESS(read4, ignore)
ACCESS(read8, ignore)
ACCESS(read16, ignore)
ACCESS(unaligned_read2, ignore)
ACCESS(unaligned_read4, ignore)
ACCESS(unaligned_read8, ignore)
ACCESS(unaligned_read16, ignore)
ACCESS(write1, announce_store)
ACCESS(write2, announce_store)
ACCESS(write4, announce_store)
ACCESS(write8, announce_store)
ACCESS(write16, announce_store)
ACCESS(unaligned_write2, announce_store)
ACCESS(unaligned_write4, announce_store)
ACCESS(unaligned_write8, announce_store)
ACCESS(unaligned_write16, announce_store)

DEFINE(void, __tsan_init, (void))
{
}

DEFINE(void, __tsan_func_exit, (void *at))
{
	(void)at;
}

DEFINE(void, __tsan_read_range, (void *at, long size))
{
	(void)at, (void)size;
}

DEFINE(void, __tsan_write_range, (void *at, long size))
{
	(void)size;
	announce_store(at);
}

/* ---- atomic accesses, which the call does itself ---- */

#define CHANGE(bits, name, builtin)                                      \
	DEFINE(u##bits, __tsan_atomic##bits##_##name,                    \
	       (volatile void *at, u##bits value, int order))            \
	{                                                                \
		(void)order;                                             \
		announce_store((void *)at);                              \
		value = builtin((u##bits *)at, value, __ATOMIC_SEQ_CST); \
		announce_store(NULL);                                    \
		return value;                                            \
	}

#define COMPARE_EXCHANGE(bits, strength)                                                         \
	DEFINE(bool, __tsan_atomic##bits##_compare_exchange_##strength,                          \
	       (volatile void *at, void *expected, u##bits value, int order, int failure))       \
	{                                                                                        \
		bool done;                                                                       \
                                                                                                 \
		(void)order, (void)failure;                                                      \
		announce_store((void *)at);                                                      \
		done = __atomic_compare_exchange_n((u##bits *)at, (u##bits *)expected, value, 0, \
		                                   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);          \
		announce_store(NULL);                                                            \
		return done;                                                                     \
	}

#define ATOMIC(bits)                                                                             \
	DEFINE(u##bits, __tsan_atomic##bits##_load, (const volatile void *at, int order))        \
	{                                                                                        \
		(void)order;                                                                     \
		return __atomic_load_n((const volatile u##bits *)at, __ATOMIC_SEQ_CST);          \
	}                                                                                        \
	DEFINE(void, __tsan_atomic##bits##_store, (volatile void *at, u##bits value, int order)) \
	{                                                                                        \
		(void)order;                                                                     \
		announce_store((void *)at);                                                      \
		__atomic_store_n((u##bits *)at, value, __ATOMIC_SEQ_CST);                        \
		announce_store(NULL);                                                            \
	}                                                                                        \
	CHANGE(bits, exchange, __atomic_exchange_n)                                              \
	CHANGE(bits, fetch_add, __atomic_fetch_add)                                              \
	CHANGE(bits, fetch_sub, __atomic_fetch_sub)                                              \
	CHANGE(bits, fetch_or, __atomic_fetch_or)                                                \
	CHANGE(bits, fetch_and, __atomic_fetch_and)                                              \
	COMPARE_EXCHANGE(bits, strong)                                                           \
	COMPARE_EXCHANGE(bits, weak)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)
