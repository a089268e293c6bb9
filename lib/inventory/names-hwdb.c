/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of vendors, devices and classes from udev's hardware database, for a build
 * without libpci (which is GPL); the only file that knows libudev's hwdb.
 */
#include <libudev.h>
#include <stdio.h>

#include "inventory/inventory.h"

static const char *look_up(struct pcipt_snapshot *snap, struct udev_hwdb *hwdb, const char *alias,
			   const char *key)
{
	struct udev_list_entry *list = udev_hwdb_get_properties_list_entry(hwdb, alias, 0);
	struct udev_list_entry *entry = udev_list_entry_get_by_name(list, key);
	const char *value = entry ? udev_list_entry_get_value(entry) : NULL;
	char *copy = value && *value ? pcipt_arena_copy(&snap->arena, value, strlen(value)) : NULL;

	if (copy)
		pcipt_text_neutralise(copy);
	return copy;
}

/*
 * The keys are patterns for whole aliases. A device is asked for by the beginning of its
 * alias, because a key with a subsystem calls the device by the card that it is on.
 */
static void fill_one(struct pcipt_snapshot *snap, struct udev_hwdb *hwdb,
		     struct pcipt_device *device)
{
	struct pcipt_facts *facts = device->facts;
	char alias[96];

	if (device->ids[0] >= 0) {
		snprintf(alias, sizeof(alias), "pci:v%08X", device->ids[0]);
		facts->vendor_name = look_up(snap, hwdb, alias, "ID_VENDOR_FROM_DATABASE");
	}
	if (device->ids[0] >= 0 && device->ids[1] >= 0) {
		snprintf(alias, sizeof(alias), "pci:v%08Xd%08X", device->ids[0], device->ids[1]);
		facts->device_name = look_up(snap, hwdb, alias, "ID_MODEL_FROM_DATABASE");
	}
	if (device->class_id < 0)
		return;
	snprintf(alias, sizeof(alias), "pci:v*d*sv*sd*bc%02Xsc%02Xi%02X",
		 (unsigned int)device->class_id >> 16, (unsigned int)device->class_id >> 8 & 0xff,
		 (unsigned int)device->class_id & 0xff);
	facts->class_name = look_up(snap, hwdb, alias, "ID_PCI_SUBCLASS_FROM_DATABASE");
	if (!facts->class_name)
		facts->class_name = look_up(snap, hwdb, alias, "ID_PCI_CLASS_FROM_DATABASE");
}

void pcipt_names_fill(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n)
{
	struct udev *udev = udev_new();
	struct udev_hwdb *hwdb = udev ? udev_hwdb_new(udev) : NULL;

	for (size_t i = 0; hwdb && i < n; i++)
		if (!(devices[i]->loaded & PCIPT_FACTS_NAMES))
			fill_one(snap, hwdb, devices[i]);
	udev_hwdb_unref(hwdb);
	udev_unref(udev);
}
