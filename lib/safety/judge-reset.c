/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands against handing a device from one user to the next: how it is reset. */
#include "safety/judge.h"
#include "safety/reset.h"

/* Whether VFIO will hold it when the set is bound. */
static bool is_held_by_vfio(const struct judgement *j, const struct pcipt_device *device)
{
	if (pcipt_device_is_bridge(device))
		return false;
	for (size_t i = 0; i < j->set->n_members; i++)
		if (j->set->members[i].device == device &&
		    j->set->members[i].action == PCIPT_ACTION_BIND)
			return true;
	return device->driver && device->driver->vfio;
}

/* Appends an address, with a comma where there is one before. */
static void append(char **list, const char *address)
{
	char *longer = *list ? pcipt_format("%s%s%s", *list, **list ? ", " : "", address) : NULL;

	free(*list);
	*list = longer;
}

static void judge_bus(struct judgement *j, struct pcipt_device *device)
{
	char *outside = strdup(""), *all = strdup("");
	struct pcipt_device **peers = NULL;
	size_t n = 0, n_outside = 0;
	bool bridge = false;

	if (!pcipt_device_bus_peers(device, &peers, &n))
		j->set->findings.no_memory = true;
	for (size_t i = 0; peers && i < n; i++) {
		append(&all, peers[i]->address);
		if (is_held_by_vfio(j, peers[i]))
			continue;
		append(&outside, peers[i]->address);
		bridge |= pcipt_device_is_bridge(peers[i]);
		n_outside++;
	}
	if (n_outside > 0)
		FIND(j, "reset-shared", device,
		     outside ? pcipt_format("%s is reset only together with %s, which %s not on a vfio "
					    "driver: so VFIO can't reset it",
					    device->address, outside, n_outside > 1 ? "are" : "is") :
			       NULL,
		     all ? pcipt_format("it has no reset of its own, and on its bus are %s", all) : NULL,
		     bridge ? strdup("Expect that it can't be reset: a bridge is among them") : NULL);
	free(outside);
	free(all);
	free(peers);
}

void pcipt_judge_reset(struct judgement *j, struct pcipt_device *device)
{
	int kind = pcipt_reset_kind(device);

	if (kind == PCIPT_RESET_BUS)
		judge_bus(j, device);
	else if (kind == PCIPT_RESET_NONE)
		FIND(j, "no-reset", device,
		     pcipt_format("%s can't be reset between its users", device->address),
		     strdup(pcipt_device_is_behind_bridge(device) ?
				    "its reset_method names none, and its bridge can't reset it" :
				    "its reset_method names none, and no bridge stands above it"),
		     NULL);
}
