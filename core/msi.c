// SPDX-License-Identifier: BSD-2-Clause
#include "core/msi.h"

#include "core/group.h"
#include "core/mem.h"
#include "core/pci.h"

/* An entry of the table as its owner sees it, and what stands for it. */
struct msix_entry {
	u64 half[2]; /* address; data, and above it vector control */
	struct interrupt_entries entries;
};

/* As many as a page of shadows holds; what the table has beyond stays masked. */
#define ENTRIES_MAX (PAGE_SIZE / sizeof(struct msix_entry))

static struct interrupt_request request_of(const struct device *d, u64 address, u32 data, u32 count)
{
	return (struct interrupt_request){d->vm, d->unit, group_source_id(d), address, data, count};
}

/* ---- MSI ---- */

u32 *msi_shadow(struct device *d, u32 offset)
{
	u32 i = (offset - d->msi.at) / 4;

	if (!d->msi.at || offset < d->msi.at || i > (d->msi.shadow[0] & MSI_WIDE ? 3 : 2))
		return NULL;
	return &d->msi.shadow[i];
}

static void program(struct device *d)
{
	const u32 *shadow = d->msi.shadow;
	bool wide = shadow[0] & MSI_WIDE;
	u32 last = d->msi.at + (wide ? 12 : 8), control = shadow[0];
	struct interrupt_request r =
		request_of(d, shadow[1] | (wide ? (u64)shadow[2] << 32 : 0),
	                   shadow[wide ? 3 : 2] & 0xffff, 1u << FIELD_GET(MSI_MME, control));

	if ((control & MSI_ENABLE) && d->may_master && interrupt_set(&r, &d->msi.entries)) {
		pci_write(d->bdf, d->msi.at + 4, 4,
		          vtd_msi_address(d->msi.entries.index, r.count > 1));
		pci_write(d->bdf, last, 2, 0);
		if (wide)
			pci_write(d->bdf, d->msi.at + 8, 4, 0);
	} else {
		control &= ~MSI_ENABLE;
	}
	pci_write(d->bdf, d->msi.at + MSI_CONTROL, 2, control >> 16);
}

void msi_write(struct device *d, u32 *shadow, u32 value)
{
	u32 writable = shadow == d->msi.shadow ? MSI_ENABLE | MSI_MME : ~0u;

	*shadow = (*shadow & ~writable) | (value & writable);
	program(d);
}

/* ---- MSI-X ---- */

void msi_table(const struct device *d, u64 *start, u64 *size)
{
	*start = ALIGN_DOWN(d->msix.table_pa, PAGE_SIZE);
	*size = ALIGN_UP(d->msix.table_pa + d->msix.count * MSIX_ENTRY_SIZE, PAGE_SIZE) - *start;
}

static void find_table(struct device *d)
{
	u32 where = pci_read(d->bdf, d->msix.at + MSIX_TABLE, 4);
	u32 control = pci_read(d->bdf, d->msix.at + MSIX_CONTROL, 2);
	const struct bar *bar = &d->bars[FIELD_GET(MSIX_TABLE_BAR, where)];
	u32 offset = where & ~(u32)MSIX_TABLE_BAR;
	u32 count = FIELD_GET(MSIX_CONTROL_SIZE, control) + 1;
	u64 start, size;

	if (bar >= d->bars + BARS_MAX || bar->io || !bar->base ||
	    offset + count * (u64)MSIX_ENTRY_SIZE > bar->size)
		return;
	d->msix.table_pa = bar->base + offset;
	d->msix.count = count;
	msi_table(d, &start, &size);
	if (mem_map_mmio(start, size, &d->msix.mmio))
		d->msix.count = 0; /* not trapped: whatever is in it, no entry of ours is meant */
	else
		d->msix.shadows_pa = page_alloc_zeroed();
}

void msi_init(struct device *d)
{
	if (!d->unit || !d->unit->interrupts_pa)
		return;
	d->msi.at = pci_find_capability(d->bdf, PCI_CAP_MSI);
	d->msix.at = pci_find_capability(d->bdf, PCI_CAP_MSIX);
	if (d->msi.at)
		d->msi.shadow[0] = pci_read(d->bdf, d->msi.at, 4);
	if (d->msix.at)
		find_table(d);
	msi_reset(d);
}

/* NULL: the table has no such entry, or none that is used. */
static struct msix_entry *entry_of(const struct device *d, u64 i)
{
	if (!d->msix.shadows_pa || i >= MIN(d->msix.count, ENTRIES_MAX))
		return NULL;
	return (struct msix_entry *)phys_to_virt(d->msix.shadows_pa) + i;
}

void msi_reset(struct device *d)
{
	struct msix_entry *e;

	if (d->msi.at) {
		d->msi.shadow[0] &= ~(MSI_ENABLE | MSI_MME);
		program(d);
		interrupt_clear(d->unit, &d->msi.entries);
	}
	if (d->msix.at)
		pci_write(d->bdf, d->msix.at + MSIX_CONTROL, 2,
		          pci_read(d->bdf, d->msix.at + MSIX_CONTROL, 2) & ~MSIX_ENABLE);
	for (u64 i = 0; (e = entry_of(d, i)); i++) {
		interrupt_clear(d->unit, &e->entries);
		*e = (struct msix_entry){.half = {0, MSIX_MASKED}};
	}
}

/* The owner has changed an entry of the table. A masked one keeps what stands for it: what was sent
 * before it was masked still arrives. */
static void program_entry(const struct device *d, u32 i, struct msix_entry *e)
{
	u32 at = (u32)(d->msix.table_pa - d->msix.mmio.base_pa) + i * MSIX_ENTRY_SIZE;
	struct interrupt_request r = request_of(d, e->half[0], (u32)e->half[1], 1);
	bool open = !(e->half[1] & MSIX_MASKED) && d->may_master && interrupt_set(&r, &e->entries);

	if (open) {
		mmio_w32(&d->msix.mmio, at, vtd_msi_address(e->entries.index, false));
		mmio_w32(&d->msix.mmio, at + 4, 0);
		mmio_w32(&d->msix.mmio, at + 8, 0);
	}
	mmio_w32(&d->msix.mmio, at + 12, !open);
}

/* A function of the VM's with its table at gpa, or else somewhere on the page of it: functions of
 * one VM may share a page. */
static struct device *find_device(const struct vm *vm, u64 gpa)
{
	struct device *near = NULL;

	for_each_device (d) {
		u64 start, size;

		if (d->vm != vm || !d->msix.count)
			continue;
		if (gpa - d->msix.table_pa < d->msix.count * MSIX_ENTRY_SIZE)
			return d;
		msi_table(d, &start, &size);
		if (gpa - start < size)
			near = d;
	}
	return near;
}

static bool claims(const struct vm *vm, u64 gpa)
{
	return find_device(vm, gpa);
}

/* The bytes of 8 that an access means; tables are aligned to 8. */
static u64 access_mask(u64 gpa, u8 size)
{
	u32 shift = (gpa & 7) * 8;

	return MASK(shift + size * 8 - 1, shift);
}

/* Another CPU may have taken the function away since the access was found to be here. */
static u64 read_page(struct vcpu *vcpu, u64 gpa, u8 size)
{
	const struct device *d = find_device(vcpu->vm, gpa);
	u64 at = d ? gpa - d->msix.table_pa : 0;
	const struct msix_entry *e = d ? entry_of(d, at / MSIX_ENTRY_SIZE) : NULL;

	if (e)
		return FIELD_GET(access_mask(gpa, size), e->half[at >> 3 & 1]);
	if (!d || at / MSIX_ENTRY_SIZE < d->msix.count)
		return 0;
	return mmio_read(&d->msix.mmio, (u32)(gpa - d->msix.mmio.base_pa), size);
}

static void write_page(struct vcpu *vcpu, u64 gpa, u8 size, u64 value)
{
	struct device *d = find_device(vcpu->vm, gpa);
	u64 at = d ? gpa - d->msix.table_pa : 0, mask = access_mask(gpa, size);
	struct msix_entry *e = d ? entry_of(d, at / MSIX_ENTRY_SIZE) : NULL;

	if (!d)
		return;
	lock_take(&d->lock);
	if (d->may_master && e) {
		e->half[at >> 3 & 1] = (e->half[at >> 3 & 1] & ~mask) | FIELD_PUT(mask, value);
		program_entry(d, (u32)(at / MSIX_ENTRY_SIZE), e);
	} else if (d->may_master && at / MSIX_ENTRY_SIZE >= d->msix.count) {
		mmio_write(&d->msix.mmio, (u32)(gpa - d->msix.mmio.base_pa), size, value);
	}
	lock_give(&d->lock);
}

const struct trapped msi_trapped = {claims, 1 | 2 | 4 | 8, read_page, write_page};
