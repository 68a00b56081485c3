// SPDX-License-Identifier: BSD-2-Clause
/* snoopctl: Snoopervisor's hypercalls on the command line. Prints key=value pairs, or reason=. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guests/linux/ioctl.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const char *const formats[] = {"none", "snoop", "nosnoop"};
static const char *const verdicts[] = {"ignore", "emulate"};
static const char *const bys[] = {"probe", "unknown", "override", "class", "block"};
static const char *const boxes[] = {"none", "box1", "box2", "box3", "box4"};

static _Noreturn void fail(const char *reason)
{
	printf("reason=%s\n", reason);
	exit(1);
}

static const char *reason_of(int64_t error)
{
	static const char *const reasons[] = {
		[-HYPERCALL_E_NUMBER] = "no-such-call",
		[-HYPERCALL_E_ARGUMENT] = "bad-argument",
		[-HYPERCALL_E_ADDRESS] = "bad-address",
		[-HYPERCALL_E_PERMISSION] = "no-control",
		[-HYPERCALL_E_DEVICE] = "no-such-device",
		[-HYPERCALL_E_IOASID] = "no-such-ioasid",
		[-HYPERCALL_E_STATE] = "wrong-state",
		[-HYPERCALL_E_LIMIT] = "too-many",
		[-HYPERCALL_E_MEMORY] = "no-memory",
		[-HYPERCALL_E_MAPPED] = "already-mapped",
		[-HYPERCALL_E_RESERVED] = "reserved-region",
		[-HYPERCALL_E_NO_UNIT] = "no-unit",
		[-HYPERCALL_E_NO_SNOOP_CONTROL] = "no-snoop-control",
		[-HYPERCALL_E_UNIT] = "unit-cannot-walk",
		[-HYPERCALL_E_GROUP] = "group-split",
		[-HYPERCALL_E_QUARANTINED] = "quarantined",
		[-HYPERCALL_E_OVERLAP] = "overlap",
		[-HYPERCALL_E_HARDWARE] = "hardware",
	};

	return -error < (int64_t)COUNT(reasons) ? reasons[-error] : "unknown-error";
}

/* The result; what is refused ends the program. */
static int64_t call(struct snoopervisor_ioctl request)
{
	int device = open(SNOOPERVISOR_DEVICE, O_RDWR);

	if (device < 0 || ioctl(device, SNOOPERVISOR_CALL, &request) < 0)
		fail("no-snoopervisor-device");
	if (request.result < 0)
		fail(reason_of(request.result));
	return request.result;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	if (end == text || *end)
		fail("bad-number");
	return value;
}

/* [SEGMENT:]BUS:DEVICE.FUNCTION */
static uint32_t bdf(const char *text)
{
	unsigned int segment = 0, bus, device, function;
	int end = 0;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &segment, &bus, &device, &function, &end) != 4) {
		segment = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3)
			fail("bad-bdf");
	}
	if (text[end] || device > 31 || function > 7)
		fail("bad-bdf");
	return segment << 16 | bus << 8 | device << 3 | function;
}

/* The index of a word; count: there is none such. */
static uint64_t choose(const char *word, const char *const *words, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return i;
	fail("unknown-word");
}

static void verdict(char **arguments)
{
	int64_t result = call((struct snoopervisor_ioctl){.number = HYPERCALL_VERDICT});

	(void)arguments;
	printf("wbinvd=%s because=%s\n", verdicts[result & 1], boxes[result >> 8 & 7]);
}

static void info(char **arguments)
{
	uint64_t info = (uint64_t)call((struct snoopervisor_ioctl){.number = HYPERCALL_DEVICE_INFO,
	                                                           .b = bdf(arguments[0])});
	unsigned int group = HYPERCALL_INFO_GROUP(info), ioasid = HYPERCALL_INFO_IOASID(info);

	printf("device=%s default=%s box=%u wbinvd=%s nosnoop=%s by=%s group=%02x:%02x.%x",
	       arguments[0], formats[HYPERCALL_INFO_FORMAT(info)],
	       (unsigned int)HYPERCALL_INFO_BOX(info), verdicts[HYPERCALL_INFO_VERDICT(info)],
	       HYPERCALL_INFO_NOSNOOP(info) ? "yes" : "no", bys[HYPERCALL_INFO_BY(info)],
	       group >> 8, group >> 3 & 0x1f, group & 7);
	printf(" state=%s", HYPERCALL_INFO_ATTACHED(info)      ? "attached"
	                    : HYPERCALL_INFO_QUARANTINED(info) ? "quarantined"
	                                                       : "free");
	if (ioasid != HYPERCALL_IOASID_NONE)
		printf(" ioasid=%u", ioasid);
	printf("\n");
}

static void alloc(char **arguments)
{
	static const char *const requests[] = {"default", "snoop", "nosnoop"};
	uint64_t request = choose(arguments[0], requests, COUNT(requests));

	printf("ioasid=%u\n", (unsigned int)call((struct snoopervisor_ioctl){
				      .number = HYPERCALL_IOASID_ALLOC, .b = request}));
}

static void free_ioasid(char **arguments)
{
	call((struct snoopervisor_ioctl){.number = HYPERCALL_IOASID_FREE,
	                                 .b = number(arguments[0])});
}

static void attach(char **arguments)
{
	uint64_t id =
		strcmp(arguments[1], "default") ? number(arguments[1]) : HYPERCALL_IOASID_NONE;
	int64_t result = call((struct snoopervisor_ioctl){
		.number = HYPERCALL_ATTACH, .b = bdf(arguments[0]), .c = id});

	printf("device=%s format=%s box=%u coherent=%u\n", arguments[0], formats[result & 3],
	       (unsigned int)(result >> 16 & 7), (unsigned int)(result >> 8 & 1));
}

static void detach(char **arguments)
{
	call((struct snoopervisor_ioctl){.number = HYPERCALL_DETACH, .b = bdf(arguments[0])});
}

static void map(char **arguments)
{
	static const char *const accesses[] = {"none", "r", "w", "rw"}; /* HYPERCALL_ACCESS_* */

	call((struct snoopervisor_ioctl){
		.number = HYPERCALL_IOASID_MAP,
		.b = number(arguments[0]),
		.c = number(arguments[1]),
		.d = number(arguments[2]),
		.si = number(arguments[3]),
		.di = choose(arguments[4], accesses, COUNT(accesses)),
	});
}

static void unmap(char **arguments)
{
	call((struct snoopervisor_ioctl){.number = HYPERCALL_IOASID_UNMAP,
	                                 .b = number(arguments[0]),
	                                 .c = number(arguments[1]),
	                                 .d = number(arguments[2])});
}

static void run(char **arguments)
{
	static char answer[SNOOPERVISOR_ANSWER_MAX];
	int64_t length = call((struct snoopervisor_ioctl){
		.number = HYPERCALL_COMMAND,
		.c = strlen(arguments[0]),
		.si = sizeof(answer),
		.text = (uintptr_t)arguments[0],
		.answer = (uintptr_t)answer,
	});

	if (length > (int64_t)sizeof(answer))
		length = sizeof(answer);
	fwrite(answer, 1, (size_t)length, stdout);
	if (!strncmp(answer, "error ", 6))
		exit(1);
}

static const struct {
	const char *word;
	int arguments;
	void (*run)(char **arguments);
	const char *usage;
} commands[] = {
	{"verdict", 0, verdict, ""},
	{"info", 1, info, " BDF"},
	{"alloc", 1, alloc, " default|snoop|nosnoop"},
	{"free", 1, free_ioasid, " IOASID"},
	{"attach", 2, attach, " BDF IOASID|default"},
	{"detach", 1, detach, " BDF"},
	{"map", 5, map, " IOASID IOVA ADDRESS BYTES r|w|rw"},
	{"unmap", 3, unmap, " IOASID IOVA BYTES"},
	{"run", 1, run, " \"COMMAND\""},
};

int main(int count, char **arguments)
{
	for (size_t i = 0; count > 1 && i < COUNT(commands); i++) {
		if (strcmp(arguments[1], commands[i].word) || count != commands[i].arguments + 2)
			continue;
		commands[i].run(arguments + 2);
		return 0;
	}
	for (size_t i = 0; i < COUNT(commands); i++)
		fprintf(stderr, "usage: snoopctl %s%s\n", commands[i].word, commands[i].usage);
	return 2;
}
