/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which reset a device has. `reset_method` (sysfs-bus-pci, since Linux 5.15) was computed when
 * the device was scanned: `bus` can stand there though others have come to the bus since, so
 * it counts as a reset of the bus whoever is on it. A root bus has no bridge that could reset it.
 */
#include "safety/reset.h"

static bool is_of_bus(const char *method)
{
	return strcmp(method, "bus") == 0 || strcmp(method, "cxl_bus") == 0;
}

int pcipt_reset_kind(struct pcipt_device *device)
{
	const struct pcipt_reset_methods *methods =
		pcipt_device_facts(device, PCIPT_FACTS_ATTRIBUTES)->reset;
	struct pcipt_device **peers = NULL;
	bool shared;
	size_t n = 0;

	for (size_t i = 0; methods && i < methods->n; i++)
		if (!is_of_bus(methods->names[i]))
			return PCIPT_RESET_OWN;
	if (!pcipt_device_is_behind_bridge(device))
		return PCIPT_RESET_NONE;
	if (!pcipt_device_bus_peers(device, &peers, &n))
		return PCIPT_RESET_BUS;
	shared = n > 0;
	free(peers);
	/* Alone on its bus: the kernel would have listed that, unless the bridge can't do it. */
	return shared || (methods && methods->n > 0) ? PCIPT_RESET_BUS : PCIPT_RESET_NONE;
}
