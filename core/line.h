/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's line while it is read: word by word, the last one being to blame for an error. */
#ifndef CORE_LINE_H
#define CORE_LINE_H

#include "core/device.h"
#include "core/ioasid.h"
#include "core/output.h"
#include "core/vm.h"
#include "lib/error.h"
#include "lib/token.h"

struct line {
	struct text rest, word; /* what is left, and what is being looked at */
	u32 number;             /* of the manifest's line */
	struct output *out;     /* who gave a live command; NULL: it is the manifest's */
	struct vm *vm;          /* what a vm line describes, or vm= names */
	struct device *device;  /* what a device line describes */
};

/* The next word; it must be there. E_MISSING_WORD. */
err_t line_word(struct line *l) must_check;
/* There is none. E_UNKNOWN_WORD. */
err_t line_end(struct line *l) must_check;
err_t line_name(struct line *l, char *name, size_t size) must_check;
err_t line_number(struct line *l, u64 *number) must_check;
/* What the next word names. E_NO_VM, E_NO_IOASID, E_NO_DEVICE, E_BAD_BDF. */
err_t line_vm(struct line *l, struct vm **vm) must_check;
err_t line_ioasid(struct line *l, struct ioasid **io) must_check;
err_t line_device(struct line *l, struct device **d) must_check;
/* The same of a value. */
err_t line_find_vm(struct text name, struct vm **vm) must_check;
err_t line_find_ioasid(struct text name, struct ioasid **io) must_check;

/* The index of a word in a list that ends with NULL. *choice is an enum where the list names one:
 * all are unsigned int here (C11 6.7.2.2). */
err_t line_choose(struct text word, const char *const *choices, u32 *choice) must_check;
/* The last word of the line is one of a few. */
err_t line_choice(struct line *l, const char *const *choices, u32 *choice) must_check;

/* A table of keys ends with one without a name. */
struct key {
	const char *name;
	err_t (*set)(struct line *l, struct text value);
};
/* The rest of the line is key=value, each key once. */
err_t line_keys(struct line *l, const struct key *keys) must_check;
/* vm=NAME, into l->vm. */
err_t line_vm_key(struct line *l, struct text value) must_check;

#endif
