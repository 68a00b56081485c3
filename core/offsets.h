/* SPDX-License-Identifier: BSD-2-Clause */
/* How C tells the assembler: a string "->NAME value" in the compiler's output (house rule 10). */
#ifndef CORE_OFFSETS_H
#define CORE_OFFSETS_H

#include "lib/types.h"

#define CONSTANT(name, value)      __asm__ volatile(".ascii \"->" #name " %0\"" : : "i"(value))
#define OFFSET(name, type, member) CONSTANT(name, offsetof(type, member))

#endif
