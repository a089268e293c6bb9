/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Getters of the facts that details.c and modules.c read. */
#include <errno.h>

#include "inventory/inventory.h"

/* What a getter answers for a NULL device, or where memory ran out. */
static const struct pcipt_details *details(struct pcipt_device *device, unsigned int which)
{
	static const struct pcipt_details none = {
		.config = { .msi.present = -1, .msix.present = -1, .acs.present = -1 },
	};
	const struct pcipt_details *d = pcipt_device_details(device, which);

	return d ? d : &none;
}

const char *pcipt_device_get_vfio_cdev(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_VFIO)->vfio_cdev;
}

const char *pcipt_device_get_vfio_group_node(struct pcipt_device *device)
{
	return pcipt_device_facts(device, PCIPT_FACTS_VFIO)->vfio_group_node;
}

/* The functions of a slot are neighbours in the order of addresses. */
struct pcipt_device *pcipt_device_slot_function_at(const struct pcipt_device *device, size_t i)
{
	const struct pcipt_snapshot *snap = device ? device->snap : NULL;
	uint64_t slot = device ? pcipt_address_key(device->at) >> 3 : 0;
	size_t first;

	if (!device)
		return NULL;
	first = (size_t)(device - snap->devices);
	while (first > 0 && pcipt_address_key(snap->devices[first - 1].at) >> 3 == slot)
		first--;
	if (i >= 8 || first + i >= snap->n_devices ||
	    pcipt_address_key(snap->devices[first + i].at) >> 3 != slot)
		return NULL;
	return &snap->devices[first + i];
}

size_t pcipt_device_slot_function_count(const struct pcipt_device *device)
{
	size_t n = 0;

	while (pcipt_device_slot_function_at(device, n))
		n++;
	return n;
}

const char *pcipt_device_get_power_state(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->power_state;
}

const char *pcipt_device_get_runtime_status(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->runtime_status;
}

const char *pcipt_device_get_label(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->label;
}

const char *pcipt_device_get_slot_name(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->slot_name;
}

const char *pcipt_device_get_acpi_path(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->acpi_path;
}

uint32_t pcipt_device_get_link_speed(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->link_speed;
}

uint32_t pcipt_device_get_max_link_speed(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->max_link_speed;
}

uint32_t pcipt_device_get_link_width(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->link_width;
}

uint32_t pcipt_device_get_max_link_width(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->max_link_width;
}

uint32_t pcipt_device_get_sriov_total(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->sriov_total;
}

uint64_t pcipt_device_get_bar_size(struct pcipt_device *device, unsigned int bar)
{
	return bar < PCIPT_N_BARS ? details(device, PCIPT_FACTS_MORE)->resources.bars[bar].size : 0;
}

uint32_t pcipt_device_get_bar_flags(struct pcipt_device *device, unsigned int bar)
{
	const struct pcipt_details *d = details(device, PCIPT_FACTS_MORE);
	const struct pcipt_resource *r = &d->resources.bars[bar < PCIPT_N_BARS ? bar : 0];
	uint32_t flags = 0;

	if (bar >= PCIPT_N_BARS || r->present != 1)
		return 0;
	if (r->io)
		flags |= PCIPT_BAR_IO;
	if (r->is_64bit)
		flags |= PCIPT_BAR_64BIT;
	if (r->prefetchable)
		flags |= PCIPT_BAR_PREFETCHABLE;
	for (size_t i = 0; d->config.rebar.present == 1 && i < d->config.rebar.n; i++)
		if (d->config.rebar.bars[i].bar == bar)
			flags |= PCIPT_BAR_RESIZABLE;
	return flags;
}

uint64_t pcipt_device_get_rom_size(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MORE)->resources.rom.size;
}

size_t pcipt_device_module_count(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MODULES)->n_modules;
}

const char *pcipt_device_module_at(struct pcipt_device *device, size_t i)
{
	const struct pcipt_details *d = details(device, PCIPT_FACTS_MODULES);

	return i < d->n_modules ? d->modules[i] : NULL;
}

const char *pcipt_device_get_vfio_module(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_MODULES)->vfio_module;
}

const char *pcipt_device_get_expected_driver(struct pcipt_device *device)
{
	const char *override = pcipt_device_get_driver_override(device);

	/* One that took the device by itself is the kernel's choice; a vfio driver never does. */
	if (!override && device && device->driver && !device->driver->vfio)
		return device->driver->name;
	return override ? override : pcipt_device_module_at(device, 0);
}

size_t pcipt_device_child_count(struct pcipt_device *device)
{
	return details(device, PCIPT_FACTS_CHILDREN)->n_children;
}

const char *pcipt_device_child_subsystem(struct pcipt_device *device, size_t i)
{
	const struct pcipt_details *d = details(device, PCIPT_FACTS_CHILDREN);

	return i < d->n_children ? d->children[i].subsystem : NULL;
}

const char *pcipt_device_child_name(struct pcipt_device *device, size_t i)
{
	const struct pcipt_details *d = details(device, PCIPT_FACTS_CHILDREN);

	return i < d->n_children ? d->children[i].name : NULL;
}

const char *pcipt_device_get_serial(struct pcipt_device *device)
{
	const struct pcipt_details *d = details(device, PCIPT_FACTS_CONFIG);

	if (d->config.dsn.present == 1 && !d->config.dsn.blank)
		return d->config.dsn.text;
	return pcipt_device_get_vpd_serial(device);
}

int pcipt_device_get_msi_vectors(struct pcipt_device *device)
{
	const struct pcipt_cap_msi *msi = &details(device, PCIPT_FACTS_CONFIG)->config.msi;

	return msi->present == 1 ? msi->vectors_capable : msi->present;
}

int pcipt_device_get_msix_vectors(struct pcipt_device *device)
{
	const struct pcipt_cap_msix *msix = &details(device, PCIPT_FACTS_CONFIG)->config.msix;

	return msix->present == 1 ? msix->table_size : msix->present;
}

int pcipt_device_get_acs(struct pcipt_device *device)
{
	const struct pcipt_cap_acs *acs = &details(device, PCIPT_FACTS_CONFIG)->config.acs;
	const struct pcipt_acs *on = &acs->enabled;

	if (acs->present != 1)
		return acs->present == 0 ? -2 : -1;
	return on->source_validation * PCIPT_ACS_SOURCE_VALIDATION |
	       on->translation_blocking * PCIPT_ACS_TRANSLATION_BLOCKING |
	       on->request_redirect * PCIPT_ACS_REQUEST_REDIRECT |
	       on->completion_redirect * PCIPT_ACS_COMPLETION_REDIRECT |
	       on->upstream_forwarding * PCIPT_ACS_UPSTREAM_FORWARDING |
	       on->egress_control * PCIPT_ACS_EGRESS_CONTROL |
	       on->direct_translated * PCIPT_ACS_DIRECT_TRANSLATED;
}

int pcipt_device_read_vpd(struct pcipt_device *device, struct pcipt_error **error)
{
	const struct pcipt_details *d;

	if (!device)
		return pcipt_fail_argument(error, __func__, "no device");
	d = pcipt_device_details(device, PCIPT_FACTS_VPD);
	if (!d)
		return pcipt_fail_memory(error);
	if (d->vpd_errnum == 0)
		return 0;
	return pcipt_fail(error, d->vpd_errnum == EACCES ? PCIPT_E_PERMISSION : PCIPT_E_IO,
			  &(struct pcipt_error_facts){ .step = "read",
						       .address = device->address,
						       .path = "vpd",
						       .errnum = d->vpd_errnum },
			  d->vpd_errnum == ENOENT ? "%s has no vital product data" :
						    "%s: its vital product data can't be read",
			  device->address);
}

/* Whether the VPD was read is asked before: a getter must not read it. */
static const struct pcipt_details *vpd_details(const struct pcipt_device *device)
{
	if (!device || !(atomic_load(&((struct pcipt_device *)device)->loaded) & PCIPT_FACTS_VPD))
		return NULL;
	return device->facts->details;
}

const char *pcipt_device_get_vpd_serial(const struct pcipt_device *device)
{
	const struct pcipt_details *d = vpd_details(device);

	return d ? d->vpd_serial : NULL;
}

const char *pcipt_device_get_vpd_part_number(const struct pcipt_device *device)
{
	const struct pcipt_details *d = vpd_details(device);

	return d ? d->vpd_part_number : NULL;
}
