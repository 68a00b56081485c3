// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/cache.h"
#include "core/clock.h"
#include "core/deadline.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/output.h"
#include "core/uart.h"

#define LINE 64ull

static _Alignas(4096) u8 memory[FAKE_MEM_PAGES * PAGE_SIZE];
static _Alignas(4096) u8 seen[FAKE_MEM_PAGES * PAGE_SIZE];
static bool used[FAKE_MEM_PAGES];
static u16 counts[FAKE_MEM_PAGES];
static u32 used_count, next_page;
static bool on_its_way[FAKE_MEM_PAGES * PAGE_SIZE / LINE]; /* lines that a fence waits for */
static u32 lines_on_their_way;
static int allocations_left;
static u64 now_us;

char fake_log[1 << 16];
u32 fake_mem_used_percent;
u64 fake_time_step_us;
void (*fake_mem_on_flush)(void);
struct fake_mem_hooks fake_mem_hooks;

static void scribble(u32 page, int byte)
{
	memset(&memory[page * PAGE_SIZE], byte, PAGE_SIZE);
}

void fake_mem_reset(void)
{
	memset(used, 0, sizeof(used));
	memset(seen, 0xa7, sizeof(seen)); /* as an entry of any format: present, and nonsense */
	memset(memory, 0xa5, sizeof(memory));
	memset(on_its_way, 0, sizeof(on_its_way));
	lines_on_their_way = 0;
	used_count = next_page = 0;
	fake_mem_used_percent = 0;
	allocations_left = -1;
	now_us = 0;
	fake_time_step_us = 1;
	fake_mem_on_flush = NULL;
	fake_mem_hooks = (struct fake_mem_hooks){0};
	fake_log[0] = 0;
}

void fake_mem_fail_after(int count)
{
	allocations_left = count;
}

u32 fake_mem_used(void)
{
	return used_count;
}

bool fake_mem_contains(const void *at)
{
	return (const u8 *)at >= memory && (const u8 *)at < memory + sizeof(memory);
}

bool fake_mem_is_used(u64 pa)
{
	return pa >= FAKE_MEM_BASE_PA && pa - FAKE_MEM_BASE_PA < sizeof(memory) &&
	       used[(pa - FAKE_MEM_BASE_PA) / PAGE_SIZE];
}

u64 page_used_count(void)
{
	return fake_mem_used();
}

u32 page_used_percent(void)
{
	return fake_mem_used_percent;
}

u64 page_alloc(void)
{
	if (allocations_left == 0 || used_count == FAKE_MEM_PAGES)
		return 0;
	if (allocations_left > 0)
		allocations_left--;
	while (used[next_page])
		next_page = (next_page + 1) % FAKE_MEM_PAGES;
	used[next_page] = true;
	used_count++;
	scribble(next_page, 0xa5);
	return FAKE_MEM_BASE_PA + next_page * PAGE_SIZE;
}

u64 page_alloc_zeroed(void)
{
	u64 pa = page_alloc();

	if (pa)
		memset(phys_to_virt(pa), 0, PAGE_SIZE);
	return pa;
}

void page_free(u64 pa)
{
	u32 page = (pa - FAKE_MEM_BASE_PA) / PAGE_SIZE;

	if (page >= FAKE_MEM_PAGES || !used[page] || !IS_ALIGNED(pa, PAGE_SIZE))
		abort();
	if (fake_mem_hooks.free)
		fake_mem_hooks.free(pa);
	used[page] = false;
	used_count--;
	scribble(page, 0xf5);
}

void *phys_to_virt(u64 pa)
{
	if (!pa) /* what page_alloc failed to give: may be named, not touched */
		return NULL;
	if (pa < FAKE_MEM_BASE_PA || pa - FAKE_MEM_BASE_PA >= sizeof(memory))
		abort();
	return memory + (pa - FAKE_MEM_BASE_PA);
}

u64 virt_to_phys(const void *va)
{
	return FAKE_MEM_BASE_PA + ((const u8 *)va - memory);
}

const void *fake_mem_seen(u64 pa)
{
	return seen + ((const u8 *)phys_to_virt(pa) - memory);
}

u16 *page_count(u64 pa)
{
	u32 page = (pa - FAKE_MEM_BASE_PA) / PAGE_SIZE;

	if (page >= FAKE_MEM_PAGES || !used[page])
		abort();
	return &counts[page];
}

static void look(void)
{
	if (fake_mem_on_flush)
		fake_mem_on_flush();
}

static void check_lines(const u8 *at, size_t size, u64 *first, u64 *end)
{
	*first = ALIGN_DOWN(at - memory, LINE) / LINE;
	*end = ALIGN_UP((u64)(at - memory) + size, LINE) / LINE;
	if (*end > ARRAY_SIZE(on_its_way) || *first > *end)
		abort();
}

static void write_line(u64 line)
{
	memcpy(seen + line * LINE, memory + line * LINE, LINE);
	if (fake_mem_hooks.written_back)
		fake_mem_hooks.written_back(FAKE_MEM_BASE_PA + line * LINE);
}

void cache_write_back(const void *at, size_t size)
{
	u64 line, end;

	for (check_lines(at, size, &line, &end); line < end; line++) {
		on_its_way[line] = true;
		lines_on_their_way++;
	}
}

/* Lines may arrive in any order: these first, those that no fence has waited for later. */
void cache_flush_range(const void *at, size_t size)
{
	u64 line, end;

	for (check_lines(at, size, &line, &end); line < end; line++)
		write_line(line);
	look();
	cache_fence();
}

void cache_fence(void)
{
	if (fake_mem_hooks.fence)
		fake_mem_hooks.fence();
	if (!lines_on_their_way)
		return;
	for (u64 line = 0; line < ARRAY_SIZE(on_its_way); line++) {
		if (on_its_way[line])
			write_line(line);
		on_its_way[line] = false;
	}
	lines_on_their_way = 0;
	look();
}

void cache_flush_all(void)
{
	for (u32 page = 0; page < FAKE_MEM_PAGES; page++) {
		for (u64 line = 0; used[page] && line < PAGE_SIZE / LINE; line++)
			write_line(page * PAGE_SIZE / LINE + line);
	}
	look();
}

u64 deadline_in_us(u64 us)
{
	return now_us + us;
}

bool deadline_passed(u64 deadline)
{
	now_us += fake_time_step_us;
	if (fake_mem_hooks.time)
		fake_mem_hooks.time();
	return now_us > deadline;
}

u64 clock_ms(void)
{
	return now_us / 1000;
}

void log_line(const char *format, ...)
{
	size_t length = strlen(fake_log);
	va_list arguments;

	va_start(arguments, format);
	length += (size_t)vsnprintf(fake_log + length, sizeof(fake_log) - length - 1, format,
	                            arguments);
	va_end(arguments);
	if (length > sizeof(fake_log) - 2)
		length = sizeof(fake_log) - 2;
	strcpy(fake_log + length, "\n");
}

void log_registers(const char *words, const u64 gpr[GPR_COUNT])
{
	log_line("%s rax=0x%lx", words, gpr[GPR_RAX]);
}

void log_show(struct output *out, u32 lines)
{
	char text[32];

	out->put(out, text, (size_t)snprintf(text, sizeof(text), "the last %u lines", lines));
}

void log_write_guest_byte(u8 byte)
{
	(void)byte;
}

void uart_drain(void)
{
}
