/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inferring a device's own driver. Only a driver that is registered now counts: modules.alias
 * names modules, and what driver a module brings is only known of one that is loaded
 * (xhci_pci brings xhci_hcd). One that is on a blacklist is thus never named. Where two would
 * take it, which of them had it can't be told. A driver that is built into the kernel is never
 * found: which ids it takes stands nowhere that could be read (doc/kernel-notes.md).
 */
#include "usage/origin.h"

#include <stdio.h>

#define DRIVER_SIZE 128

struct search {
	struct pcipt_device *device;
	char driver[DRIVER_SIZE]; /* the first that was found, or "" */
	char other[DRIVER_SIZE];  /* another one, or "" */
	bool brought;		  /* the module that is looked into brings a driver of the PCI bus */
};

/* What passthrough itself uses is nobody's driver of before. */
static bool is_passthrough(const char *driver)
{
	return strstr(driver, "vfio") || strcmp(driver, "pci-stub") == 0;
}

static bool is_registered(const struct search *search, const char *driver)
{
	struct pcipt_kernel *k = search->device->snap->kernel;

	return *driver && strlen(driver) < DRIVER_SIZE && !strchr(driver, '/') &&
	       strcmp(driver, ".") != 0 && strcmp(driver, "..") != 0 &&
	       k->ops->exists(k, PCIPT_AT_PCI_DRIVERS, driver) == 1;
}

static void add(struct search *search, const char *driver)
{
	if (is_passthrough(driver) || strcmp(driver, search->driver) == 0 ||
	    !is_registered(search, driver))
		return;
	snprintf(*search->driver ? search->other : search->driver, DRIVER_SIZE, "%s", driver);
}

/* /sys/module/MODULE/drivers has a link "pci:nouveau" for each driver (kernel: module_add_driver). */
static int add_brought(void *data, const char *name)
{
	struct search *search = data;

	if (strncmp(name, "pci:", 4) != 0)
		return 0;
	search->brought = true;
	add(search, name + 4);
	return 0;
}

static void look_into_module(struct search *search, const char *module)
{
	struct pcipt_kernel *k = search->device->snap->kernel;
	char path[DRIVER_SIZE + 32];

	if (snprintf(path, sizeof(path), "module/%s/drivers", module) >= (int)sizeof(path))
		return;
	search->brought = false;
	k->ops->list(k, PCIPT_AT_SYS, path, add_brought, search);
	/* Most drivers are called as their modules are. */
	if (!search->brought)
		add(search, module);
}

/* An override that names a driver of the host's is the best witness of all. */
static bool is_witness(const struct search *search, const char *override)
{
	return override && !is_passthrough(override) && is_registered(search, override);
}

static char *join_modules(struct pcipt_device *device)
{
	char *list = strdup("");

	for (size_t i = 0; list && i < pcipt_device_module_count(device); i++) {
		char *longer = pcipt_format("%s%s%s", list, i ? ", " : "",
					    pcipt_device_module_at(device, i));

		free(list);
		list = longer;
	}
	return list;
}

/* Why there is none. */
static char *describe_none(const struct search *search)
{
	_cleanup_free_ char *modules = join_modules(search->device);

	if (*search->other)
		return pcipt_format("%s and %s would both take it", search->driver, search->other);
	if (!modules || !*modules)
		return modules ? strdup("modules.alias names no module for it; of a driver that is "
					"built into the kernel nothing says what it takes") :
				 NULL;
	return pcipt_format("no driver of its module is loaded (%s)", modules);
}

bool pcipt_origin_find(struct pcipt_device *device, struct pcipt_origin *origin)
{
	const char *override = pcipt_device_get_driver_override(device);
	struct search search = { .device = device };
	bool ok = true;

	memset(origin, 0, sizeof(*origin));
	/* The one that names the driver it is on is the other's work, and goes with it. */
	if (override && !pcipt_streq(override, pcipt_device_get_driver(device)))
		origin->override = pcipt_dup(override, &ok);
	if (is_witness(&search, override)) {
		origin->driver = pcipt_dup(override, &ok);
		origin->how = strdup("its driver_override names it");
		return ok && origin->driver && origin->how;
	}
	for (size_t i = 0; i < pcipt_device_module_count(device); i++)
		look_into_module(&search, pcipt_device_module_at(device, i));
	if (*search.driver && !*search.other) {
		origin->driver = strdup(search.driver);
		origin->how = strdup("its ids are those that this driver takes (modules.alias)");
		return ok && origin->driver && origin->how;
	}
	origin->how = describe_none(&search);
	return ok && origin->how;
}

void pcipt_origin_clear(struct pcipt_origin *origin)
{
	free(origin->driver);
	free(origin->override);
	free(origin->how);
	memset(origin, 0, sizeof(*origin));
}
