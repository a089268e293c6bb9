/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* peer-sddevice base|facts: as peer-udev.c, with sd-device of libsystemd. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <systemd/sd-device.h>

#include "figures.h"

static bool has_link(const char *folder, const char *name)
{
	char path[1024], target[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return readlink(path, target, sizeof(target)) > 0;
}

static bool has_property(sd_device *device, const char *name)
{
	const char *value;

	return sd_device_get_property_value(device, name, &value) >= 0;
}

static bool has_attribute(sd_device *device, const char *name)
{
	const char *value;

	return sd_device_get_sysattr_value(device, name, &value) >= 0;
}

static void read_facts(sd_device *device, const char *path, struct found *found)
{
	const char *class = "";

	found->revisions += has_attribute(device, "revision");
	found->nodes += has_attribute(device, "numa_node");
	found->resets += has_attribute(device, "reset_method");
	sd_device_get_property_value(device, "PCI_CLASS", &class);
	if (strcmp(class, "30000") == 0)
		found->displays += has_attribute(device, "boot_vga");
	found->vfs += has_link(path, "physfn");
}

int main(int argc, char **argv)
{
	struct found found = { 0 };
	sd_device_enumerator *all = NULL;
	bool facts;

	if (argc != 2 || (strcmp(argv[1], "base") != 0 && strcmp(argv[1], "facts") != 0)) {
		fprintf(stderr, "usage: peer-sddevice base|facts\n");
		return 2;
	}
	facts = strcmp(argv[1], "facts") == 0;
	figures_begin();
	if (sd_device_enumerator_new(&all) < 0 ||
	    sd_device_enumerator_allow_uninitialized(all) < 0 ||
	    sd_device_enumerator_add_match_subsystem(all, "pci", 1) < 0)
		figures_fail("sd_device_enumerator");
	for (sd_device *device = sd_device_enumerator_get_device_first(all); device;
	     device = sd_device_enumerator_get_device_next(all)) {
		const char *path = NULL;

		if (sd_device_get_syspath(device, &path) < 0)
			continue;
		found.devices++;
		found.ids += has_property(device, "PCI_ID") &&
			     has_property(device, "PCI_SUBSYS_ID") &&
			     has_property(device, "PCI_CLASS");
		found.drivers += has_property(device, "DRIVER");
		found.groups += has_link(path, "iommu_group");
		if (facts)
			read_facts(device, path, &found);
	}
	figures_end();
	sd_device_enumerator_unref(all);
	figures_print(&found);
	return 0;
}
