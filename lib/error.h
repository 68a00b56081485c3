/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors are hardware or configuration, never our bugs (those are asserts). Each has one name,
 * which is what the log prints after reason=.
 */
#ifndef LIB_ERROR_H
#define LIB_ERROR_H

#include "lib/types.h"

#define ERRORS(X)                                   \
	X(OK, "ok")                                 \
	/* manifest and commands */                 \
	X(UNKNOWN_WORD, "unknown-word")             \
	X(MISSING_WORD, "missing-word")             \
	X(DUPLICATE, "duplicate")                   \
	X(BAD_NUMBER, "bad-number")                 \
	X(BAD_BDF, "bad-bdf")                       \
	X(BAD_QUOTE, "unterminated-quote")          \
	X(TOO_LONG, "too-long")                     \
	X(TOO_MANY, "too-many")                     \
	X(NOT_FOUND, "not-found")                   \
	X(TWO_PLATFORM_VMS, "two-platform-vms")     \
	X(NO_CPU, "no-such-cpu")                    \
	X(CPU_TAKEN, "cpu-taken")                   \
	X(ATTACHED, "attached")                     \
	X(USE_BLOCK, "use nosnoop=block")           \
	X(DENY_LIST, "deny-list")                   \
	X(NO_BIT, "no-writable-bit")                \
	X(NO_ATS, "no-ats-capability")              \
	X(NO_DEVICE_TLB, "unit-without-device-tlb") \
	X(NO_ATSR, "no-atsr")                       \
	X(ATS_BY_HARDWARE, "ats-by-hardware")       \
	X(NOT_ATTACHED, "not-attached")             \
	X(NOT_RUNNING, "not-running")               \
	X(RUNNING, "running")                       \
	X(PLATFORM_VM, "platform-vm")               \
	/* foreign bytes */                         \
	X(TRUNCATED, "truncated")                   \
	X(BAD_SIGNATURE, "bad-signature")           \
	X(BAD_CHECKSUM, "bad-checksum")             \
	X(BAD_LENGTH, "bad-length")                 \
	X(BAD_VALUE, "bad-value")                   \
	X(OVERLAP, "overlap")                       \
	X(NO_MULTIBOOT1, "no-multiboot1-header")    \
	X(UNSUPPORTED, "unsupported")               \
	/* memory */                                \
	X(NO_MEMORY, "no-memory")                   \
	X(UNALIGNED, "unaligned")                   \
	X(NOT_MAPPED, "not-mapped")                 \
	X(ALREADY_MAPPED, "already-mapped")         \
	X(OUT_OF_RANGE, "out-of-range")             \
	/* attach (R4, R5, R9) */                   \
	X(NO_SNOOP_CONTROL, "no-snoop-control")     \
	X(IOASID_OF_OTHER_VM, "ioasid-of-other-vm") \
	X(HAS_OWNER, "has-owner")                   \
	X(NO_UNIT, "no-unit")                       \
	X(NO_DEVICE, "no-such-device")              \
	X(NO_IOASID, "no-such-ioasid")              \
	X(NO_VM, "no-such-vm")                      \
	X(ADDRESS_WIDTH, "address-width")           \
	X(PAGE_SIZES, "page-sizes")                 \
	X(RESERVED_REGION, "reserved-region")       \
	X(GROUP_SPLIT, "group-split")               \
	X(BRIDGE, "bridge")                         \
	X(QUARANTINED, "quarantined")               \
	/* hardware */                              \
	X(TIMEOUT, "timeout")                       \
	X(DEVICE_TLB, "device-tlb-timeout")         \
	X(NO_HARDWARE, "no-hardware")               \
	X(NO_DOMAIN, "no-domain-id")

enum error {
#define X(name, text) E_##name,
	ERRORS(X)
#undef X
};

/* E_OK is zero, so `if (e)` reads as "if it failed". */
typedef enum error err_t;

/* The name of an error, as logged: error_name(E_NO_UNIT) is "no-unit". Never NULL. */
const char *error_name(err_t e);

/* Return from the calling function if the expression fails. */
#define TRY(expression)                         \
	do {                                    \
		err_t try_error = (expression); \
		if (try_error)                  \
			return try_error;       \
	} while (0)

#endif
