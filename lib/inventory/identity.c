/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slot path and identity: the same text for every user and every boot. Bus
 * numbers are left out, since a new card shifts them; what stays is the root bus
 * that the firmware names, and device and function numbers on the way.
 */
#include <stdio.h>

#include "inventory/inventory.h"

/* One name on the way: an address gives "1c.0", a root bus stays as it is. */
static size_t print_hop(char *out, size_t size, const char *name, size_t length)
{
	char text[PCIPT_ADDRESS_SIZE];
	struct pcipt_address at;

	if (length < sizeof(text)) {
		memcpy(text, name, length);
		text[length] = '\0';
		if (pcipt_address_scan(text, &at, NULL))
			return (size_t)snprintf(out, size, "/%02x.%x", pcipt_address_device(at),
						pcipt_address_function(at));
	}
	return (size_t)snprintf(out, size, "/%.*s", (int)length, name);
}

/* "pci0000:00/0000:00:1c.0/0000:01:00.0" gives "pci0000:00/1c.0/00.0". */
static const char *make_slot(struct pcipt_device *device)
{
	char slot[PCIPT_ATTRIBUTE_MAX];
	size_t used = 0;

	if (device->place != PCIPT_AT_SYS_DEVICES) {
		used = (size_t)snprintf(slot, sizeof(slot), "/pci%04x:%02x/%02x.%x",
					device->at.domain, device->at.bus,
					pcipt_address_device(device->at),
					pcipt_address_function(device->at));
	} else {
		for (const char *p = device->path; *p;) {
			size_t length = strcspn(p, "/");

			used += print_hop(slot + used, sizeof(slot) - used, p, length);
			if (used >= sizeof(slot))
				return NULL;
			p += length + (p[length] == '/');
		}
	}
	pcipt_text_neutralise(slot);
	return pcipt_arena_copy(&device->snap->arena, slot + 1, used - 1);
}

void pcipt_identity_fill(struct pcipt_device *device, struct pcipt_facts *facts)
{
	_cleanup_free_ char *identity = NULL;

	facts->slot = make_slot(device);
	if (!facts->slot || facts->revision < 0 || device->ids[0] < 0 || device->ids[1] < 0 ||
	    device->ids[2] < 0 || device->ids[3] < 0)
		return;
	identity = pcipt_format("%04x:%04x:%04x:%04x:%02x@%s", device->ids[0], device->ids[1],
				device->ids[2], device->ids[3], facts->revision, facts->slot);
	if (identity)
		facts->identity =
			pcipt_arena_copy(&device->snap->arena, identity, strlen(identity));
}
