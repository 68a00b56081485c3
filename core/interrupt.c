// SPDX-License-Identifier: BSD-2-Clause
#include "core/interrupt.h"

#include "core/guest_apic.h"
#include "core/lock.h"
#include "core/log.h"
#include "lib/format.h"

/* Guards the interrupt remapping tables of all units. */
static struct lock table_lock;

bool vm_find_apic_id(const struct vm *vm, u32 destination, bool logical, u32 *apic_id)
{
	for_each_vcpu (vcpu, vm) {
		if (!guest_apic_is_meant(vcpu, destination, logical))
			continue;
		*apic_id = vcpu->cpu->apic_id;
		return true;
	}
	return false;
}

/* What is asked for as an entry; NULL, or why it is refused. */
static const char *translate(const struct interrupt_request *r, struct vtd_interrupt *first)
{
	u32 mode = FIELD_GET(MSI_DELIVERY_MODE, r->data);

	*first = (struct vtd_interrupt){
		.source_id = r->source_id,
		.vector = FIELD_GET(MSI_VECTOR, r->data) & ~(r->count - 1),
		.level = r->data & MSI_LEVEL,
		.lowest_priority = mode,
	};
	if ((r->address & MSI_ADDRESS_BITS) != MSI_ADDRESS)
		return "address";
	if (mode > 1)
		return "delivery-mode";
	if (first->vector < 16)
		return "vector";
	return vm_find_apic_id(r->vm, FIELD_GET(MSI_DESTINATION, r->address),
	                       r->address & MSI_LOGICAL, &first->apic_id)
	               ? NULL
	               : "destination";
}

static void refuse(const struct interrupt_request *r, const char *reason)
{
	struct vm *vm = r->vm;

	vm->counters.interrupts_refused++;
	if (rate_count(&vm->interrupt_rate))
		log_line("refused interrupt vm=%s source=%s address=0x%lx data=0x%x reason=%s "
		         "count=%u",
		         vm->name, BDF_TEXT(r->source_id), r->address, r->data, reason,
		         rate_take(&vm->interrupt_rate));
}

static void clear(struct vtd_unit *unit, struct interrupt_entries *entries)
{
	vtd_interrupt_free(unit, entries->index, entries->count);
	*entries = (struct interrupt_entries){0};
}

static err_t set(const struct interrupt_request *r, const struct vtd_interrupt *first,
                 struct interrupt_entries *entries)
{
	if (entries->count == r->count)
		return vtd_interrupt_change(r->unit, entries->index, first, r->count);
	clear(r->unit, entries);
	TRY(vtd_interrupt_allocate(r->unit, first, r->count, &entries->index));
	entries->count = (u8)r->count;
	return E_OK;
}

bool interrupt_set(const struct interrupt_request *request, struct interrupt_entries *entries)
{
	struct vtd_interrupt first;
	const char *refused = translate(request, &first);
	err_t e;

	lock_take(&table_lock);
	e = refused ? E_OK : set(request, &first, entries);
	if (refused || e)
		clear(request->unit, entries);
	lock_give(&table_lock);
	if (e)
		refused = error_name(e);
	if (refused && request->address) /* 0: Linux unsets a message so, with MSI enabled */
		refuse(request, refused);
	return !refused;
}

void interrupt_clear(struct vtd_unit *unit, struct interrupt_entries *entries)
{
	lock_take(&table_lock);
	clear(unit, entries);
	lock_give(&table_lock);
}
