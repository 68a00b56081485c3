// SPDX-License-Identifier: BSD-2-Clause
#include "boot/memory_map.h"
#include "lib/string.h"

static u64 end_of(const struct boot_memory *entry)
{
	return entry->base_pa + entry->size;
}

static void remove_entry(struct boot_info *info, u32 at)
{
	struct boot_memory *entry = &info->memory[at];

	info->memory_count--;
	memmove(entry, entry + 1, (info->memory_count - at) * sizeof(*entry));
}

/* Gives up the smallest usable entry; says how much that was. 0 if there is none. */
static u64 drop_smallest(struct boot_info *info)
{
	u32 smallest = info->memory_count;
	u64 size = 0;

	for (u32 i = 0; i < info->memory_count; i++) {
		const struct boot_memory *entry = &info->memory[i];

		if (entry->type == BOOT_MEMORY_USABLE && (size == 0 || entry->size < size)) {
			smallest = i;
			size = entry->size;
		}
	}
	if (size)
		remove_entry(info, smallest);
	return size;
}

/* The first entry that ends above pa. */
static u32 find_above(const struct boot_info *info, u64 pa)
{
	u32 at = 0;

	while (at < info->memory_count && end_of(&info->memory[at]) <= pa)
		at++;
	return at;
}

/* Where nothing is known yet. Entries of the same type that it touches become one with it. */
static u64 insert(struct boot_info *info, u64 base_pa, u64 end_pa, u32 type)
{
	struct boot_memory *entry = info->memory;
	u32 at = find_above(info, base_pa);
	u64 lost = 0;

	if (base_pa >= end_pa)
		return 0;
	if (at < info->memory_count && entry[at].type == type && entry[at].base_pa == end_pa) {
		end_pa = end_of(&entry[at]);
		remove_entry(info, at);
	}
	if (at > 0 && entry[at - 1].type == type && end_of(&entry[at - 1]) == base_pa) {
		entry[at - 1].size = end_pa - entry[at - 1].base_pa;
		return 0;
	}
	if (info->memory_count == BOOT_MEMORY_MAX) {
		lost = drop_smallest(info);
		if (!lost)
			return type == BOOT_MEMORY_USABLE ? end_pa - base_pa : 0;
		at = find_above(info, base_pa);
	}
	memmove(&entry[at + 1], &entry[at], (info->memory_count - at) * sizeof(*entry));
	entry[at] = (struct boot_memory){base_pa, end_pa - base_pa, type};
	info->memory_count++;
	return lost;
}

u64 boot_memory_add(struct boot_info *info, u64 base_pa, u64 size, u32 type)
{
	u64 end_pa = base_pa + MIN(size, ~base_pa);
	u64 lost = 0;

	while (base_pa < end_pa) {
		u32 at = find_above(info, base_pa);
		struct boot_memory old = {.base_pa = end_pa}; /* nothing, up to the end */
		u64 gap_end;

		if (at < info->memory_count)
			old = info->memory[at];
		gap_end = MIN(end_pa, old.base_pa);
		if (base_pa < gap_end) {
			lost += insert(info, base_pa, gap_end, type);
			base_pa = gap_end;
		} else if (type == BOOT_MEMORY_USABLE || old.type != BOOT_MEMORY_USABLE) {
			base_pa = end_of(&old);
		} else {
			remove_entry(info, at);
			lost += insert(info, old.base_pa, base_pa, old.type);
			lost += insert(info, end_pa, end_of(&old), old.type);
		}
	}
	return lost;
}
