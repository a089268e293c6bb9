/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the simulated kernel does with modules, with ids, and when a device is removed and found. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

/* drivers_probe_store(): whatever a probe says, it's EINVAL. */
int sim_probe(struct sim *sim, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device)
		return -ENODEV;
	return sim_attach(sim, device) < 0 ? -EINVAL : 0;
}

static void attach_all(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i])
			sim_attach(sim, sim->devices[i]);
}

/* A driver that registers takes every device without a driver that it matches. */
int sim_load(struct sim *sim, const char *name)
{
	struct sim_driver *driver = NULL;

	for (size_t i = 0; i < sim->n_drivers; i++) {
		const char *module = sim->drivers[i].module;

		if (strcmp(module ? module : sim->drivers[i].name, name) == 0)
			driver = &sim->drivers[i];
	}
	if (!driver)
		return -ENOENT;
	if (driver->registered)
		return 0;
	driver->registered = true;
	attach_all(sim);
	return 0;
}

int sim_unload(struct sim *sim, const char *name)
{
	struct sim_driver *driver = sim_find_driver(sim, name);

	if (!driver || !driver->registered)
		return -ENOENT;
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->driver == driver)
			sim_detach(sim, sim->devices[i]);
	driver->registered = false;
	return 0;
}

/* ---- ids that are given at run time ---- */

static size_t find_id(const struct sim_driver *driver, uint32_t id)
{
	size_t i = 0;

	while (i < driver->n_ids && driver->ids[i] != id)
		i++;
	return i;
}

static bool scan_id(const char *text, uint32_t *id)
{
	unsigned int vendor, device;

	if (sscanf(text, "%x %x", &vendor, &device) != 2)
		return false;
	*id = (uint32_t)vendor << 16 | device;
	return true;
}

int sim_new_id(struct sim *sim, struct sim_driver *driver, const char *text)
{
	uint32_t id;

	if (!scan_id(text, &id))
		return -EINVAL;
	if (find_id(driver, id) < driver->n_ids)
		return -EEXIST;
	sim_add_id(driver, id);
	attach_all(sim);
	return 0;
}

int sim_remove_id(struct sim_driver *driver, const char *text)
{
	uint32_t id;
	size_t at;

	if (!scan_id(text, &id))
		return -EINVAL;
	at = find_id(driver, id);
	if (at == driver->n_ids)
		return -ENODEV;
	driver->ids[at] = driver->ids[--driver->n_ids];
	return 0;
}

/* ---- devices that go and come ---- */

int sim_unplug(struct sim *sim, struct sim_device *device, const char *text)
{
	if (strcmp(text, "1") != 0)
		return *text ? 0 : -EINVAL;
	sim_detach(sim, device);
	sim_forget(sim, device);
	sim->unplugged[sim->n_unplugged++] = device;
	return 0;
}

/* What is found again is as after a boot, and drivers take it. */
int sim_rescan(struct sim *sim, const char *text)
{
	if (strcmp(text, "1") != 0)
		return *text ? 0 : -EINVAL;
	for (size_t i = 0; i < sim->n_unplugged; i++) {
		struct sim_device *device = sim->unplugged[i];

		if (sim->n_devices == SIM_MAX_DEVICES)
			abort();
		sim_replace(&device->override, NULL);
		sim_replace(&device->power, "on");
		device->no_autoprobe = false;
		sim->devices[sim->n_devices++] = device;
		sim_attach(sim, device);
	}
	sim->n_unplugged = 0;
	return 0;
}
