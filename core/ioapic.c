// SPDX-License-Identifier: BSD-2-Clause
#include "core/ioapic.h"

#include "core/facts.h"
#include "core/interrupt.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mem.h"

#define PINS_MAX 120 /* that the index register reaches */

struct pin {
	u64 entry; /* as the guest sees it */
	struct interrupt_entries entries;
};

struct ioapic {
	struct vtd_unit *unit;
	u16 source_id;
	struct mmio mmio;
	u32 index; /* as the guest wrote it */
	u32 count;
	struct pin pins[PINS_MAX];
};

/* Set by ioapic_init; afterwards guarded by the lock, and so are the registers. */
static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static u32 ioapic_count;
static struct lock lock;

static u32 read_register(const struct ioapic *io, u32 index)
{
	mmio_w32(&io->mmio, IOAPIC_INDEX, index);
	return mmio_r32(&io->mmio, IOAPIC_DATA);
}

static void write_register(const struct ioapic *io, u32 index, u32 value)
{
	mmio_w32(&io->mmio, IOAPIC_INDEX, index);
	mmio_w32(&io->mmio, IOAPIC_DATA, value);
}

/* The guest has changed a pin's entry. While it is masked what stands for it stays. */
static void program(struct ioapic *io, u32 n, struct vm *vm)
{
	struct pin *pin = &io->pins[n];
	u64 address = MSI_ADDRESS |
	              FIELD_PUT(MSI_DESTINATION, FIELD_GET(PIN_DESTINATION, pin->entry)) |
	              FIELD_PUT(MSI_LOGICAL, FIELD_GET(PIN_LOGICAL, pin->entry));
	struct interrupt_request r = {vm, io->unit, io->source_id, address, (u32)pin->entry, 1};
	bool open = !(pin->entry & PIN_MASKED) && interrupt_set(&r, &pin->entries);
	u32 low = pin->entry & (MSI_VECTOR | PIN_POLARITY | MSI_LEVEL);

	if (open)
		write_register(io, IOAPIC_PIN + 2 * n + 1,
		               vtd_ioapic_entry(pin->entries.index) >> 32);
	write_register(io, IOAPIC_PIN + 2 * n, low | (open ? 0 : PIN_MASKED));
}

/* One that shares its page with something else is left alone. */
static err_t add(const struct acpi_ioapic *found)
{
	struct ioapic *io = &ioapics[ioapic_count];
	int unit = vtd_find_ioapic(&facts.dmar, found->id, device_secondary_bus, &io->source_id);
	bool remapped =
		unit >= 0 && units[unit].interrupts_pa && IS_ALIGNED(found->base_pa, PAGE_SIZE);

	log_line("ioapic %u base=0x%lx ir=%u", found->id, found->base_pa, remapped);
	if (!remapped)
		return E_OK;
	TRY(mem_map_mmio(found->base_pa, PAGE_SIZE, &io->mmio));
	io->unit = &units[unit];
	io->count = FIELD_GET(IOAPIC_VERSION_LAST, read_register(io, IOAPIC_VERSION)) + 1;
	io->count = MIN(io->count, PINS_MAX);
	ioapic_count++;
	return E_OK;
}

err_t ioapic_init(void)
{
	for (u32 i = 0; i < facts.madt.ioapic_count; i++)
		TRY(add(&facts.madt.ioapics[i]));
	ioapic_reset();
	return E_OK;
}

void ioapic_reset(void)
{
	for (struct ioapic *io = ioapics; io < ioapics + ioapic_count; io++) {
		for (u32 n = 0; n < io->count; n++) {
			io->pins[n].entry = PIN_MASKED;
			program(io, n, NULL);
			interrupt_clear(io->unit, &io->pins[n].entries);
		}
	}
}

u64 ioapic_page(u32 index)
{
	return index < ioapic_count ? ioapics[index].mmio.base_pa : 0;
}

static struct ioapic *find(u64 gpa)
{
	for (struct ioapic *io = ioapics; io < ioapics + ioapic_count; io++) {
		if (gpa - io->mmio.base_pa < PAGE_SIZE)
			return io;
	}
	return NULL;
}

static bool claims(const struct vm *vm, u64 gpa)
{
	return vm->platform && find(gpa);
}

/* The pin whose entry the index register selects, or NULL. */
static struct pin *selected(struct ioapic *io)
{
	u32 n = (io->index - IOAPIC_PIN) / 2;

	return io->index >= IOAPIC_PIN && n < io->count ? &io->pins[n] : NULL;
}

static u32 read_data(struct ioapic *io)
{
	const struct pin *pin = selected(io);
	u32 value = read_register(io, io->index);

	if (!pin)
		return value;
	return (u32)(io->index & 1 ? pin->entry >> 32
	                           : (pin->entry & ~PIN_STATUS) | (value & PIN_STATUS));
}

static void write_data(struct ioapic *io, struct vm *vm, u32 value)
{
	struct pin *pin = selected(io);
	u64 half = io->index & 1 ? MASK(63, 32) : MASK(31, 0);

	if (pin) {
		pin->entry = (pin->entry & ~half) | FIELD_PUT(half, value);
		program(io, (u32)(pin - io->pins), vm);
	} else if (io->index < IOAPIC_PIN) {
		write_register(io, io->index, value);
	}
}

static u64 read_page(struct vcpu *vcpu, u64 gpa, u8 size)
{
	struct ioapic *io = find(gpa);
	u64 at = gpa - io->mmio.base_pa, value;

	(void)vcpu, (void)size;
	lock_take(&lock);
	value = at == IOAPIC_INDEX ? io->index : at == IOAPIC_DATA ? read_data(io) : ~0u;
	lock_give(&lock);
	return value;
}

static void write_page(struct vcpu *vcpu, u64 gpa, u8 size, u64 value)
{
	struct ioapic *io = find(gpa);
	u64 at = gpa - io->mmio.base_pa;

	(void)size;
	lock_take(&lock);
	if (at == IOAPIC_INDEX)
		io->index = value & 0xff;
	else if (at == IOAPIC_DATA)
		write_data(io, vcpu->vm, (u32)value);
	else if (at == IOAPIC_EOI)
		mmio_w32(&io->mmio, IOAPIC_EOI, (u32)value);
	lock_give(&lock);
}

const struct trapped ioapic_trapped = {claims, 1 | 2 | 4, read_page, write_page};
