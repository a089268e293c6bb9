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

void sim_add_id(struct sim_driver *driver, uint32_t id)
{
	if (driver->n_ids == ARRAY_SIZE(driver->ids))
		fail("no room for ids of", driver->name);
	driver->ids[driver->n_ids++] = id;
}

void sim_driver_takes(struct sim *sim, const char *name, uint16_t vendor, uint16_t device)
{
	struct sim_driver *driver = need_driver(sim, name);

	if (driver->match == SIM_MATCH_OVERRIDE)
		fail("it has no ids of its own:", name);
	sim_add_id(driver, (uint32_t)vendor << 16 | device);
}

void sim_driver_refuses(struct sim *sim, const char *name, const char *address, int errnum)
{
	struct sim_device *device = need_device(sim, address);

	device->refuser = need_driver(sim, name);
	device->refusal = errnum;
}

void sim_driver_makes_vfs(struct sim *sim, const char *name, enum sim_vfs how)
{
	need_driver(sim, name)->vfs = how;
}

void sim_driver_module(struct sim *sim, const char *name, const char *module)
{
	need_driver(sim, name)->module = strdup(module);
}

void sim_driver_manages_power(struct sim *sim, const char *name)
{
	need_driver(sim, name)->manages_power = true;
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
	device->path = facts->path   ? strdup(facts->path) :
		       facts->parent ?
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
	device->subsystem_vendor = facts->subsystem_vendor;
	device->subsystem_device = facts->subsystem_device;
	device->revision = facts->revision;
	device->total_vfs = facts->total_vfs;
	device->vf_offset = facts->vf_offset;
	device->vf_stride = facts->vf_stride;
	device->vf_device = facts->vf_device;
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

void sim_forget(struct sim *sim, struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] == device)
			sim->devices[i] = NULL;
}

void sim_remove(struct sim *sim, const char *address)
{
	struct sim_device *device = need_device(sim, address);

	sim_forget(sim, device);
	sim_device_free(device);
}

void sim_replace(char **text, const char *by)
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
	sim_replace(&need_device(sim, address)->override, text);
}

void sim_force_power(struct sim *sim, const char *address, const char *text)
{
	sim_replace(&need_device(sim, address)->power, text);
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

bool sim_is_vfio(const struct sim_driver *driver)
{
	return strstr(driver->name, "vfio-pci") || strstr(driver->name, "vfio_pci");
}

/*
 * An override is the only driver that matches; without one the ids decide
 * (pci_match_device), also those that a driver for overrides was given by new_id.
 */
static bool matches(const struct sim_driver *driver, const struct sim_device *device)
{
	if (device->override)
		return strcmp(device->override, driver->name) == 0;
	for (size_t i = 0; i < driver->n_ids; i++)
		if (driver->ids[i] == ((uint32_t)device->vendor << 16 | device->device))
			return true;
	return false;
}

bool sim_path_matches(const struct sim *sim, const struct sim_device *device, const char *path)
{
	const char *name = path + sizeof("/sys/bus/pci/drivers/") - 1;

	for (size_t i = 0; i < sim->n_drivers; i++)
		if (strncmp(sim->drivers[i].name, name, strcspn(name, "/")) == 0 &&
		    !sim->drivers[i].name[strcspn(name, "/")])
			return matches(&sim->drivers[i], device);
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
	/* pcie_portdrv_probe() looks at the kind of port first. */
	if (strcmp(driver->name, "pcieport") == 0 && !is_bridge(device))
		return -ENODEV;
	if (!sim_is_vfio(driver))
		return 0;
	/* vfio_pci_core: a header type other than 0, or no group, is EINVAL; VFs are EBUSY. */
	if (is_bridge(device) || !device->group)
		return -EINVAL;
	return has_vfs(sim, device) ? -EBUSY : 0;
}

/*
 * vfio.c before 5.19: a driver of the host's in a group that user space has is a BUG. Where
 * a test has opened the device itself, it wants to see what later ones do.
 */
static void check_group(const struct sim *sim, const struct sim_driver *driver,
			const struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_out && !sim_is_vfio(driver); i++) {
		const struct sim_device *held = sim_find(sim, sim->out[i].value);

		if (held && held != device && !held->open && held->group == device->group &&
		    strstr(sim->out[i].path, "vfio-pci/unbind"))
			fail("BUG: its group is in use, and the host's driver takes",
			     device->address);
	}
}

/* Those that leave the group's DMA to user space (driver_managed_dma). */
static bool leaves_dma(const struct sim_driver *driver)
{
	return sim_is_vfio(driver) || strcmp(driver->name, "pci-stub") == 0 ||
	       strcmp(driver->name, "pcieport") == 0;
}

/* The driver that the device is on is there from now on. */
static void take(struct sim_driver *driver, struct sim_device *device)
{
	device->driver = driver;
	/* vfio, and many of the host's, allow runtime power management. */
	if (sim_is_vfio(driver) || driver->manages_power)
		sim_replace(&device->power, "auto");
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
	/* pci_device_can_probe() */
	if (device->physfn && device->physfn->no_autoprobe && !device->override)
		return -ENODEV;
	check_group(sim, driver, device);
	if (sim_group_is_open(sim, device->group) && !leaves_dma(driver))
		return -EBUSY;
	r = probe(sim, driver, device);
	if (r == 0)
		take(driver, device);
	return r;
}

void sim_detach(struct sim *sim, struct sim_device *device)
{
	struct sim_driver *driver = device->driver;

	device->driver = NULL;
	/* vfio forbids runtime power management when it lets a device go; others undo theirs. */
	if (driver && (sim_is_vfio(driver) || driver->manages_power))
		sim_replace(&device->power, "on");
	if (driver && driver->vfs == SIM_ENDS_VFS)
		sim_end_vfs(sim, device);
}

int sim_unbind(struct sim *sim, struct sim_driver *driver, const char *address)
{
	struct sim_device *device = sim_find(sim, address);

	if (!device || device->driver != driver)
		return -ENODEV;
	sim_detach(sim, device);
	return 0;
}

int sim_attach(struct sim *sim, struct sim_device *device)
{
	for (size_t i = 0; i < sim->n_drivers && !device->driver; i++) {
		int r = sim->drivers[i].registered ?
				sim_bind(sim, &sim->drivers[i], device->address) :
				-ENODEV;

		/* What a probe says is passed over; that it can't even begin is not. */
		if (r == -EBUSY && sim_group_is_open(sim, device->group))
			return r;
	}
	return device->driver != NULL;
}

/*
 * The text up to a newline; an empty one clears (driver_set_override). Our writers end it
 * with a newline of their own, and a page less one byte is too long.
 */
int sim_set_override(struct sim_device *device, const char *text)
{
	char *line;

	if (strlen(text) + 1 >= 4095)
		return -EINVAL;
	line = strndup(text, strcspn(text, "\n"));
	sim_replace(&device->override, *line ? line : NULL);
	free(line);
	return 0;
}

int sim_set_power(struct sim_device *device, const char *text)
{
	if (strcmp(text, "auto") != 0 && strcmp(text, "on") != 0)
		return -EINVAL;
	sim_replace(&device->power, text);
	return 0;
}

bool sim_group_has_node(const struct sim *sim, int group)
{
	for (size_t i = 0; i < sim->n_devices; i++) {
		const struct sim_device *d = sim->devices[i];

		/* The link goes first, the group when unbind returns. */
		if (d && d->group == group &&
		    (d->driver ? sim_is_vfio(d->driver) : d->open && sim_is_stuck(sim, d)))
			return true;
	}
	return false;
}
