// SPDX-License-Identifier: BSD-2-Clause
#include "core/guest_image.h"

#include "core/acpi_hide.h"
#include "core/facts.h"
#include "core/mem.h"
#include "core/vm_memory.h"
#include "lib/bzimage.h"
#include "lib/elf.h"
#include "lib/string.h"

/* Pieces placed so far in this VM, which later ones keep off. */
#define PIECES_MAX 24
struct layout {
	struct vm *vm;
	const char *file; /* being looked at, for an error to name */
	u32 count;
	struct {
		u64 gpa, size;
	} piece[PIECES_MAX];
};

const struct boot_file *guest_image_file(const char *name)
{
	while (*name == '\\' || *name == '/')
		name++;
	for (u32 i = 0; i < facts.boot.file_count; i++) {
		const char *file = facts.boot.files[i].name;

		while (*file == '\\' || *file == '/')
			file++;
		if (!strcmp(file, name))
			return &facts.boot.files[i];
	}
	return NULL;
}

static err_t claim(struct layout *l, u64 gpa, u64 size)
{
	if (l->count == PIECES_MAX)
		return E_TOO_MANY;
	l->piece[l->count].gpa = gpa;
	l->piece[l->count++].size = size;
	return E_OK;
}

/* Where a piece would meet another, how far up the end of that other is; else 0. */
static u64 collision(const struct layout *l, u64 gpa, u64 size)
{
	for (u32 i = 0; i < l->count; i++) {
		if (gpa < l->piece[i].gpa + l->piece[i].size && l->piece[i].gpa < gpa + size)
			return l->piece[i].gpa + l->piece[i].size;
	}
	return 0;
}

/* The lowest usable place from `from` up. */
static err_t place(struct layout *l, u64 size, u64 align, u64 from, u64 *gpa)
{
	for (u32 i = 0; i < l->vm->ram_count; i++) {
		const struct vm_range *r = &l->vm->ram[i];
		u64 at = ALIGN_UP(MAX(from, r->gpa), align), end;

		while (r->type == BOOT_MEMORY_USABLE && at >= r->gpa &&
		       at + size <= r->gpa + r->size) {
			end = collision(l, at, size);
			if (!end) {
				*gpa = at;
				return claim(l, at, size);
			}
			at = ALIGN_UP(end, align);
		}
	}
	return E_NO_MEMORY;
}

/* The host's view of a piece that place() chose or that was checked against the VM's RAM. */
static u8 *ram_at(const struct vm *vm, u64 gpa, u64 size)
{
	for (u32 i = 0; i < vm->ram_count; i++) {
		const struct vm_range *r = &vm->ram[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size && size <= r->size - (gpa - r->gpa))
			return phys_to_virt(r->pa + (gpa - r->gpa));
	}
	return NULL;
}

static err_t need_file(struct layout *l, const char *name, const struct boot_file **file)
{
	l->file = name;
	*file = guest_image_file(name);
	return *file && (*file)->pa ? E_OK : E_NOT_FOUND;
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
#define ZERO_E820_MAX     128
#define LOADER_UNDEFINED  0xff
#define ENTRY_64_OFFSET   0x200

static void put32(u8 *at, u64 value)
{
	u32 low = (u32)value;

	memcpy(at, &low, sizeof(low));
}

static void fill_e820(const struct vm *vm, u8 *zero_page)
{
	struct boot_memory list[ZERO_E820_MAX];
	u32 count = vm_memory_list(vm, list, ZERO_E820_MAX);

	for (u32 i = 0; i < count; i++)
		memcpy(zero_page + ZERO_E820 + 20 * i, &list[i], 20);
	zero_page[ZERO_E820_ENTRIES] = (u8)count;
}

/* The protocol asks for an identity map of the kernel, zero page and command line: the first 4 GiB,
 * in 2 MiB leaves, and a flat GDT behind it. */
#define BOOT_TABLE_PAGES 7
static err_t build_boot_tables(struct layout *l, struct vcpu_start *start)
{
	static const u64 gdt[] = {0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff};
	u64 gpa;
	u64 *page;

	TRY(place(l, BOOT_TABLE_PAGES * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, &gpa));
	page = (u64 *)ram_at(l->vm, gpa, BOOT_TABLE_PAGES * PAGE_SIZE);
	memset(page, 0, BOOT_TABLE_PAGES * PAGE_SIZE);
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
	const struct boot_file *file;
	u64 gpa;

	if (!l->vm->config.initrd[0])
		return E_OK;
	TRY(need_file(l, l->vm->config.initrd, &file));
	TRY(place(l, file->size, PAGE_SIZE, MIB(16), &gpa));
	if (gpa + file->size > GIB(4))
		return E_NO_MEMORY;
	memcpy(ram_at(l->vm, gpa, file->size), phys_to_virt(file->pa), file->size);
	put32(zero_page + ZERO_RAMDISK, gpa);
	put32(zero_page + ZERO_RAMDISK_SIZE, file->size);
	return E_OK;
}

static err_t load_kernel(struct layout *l, const struct boot_file *file, const struct bzimage *k,
                         u64 *gpa)
{
	u64 align = k->relocatable ? MAX(k->alignment, PAGE_SIZE) : PAGE_SIZE;

	TRY(place(l, MAX(k->init_size, k->kernel_size), align, k->preferred_address, gpa));
	if (!k->relocatable && *gpa != k->preferred_address)
		return E_NO_MEMORY;
	memcpy(ram_at(l->vm, *gpa, k->kernel_size),
	       (const u8 *)phys_to_virt(file->pa) + k->kernel_offset, k->kernel_size);
	return E_OK;
}

static err_t load_linux(struct layout *l, const struct boot_file *file, const struct bzimage *k,
                        struct vcpu_start *start)
{
	const struct vm_config *config = &l->vm->config;
	size_t line = strlen(config->command_line) + 1;
	u64 zero_gpa, kernel_gpa;
	u8 *zero_page;

	if (line > (u64)k->command_line_max + 1)
		return E_TOO_LONG;
	TRY(load_kernel(l, file, k, &kernel_gpa));
	TRY(build_boot_tables(l, start));
	/* The command line follows the zero page. */
	TRY(place(l, 2 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, &zero_gpa));
	zero_page = ram_at(l->vm, zero_gpa, 2 * PAGE_SIZE);
	memset(zero_page, 0, 2 * PAGE_SIZE);
	memcpy(zero_page + ZERO_SETUP_HEADER,
	       (const u8 *)phys_to_virt(file->pa) + k->setup_header_offset, k->setup_header_size);
	memcpy(zero_page + PAGE_SIZE, config->command_line, line);
	zero_page[ZERO_LOADER_TYPE] = LOADER_UNDEFINED;
	put32(zero_page + ZERO_COMMAND_LINE, zero_gpa + PAGE_SIZE);
	TRY(load_initrd(l, zero_page));
	fill_e820(l->vm, zero_page);
	if (l->vm->platform) {
		memcpy(zero_page + ZERO_ACPI_RSDP, &facts.boot.rsdp_pa, sizeof(u64));
		acpi_hide_dmar();
	}
	start->long_mode = true;
	start->rip = kernel_gpa + ENTRY_64_OFFSET;
	start->rsi = zero_gpa;
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
	struct multiboot1_info *info = (void *)page;
	struct boot_memory list[VM_RANGES_MAX];
	u32 count = vm_memory_list(vm, list, VM_RANGES_MAX), size = 20;
	u8 *map = page + PAGE_SIZE;

	memset(page, 0, 2 * PAGE_SIZE);
	info->flags = MULTIBOOT1_INFO_MEM | MULTIBOOT1_INFO_LINE | MULTIBOOT1_INFO_MMAP;
	info->mem_lower_kib = 640;
	info->mem_upper_kib = (u32)((vm->ram[vm->ram_count - 1].size - MIB(1)) >> 10);
	info->command_line = (u32)gpa + sizeof(*info);
	memcpy(info + 1, vm->config.command_line, strlen(vm->config.command_line) + 1);
	info->mmap_address = (u32)(gpa + PAGE_SIZE);
	info->mmap_length = count * (size + 4);
	for (u32 i = 0; i < count; i++, map += size + 4) {
		memcpy(map, &size, 4);
		memcpy(map + 4, &list[i], size);
	}
}

static err_t load_elf(struct layout *l, const struct boot_file *file, const struct elf_image *image,
                      struct vcpu_start *start)
{
	u64 info_gpa;
	u8 *info;

	for (u32 i = 0; i < image->segment_count; i++) {
		const struct elf_segment *s = &image->segment[i];
		u8 *to = ram_at(l->vm, s->pa, s->memory_size);

		if (!to || collision(l, s->pa, s->memory_size))
			return E_NO_MEMORY;
		TRY(claim(l, s->pa, s->memory_size));
		memcpy(to, (const u8 *)phys_to_virt(file->pa) + s->offset, s->file_size);
		memset(to + s->file_size, 0, s->memory_size - s->file_size);
	}
	TRY(place(l, 2 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, &info_gpa));
	info = ram_at(l->vm, info_gpa, 2 * PAGE_SIZE);
	fill_multiboot1(l->vm, info_gpa, info);
	start->rip = image->entry;
	start->rax = MULTIBOOT1_MAGIC;
	start->rbx = info_gpa;
	return E_OK;
}

/* The files that the loader brought lie in what is now the platform VM's RAM: nothing may be placed
 * over them before they are copied. */
static err_t keep_files(struct layout *l)
{
	if (!l->vm->platform)
		return E_OK;
	for (u32 i = 0; i < facts.boot.file_count; i++) {
		if (facts.boot.files[i].pa)
			TRY(claim(l, facts.boot.files[i].pa, facts.boot.files[i].size));
	}
	return E_OK;
}

static err_t load_image(struct layout *l, struct vcpu_start *start)
{
	const struct boot_file *file;
	struct elf_image elf;
	struct bzimage kernel;
	const u8 *bytes;
	u32 flags;

	TRY(need_file(l, l->vm->config.image, &file));
	TRY(keep_files(l));
	bytes = phys_to_virt(file->pa);
	if (file->size >= 4 && !memcmp(bytes, "\177ELF", 4)) {
		TRY(elf_parse(bytes, file->size, &elf));
		TRY(elf_find_multiboot1(bytes, file->size, &flags));
		return load_elf(l, file, &elf, start);
	}
	TRY(bzimage_parse(bytes, file->size, &kernel));
	return load_linux(l, file, &kernel, start);
}

err_t guest_image_load(struct vm *vm, struct vcpu_start *start, const char **file)
{
	struct layout layout = {.vm = vm};
	err_t e;

	memset(start, 0, sizeof(*start));
	e = load_image(&layout, start);
	*file = layout.file;
	return e;
}
