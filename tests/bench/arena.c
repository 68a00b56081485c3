// SPDX-License-Identifier: BSD-2-Clause
#include "tests/bench/arena.h"
#include <string.h>
#include "core/lock.h"
#include "core/mem.h"

static _Alignas(4096) u8 pages[MIB(64)];
static u16 page_counts[sizeof(pages) / PAGE_SIZE];
static u64 next_page = PAGE_SIZE, free_pages; /* address 0 stands for no page */
static u8 *direct_base;
static struct lock lock;

void arena_init(void)
{
	memset(pages, 0xa5, sizeof(pages));
	direct_base = pages;
}

void *phys_to_virt(u64 pa)
{
	return direct_base + pa;
}

u64 page_alloc(void)
{
	u64 pa = 0;

	lock_take(&lock);
	if (free_pages) {
		pa = free_pages;
		free_pages = *(u64 *)phys_to_virt(pa);
	} else if (next_page < sizeof(pages)) {
		pa = next_page;
		next_page += PAGE_SIZE;
	}
	lock_give(&lock);
	return pa;
}

void page_free(u64 pa)
{
	lock_take(&lock);
	*(u64 *)phys_to_virt(pa) = free_pages;
	free_pages = pa;
	lock_give(&lock);
}

u16 *page_count(u64 pa)
{
	return &page_counts[pa / PAGE_SIZE];
}
