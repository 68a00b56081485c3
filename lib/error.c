// SPDX-License-Identifier: BSD-2-Clause
#include "lib/error.h"

const char *error_name(err_t e)
{
	static const char *const names[] = {
#define X(name, text) [E_##name] = text,
		ERRORS(X)
#undef X
	};

	return (size_t)e < ARRAY_SIZE(names) ? names[e] : "unknown-error";
}
