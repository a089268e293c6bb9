/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scoped snapshot: some devices and what belongs to them, found by following
 * relations from one to the next. No listing of the whole bus is read, so the cost
 * doesn't grow with the machine. Where a relation is there and can't be followed,
 * something that belongs to the set could be missed: then all is read after all.
 */
#include <errno.h>
#include <stdio.h>

#include "inventory/inventory.h"

/* What can't be followed; anything but 0 ends the search. */
#define LOST 2

static int lost(int r)
{
	return r == -ENOENT || r == -ENOTDIR ? 0 : LOST;
}

/* Adds an address once; names that are no address are passed over. */
static int add_once(void *data, const char *name)
{
	struct pcipt_found *found = data;
	struct pcipt_address at;

	if (!pcipt_address_scan(name, &at, NULL))
		return 0;
	for (size_t i = 0; i < found->n; i++)
		if (pcipt_address_key(found->at[i]) == pcipt_address_key(at))
			return 0;
	return pcipt_found_add(found, name);
}

/* The bridges on the way from the root bus: each has its address in the device's link. */
static int add_bridges(struct pcipt_found *found, const struct pcipt_device *device)
{
	struct pcipt_kernel *k = found->snap->kernel;
	char link[PCIPT_ATTRIBUTE_MAX], *rest = NULL;
	int r = 0;
	ssize_t n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, device->address, link,
				      sizeof(link));

	/* Recorded trees may hold folders instead of links (EINVAL): they tell no way. */
	if (n <= 0)
		return n == -EINVAL ? 0 : lost((int)n);
	for (char *name = strtok_r(link, "/", &rest); name && r == 0;
	     name = strtok_r(NULL, "/", &rest))
		r = add_once(found, name);
	return r;
}

/* 1 when there is no such link. */
static int add_linked(struct pcipt_found *found, const struct pcipt_device *device,
		      const char *name)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read_link(device, name, link, sizeof(link));

	if (n > 0)
		return add_once(found, pcipt_base_name(link));
	return lost((int)n) == 0 ? 1 : LOST;
}

static int add_functions(struct pcipt_found *found, const struct pcipt_device *device)
{
	char name[32];
	int r = add_linked(found, device, "physfn");

	for (unsigned int i = 0; r == 0 || (r == 1 && i == 0); i++) {
		snprintf(name, sizeof(name), "virtfn%u", i);
		r = add_linked(found, device, name);
	}
	return r == 1 ? 0 : r;
}

static int add_group(struct pcipt_found *found, struct pcipt_device *device)
{
	struct pcipt_kernel *k = found->snap->kernel;
	int number = pcipt_scan_group_number(device), r;
	char path[32];

	if (number < 0)
		return device->group_unknown ? LOST : 0;
	snprintf(path, sizeof(path), "%d/devices", number);
	r = k->ops->list(k, PCIPT_AT_IOMMU_GROUPS, path, add_once, found);
	return r < 0 && r != -ENOMEM ? LOST : r;
}

static int add_slot(struct pcipt_found *found, struct pcipt_address at)
{
	char name[PCIPT_ADDRESS_SIZE];
	int r = 0;

	for (uint8_t f = 0; r == 0 && f < 8; f++) {
		at.devfn = (uint8_t)((at.devfn & ~7u) | f);
		pcipt_address_print(at, name);
		r = add_once(found, name);
	}
	return r;
}

/* Follows relations from each address found so far, until nothing new comes. */
static int follow(struct pcipt_found *found)
{
	struct pcipt_kernel *k = found->snap->kernel;
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < found->n; i++) {
		struct pcipt_device device = { .snap = found->snap, .at = found->at[i] };
		int there;

		pcipt_address_print(device.at, device.address);
		there = k->ops->exists(k, PCIPT_AT_PCI_DEVICES, device.address);
		if (there < 0)
			return LOST;
		if (there == 0)
			continue;
		/* Those that are there come to the front, behind what was looked at. */
		found->at[i] = found->at[kept];
		found->at[kept++] = device.at;
		r = add_bridges(found, &device);
		if (r == 0)
			r = add_functions(found, &device);
		if (r == 0)
			r = add_group(found, &device);
	}
	found->n = kept;
	return r;
}

static int collect(struct pcipt_found *found, const struct pcipt_address *addresses, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_slot(found, addresses[i]);
	return r == 0 ? follow(found) : r;
}

int pcipt_scan_scoped(struct pcipt_snapshot *snap, const struct pcipt_address *addresses, size_t n,
		      struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	struct pcipt_found found = { .snap = snap };
	int r;

	if (k->ops->exists(k, PCIPT_AT_PCI_DEVICES, ".") != 1)
		return pcipt_scan_fail(snap, -ENOENT, error);
	r = collect(&found, addresses, n);
	if (r == 0)
		r = pcipt_scan_found(&found, error);
	else if (r < 0)
		r = pcipt_fail_memory(error);
	free(found.at);
	if (r == LOST) {
		/* What was found wrong on the way is found again. */
		while (snap->n_problems > 0)
			pcipt_error_unref(snap->problems[--snap->n_problems]);
		return pcipt_scan_all(snap, error);
	}
	if (r == 0)
		pcipt_scan_driver_links(snap);
	return r;
}
