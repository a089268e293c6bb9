/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a device of the simulated kernel open, as a virtual machine does. */
#include <errno.h>

#include "model.h"

bool sim_group_is_open(const struct sim *sim, int group)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->group == group && sim->devices[i]->open)
			return true;
	return false;
}

/* Every member is on vfio, on a stub or a port, or on nothing. */
static bool is_viable(const struct sim *sim, int group)
{
	for (size_t i = 0; i < sim->n_devices; i++) {
		const struct sim_device *d = sim->devices[i];

		if (d && d->group == group && d->driver && !sim_is_vfio(d->driver) &&
		    strcmp(d->driver->name, "pci-stub") != 0 &&
		    strcmp(d->driver->name, "pcieport") != 0)
			return false;
	}
	return true;
}

int sim_open_device(struct sim *sim, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	/* The group's node, the group as a whole, then the device. */
	if (!device || !sim_group_has_node(sim, device->group))
		return -ENOENT;
	if (sim_group_is_open(sim, device->group))
		return -EBUSY;
	if (!is_viable(sim, device->group))
		return -EPERM;
	if (!device->driver || !sim_is_vfio(device->driver))
		return -ENODEV;
	device->open = true;
	return 0;
}

static bool has_open_vf(const struct sim *sim, const struct sim_device *pf)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->physfn == pf && sim->devices[i]->open)
			return true;
	return false;
}

bool sim_waits_for_holder(const struct sim *sim, const struct sim_device *device,
			  const char *path)
{
	const char *name = pcipt_base_name(path);

	if (strcmp(name, "unbind") == 0)
		return device->open && device->driver && sim_is_vfio(device->driver);
	return (strcmp(name, "sriov_numvfs") == 0 && has_open_vf(sim, device)) ||
	       (strcmp(name, "remove") == 0 && device->open);
}

void sim_close_device(struct sim *sim, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device)
		return;
	device->open = false;
	sim_let_go_of(sim, device);
}
