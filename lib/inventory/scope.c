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

/* ---- what is reset together, and what depends on it ---- */

static int add_consumer(void *data, const char *name)
{
	return strncmp(name, "consumer:pci:", 13) == 0 ? add_once(data, name + 13) : 0;
}

struct below {
	struct pcipt_found *found;
	char path[PCIPT_ATTRIBUTE_MAX];
};

/* A device below a bridge, and all below that. */
static int add_below(void *data, const char *name)
{
	struct below *below = data;
	struct pcipt_kernel *k = below->found->snap->kernel;
	size_t n = strlen(below->path);
	struct pcipt_address at;
	int r;

	if (!pcipt_address_scan(name, &at, NULL) || n + strlen(name) + 2 > sizeof(below->path))
		return 0;
	r = add_once(below->found, name);
	below->path[n] = '/';
	strcpy(below->path + n + 1, name);
	if (r == 0 && k->ops->list(k, PCIPT_AT_SYS_DEVICES, below->path, add_below, below) == -ENOMEM)
		r = -ENOMEM;
	below->path[n] = '\0';
	return r;
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

/* An endpoint's whole bus, where a bridge stands above it: what a reset of it would hit. */
static int add_bus(struct pcipt_found *found, const struct pcipt_device *device)
{
	struct pcipt_kernel *k = found->snap->kernel;
	struct below below = { .found = found };
	char link[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_address at;
	const char *path;
	char *slash;

	if (k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, device->address, link, sizeof(link)) <= 0)
		return 0;
	path = pcipt_physical_path(link, device->address);
	if (!path)
		return 0;
	snprintf(below.path, sizeof(below.path), "%s", path);
	slash = strrchr(below.path, '/');
	if (!slash)
		return 0;
	*slash = '\0';
	if (!pcipt_address_scan(pcipt_base_name(below.path), &at, NULL))
		return 0;
	return k->ops->list(k, PCIPT_AT_SYS_DEVICES, below.path, add_below, &below) == -ENOMEM ?
		       -ENOMEM :
		       0;
}

static int add_consumers(struct pcipt_found *found, const struct pcipt_device *device)
{
	struct pcipt_kernel *k = found->snap->kernel;

	return k->ops->list(k, PCIPT_AT_PCI_DEVICES, device->address, add_consumer, found) ==
			       -ENOMEM ?
		       -ENOMEM :
		       0;
}

/* What may have to go along with a device, by its class: nothing with a bridge. */
static int add_companions(struct pcipt_found *found, const struct pcipt_device *device)
{
	char class[32];
	bool known = pcipt_device_read(device, "class", class, sizeof(class)) > 0;
	int r = 0;

	/* PCI Code and ID Assignment: 03 display, whose slot has its sound; 06 bridge. */
	if (known && strncmp(class, "0x03", 4) == 0)
		r = add_slot(found, device->at);
	if (r == 0 && !(known && strncmp(class, "0x06", 4) == 0))
		r = add_bus(found, device);
	return r == 0 ? add_consumers(found, device) : r;
}

/* All that belongs to a device, or only its group and its PF. */
static int add_related(struct pcipt_found *found, struct pcipt_device *device, bool groups_only)
{
	int r = groups_only ? add_linked(found, device, "physfn") : add_bridges(found, device);

	if (groups_only)
		r = r == 1 ? 0 : r;
	else if (r == 0)
		r = add_functions(found, device);
	if (r == 0)
		r = add_group(found, device);
	return r == 0 && !groups_only ? add_companions(found, device) : r;
}

/* Follows relations from each address found so far, until nothing new comes. */
static int follow(struct pcipt_found *found, bool groups_only)
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
		r = add_related(found, &device, groups_only);
	}
	found->n = kept;
	return r;
}

static int collect(struct pcipt_found *found, const struct pcipt_address *addresses, size_t n,
		   bool groups_only)
{
	char name[PCIPT_ADDRESS_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		pcipt_address_print(addresses[i], name);
		r = groups_only ? add_once(found, name) : add_slot(found, addresses[i]);
	}
	return r == 0 ? follow(found, groups_only) : r;
}

int pcipt_scan_scoped(struct pcipt_snapshot *snap, const struct pcipt_address *addresses, size_t n,
		      bool groups_only, struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	struct pcipt_found found = { .snap = snap };
	int r;

	if (k->ops->exists(k, PCIPT_AT_PCI_DEVICES, ".") != 1)
		return pcipt_scan_fail(snap, -ENOENT, error);
	r = collect(&found, addresses, n, groups_only);
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
