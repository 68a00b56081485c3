// SPDX-License-Identifier: BSD-2-Clause
#include "core/ats.h"

#include "core/facts.h"
#include "core/ioasid.h"
#include "core/log.h"
#include "core/pci.h"
#include "lib/format.h"

void ats_init(struct device *d)
{
	d->ats = pci_find_extended_capability(d->bdf, PCI_EXT_CAP_ATS);
	if (d->ats) /* as firmware may have left it */
		pci_write(d->bdf, d->ats + ATS_CONTROL, 2, 0);
}

/* 0: it is integrated into the root complex, on a bus that no bridge leads to. */
static u32 find_root_port(const struct device *d)
{
	for_each_device (bridge) {
		if (bridge->pcie_type == PCIE_TYPE_ROOT_PORT && device_is_behind(d, bridge))
			return bridge->bdf;
	}
	return 0;
}

static err_t check(const struct device *d)
{
	if (!d->ats || !(pci_read(d->bdf, d->ats + ATS_CAPABILITY, 2) & ATS_ALIGNED))
		return E_NO_ATS;
	if (!d->unit)
		return E_NO_UNIT;
	if (!vtd_tlb_supported(d->unit))
		return E_NO_DEVICE_TLB;
	if (d->alias) /* a conventional bus carries no translated requests */
		return E_NO_ATSR;
	return vtd_check_ats(&facts.dmar, d->bdf, find_root_port(d), d->unit->scalable,
	                     device_secondary_bus);
}

err_t ats_allow(struct device *d, bool allow)
{
	if (d->state != DEVICE_FREE)
		return E_ATTACHED;
	if (allow)
		TRY(check(d));
	d->ats_allowed = allow;
	log_line("device %s ats=%s%s", BDF_TEXT(d->bdf), ats_text(d),
	         allow ? " trusted=translated-requests" : "");
	return E_OK;
}

const char *ats_text(const struct device *d)
{
	if (!d->ats)
		return "none";
	return d->ats_on ? "yes" : d->ats_allowed ? "allowed" : "no";
}

static void disable(struct device *d)
{
	err_t e;

	pci_write(d->bdf, d->ats + ATS_CONTROL, 2, 0);
	e = vtd_allow_tlb(d->unit, (u16)d->bdf, &d->ioasid->space, false);
	(void)e; /* lost, or its unit: blocked all the same */
}

void ats_start(struct device *d)
{
	u8 depth;
	err_t e;

	if (!d->ats_allowed || !d->may_master)
		return;
	depth = pci_read(d->bdf, d->ats + ATS_CAPABILITY, 1) & ATS_DEPTH;
	e = vtd_allow_tlb(d->unit, (u16)d->bdf, &d->ioasid->space, true);
	if (!e) {
		pci_write(d->bdf, d->ats + ATS_CONTROL, 2, ATS_ENABLE);
		e = vtd_add_tlb(d->unit, (u16)d->bdf, &d->ioasid->space, depth);
	}
	d->ats_on = !e;
	if (!e)
		return;
	disable(d);
	log_line("error device %s ats=no reason=%s", BDF_TEXT(d->bdf), error_name(e));
}

void ats_stop(struct device *d)
{
	err_t e;

	if (!d->ats_on)
		return;
	e = vtd_remove_tlb(d->unit, (u16)d->bdf);
	(void)e; /* one that is lost is asked for again (vtd_tlb_is_lost) */
	disable(d);
	d->ats_on = false;
}

bool ats_is_consistent(struct device *d)
{
	struct vtd_context entry;
	bool enabled;

	lock_take(&d->lock);
	enabled = d->ats && (pci_read(d->bdf, d->ats + ATS_CONTROL, 2) & ATS_ENABLE);
	(void)vtd_read_context(d->unit, (u16)d->bdf, &entry);
	lock_give(&d->lock);
	return enabled == d->ats_on && (!d->ats_allowed || enabled == vtd_allows_tlb(&entry));
}
