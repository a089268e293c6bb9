/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * peer-udev base|facts: the same facts by way of libudev. Ids, class and driver are
 * properties there (one read of `uevent`); the others are attributes, and the links
 * that libudev gives no access to are read beside it.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libudev.h>

#include "figures.h"

static bool has_link(const char *folder, const char *name)
{
	char path[1024], target[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return readlink(path, target, sizeof(target)) > 0;
}

static void read_facts(struct udev_device *device, const char *path, const char *class,
		       struct found *found)
{
	found->revisions += udev_device_get_sysattr_value(device, "revision") != NULL;
	found->nodes += udev_device_get_sysattr_value(device, "numa_node") != NULL;
	found->resets += udev_device_get_sysattr_value(device, "reset_method") != NULL;
	/* "30000": the class as the kernel prints it there, without leading zeros. */
	if (class && strcmp(class, "30000") == 0)
		found->displays += udev_device_get_sysattr_value(device, "boot_vga") != NULL;
	found->vfs += has_link(path, "physfn");
}

int main(int argc, char **argv)
{
	struct found found = { 0 };
	struct udev *udev;
	struct udev_enumerate *all;
	struct udev_list_entry *entry;
	bool facts;

	if (argc != 2 || (strcmp(argv[1], "base") != 0 && strcmp(argv[1], "facts") != 0)) {
		fprintf(stderr, "usage: peer-udev base|facts\n");
		return 2;
	}
	facts = strcmp(argv[1], "facts") == 0;
	figures_begin();
	udev = udev_new();
	all = udev_enumerate_new(udev);
	udev_enumerate_add_match_subsystem(all, "pci");
	udev_enumerate_scan_devices(all);
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
		const char *path = udev_list_entry_get_name(entry);
		struct udev_device *device = udev_device_new_from_syspath(udev, path);
		const char *class;

		if (!device)
			continue;
		class = udev_device_get_property_value(device, "PCI_CLASS");
		found.devices++;
		found.ids += class && udev_device_get_property_value(device, "PCI_ID") &&
			     udev_device_get_property_value(device, "PCI_SUBSYS_ID");
		found.drivers += udev_device_get_property_value(device, "DRIVER") != NULL;
		found.groups += has_link(path, "iommu_group");
		if (facts)
			read_facts(device, path, class, &found);
		udev_device_unref(device);
	}
	figures_end();
	udev_enumerate_unref(all);
	udev_unref(udev);
	figures_print(&found);
	return 0;
}
