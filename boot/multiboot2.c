// SPDX-License-Identifier: BSD-2-Clause
/*
 * The Multiboot2 door, second half: what the loader says (Multiboot2 2.0, 3.6), in the form of
 * struct boot_info. Everything it points to lies below 4 GiB, which the door's tables map at
 * identity.
 */
#include "lib/multiboot2.h"
#include "boot/boot_info.h"
#include "boot/memory_map.h"
#include "boot/multiboot2.h"
#include "core/log.h"
#include "lib/bytes.h"
#include "lib/string.h"
#include "lib/token.h"

#define DEFAULT_MANIFEST "snoopervisor.cfg"

extern const u8 image_start[], image_end[];
extern const u8 IMAGE_PA[]; /* an address, not an object: where linker.ld has the image loaded */

/* In .bss, so inside the image's memory, which nobody reuses. */
static struct boot_info boot_info;

static u64 image_pa(const void *va)
{
	return (u64)va - (u64)image_start + (u64)IMAGE_PA;
}

static bool ends_in(const char *s, const char *end)
{
	size_t length = strlen(s), end_length = strlen(end);

	return length >= end_length && strcmp(s + length - end_length, end) == 0;
}

/* The option manifest=NAME of the kernel's own command line. */
static err_t name_manifest(const struct multiboot2_tag *tag)
{
	struct text rest = {(const char *)tag->body, tag->body_size}, word, value;

	while (rest.length && rest.at[rest.length - 1] == '\0')
		rest.length--;
	for (;;) {
		TRY(text_next_word(&rest, &word));
		if (word.length == 0)
			return E_OK;
		if (text_key(word, "manifest", &value))
			return text_copy(value, boot_info.manifest.name, BOOT_NAME_MAX);
	}
}

static err_t add_module(const struct multiboot2_tag *tag)
{
	struct boot_file *file = &boot_info.files[boot_info.file_count];
	struct multiboot2_module module;
	struct text name;

	TRY(multiboot2_module(tag, &module));
	if (module.start < image_pa(image_end) && module.end > image_pa(image_start))
		return E_OVERLAP;
	if (boot_info.file_count++ == BOOT_FILES_MAX)
		return E_TOO_MANY;
	file->pa = module.start;
	file->size = module.end - module.start;
	name = (struct text){module.command_line, strlen(module.command_line)};
	return text_copy(name, file->name, BOOT_NAME_MAX);
}

/* The first module whose name ends in the manifest's is no file for others. */
static void take_manifest(void)
{
	for (u32 i = 0; i < boot_info.file_count; i++) {
		if (ends_in(boot_info.files[i].name, boot_info.manifest.name)) {
			boot_info.manifest = boot_info.files[i];
			boot_info.files[i] = boot_info.files[--boot_info.file_count];
			return;
		}
	}
}

static void add_memory(const struct multiboot2_tag *tag)
{
	u64 base, length, lost = 0;
	u32 type;

	for (u32 i = 0; multiboot2_mmap_entry(tag, i, &base, &length, &type); i++) {
		if (type < BOOT_MEMORY_USABLE || type > BOOT_MEMORY_UNUSABLE)
			type = BOOT_MEMORY_RESERVED;
		lost += boot_memory_add(&boot_info, base, length, type);
	}
	if (lost)
		log_line("memory dropped=%llu reason=map-too-long", (unsigned long long)lost);
}

/* Tags come in any order. Those with a copy of the RSDP: the newer one is preferred. */
static err_t collect(const u8 *info)
{
	struct multiboot2_tag tag;
	u32 at = 0;

	do {
		TRY(multiboot2_next(info, get_u32(info), &at, &tag));
		if (tag.type == MULTIBOOT2_TAG_CMDLINE)
			TRY(name_manifest(&tag));
		else if (tag.type == MULTIBOOT2_TAG_MODULE)
			TRY(add_module(&tag));
		else if (tag.type == MULTIBOOT2_TAG_MMAP)
			add_memory(&tag);
		else if (tag.type == MULTIBOOT2_TAG_ACPI_NEW ||
		         (tag.type == MULTIBOOT2_TAG_ACPI_OLD && !boot_info.rsdp_pa))
			boot_info.rsdp_pa = (u64)tag.body;
	} while (tag.type != MULTIBOOT2_TAG_END);
	take_manifest();
	return E_OK;
}

u64 multiboot2_collect(u64 info_pa)
{
	err_t e;

	log_init();
	log_line("boot loader=multiboot2");
	boot_info.magic = BOOT_INFO_MAGIC;
	boot_info.image_pa = image_pa(image_start);
	memcpy(boot_info.loader, "multiboot2", sizeof("multiboot2"));
	memcpy(boot_info.manifest.name, DEFAULT_MANIFEST, sizeof(DEFAULT_MANIFEST));
	e = collect((const u8 *)info_pa);
	if (e) {
		log_line("error loader reason=%s", error_name(e));
		return 0;
	}
	return image_pa(&boot_info);
}
