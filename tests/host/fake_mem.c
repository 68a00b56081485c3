// SPDX-License-Identifier: BSD-2-Clause
#include "tests/host/fake_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/cache.h"
#include "core/deadline.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/uart.h"

#define LINE 64ull

static _Alignas(4096) u8 memory[FAKE_MEM_PAGES * PAGE_SIZE];
static _Alignas(4096) u8 seen[FAKE_MEM_PAGES * PAGE_SIZE];
static bool used[FAKE_MEM_PAGES];
static u32 used_count, next_page;
static int allocations_left;
static u64 now_us;

char fake_log[1 << 16];
u64 fake_time_step_us;
void (*fake_mem_on_flush)(void);

static void scribble(u32 page, int byte)
{
	memset(&memory[page * PAGE_SIZE], byte, PAGE_SIZE);
}

void fake_mem_reset(void)
{
	memset(used, 0, sizeof(used));
	memset(seen, 0x5a, sizeof(seen));
	memset(memory, 0xa5, sizeof(memory));
	used_count = next_page = 0;
	allocations_left = -1;
	now_us = 0;
	fake_time_step_us = 1;
	fake_mem_on_flush = NULL;
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

static void write_back(const u8 *at, size_t size)
{
	u64 first = ALIGN_DOWN(at - memory, LINE), end = ALIGN_UP((u64)(at - memory) + size, LINE);

	if (end > sizeof(memory) || first > end)
		abort();
	memcpy(seen + first, memory + first, end - first);
}

void cache_flush_range(const void *at, size_t size)
{
	write_back(at, size);
	if (fake_mem_on_flush)
		fake_mem_on_flush();
}

void cache_flush_all(void)
{
	for (u32 page = 0; page < FAKE_MEM_PAGES; page++) {
		if (used[page])
			write_back(&memory[page * PAGE_SIZE], PAGE_SIZE);
	}
	if (fake_mem_on_flush)
		fake_mem_on_flush();
}

void cache_fence(void)
{
}

u64 deadline_in_us(u64 us)
{
	return now_us + us;
}

bool deadline_passed(u64 deadline)
{
	now_us += fake_time_step_us;
	return now_us > deadline;
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

void log_note_guest_byte(u8 byte)
{
	(void)byte;
}

void uart_drain(void)
{
}
