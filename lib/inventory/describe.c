/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and snapshots as JSON; the keys are those of the contract. */
#include "base/json.h"
#include "inventory/inventory.h"

#define LISTED_FACTS                                                                              \
	(PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_FUNCTIONS | PCIPT_FACTS_OVERRIDE |                  \
	 PCIPT_FACTS_NAMES | PCIPT_FACTS_VFIO | PCIPT_FACTS_IDENTITY)

static void add_address(struct json_object *o, const char *key, const struct pcipt_device *device)
{
	pcipt_json_text(o, key, pcipt_device_get_address(device));
}

static void add_ids(struct json_object *o, const struct pcipt_device *device,
		    const struct pcipt_facts *facts)
{
	pcipt_json_id(o, "vendor_id", device->ids[0], 4);
	pcipt_json_id(o, "device_id", device->ids[1], 4);
	pcipt_json_id(o, "subsystem_vendor_id", device->ids[2], 4);
	pcipt_json_id(o, "subsystem_device_id", device->ids[3], 4);
	pcipt_json_id(o, "class_id", device->class_id, 6);
	pcipt_json_id(o, "revision", facts->revision, 2);
	pcipt_json_text(o, "vendor_name", facts->vendor_name);
	pcipt_json_text(o, "device_name", facts->device_name);
	pcipt_json_text(o, "class_name", facts->class_name);
}

struct json_object *pcipt_device_json(struct pcipt_device *device)
{
	struct json_object *o = pcipt_json_object(), *array;
	const struct pcipt_facts *facts;

	/* This device alone: showing one must not cost what listing all does. */
	pcipt_devices_load(device->snap, &device, 1, LISTED_FACTS);
	facts = pcipt_device_facts(device, 0);
	add_address(o, "address", device);
	add_ids(o, device, facts);
	pcipt_json_text(o, "driver", pcipt_device_get_driver(device));
	pcipt_json_text(o, "driver_override", facts->driver_override);
	if (device->group)
		pcipt_json_number(o, "iommu_group", device->group->number);
	else
		pcipt_json_null(o, "iommu_group");
	if (facts->numa_node >= 0)
		pcipt_json_number(o, "numa_node", facts->numa_node);
	else
		pcipt_json_null(o, "numa_node");
	add_address(o, "parent", pcipt_device_get_parent(device));
	add_address(o, "physfn", facts->physfn);
	array = pcipt_json_array(o, "virtfns");
	for (size_t i = 0; i < facts->n_virtfns; i++)
		pcipt_json_append_text(array, facts->virtfns[i]->address);
	if (facts->boot_vga >= 0)
		pcipt_json_bool(o, "boot_vga", facts->boot_vga);
	else
		pcipt_json_null(o, "boot_vga");
	array = pcipt_json_array(o, "reset_methods");
	for (size_t i = 0; i < facts->n_reset_methods; i++)
		pcipt_json_append_text(array, facts->reset_methods[i]);
	pcipt_json_null(o, "serial");
	pcipt_json_text(o, "slot", facts->slot);
	pcipt_json_text(o, "identity", facts->identity);
	pcipt_json_text(o, "vfio_device", facts->vfio_device);
	/* Claims are a later layer's: who lists devices fills this in. */
	pcipt_json_null(o, "claim");
	return o;
}

int pcipt_device_to_json(struct pcipt_device *device, char **json, struct pcipt_error **error)
{
	char *text;

	if (!device || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	text = pcipt_json_print(pcipt_device_json(device));
	if (!text)
		return pcipt_fail_memory(error);
	*json = text;
	return 0;
}

/* All facts of all devices at once: one helper process and one look into pci.ids. */
static void load_all(struct pcipt_snapshot *snap)
{
	_cleanup_free_ struct pcipt_device **all = calloc(snap->n_devices + 1, sizeof(*all));

	if (!all)
		return;
	for (size_t i = 0; i < snap->n_devices; i++)
		all[i] = &snap->devices[i];
	pcipt_devices_load(snap, all, snap->n_devices, LISTED_FACTS);
}

int pcipt_snapshot_to_json(struct pcipt_snapshot *snap, char **json, struct pcipt_error **error)
{
	struct json_object *o, *array;
	char *text;

	if (!snap || !json)
		return pcipt_fail_argument(error, __func__, "an argument is NULL");
	load_all(snap);
	o = pcipt_json_object();
	pcipt_json_text(o, "schema", "libpcipt/1");
	pcipt_json_null(o, "error");
	array = pcipt_json_array(o, "devices");
	for (size_t i = 0; i < snap->n_devices; i++)
		pcipt_json_append(array, pcipt_device_json(&snap->devices[i]));
	array = pcipt_json_array(o, "problems");
	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++)
		pcipt_json_append(array, pcipt_error_json(pcipt_snapshot_problem_at(snap, i)));
	text = pcipt_json_print(o);
	if (!text)
		return pcipt_fail_memory(error);
	*json = text;
	return 0;
}
