// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_image.h"

#include "boot/memory_map.h"
#include "core/facts.h"
#include "core/mem.h"
#include "core/vm_memory.h"
#include "lib/bytes.h"
#include "lib/bzimage.h"
#include "lib/elf.h"
#include "lib/string.h"

/* Pieces are placed from low addresses up. */
struct layout {
	struct vm *vm;
	const char *file; /* being looked at, for an error to name */
	u64 next;         /* what is below has been placed, or left out */
};

struct file {
	const u8 *bytes;
	u64 size;
};

/* `\a` and `/a` and `a` are the same. */
static const char *base_name(const char *name)
{
	while (*name == '\\' || *name == '/')
		name++;
	return name;
}

static err_t need_file(struct layout *l, const char *name, struct file *file)
{
	l->file = name;
	for (u32 i = 0; i < facts.boot.file_count; i++) {
		const struct boot_file *f = &facts.boot.files[i];

		if (!f->pa || strcmp(base_name(f->name), base_name(name)))
			continue;
		*file = (struct file){phys_to_virt(f->pa), f->size};
		if (!l->vm->platform) /* it may start again: no RAM of the platform VM */
			boot_memory_add(&facts.boot, f->pa, ALIGN_UP(f->size, PAGE_SIZE),
			                MEMORY_TAKEN);
		return E_OK;
	}
	return E_NOT_FOUND;
}

/* A file that lies in what is now the platform VM's RAM: nothing may be placed over it before it is
 * copied. */
static const struct boot_file *file_at(const struct layout *l, u64 gpa, u64 size)
{
	return l->vm->platform ? vm_memory_find_file(gpa, size) : NULL;
}

/* The lowest usable place from `from` up, and the host's view of it. */
static err_t place(struct layout *l, u64 size, u64 align, u64 from, u64 *gpa, void **host)
{
	const struct boot_file *file;

	for (const struct vm_range *r = l->vm->ram; r < l->vm->ram + l->vm->ram_count; r++) {
		u64 at = ALIGN_UP(MAX(MAX(from, l->next), r->gpa), align);

		while (r->type == BOOT_MEMORY_USABLE && vm_range_holds(r, at, size)) {
			file = file_at(l, at, size);
			if (!file) {
				*gpa = at;
				*host = r->host + (at - r->gpa);
				l->next = at + size;
				return E_OK;
			}
			at = ALIGN_UP(file->pa + file->size, align);
		}
	}
	return E_NO_MEMORY;
}

static err_t place_pages(struct layout *l, u64 count, u64 *gpa, void **host)
{
	TRY(place(l, count * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, gpa, host));
	memset(*host, 0, count * PAGE_SIZE);
	return E_OK;
}

/* Linux, Documentation/arch/x86: boot.rst (64-bit boot protocol) and zero-page.rst. */
#define ZERO_ACPI_RSDP    0x070
#define ZERO_E820_ENTRIES 0x1e8
#define ZERO_SETUP_HEADER 0x1f1
#define ZERO_LOADER_TYPE  0x210
#define ZERO_RAMDISK      0x218
#define ZERO_RAMDISK_SIZE 0x21c
#define ZERO_COMMAND_LINE 0x228
#define ZERO_E820         0x2d0
#define E820_MAX          128 /* what the zero page has room for */
#define E820_ENTRY        20
#define LOADER_UNDEFINED  0xff
#define ENTRY_64_OFFSET   0x200

/* The VM's memory in entries of the E820 map, step bytes apart; how many they are. */
static u32 write_e820(const struct vm *vm, u8 *to, u32 step)
{
	struct boot_memory list[E820_MAX];
	u32 count = vm_memory_list(vm, list, E820_MAX);

	for (u32 i = 0; i < count; i++)
		memcpy(to + step * i, &list[i], E820_ENTRY);
	return count;
}

/* The protocol asks for an identity map of the kernel, zero page and command line: the first 4 GiB,
 * in 2 MiB leaves, and a flat GDT behind it. */
#define BOOT_TABLE_PAGES 7
static err_t build_boot_tables(struct layout *l, struct vcpu_start *start)
{
	static const u64 gdt[] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};
	void *host;
	u64 gpa, *page;

	TRY(place_pages(l, BOOT_TABLE_PAGES, &gpa, &host));
	page = host;
	page[0] = (gpa + PAGE_SIZE) | PTE_P | PTE_W;
	for (u64 i = 0; i < 4; i++)
		page[512 + i] = (gpa + (2 + i) * PAGE_SIZE) | PTE_P | PTE_W;
	for (u64 i = 0; i < 2048; i++)
		page[1024 + i] = i * MIB(2) | PTE_P | PTE_W | PTE_PS;
	memcpy(page + 512 * (BOOT_TABLE_PAGES - 1), gdt, sizeof(gdt));
	start->cr3 = gpa;
	start->gdt_gpa = gpa + (BOOT_TABLE_PAGES - 1) * PAGE_SIZE;
	return E_OK;
}

static err_t load_initrd(struct layout *l, u8 *zero_page)
{
	struct file file;
	void *host;
	u64 gpa;

	if (!l->vm->config.initrd[0])
		return E_OK;
	TRY(need_file(l, l->vm->config.initrd, &file));
	TRY(place(l, file.size, PAGE_SIZE, MIB(16), &gpa, &host));
	if (gpa + file.size > GIB(4))
		return E_NO_MEMORY;
	memcpy(host, file.bytes, file.size);
	put_u32(zero_page + ZERO_RAMDISK, (u32)gpa);
	put_u32(zero_page + ZERO_RAMDISK_SIZE, (u32)file.size);
	return E_OK;
}

static err_t load_kernel(struct layout *l, const u8 *bytes, const struct bzimage *k, u64 *gpa)
{
	u64 align = k->relocatable ? MAX(k->alignment, PAGE_SIZE) : PAGE_SIZE;
	void *host;

	TRY(place(l, MAX(k->init_size, k->kernel_size), align, k->preferred_address, gpa, &host));
	if (!k->relocatable && *gpa != k->preferred_address)
		return E_NO_MEMORY;
	memcpy(host, bytes + k->kernel_offset, k->kernel_size);
	return E_OK;
}

static err_t load_linux(struct layout *l, struct file file, struct vcpu_start *start)
{
	const char *line = l->vm->config.command_line;
	u64 zero_gpa, kernel_gpa;
	struct bzimage k;
	void *host;
	u8 *zero_page;

	TRY(bzimage_parse(file.bytes, file.size, &k));
	if (strlen(line) > k.command_line_max)
		return E_TOO_LONG;
	TRY(build_boot_tables(l, start));
	/* The command line follows the zero page. */
	TRY(place_pages(l, 2, &zero_gpa, &host));
	zero_page = host;
	memcpy(zero_page + ZERO_SETUP_HEADER, file.bytes + k.setup_header_offset,
	       k.setup_header_size);
	memcpy(zero_page + PAGE_SIZE, line, strlen(line));
	zero_page[ZERO_LOADER_TYPE] = LOADER_UNDEFINED;
	put_u32(zero_page + ZERO_COMMAND_LINE, (u32)(zero_gpa + PAGE_SIZE));
	TRY(load_kernel(l, file.bytes, &k, &kernel_gpa));
	TRY(load_initrd(l, zero_page));
	zero_page[ZERO_E820_ENTRIES] = (u8)write_e820(l->vm, zero_page + ZERO_E820, E820_ENTRY);
	if (l->vm->platform)
		memcpy(zero_page + ZERO_ACPI_RSDP, &facts.boot.rsdp_pa, sizeof(u64));
	start->long_mode = true;
	start->rip = kernel_gpa + ENTRY_64_OFFSET;
	start->gpr[GPR_RSI] = zero_gpa;
	return E_OK;
}

/* Multiboot 0.6.96, 3.3: boot information. */
#define MULTIBOOT1_MAGIC     0x2badb002
#define MULTIBOOT1_INFO_MEM  BIT(0)
#define MULTIBOOT1_INFO_LINE BIT(2)
#define MULTIBOOT1_INFO_MMAP BIT(6)
struct multiboot1_info {
	u32 flags, mem_lower_kib, mem_upper_kib, boot_device, command_line;
	u32 modules[2], symbols[4], mmap_length, mmap_address;
};

static void fill_multiboot1(const struct vm *vm, u64 gpa, u8 *page)
{
	const struct vm_range *upper = vm_find_range(vm, MIB(1), 1);
	struct multiboot1_info *info = (void *)page;
	u32 step = E820_ENTRY + 4; /* a number before each: its size */
	u32 count = write_e820(vm, page + PAGE_SIZE + 4, step);

	info->flags = MULTIBOOT1_INFO_MEM | MULTIBOOT1_INFO_LINE | MULTIBOOT1_INFO_MMAP;
	info->mem_lower_kib = 640;
	info->mem_upper_kib = upper ? (u32)((upper->gpa + upper->size - MIB(1)) >> 10) : 0;
	info->command_line = (u32)gpa + sizeof(*info);
	memcpy(info + 1, vm->config.command_line, strlen(vm->config.command_line));
	info->mmap_address = (u32)(gpa + PAGE_SIZE);
	info->mmap_length = count * step;
	for (u32 i = 0; i < count; i++)
		put_u32(page + PAGE_SIZE + i * step, E820_ENTRY);
}

static err_t load_segment(struct layout *l, const u8 *bytes, const struct elf_segment *s)
{
	const struct vm_range *r = vm_find_range(l->vm, s->pa, s->memory_size);
	u8 *to;

	if (!r || file_at(l, s->pa, s->memory_size))
		return E_NO_MEMORY;
	to = r->host + (s->pa - r->gpa);
	memcpy(to, bytes + s->offset, s->file_size);
	memset(to + s->file_size, 0, s->memory_size - s->file_size);
	l->next = MAX(l->next, s->pa + s->memory_size);
	return E_OK;
}

static err_t load_elf(struct layout *l, struct file file, struct vcpu_start *start)
{
	struct elf_image image;
	void *host;
	u32 flags;

	TRY(elf_parse(file.bytes, file.size, &image));
	TRY(elf_find_multiboot1(file.bytes, file.size, &flags));
	for (u32 i = 0; i < image.segment_count; i++)
		TRY(load_segment(l, file.bytes, &image.segment[i]));
	TRY(place_pages(l, 2, &start->gpr[GPR_RBX], &host));
	fill_multiboot1(l->vm, start->gpr[GPR_RBX], host);
	start->rip = image.entry;
	start->gpr[GPR_RAX] = MULTIBOOT1_MAGIC;
	return E_OK;
}

static err_t load_image(struct layout *l, struct vcpu_start *start)
{
	struct file file;

	TRY(need_file(l, l->vm->config.image, &file));
	if (file.size >= 4 && !memcmp(file.bytes, "\177ELF", 4))
		return load_elf(l, file, start);
	return load_linux(l, file, start);
}

err_t guest_image_load(struct vm *vm, struct vcpu_start *start, const char **file)
{
	struct layout layout = {.vm = vm};
	err_t e;

	*start = (struct vcpu_start){0};
	e = load_image(&layout, start);
	*file = layout.file;
	return e;
}
