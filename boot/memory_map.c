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

static u32 find_place(const struct boot_info *info, u64 base_pa)
{
	u32 at = 0;

	while (at < info->memory_count && info->memory[at].base_pa < base_pa)
		at++;
	return at;
}

static u64 insert_apart(struct boot_info *info, struct boot_memory new)
{
	u64 lost = 0;
	u32 at;

	if (info->memory_count == BOOT_MEMORY_MAX) {
		lost = drop_smallest(info);
		if (!lost)
			return new.type == BOOT_MEMORY_USABLE ? new.size : 0;
	}
	at = find_place(info, new.base_pa);
	memmove(&info->memory[at + 1], &info->memory[at],
	        (info->memory_count - at) * sizeof(info->memory[0]));
	info->memory[at] = new;
	info->memory_count++;
	return lost;
}

/* The new entry overlaps nothing. Its neighbours take it in, or it gets a place of its own. */
static u64 insert(struct boot_info *info, struct boot_memory new)
{
	u32 at = find_place(info, new.base_pa);
	struct boot_memory *next = &info->memory[at], *previous = next - 1;
	bool joins_next =
		at < info->memory_count && next->type == new.type && next->base_pa == end_of(&new);
	bool joins_previous =
		at > 0 && previous->type == new.type &&end_of(previous) == new.base_pa;

	if (!joins_next && !joins_previous)
		return insert_apart(info, new);
	if (joins_next) {
		new.size += next->size;
		next->base_pa = new.base_pa;
		next->size = new.size;
	}
	if (joins_previous)
		previous->size += new.size;
	if (joins_next && joins_previous)
		remove_entry(info, at);
	return 0;
}

static u64 insert_range(struct boot_info *info, u64 base_pa, u64 end_pa, u32 type)
{
	if (base_pa >= end_pa)
		return 0;
	return insert(info, (struct boot_memory){base_pa, end_pa - base_pa, type});
}

static u32 find_overlap(const struct boot_info *info, u64 base_pa, u64 end_pa)
{
	u32 i = 0;

	while (i < info->memory_count &&
	       (info->memory[i].base_pa >= end_pa || end_of(&info->memory[i]) <= base_pa))
		i++;
	return i;
}

u64 boot_memory_add(struct boot_info *info, u64 base_pa, u64 size, u32 type)
{
	u64 end_pa = base_pa + MIN(size, ~base_pa);
	u64 lost = 0;
	u32 at;

	while (base_pa < end_pa &&
	       (at = find_overlap(info, base_pa, end_pa)) < info->memory_count) {
		struct boot_memory old = info->memory[at];

		if (type == BOOT_MEMORY_USABLE || old.type != BOOT_MEMORY_USABLE) {
			lost += insert_range(info, base_pa, old.base_pa, type);
			base_pa = end_of(&old);
			continue;
		}
		remove_entry(info, at);
		lost += insert_range(info, old.base_pa, base_pa, old.type);
		lost += insert_range(info, end_pa, end_of(&old), old.type);
	}
	return lost + insert_range(info, base_pa, end_pa, type);
}
