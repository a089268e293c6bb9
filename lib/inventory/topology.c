/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which functions stand on one bus: they are reset together. */
#include "inventory/inventory.h"

/* The length of the path of what is above, or 0 for a device without a bridge above it. */
static size_t bridge_length(struct pcipt_device *device)
{
	const char *path = pcipt_device_facts(device, PCIPT_FACTS_PATH)->path, *begin;
	char name[PCIPT_ADDRESS_SIZE];
	const char *end = path ? strrchr(path, '/') : NULL;
	struct pcipt_address at;

	if (!end)
		return 0;
	for (begin = end; begin > path && begin[-1] != '/'; begin--)
		;
	if ((size_t)(end - begin) >= sizeof(name))
		return 0;
	memcpy(name, begin, (size_t)(end - begin));
	name[end - begin] = '\0';
	/* "pci0000:00" is a root bus. */
	return pcipt_address_scan(name, &at, NULL) ? (size_t)(end - path) : 0;
}

bool pcipt_device_is_behind_bridge(struct pcipt_device *device)
{
	return bridge_length(device) > 0;
}

static bool is_below(struct pcipt_device *device, const char *path, size_t length)
{
	const char *other = pcipt_device_facts(device, PCIPT_FACTS_PATH)->path;

	return path && other && strncmp(other, path, length) == 0 && other[length] == '/';
}

/* Functions of one bus are neighbours in the order of addresses, what is below comes later. */
bool pcipt_device_bus_peers(struct pcipt_device *device, struct pcipt_device ***peers, size_t *n)
{
	struct pcipt_snapshot *snap = device->snap;
	size_t first = (size_t)(device - snap->devices), length = bridge_length(device);
	_cleanup_free_ struct pcipt_device **found = NULL;
	bool bridges = false;

	*n = 0;
	while (length > 0 && first > 0 && snap->devices[first - 1].at.domain == device->at.domain &&
	       snap->devices[first - 1].at.bus == device->at.bus)
		first--;
	for (size_t i = first; length > 0 && i < snap->n_devices; i++) {
		struct pcipt_device *other = &snap->devices[i];
		bool same_bus = other->at.bus == device->at.bus;

		if (other->at.domain != device->at.domain || (!same_bus && !bridges))
			break;
		bridges |= same_bus && pcipt_device_is_bridge(other);
		if (other == device ||
		    (!same_bus && !is_below(other, device->facts->path, length)))
			continue;
		if (!pcipt_grow(&found, *n))
			return false;
		found[(*n)++] = other;
	}
	*peers = steal(&found);
	return true;
}
