// SPDX-License-Identifier: BSD-2-Clause
#include "guests/lib/console.h"

#include <stddef.h>

#include "guests/lib/report.h"

#define ANSWER_MAX 8192

static uint64_t length_of(const char *text)
{
	uint64_t length = 0;

	while (text[length])
		length++;
	return length;
}

const char *console_find(const char *command, const char *word)
{
	static char answer[ANSWER_MAX];
	uint64_t length = length_of(word);
	int64_t got = snoopervisor_command(&hypervisor, (uintptr_t)command, length_of(command),
	                                   (uintptr_t)answer, ANSWER_MAX - 1);

	if (got < 0 || got >= ANSWER_MAX) {
		report(false, "command text=%s length=%ld", command, got);
		return NULL;
	}
	answer[got] = 0;
	for (const char *p = answer; *p; p++) {
		uint64_t same = 0;

		while (same < length && p[same] == word[same])
			same++;
		if (same == length)
			return p + length;
	}
	return NULL;
}
