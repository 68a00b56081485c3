// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/options.h"

#include <stddef.h>

const char *option_text(const struct multiboot *info, const char *name)
{
	const char *p = (const char *)(uintptr_t)info->cmdline;

	if (!(info->flags & MULTIBOOT_HAS_CMDLINE))
		return NULL;
	while (*p) {
		const char *n = name;

		while (*n && *p == *n)
			p++, n++;
		if (!*n && *p == '=')
			return p + 1;
		while (*p && *p++ != ' ')
			;
	}
	return NULL;
}

uint64_t option_number(const struct multiboot *info, const char *name, uint64_t otherwise)
{
	const char *text = option_text(info, name);
	uint64_t value = 0;

	if (!text)
		return otherwise;
	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}
