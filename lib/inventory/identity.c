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

/*
 * "pci0000:00/0000:00:1c.0/0000:01:00.0" gives "/pci0000:00/1c.0/00.0"; the length,
 * or 0 when it doesn't fit.
 */
static size_t print_slot(const struct pcipt_device *device, char *slot, size_t size)
{
	const char *path = device->facts->path;
	size_t used = 0;

	if (!path) {
		used = (size_t)snprintf(slot, size, "/pci%04x:%02x/%02x.%x", device->at.domain,
					device->at.bus, pcipt_address_device(device->at),
					pcipt_address_function(device->at));
	} else {
		for (const char *p = path; *p;) {
			size_t length = strcspn(p, "/");

			used += print_hop(slot + used, size - used, p, length);
			if (used >= size)
				return 0;
			p += length + (p[length] == '/');
		}
	}
	pcipt_text_neutralise(slot);
	return used;
}

/*
 * A VF is named by its number below its PF: VFs on a second bus have the same device
 * and function numbers as those on the first.
 */
static const char *make_vf_slot(struct pcipt_device *vf, const struct pcipt_facts *facts)
{
	char pf_slot[PCIPT_ATTRIBUTE_MAX], name[32], link[PCIPT_ATTRIBUTE_MAX];
	size_t n;

	/* Loaded with the VF's own facts, in facts.c. */
	if (!facts->physfn->facts || !(facts->physfn->loaded & PCIPT_FACTS_PATH))
		return NULL;
	n = print_slot(facts->physfn, pf_slot, sizeof(pf_slot));

	for (unsigned int i = 0; n > 0; i++) {
		const char *slash;

		snprintf(name, sizeof(name), "virtfn%u", i);
		if (pcipt_device_read_link(facts->physfn, name, link, sizeof(link)) <= 0)
			return NULL;
		slash = strrchr(link, '/');
		if (!slash || strcmp(slash + 1, vf->address) != 0)
			continue;
		n += (size_t)snprintf(pf_slot + n, sizeof(pf_slot) - n, "/vf%u", i);
		return n < sizeof(pf_slot) ?
			       pcipt_arena_copy(&vf->snap->arena, pf_slot + 1, n - 1) :
			       NULL;
	}
	return NULL;
}

static const char *make_slot(struct pcipt_device *device, const struct pcipt_facts *facts)
{
	char slot[PCIPT_ATTRIBUTE_MAX];
	size_t n;

	if (facts->physfn)
		return make_vf_slot(device, facts);
	n = print_slot(device, slot, sizeof(slot));
	return n > 0 ? pcipt_arena_copy(&device->snap->arena, slot + 1, n - 1) : NULL;
}

void pcipt_identity_fill(struct pcipt_device *device, struct pcipt_facts *facts)
{
	_cleanup_free_ char *identity = NULL;

	/* A slot path made without knowing the way would be another device's. */
	if (facts->path_unknown)
		return;
	facts->slot = make_slot(device, facts);
	if (!facts->slot || facts->revision < 0 || device->ids[0] < 0 || device->ids[1] < 0 ||
	    device->ids[2] < 0 || device->ids[3] < 0)
		return;
	identity = pcipt_format("%04x:%04x:%04x:%04x:%02x@%s", device->ids[0], device->ids[1],
				device->ids[2], device->ids[3], facts->revision, facts->slot);
	if (identity)
		facts->identity =
			pcipt_arena_copy(&device->snap->arena, identity, strlen(identity));
}
