// SPDX-License-Identifier: BSD-2-Clause
#include "core/vm_memory.h"

#include "core/backend.h"
#include "core/facts.h"
#include "core/guest_image.h"
#include "core/mem.h"
#include "lib/string.h"

#define CARVE_ALIGN MIB(2) /* so that nested and I/O tables use 2 MiB leaves */

struct span {
	u64 start, end;
};

static bool overlaps(struct span a, u64 start, u64 size)
{
	return a.start < start + size && start < a.end;
}

/* Does somebody have a part of [start, end)? The hypervisor, or a VM that was built before. */
static bool find_taken(struct span in, struct span *taken)
{
	u64 image_pa = facts.boot.image_pa;

	if (mem_is_hypervisor(in.start, in.end - in.start)) {
		*taken = (struct span){image_pa, image_pa + HYPERVISOR_SIZE};
		return true;
	}
	for_each_vm (vm) {
		for (const struct vm_range *r = vm->ram; r < vm->ram + vm->ram_count; r++) {
			if (vm->platform || !overlaps(in, r->pa, r->size))
				continue;
			*taken = (struct span){r->pa, r->pa + r->size};
			return true;
		}
	}
	return false;
}

static err_t add_range(struct vm *vm, u64 gpa, u64 pa, u64 size, u32 type)
{
	if (vm->ram_count == VM_RANGES_MAX)
		return E_TOO_MANY;
	vm->ram[vm->ram_count++] = (struct vm_range){gpa, pa, size, phys_to_virt(pa), type};
	return E_OK;
}

/* Adds what is free of [start, end); pieces are as few as there are owners. */
static err_t add_free(struct vm *vm, u64 start, u64 end, u32 type)
{
	struct span taken;

	while (start < end) {
		if (!find_taken((struct span){start, end}, &taken))
			return add_range(vm, start, start, end - start, type);
		if (taken.start > start)
			TRY(add_free(vm, start, taken.start, type));
		start = taken.end;
	}
	return E_OK;
}

static bool is_ram(const struct boot_memory *m)
{
	return m->type == BOOT_MEMORY_USABLE || m->type == BOOT_MEMORY_ACPI_RECLAIM ||
	       m->type == BOOT_MEMORY_ACPI_NVS;
}

/* A page that is RAM in part is treated as what is not RAM: a PC has its EBDA in one. */
static struct span whole_pages(const struct boot_memory *m)
{
	return (struct span){ALIGN_UP(m->base_pa, PAGE_SIZE),
	                     ALIGN_DOWN(m->base_pa + m->size, PAGE_SIZE)};
}

static err_t take_rest(struct vm *vm)
{
	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		const struct boot_memory *m = &facts.boot.memory[i];

		struct span whole = whole_pages(m);

		if (is_ram(m))
			TRY(add_free(vm, whole.start, whole.end, m->type));
	}
	return vm->ram_count ? E_OK : E_NO_MEMORY;
}

/* What a carve-out must keep off: find_taken, and the files that guests are still to be loaded
 * from. */
static bool find_obstacle(struct span in, struct span *taken)
{
	if (find_taken(in, taken))
		return true;
	for (u32 i = 0; i < facts.boot.file_count; i++) {
		const struct boot_file *f = &facts.boot.files[i];

		if (f->pa && overlaps(in, f->pa, f->size)) {
			*taken = (struct span){f->pa, f->pa + f->size};
			return true;
		}
	}
	return false;
}

/* The highest free piece of this size, so that low memory stays with the platform VM. */
static u64 find_carve(u64 size)
{
	for (u32 i = facts.boot.memory_count; i-- > 0;) {
		const struct boot_memory *m = &facts.boot.memory[i];
		u64 end = m->base_pa + m->size;
		struct span taken;

		while (m->type == BOOT_MEMORY_USABLE && end >= m->base_pa + size) {
			u64 start = ALIGN_DOWN(end - size, CARVE_ALIGN);

			if (start < m->base_pa || start == 0)
				break;
			if (!find_obstacle((struct span){start, start + size}, &taken))
				return start;
			end = taken.start;
		}
	}
	return 0;
}

static err_t carve(struct vm *vm)
{
	u64 size = ALIGN_UP(vm->config.memory, PAGE_SIZE);
	u64 pa = find_carve(size);

	if (!pa)
		return E_NO_MEMORY;
	memset(phys_to_virt(pa), 0, size);
	return add_range(vm, 0, pa, size, BOOT_MEMORY_USABLE);
}

/* Takes [start, start + size), rounded out to pages, out of the nested tables. */
static err_t hide(struct vm *vm, u64 start, u64 size)
{
	u64 end = ALIGN_UP(start + size, PAGE_SIZE);

	start = ALIGN_DOWN(start, PAGE_SIZE);
	return size ? pt_unmap(&vm->stage2, start, end - start) : E_OK;
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

static err_t hide_bars(struct vm *vm)
{
	for_each_device (d) {
		for (u32 i = 0; i < BARS_MAX; i++) {
			if (!d->bars[i].io)
				TRY(hide(vm, d->bars[i].base, d->bars[i].size));
		}
	}
	return E_OK;
}

/* The platform VM's view of what is not RAM. */
static err_t map_platform(struct vm *vm)
{
	TRY(pt_map(&vm->stage2, 0, 0, highest_address(), backend->stage2_mmio()));
	for (u32 i = 0; i < facts.boot.memory_count; i++) {
		struct span whole = whole_pages(&facts.boot.memory[i]);

		if (is_ram(&facts.boot.memory[i]) && whole.start < whole.end)
			TRY(hide(vm, whole.start, whole.end - whole.start));
	}
	TRY(hide(vm, facts.boot.image_pa, HYPERVISOR_SIZE));
	for (u32 i = 0; i < facts.dmar.unit_count; i++)
		TRY(hide(vm, facts.dmar.units[i].base_pa,
		         facts.dmar.units[i].size_pages * PAGE_SIZE));
	for (u32 i = 0; i < facts.mcfg.count; i++) {
		const struct acpi_ecam *e = &facts.mcfg.ecam[i];

		TRY(hide(vm, e->base_pa + ((u64)e->first_bus << 20),
		         ((u64)e->last_bus + 1 - e->first_bus) << 20));
	}
	return hide_bars(vm);
}

err_t vm_memory_build(struct vm *vm)
{
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

static struct span bar_pages(const struct bar *bar)
{
	return (struct span){ALIGN_DOWN(bar->base, PAGE_SIZE),
	                     ALIGN_UP(bar->base + bar->size, PAGE_SIZE)};
}

/* Another device's BAR on the pages of this one: *same_vm if one of this VM, true if one of another
 * VM. */
static bool shares_pages(const struct vm *vm, const struct device *d, struct span pages,
                         bool *same_vm)
{
	for_each_device (other) {
		for (u32 i = 0; i < BARS_MAX && other != d && other->vm; i++) {
			const struct bar *bar = &other->bars[i];

			if (bar->io || !bar->size || !overlaps(pages, bar->base, bar->size))
				continue;
			if (other->vm != vm)
				return true;
			*same_vm = true;
		}
	}
	return false;
}

static err_t map_bar(struct vm *vm, const struct device *d, const struct bar *bar)
{
	struct span pages = bar_pages(bar);
	bool same_vm = false;
	err_t e;

	if (shares_pages(vm, d, pages, &same_vm))
		return E_OVERLAP;
	e = pt_map(&vm->stage2, pages.start, pages.start, pages.end - pages.start,
	           backend->stage2_mmio());
	if (e == E_ALREADY_MAPPED)
		return same_vm ? E_OK : E_OVERLAP;
	return e;
}

err_t vm_memory_map_device(struct vm *vm, const struct device *d)
{
	for (u32 i = 0; i < BARS_MAX; i++) {
		const struct bar *bar = &d->bars[i];
		err_t e = bar->io || !bar->size || !bar->base ? E_OK : map_bar(vm, d, bar);

		if (e) {
			vm_memory_unmap_device(vm, d);
			return e;
		}
	}
	return E_OK;
}

void vm_memory_unmap_device(struct vm *vm, const struct device *d)
{
	for (u32 i = 0; i < BARS_MAX; i++) {
		const struct bar *bar = &d->bars[i];
		struct span pages = bar_pages(bar);
		bool same_vm = false;
		u64 leaf_size, leaf = pt_lookup(&vm->stage2, bar->base, &leaf_size);

		if (bar->io || !bar->size || !leaf ||
		    (leaf & vm->stage2.format->address) != ALIGN_DOWN(bar->base, leaf_size))
			continue;
		/* A leaf that cannot be split for want of memory stays: the device is quiet by now.
		 */
		if (!shares_pages(vm, d, pages, &same_vm) && !same_vm &&
		    pt_unmap(&vm->stage2, pages.start, pages.end - pages.start))
			continue;
	}
	if (vm->vcpu)
		backend->invalidate(vm->vcpu);
	pt_release(&vm->stage2);
}

u32 vm_memory_list(const struct vm *vm, struct boot_memory *list, u32 max)
{
	u32 count = 0;

	for (u32 i = 0; i < vm->ram_count && count < max; i++)
		list[count++] =
			(struct boot_memory){vm->ram[i].gpa, vm->ram[i].size, vm->ram[i].type};
	if (!vm->platform)
		return count;
	for (u32 i = 0; i < facts.boot.memory_count && count < max; i++) {
		if (!is_ram(&facts.boot.memory[i]))
			list[count++] = facts.boot.memory[i];
	}
	if (count < max)
		list[count++] = (struct boot_memory){facts.boot.image_pa, HYPERVISOR_SIZE,
		                                     BOOT_MEMORY_RESERVED};
	return count;
}
