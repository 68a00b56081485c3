// SPDX-License-Identifier: BSD-2-Clause
/*
 * The UEFI door: an application that carries the core, reads the manifest and the guests' files
 * from the volume it was started from, leaves boot services and jumps (UEFI 2.10, chapters 7 and
 * 13).
 */
#include <efi.h>

#include "boot/boot_info.h"
#include "boot/core_image.h"
#include "boot/memory_map.h"
#include "core/uart.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/token.h"

#define DEFAULT_MANIFEST "\\snoopervisor.cfg"
#define LINE_MAX         256
#define READ_CHUNK       MIB(1) /* some firmware fails on larger reads */
#define EXIT_TRIES       8
#define MAP_SLACK        PAGE_SIZE /* the map grows by its own allocation, and between tries */
#define CR4_LA57         BIT(12)

/* The core's ELF file, linked into this application. */
extern const u8 _binary_snoopervisor_elf_start[], _binary_snoopervisor_elf_end[];

static EFI_GUID loaded_image_guid = LOADED_IMAGE_PROTOCOL;
static EFI_GUID file_system_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
static EFI_GUID variable_guid = EFI_GLOBAL_VARIABLE;
static EFI_GUID acpi_1_guid = ACPI_TABLE_GUID, acpi_2_guid = ACPI_20_TABLE_GUID;

static EFI_SYSTEM_TABLE *st;
static EFI_BOOT_SERVICES *bs;
static bool console_usable, uart_usable;

/* --- what we say --- */

static void say(const char *format, ...) printf_like(1, 2);
static void say(const char *format, ...)
{
	char line[LINE_MAX];
	CHAR16 wide[LINE_MAX + 2];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = format_text_va(line, sizeof(line), format, arguments);
	va_end(arguments);
	length = MIN(length, sizeof(line) - 1);

	if (uart_usable) {
		uart_write(line, length);
		uart_write("\r\n", 2);
	}
	if (!console_usable)
		return;
	for (size_t i = 0; i < length; i++)
		wide[i] = (CHAR16)line[i];
	memcpy(wide + length, L"\r\n", sizeof(L"\r\n"));
	st->ConOut->OutputString(st->ConOut, wide);
}

static EFI_STATUS fail(const char *reason, EFI_STATUS status)
{
	say("error loader reason=%s status=0x%llx", reason, (unsigned long long)status);
	return status;
}

/* Whether the console's output goes to a serial port: ConOut has a path with a UART in it. */
static bool console_is_serial(void)
{
	static u8 path[KIB(4)];
	UINTN size = sizeof(path), at = 0;

	if (st->RuntimeServices->GetVariable(L"ConOut", &variable_guid, NULL, &size, path))
		return false;
	while (at + sizeof(EFI_DEVICE_PATH_PROTOCOL) <= size) {
		EFI_DEVICE_PATH_PROTOCOL *node = (EFI_DEVICE_PATH_PROTOCOL *)(path + at);
		UINTN length = DevicePathNodeLength(node);

		if (DevicePathType(node) == MESSAGING_DEVICE_PATH &&
		    DevicePathSubType(node) == MSG_UART_DP)
			return true;
		if (length < sizeof(*node))
			return false;
		at += length;
	}
	return false;
}

/* --- what we load --- */

/* Loader data, below 4 GiB, where the tables that we build always reach. */
static EFI_STATUS allocate(u64 bytes, u64 *pa)
{
	*pa = GIB(4) - 1;
	return bs->AllocatePages(AllocateMaxAddress, EfiLoaderData,
	                         ALIGN_UP(MAX(bytes, 1), PAGE_SIZE) / PAGE_SIZE, pa);
}

static EFI_STATUS read_all(EFI_FILE_PROTOCOL *open, struct boot_file *file)
{
	EFI_STATUS status;
	u64 size, pa;

	/* All ones means the end of the file; a directory refuses (13.5). */
	if ((status = open->SetPosition(open, ~0ull)) ||
	    (status = open->GetPosition(open, &size)) || (status = open->SetPosition(open, 0)) ||
	    (status = allocate(size, &pa)))
		return status;
	for (u64 done = 0; done < size;) {
		UINTN chunk = MIN(size - done, READ_CHUNK);

		status = open->Read(open, &chunk, (void *)(pa + done));
		if (status)
			return status;
		if (chunk == 0)
			return EFI_END_OF_FILE;
		done += chunk;
	}
	file->pa = pa;
	file->size = size;
	return EFI_SUCCESS;
}

/* Fills pa and size of a named file; they stay 0 if it cannot be had. The core reports what is
 * missing. */
static void load_file(EFI_FILE_PROTOCOL *root, struct boot_file *file)
{
	CHAR16 path[BOOT_NAME_MAX];
	EFI_FILE_PROTOCOL *open;
	EFI_STATUS status;

	for (size_t i = 0; i < BOOT_NAME_MAX; i++)
		path[i] = file->name[i] == '/' ? L'\\' : (CHAR16)(u8)file->name[i];
	status = root->Open(root, &open, path, EFI_FILE_MODE_READ, 0);
	if (!status) {
		status = read_all(open, file);
		open->Close(open);
	}
	if (!status)
		say("file name=%s bytes=%llu", file->name, (unsigned long long)file->size);
	else if (status != EFI_NOT_FOUND)
		say("error file name=%s reason=read-error status=0x%llx", file->name,
		    (unsigned long long)status);
}

static void add_guest_file(EFI_FILE_PROTOCOL *root, struct boot_info *info, struct text name)
{
	struct boot_file *file = &info->files[info->file_count];
	err_t e;

	for (u32 i = 0; i < info->file_count; i++) {
		if (text_is(name, info->files[i].name))
			return;
	}
	e = info->file_count < BOOT_FILES_MAX ? text_copy(name, file->name, BOOT_NAME_MAX)
	                                      : E_TOO_MANY;
	if (e) {
		say("error file name=%.*s reason=%s", (int)MIN(name.length, BOOT_NAME_MAX), name.at,
		    error_name(e));
		return;
	}
	info->file_count++;
	load_file(root, file);
}

/* Every image= and initrd= of the manifest. Words it cannot read are for the core to report. */
static void load_guest_files(EFI_FILE_PROTOCOL *root, struct boot_info *info)
{
	struct text rest = {(const char *)info->manifest.pa, info->manifest.size};
	struct text line, word, name;

	while (text_next_line(&rest, &line)) {
		while (!text_next_word(&line, &word) && word.length) {
			if (text_key(word, "image", &name) || text_key(word, "initrd", &name))
				add_guest_file(root, info, name);
		}
	}
}

/* The last word of the load options that ends in .cfg, else the default. The first words are often
 * this application's own name, and firmware may pass bytes of its own. */
static void choose_manifest(const EFI_LOADED_IMAGE *image, char *name)
{
	const CHAR16 *options = image->LoadOptions;
	size_t length = MIN(image->LoadOptionsSize / sizeof(*options), LINE_MAX);
	char narrow[LINE_MAX];
	struct text rest = {narrow, 0}, word;

	memcpy(name, DEFAULT_MANIFEST, sizeof(DEFAULT_MANIFEST));
	while (rest.length < length && options[rest.length] >= ' ' && options[rest.length] <= '~') {
		narrow[rest.length] = (char)options[rest.length];
		rest.length++;
	}
	while (!text_next_word(&rest, &word) && word.length) {
		if (word.length > 4 && word.length < BOOT_NAME_MAX &&
		    memcmp(word.at + word.length - 4, ".cfg", 4) == 0) {
			memcpy(name, word.at, word.length);
			name[word.length] = '\0';
		}
	}
}

static EFI_STATUS load_files(const EFI_LOADED_IMAGE *image, struct boot_info *info)
{
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_PROTOCOL *root;
	EFI_STATUS status;

	status = bs->HandleProtocol(image->DeviceHandle, &file_system_guid, (void **)&volume);
	if (status || (status = volume->OpenVolume(volume, &root)))
		return status;
	choose_manifest(image, info->manifest.name);
	load_file(root, &info->manifest);
	if (info->manifest.pa)
		load_guest_files(root, info);
	root->Close(root);
	return EFI_SUCCESS;
}

static u64 find_rsdp(void)
{
	u64 rsdp_pa = 0;

	for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *table = &st->ConfigurationTable[i];

		if (memcmp(&table->VendorGuid, &acpi_2_guid, sizeof(acpi_2_guid)) == 0)
			return (u64)table->VendorTable;
		if (memcmp(&table->VendorGuid, &acpi_1_guid, sizeof(acpi_1_guid)) == 0)
			rsdp_pa = (u64)table->VendorTable;
	}
	return rsdp_pa;
}

/* --- the core and the tables it starts on --- */

static EFI_STATUS load_core(struct core_image *core)
{
	const u8 *file = _binary_snoopervisor_elf_start;
	EFI_STATUS status;

	if (core_image_parse(core, file, (size_t)(_binary_snoopervisor_elf_end - file)))
		return EFI_LOAD_ERROR;
	status = allocate(core->size + CORE_IMAGE_ALIGNMENT, &core->pa);
	if (status)
		return status;
	core->pa = ALIGN_UP(core->pa, CORE_IMAGE_ALIGNMENT);
	core_image_load(core);
	return EFI_SUCCESS;
}

/* They map all that is touched until the core is on tables of its own: what is below 4 GiB, this
 * code, its stack, the RSDP. */
static EFI_STATUS build_tables(const struct core_image *core, const EFI_LOADED_IMAGE *self,
                               u64 rsdp_pa, u64 *root_pa)
{
	u64 stack = (u64)__builtin_frame_address(0) + PAGE_SIZE;
	u64 code = (u64)self->ImageBase + self->ImageSize;
	u64 top = MAX(MAX(GIB(4) - 1, rsdp_pa + PAGE_SIZE), MAX(stack, code));
	EFI_STATUS status = allocate(core_image_tables_size(top), root_pa);

	if (!status)
		core_image_map(core, top, *root_pa);
	return status;
}

/* --- leaving --- */

static u32 memory_type(u32 efi_type)
{
	switch (efi_type) {
	case EfiConventionalMemory:
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
		return BOOT_MEMORY_USABLE;
	case EfiACPIReclaimMemory:
		return BOOT_MEMORY_ACPI_RECLAIM;
	case EfiACPIMemoryNVS:
		return BOOT_MEMORY_ACPI_NVS;
	case EfiUnusableMemory:
		return BOOT_MEMORY_UNUSABLE;
	default: /* runtime services, I/O, and types yet to come */
		return BOOT_MEMORY_RESERVED;
	}
}

static u64 convert_map(struct boot_info *info, const u8 *map, UINTN size, UINTN step)
{
	u64 lost = 0;

	info->memory_count = 0;
	for (UINTN at = 0; at + step <= size; at += step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		lost += boot_memory_add(info, d->PhysicalStart, d->NumberOfPages * PAGE_SIZE,
		                        memory_type(d->Type));
	}
	return lost;
}

/* A key is stale when the map has changed since; then map and exit are tried again (7.4.6). */
static EFI_STATUS exit_boot_services(EFI_HANDLE self, struct boot_info *info)
{
	UINTN capacity = 0, size, key, step;
	UINT32 version;
	EFI_STATUS status;
	u64 map_pa, lost;

	bs->GetMemoryMap(&capacity, NULL, &key, &step, &version);
	capacity += MAP_SLACK;
	status = allocate(capacity, &map_pa);
	for (u32 try = 0; !status && try < EXIT_TRIES; try++) {
		size = capacity;
		status = bs->GetMemoryMap(&size, (void *)map_pa, &key, &step, &version);
		if (status)
			break;
		console_usable = false; /* even a failed exit may have stopped it */
		if (!bs->ExitBootServices(self, key)) {
			uart_usable = uart_init();
			lost = convert_map(info, (const u8 *)map_pa, size, step);
			if (lost)
				say("memory dropped=%llu reason=map-too-long",
				    (unsigned long long)lost);
			return EFI_SUCCESS;
		}
	}
	uart_usable = uart_init();
	return status ? status : EFI_ABORTED;
}

static void __attribute__((noreturn))
enter(const struct core_image *core, u64 root_pa, const struct boot_info *info)
{
	__asm__ volatile("cli\n\tmov %0, %%cr3\n\tjmp *%1"
	                 :
	                 : "r"(root_pa), "r"(core->elf.entry), "D"(info)
	                 : "memory");
	__builtin_unreachable();
}

static bool five_level_paging(void)
{
	u64 cr4;

	__asm__("mov %%cr4, %0" : "=r"(cr4));
	return cr4 & CR4_LA57;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system);
EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
	EFI_LOADED_IMAGE *image;
	struct boot_info *info;
	struct core_image core;
	EFI_STATUS status;
	u64 info_pa, root_pa;

	st = system;
	bs = system->BootServices;
	console_usable = st->ConOut != NULL;
	uart_usable = !(console_usable && console_is_serial()) && uart_init();
	say("boot loader=uefi");
	/* The core's tables have four levels, and the switch is not possible in long mode. */
	if (five_level_paging())
		return fail("five-level-paging", EFI_UNSUPPORTED);
	if ((status = allocate(sizeof(*info), &info_pa)) || (status = load_core(&core)))
		return fail("core-not-loaded", status);
	info = (struct boot_info *)info_pa;
	*info = (struct boot_info){.magic = BOOT_INFO_MAGIC,
	                           .loader = "uefi",
	                           .image_pa = core.pa,
	                           .rsdp_pa = find_rsdp()};
	if ((status = bs->HandleProtocol(self, &loaded_image_guid, (void **)&image)) ||
	    (status = load_files(image, info)))
		return fail("no-volume", status);

	if ((status = build_tables(&core, image, info->rsdp_pa, &root_pa)))
		return fail("no-memory", status);
	if ((status = exit_boot_services(self, info)))
		return fail("no-exit", status);
	enter(&core, root_pa, info);
}
