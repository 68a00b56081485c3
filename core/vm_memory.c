// SPDX-License-Identifier: BSD-2-Clause
#include "core/vm_memory.h"

#include "boot/memory_map.h"
#include "core/apic.h"
#include "core/backend.h"
#include "core/facts.h"
#include "core/hpet.h"
#include "core/ioapic.h"
#include "core/ioasid.h"
#include "core/mem.h"
#include "core/msi.h"
#include "lib/string.h"

#define CARVE_ALIGN MIB(2) /* so that nested and I/O tables use 2 MiB leaves */

struct span {
	u64 start, end;
};

static bool overlaps(struct span a, struct span b)
{
	return a.start < b.end && b.start < a.end;
}

/* The pages that [start, start + size) touches. */
static struct span touched_pages(u64 start, u64 size)
{
	return (struct span){ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(start + size, PAGE_SIZE)};
}

/* A page that is RAM in part is treated as what is not RAM: a PC has its EBDA in one. */
static struct span whole_pages(const struct boot_memory *m)
{
	return (struct span){ALIGN_UP(m->base_pa, PAGE_SIZE),
	                     ALIGN_DOWN(m->base_pa + m->size, PAGE_SIZE)};
}

/* None of an I/O BAR, and of one that is not there or has no address. */
static struct span bar_pages(const struct bar *bar)
{
	if (bar->io || !bar->size || !bar->base)
		return (struct span){0, 0};
	return touched_pages(bar->base, bar->size);
}

static err_t add_range(struct vm *vm, u64 gpa, u64 pa, u64 size, u32 type)
{
	if (vm->ram_count == VM_RANGES_MAX)
		return E_TOO_MANY;
	vm->ram[vm->ram_count++] = (struct vm_range){gpa, pa, size, phys_to_virt(pa), type};
	return E_OK;
}

static bool is_ram(const struct boot_memory *m)
{
	return m->type == BOOT_MEMORY_USABLE || m->type == BOOT_MEMORY_ACPI_RECLAIM ||
	       m->type == BOOT_MEMORY_ACPI_NVS;
}

static err_t take_rest(struct vm *vm)
{
	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		const struct boot_memory *m = &facts.boot.memory[i];
		struct span whole = whole_pages(m);

		if (is_ram(m) && whole.start < whole.end)
			TRY(add_range(vm, whole.start, whole.start, whole.end - whole.start,
			              m->type));
	}
	return vm->ram_count ? E_OK : E_NO_MEMORY;
}

const struct boot_file *vm_memory_find_file(u64 pa, u64 size)
{
	for (u32 i = 0; i < facts.boot.file_count; i++) {
		const struct boot_file *f = &facts.boot.files[i];

		if (f->pa && f->pa < pa + size && pa < f->pa + f->size)
			return f;
	}
	return NULL;
}

/* The highest free piece of this size, so that low memory stays with the platform VM. Files are not
 * free: guests are still to be loaded from them. */
static u64 find_carve(u64 size)
{
	for (u32 i = facts.boot.memory_count; i-- > 0;) {
		const struct boot_memory *m = &facts.boot.memory[i];
		u64 end = m->base_pa + m->size;

		while (m->type == BOOT_MEMORY_USABLE && end > m->base_pa &&
		       end - m->base_pa >= size) {
			u64 start = ALIGN_DOWN(end - size, CARVE_ALIGN);
			const struct boot_file *file = vm_memory_find_file(start, size);

			if (start < m->base_pa || start == 0)
				break;
			if (!file)
				return start;
			end = file->pa;
		}
	}
	return 0;
}

/* Where the machine's own RAM below 4 GiB ends: from there on are BARs and local APICs. */
static u64 low_end(void)
{
	u64 end = 0;

	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		const struct boot_memory *m = &facts.boot.memory[i];

		if ((is_ram(m) || m->type == MEMORY_TAKEN) && m->base_pa < GIB(4))
			end = MAX(end, m->base_pa + m->size);
	}
	return ALIGN_DOWN(end, CARVE_ALIGN);
}

err_t vm_memory_add(struct vm *vm, u64 pa, u64 size)
{
	u64 low = MIN(size, low_end());

	TRY(add_range(vm, 0, pa, low, BOOT_MEMORY_USABLE));
	return low == size ? E_OK : add_range(vm, GIB(4), pa + low, size - low, BOOT_MEMORY_USABLE);
}

static err_t carve(struct vm *vm)
{
	u64 size = ALIGN_UP(vm->config.memory, PAGE_SIZE);
	u64 pa = vm->ram_count ? vm->ram->pa : find_carve(size);

	if (!pa)
		return E_NO_MEMORY;
	memset(phys_to_virt(pa), 0, size);
	if (vm->ram_count) /* it starts again */
		return E_OK;
	boot_memory_add(&facts.boot, pa, size, MEMORY_TAKEN);
	return vm_memory_add(vm, pa, size);
}

static err_t hide(struct vm *vm, struct span pages)
{
	if (pages.start >= pages.end)
		return E_OK;
	return pt_unmap(&vm->stage2, pages.start, pages.end - pages.start);
}

static u64 highest_address(void)
{
	u64 top = GIB(4);

	for (u32 i = 0; i < facts.boot.memory_count; i++)
		top = MAX(top, facts.boot.memory[i].base_pa + facts.boot.memory[i].size);
	for_each_device (d) {
		for (u32 i = 0; i < BARS_MAX; i++)
			top = MAX(top, d->bars[i].base + d->bars[i].size);
	}
	return ALIGN_UP(MIN(top, BIT(cpu_physical_bits())), GIB(1));
}

/* The platform VM's view of what is not RAM. */
static err_t map_platform(struct vm *vm)
{
	TRY(pt_map(&vm->stage2, 0, 0, highest_address(), backend->stage2_mmio()));
	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		const struct boot_memory *m = &facts.boot.memory[i];

		if (is_ram(m) || m->type == MEMORY_TAKEN)
			TRY(hide(vm, whole_pages(m)));
	}
	for (u32 i = 0; i < facts.dmar.unit_count; i++)
		TRY(hide(vm, touched_pages(facts.dmar.units[i].base_pa,
		                           facts.dmar.units[i].size_pages * PAGE_SIZE)));
	if (hpet_page())
		TRY(hide(vm, touched_pages(hpet_page(), PAGE_SIZE)));
	TRY(hide(vm, touched_pages(apic_page(), PAGE_SIZE)));
	/* A store there may be a message to any CPU, unseen by remapping (R22). */
	TRY(hide(vm, (struct span){IOASID_MSI_START, IOASID_MSI_END}));
	for (u32 i = 0; ioapic_page(i); i++)
		TRY(hide(vm, touched_pages(ioapic_page(i), PAGE_SIZE)));
	for (u32 i = 0; i < facts.mcfg.count; i++) {
		const struct acpi_ecam *e = &facts.mcfg.ecam[i];

		TRY(hide(vm, touched_pages(e->base_pa + ((u64)e->first_bus << 20),
		                           ((u64)e->last_bus + 1 - e->first_bus) << 20)));
	}
	for_each_device (d) {
		for (u32 i = 0; i < BARS_MAX; i++)
			TRY(hide(vm, bar_pages(&d->bars[i])));
	}
	return E_OK;
}

err_t vm_memory_build(struct vm *vm)
{
	boot_memory_add(&facts.boot, facts.boot.image_pa, HYPERVISOR_SIZE, MEMORY_TAKEN);
	TRY(vm->platform ? take_rest(vm) : carve(vm));
	TRY(pt_init(&vm->stage2, backend->stage2_format, 4, backend->stage2_leaf_sizes(), false));
	if (vm->platform)
		TRY(map_platform(vm));
	for (const struct vm_range *r = vm->ram; r < vm->ram + vm->ram_count; r++)
		TRY(pt_map(&vm->stage2, r->gpa, r->pa, r->size,
		           backend->stage2_ram(vm->memory_type)));
	pt_release(&vm->stage2);
	return E_OK;
}

static bool has_bar_on(const struct device *d, struct span pages)
{
	for (u32 i = 0; i < BARS_MAX; i++) {
		if (overlaps(bar_pages(&d->bars[i]), pages))
			return true;
	}
	return false;
}

/* Do these pages belong to another VM's device, or are they RAM of this one? */
static bool is_taken(const struct vm *vm, struct span pages)
{
	for (const struct vm_range *r = vm->ram; r < vm->ram + vm->ram_count; r++) {
		if (overlaps(pages, (struct span){r->gpa, r->gpa + r->size}))
			return true;
	}
	for_each_device (d) {
		if (d->vm && d->vm != vm && has_bar_on(d, pages))
			return true;
	}
	return false;
}

static err_t map_bar(struct vm *vm, struct span pages)
{
	err_t e;

	if (pages.start == pages.end)
		return E_OK;
	if (is_taken(vm, pages))
		return E_OVERLAP;
	e = pt_map(&vm->stage2, pages.start, pages.start, pages.end - pages.start,
	           backend->stage2_mmio());
	/* Small BARs of one VM may share a page. */
	return e == E_ALREADY_MAPPED ? E_OK : e;
}

/* The first `count` BARs; pages that another device of the VM needs stay. */
static void unmap_bars(struct vm *vm, const struct device *d, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		struct span pages = bar_pages(&d->bars[i]);
		bool needed = false;

		for_each_device (other)
			needed |= other != d && other->vm == vm && has_bar_on(other, pages);
		/* These are whole leaves: nothing is split, so nothing can fail. */
		if (!needed && hide(vm, pages))
			return;
	}
	vm_refresh(vm);
	pt_release(&vm->stage2);
}

/* Also after a BAR of another function has mapped their pages, which it may share. No CPU of the VM
 * keeps the mapping that was there for a moment. */
static err_t hide_interrupt_tables(struct vm *vm, const struct device *added)
{
	bool changed = false;

	for_each_device (d) {
		u64 start, size;

		if (d != added && d->vm != vm)
			continue;
		msi_table(d, &start, &size);
		TRY(hide(vm, (struct span){start, start + size}));
		changed |= size != 0;
	}
	if (changed) {
		vm_refresh(vm);
		pt_release(&vm->stage2);
	}
	return E_OK;
}

err_t vm_memory_map_device(struct vm *vm, const struct device *d)
{
	err_t e = E_OK;
	u32 mapped;

	for (mapped = 0; mapped < BARS_MAX; mapped++) {
		e = map_bar(vm, bar_pages(&d->bars[mapped]));
		if (e)
			break;
	}
	if (!e)
		e = hide_interrupt_tables(vm, d);
	if (e)
		unmap_bars(vm, d, mapped);
	return e;
}

void vm_memory_unmap_device(struct vm *vm, const struct device *d)
{
	unmap_bars(vm, d, BARS_MAX);
}

u32 vm_memory_list(const struct vm *vm, struct boot_memory *list, u32 max)
{
	u32 count = MIN(vm->platform ? facts.boot.memory_count : vm->ram_count, max);

	if (vm->platform) {
		memcpy(list, facts.boot.memory, count * sizeof(*list));
		return count;
	}
	for (u32 i = 0; i < count; i++)
		list[i] = (struct boot_memory){vm->ram[i].gpa, vm->ram[i].size, vm->ram[i].type};
	return count;
}
