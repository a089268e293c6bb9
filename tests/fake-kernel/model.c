/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel does with drivers and devices. Each rule is one that was seen on
 * Linux 6.1 and 6.12, or stands in the source named.
 */
#include "model.h"

#include <errno.h>
#include <stdio.h>

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "simulated kernel: %s %s\n", what, name);
	abort();
}

struct sim_device *sim_find(const struct sim *sim, const char *address)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && strcmp(sim->devices[i]->address, address) == 0)
			return sim->devices[i];
	return NULL;
}

struct sim_driver *sim_find_driver(const struct sim *sim, const char *name)
{
	for (size_t i = 0; i < sim->n_drivers; i++)
		if (strcmp(sim->drivers[i].name, name) == 0)
			return (struct sim_driver *)&sim->drivers[i];
	return NULL;
}

static struct sim_device *need_device(const struct sim *sim, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device)
		fail("no device", address);
	return device;
}

static struct sim_driver *need_driver(const struct sim *sim, const char *name)
{
	struct sim_driver *driver = sim_find_driver(sim, name);

	if (!driver)
		fail("no driver", name);
	return driver;
}

/* ---- building the machine ---- */

void sim_driver(struct sim *sim, const char *name, enum sim_match match, bool registered)
{
	if (sim->n_drivers == SIM_MAX_DRIVERS)
		fail("no room for driver", name);
	sim->drivers[sim->n_drivers++] = (struct sim_driver){ .name = strdup(name),
							      .match = match,
							      .registered = registered };
}

void sim_driver_takes(struct sim *sim, const char *name, uint16_t vendor, uint16_t device)
{
	struct sim_driver *driver = need_driver(sim, name);

	if (driver->n_ids == ARRAY_SIZE(driver->ids))
		fail("no room for ids of", name);
	driver->ids[driver->n_ids++] = (uint32_t)vendor << 16 | device;
}

void sim_driver_refuses(struct sim *sim, const char *name, const char *address, int errnum)
{
	struct sim_device *device = need_device(sim, address);

	device->refuser = need_driver(sim, name);
	device->refusal = errnum;
}

void sim_settles(struct sim *sim, const char *address, unsigned int after, bool badly)
{
	struct sim_device *device = need_device(sim, address);

	device->settles_after = after;
	device->settles_badly = badly;
}

bool sim_has_controller(const struct sim_device *device)
{
	return device->driver && strcmp(device->driver->name, "nvme") == 0;
}

/* What the controller says of itself; the last look is the one that finds it settled. */
const char *sim_controller_state(struct sim_device *device)
{
	if (device->settles_after > 0) {
		device->settles_after--;
		return "connecting";
	}
	if (device->settles_badly)
		device->driver = NULL;
	return device->settles_badly ? "dead" : "live";
}

void sim_add(struct sim *sim, const struct sim_device_facts *facts)
{
	struct sim_device *device = calloc(1, sizeof(*device));

	if (!device || sim->n_devices == SIM_MAX_DEVICES)
		fail("no room for device", facts->address);
	device->address = strdup(facts->address);
	device->path = facts->parent ?
			       pcipt_format("%s/%s", need_device(sim, facts->parent)->path,
					    facts->address) :
			       pcipt_format("pci%.*s/%s", (int)strcspn(facts->address, ".") - 3,
					    facts->address, facts->address);
	device->vendor = facts->vendor;
	device->device = facts->device;
	device->class_id = facts->class_id;
	device->group = facts->group;
	device->driver = facts->driver ? need_driver(sim, facts->driver) : NULL;
	device->override = facts->driver_override ? strdup(facts->driver_override) : NULL;
	device->power = strdup(facts->power_control ? facts->power_control : "auto");
	device->boot_vga = facts->boot_vga;
	device->physfn = facts->physfn ? need_device(sim, facts->physfn) : NULL;
	sim->devices[sim->n_devices++] = device;
}

void sim_device_free(struct sim_device *device)
{
	free(device->address);
	free(device->path);
	free(device->override);
	free(device->power);
	free(device);
}

void sim_remove(struct sim *sim, const char *address)
{
	struct sim_device *device = need_device(sim, address);

	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] == device)
			sim->devices[i] = NULL;
	sim_device_free(device);
}

static void replace(char **text, const char *by)
{
	char *copy = by ? strdup(by) : NULL;

	free(*text);
	*text = copy;
}

void sim_force_driver(struct sim *sim, const char *address, const char *driver)
{
	need_device(sim, address)->driver = driver ? need_driver(sim, driver) : NULL;
}

void sim_force_override(struct sim *sim, const char *address, const char *text)
{
	replace(&need_device(sim, address)->override, text);
}

void sim_force_power(struct sim *sim, const char *address, const char *text)
{
	replace(&need_device(sim, address)->power, text);
}

char *sim_device_state(const struct sim *sim, const char *address)
{
	const struct sim_device *d = sim_find(sim, address);

	return d ? pcipt_format("%s driver %s, override %s, power %s", address,
				d->driver ? d->driver->name : "none",
				d->override ? d->override : "none", d->power) :
		   pcipt_format("%s gone", address);
}

char *sim_state(const struct sim *sim)
{
	char *all = strdup("");

	for (size_t i = 0; i < sim->n_devices; i++) {
		char *line, *longer;

		if (!sim->devices[i])
			continue;
		line = sim_device_state(sim, sim->devices[i]->address);
		longer = pcipt_format("%s%s\n", all, line);
		free(line);
		free(all);
		all = longer;
	}
	return all;
}

/* ---- reacting ---- */

static bool is_vfio(const struct sim_driver *driver)
{
	return strstr(driver->name, "vfio-pci") || strstr(driver->name, "vfio_pci");
}

/* An override is the only driver that matches; without one the ids decide (pci_match_device). */
static bool matches(const struct sim_driver *driver, const struct sim_device *device)
{
	if (device->override)
		return strcmp(device->override, driver->name) == 0;
	if (driver->match == SIM_MATCH_OVERRIDE)
		return false;
	for (size_t i = 0; i < driver->n_ids; i++)
		if (driver->ids[i] == ((uint32_t)device->vendor << 16 | device->device))
			return true;
	return false;
}

static bool is_bridge(const struct sim_device *device)
{
	return device->class_id >> 8 == 0x0604;
}

static bool has_vfs(const struct sim *sim, const struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->physfn == device)
			return true;
	return false;
}

static int probe(const struct sim *sim, const struct sim_driver *driver,
		 const struct sim_device *device)
{
	if (device->refuser == driver && device->refusal)
		return -device->refusal;
	if (!is_vfio(driver))
		return 0;
	/* vfio_pci_core: a header type other than 0, or no group, is EINVAL; VFs are EBUSY. */
	if (is_bridge(device) || !device->group)
		return -EINVAL;
	return has_vfs(sim, device) ? -EBUSY : 0;
}

/* vfio.c before 5.19: a driver of the host's in a group that user space has is a BUG. */
static void check_group(const struct sim *sim, const struct sim_driver *driver,
			const struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_out && !is_vfio(driver); i++) {
		const struct sim_device *held = sim_find(sim, sim->out[i].value);

		if (held && held != device && held->group == device->group &&
		    strstr(sim->out[i].path, "vfio-pci/unbind"))
			fail("BUG: its group is in use, and the host's driver takes",
			     device->address);
	}
}

int sim_bind(struct sim *sim, struct sim_driver *driver, const char *address)
{
	struct sim_device *device = sim_find(sim, address);
	int r;

	/* bind_store(): a device that doesn't match is ENODEV, then one that is taken is EBUSY. */
	if (!device || !matches(driver, device))
		return -ENODEV;
	if (device->driver)
		return -EBUSY;
	check_group(sim, driver, device);
	r = probe(sim, driver, device);
	if (r == 0)
		device->driver = driver;
	return r;
}

int sim_unbind(struct sim *sim, struct sim_driver *driver, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device || device->driver != driver)
		return -ENODEV;
	device->driver = NULL;
	/* vfio forbids runtime power management when it lets a device go. */
	if (is_vfio(driver))
		replace(&device->power, "on");
	return 0;
}

/* A page less one byte is too long; a newline alone clears (driver_set_override). */
int sim_set_override(struct sim_device *device, const char *text)
{
	if (strlen(text) >= 4095)
		return -EINVAL;
	replace(&device->override, *text ? text : NULL);
	return 0;
}

int sim_set_power(struct sim_device *device, const char *text)
{
	if (strcmp(text, "auto") != 0 && strcmp(text, "on") != 0)
		return -EINVAL;
	replace(&device->power, text);
	return 0;
}

/* A driver that registers takes every device without a driver that it matches. */
int sim_load(struct sim *sim, const char *name)
{
	struct sim_driver *driver = sim_find_driver(sim, name);

	if (!driver)
		return -ENOENT;
	driver->registered = true;
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i])
			sim_bind(sim, driver, sim->devices[i]->address);
	return 0;
}

bool sim_group_has_node(const struct sim *sim, int group)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->group == group && sim->devices[i]->driver &&
		    is_vfio(sim->devices[i]->driver))
			return true;
	return false;
}
