// SPDX-License-Identifier: BSD-2-Clause
#include "core/group.h"

#include "core/pci.h"

/* Requests keep their requester ids. Any other bridge leads to a conventional bus, which has none:
 * the bridge gives them its own, or the secondary bus's device 0 (PCI Express to PCI/PCI-X Bridge
 * 1.0, 2.3). */
static bool is_port(const struct device *bridge)
{
	return bridge->pcie_type >= PCIE_TYPE_ROOT_PORT &&
	       bridge->pcie_type <= PCIE_TYPE_DOWNSTREAM;
}

static u32 secondary_id(const struct device *bridge)
{
	return (bridge->bdf & 0xffff0000) | (u32)bridge->first_bus << 8;
}

/* PCIe 5.0, 6.12: what is behind it reaches others through the root complex only. A switch is as
 * good as the worst of its downstream ports. */
static bool isolates(const struct device *bridge)
{
	if (bridge->pcie_type != PCIE_TYPE_UPSTREAM)
		return is_port(bridge) && bridge->acs;
	for_each_device (port) {
		if (port->bdf >> 8 == secondary_id(bridge) >> 8 && !port->acs)
			return false;
	}
	return true;
}

static bool is_sibling(const struct device *a, const struct device *b)
{
	return a != b && a->bdf >> 3 == b->bdf >> 3;
}

static void join(u32 a, u32 b)
{
	for_each_device (d) {
		if (d->group == MAX(a, b))
			d->group = MIN(a, b);
	}
}

/* Of several the outermost: it sees the others' ids no more. */
static const struct device *find_alias(const struct device *d)
{
	const struct device *alias = NULL;

	for_each_device (bridge) {
		if (device_is_behind(d, bridge) && !is_port(bridge) &&
		    (!alias || bridge->first_bus < alias->first_bus))
			alias = bridge;
	}
	return alias;
}

void group_form(void)
{
	for_each_device (d) {
		d->group = d->bdf;
		d->alias = find_alias(d);
	}
	for_each_device (a) {
		bool open = !isolates(a);

		for_each_device (b) {
			if ((open && device_is_behind(b, a)) ||
			    (is_sibling(a, b) && !(a->acs && b->acs)))
				join(a->group, b->group);
		}
	}
}

err_t group_check(const struct device *d, const struct ioasid *io, const struct vm *vm)
{
	for_each_device (other) {
		if (!other->vm || other->group != d->group)
			continue;
		if (other->vm != vm ||
		    (d->alias && d->alias == other->alias && other->ioasid != io))
			return E_GROUP_SPLIT;
	}
	return E_OK;
}

u32 group_rids(const struct device *d, u16 rids[GROUP_RIDS_MAX])
{
	u32 count = 0;

	if (!d->alias || d->bdf != secondary_id(d->alias))
		rids[count++] = (u16)d->bdf;
	if (!d->alias)
		return count;
	for_each_device (other) {
		if (other != d && other->state == DEVICE_ATTACHED && other->alias == d->alias)
			return count;
	}
	rids[count++] = (u16)d->alias->bdf;
	rids[count++] = (u16)secondary_id(d->alias);
	return count;
}

/* A PCIe bridge to a conventional bus sends messages as device 0 of that bus, any other as itself.
 */
u16 group_source_id(const struct device *d)
{
	if (!d->alias)
		return (u16)d->bdf;
	return (u16)(d->alias->pcie ? secondary_id(d->alias) : d->alias->bdf);
}

struct device *group_find_requester(u32 bdf)
{
	for_each_device (d) {
		if (d->state == DEVICE_ATTACHED && d->alias &&
		    (d->alias->bdf == bdf || secondary_id(d->alias) == bdf))
			return d;
	}
	return device_find(bdf);
}
