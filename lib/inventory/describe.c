/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices and snapshots as JSON; the keys are those of the contract. */
#include "base/json.h"
#include "inventory/inventory.h"

#define LISTED_FACTS                                                                              \
	(PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_VIRTFNS |                      \
	 PCIPT_FACTS_OVERRIDE | PCIPT_FACTS_PATH |                  \
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

/* A number that is null where it is unknown. */
static void add_number(struct json_object *o, const char *key, int64_t value, bool known)
{
	if (known)
		pcipt_json_number(o, key, value);
	else
		pcipt_json_null(o, key);
}

static void add_relations(struct json_object *o, struct pcipt_device *device,
			  const struct pcipt_facts *facts)
{
	struct json_object *array;

	add_address(o, "parent", pcipt_device_get_parent(device));
	add_address(o, "physfn", facts->physfn);
	array = pcipt_json_array(o, "virtfns");
	for (size_t i = 0; i < facts->n_virtfns; i++)
		pcipt_json_append_text(array, facts->virtfns[i]->address);
}

static struct json_object *listed_json(struct pcipt_device *device, const struct pcipt_facts *facts)
{
	struct json_object *o = pcipt_json_object(), *array;

	add_address(o, "address", device);
	add_ids(o, device, facts);
	pcipt_json_text(o, "driver", pcipt_device_get_driver(device));
	pcipt_json_text(o, "driver_override", facts->driver_override);
	add_number(o, "iommu_group", pcipt_group_get_number(device->group), device->group);
	add_number(o, "numa_node", facts->numa_node, facts->numa_node >= 0);
	add_relations(o, device, facts);
	if (facts->boot_vga >= 0)
		pcipt_json_bool(o, "boot_vga", facts->boot_vga);
	else
		pcipt_json_null(o, "boot_vga");
	array = pcipt_json_array(o, "reset_methods");
	for (size_t i = 0; i < pcipt_device_reset_method_count(device); i++)
		pcipt_json_append_text(array, pcipt_device_reset_method_at(device, i));
	pcipt_json_null(o, "serial");
	pcipt_json_text(o, "slot", facts->slot);
	pcipt_json_text(o, "identity", facts->identity);
	pcipt_json_text(o, "vfio_device", pcipt_device_get_vfio_device(device));
	/* Claims are a later layer's: who lists devices fills this in. */
	pcipt_json_null(o, "claim");
	return o;
}

static void add_link(struct json_object *o, const struct pcipt_details *d)
{
	struct json_object *link = pcipt_json_object();

	add_number(link, "speed_mts", d->link_speed, d->link_speed);
	add_number(link, "width", d->link_width, d->link_speed);
	add_number(link, "max_speed_mts", d->max_link_speed, d->max_link_speed);
	add_number(link, "max_width", d->max_link_width, d->max_link_speed);
	pcipt_json_add(o, "link", link);
}

static void add_bars(struct json_object *o, struct pcipt_device *device)
{
	struct json_object *array = pcipt_json_array(o, "bars"), *bar;

	for (unsigned int i = 0; i < PCIPT_N_BARS; i++) {
		uint32_t flags = pcipt_device_get_bar_flags(device, i);

		if (!pcipt_device_get_bar_size(device, i))
			continue;
		bar = pcipt_json_object();
		pcipt_json_number(bar, "bar", i);
		pcipt_json_number(bar, "size", (int64_t)pcipt_device_get_bar_size(device, i));
		pcipt_json_bool(bar, "io", flags & PCIPT_BAR_IO);
		pcipt_json_bool(bar, "is_64bit", flags & PCIPT_BAR_64BIT);
		pcipt_json_bool(bar, "prefetchable", flags & PCIPT_BAR_PREFETCHABLE);
		pcipt_json_bool(bar, "resizable", flags & PCIPT_BAR_RESIZABLE);
		pcipt_json_append(array, bar);
	}
}

/* The names of the ACS controls that are on, or null where there is no ACS or it's unknown. */
static void add_acs(struct json_object *o, struct pcipt_device *device)
{
	static const char *const names[] = { "source-validation",   "translation-blocking",
					     "request-redirect",    "completion-redirect",
					     "upstream-forwarding", "egress-control",
					     "direct-translated" };
	int acs = pcipt_device_get_acs(device);
	struct json_object *array;

	if (acs < 0) {
		pcipt_json_null(o, "acs");
		return;
	}
	array = pcipt_json_array(o, "acs");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (acs & 1 << i)
			pcipt_json_append_text(array, names[i]);
}

static void add_lists(struct json_object *o, struct pcipt_device *device,
		      const struct pcipt_details *d)
{
	struct json_object *array = pcipt_json_array(o, "modules"), *child;

	for (size_t i = 0; i < d->n_modules; i++)
		pcipt_json_append_text(array, d->modules[i]);
	array = pcipt_json_array(o, "upstream");
	for (struct pcipt_device *p = pcipt_device_get_parent(device); p;
	     p = pcipt_device_get_parent(p))
		pcipt_json_append_text(array, p->address);
	array = pcipt_json_array(o, "slot_functions");
	for (size_t i = 0; i < pcipt_device_slot_function_count(device); i++)
		pcipt_json_append_text(array, pcipt_device_slot_function_at(device, i)->address);
	array = pcipt_json_array(o, "children");
	for (size_t i = 0; i < d->n_children; i++) {
		child = pcipt_json_object();
		pcipt_json_text(child, "subsystem", d->children[i].subsystem);
		pcipt_json_text(child, "name", d->children[i].name);
		pcipt_json_append(array, child);
	}
}

/* What `show` and `list --full` tell beyond a listing. */
static void add_details(struct json_object *o, struct pcipt_device *device)
{
	const struct pcipt_details *d = pcipt_device_details(
		device, PCIPT_FACTS_MORE | PCIPT_FACTS_CONFIG | PCIPT_FACTS_CHILDREN |
				PCIPT_FACTS_MODULES);
	int msi = pcipt_device_get_msi_vectors(device), msix = pcipt_device_get_msix_vectors(device);

	if (!d)
		return;
	pcipt_json_text(o, "serial", pcipt_device_get_serial(device));
	pcipt_json_text(o, "power_state", d->power_state);
	pcipt_json_text(o, "runtime_status", d->runtime_status);
	pcipt_json_text(o, "power_control", pcipt_device_get_power_control(device));
	pcipt_json_text(o, "label", d->label);
	pcipt_json_text(o, "slot_name", d->slot_name);
	pcipt_json_text(o, "acpi_path", d->acpi_path);
	add_link(o, d);
	add_bars(o, device);
	add_number(o, "rom_size", (int64_t)d->resources.rom.size, d->resources.rom.present == 1);
	add_number(o, "msi_vectors", msi, msi >= 0);
	add_number(o, "msix_vectors", msix, msix >= 0);
	add_number(o, "sriov_total", d->sriov_total, true);
	add_acs(o, device);
	add_lists(o, device, d);
	pcipt_json_text(o, "vfio_module", d->vfio_module);
	pcipt_json_text(o, "expected_driver", pcipt_device_get_expected_driver(device));
	pcipt_json_text(o, "vfio_cdev", device->facts->vfio_cdev);
	pcipt_json_text(o, "vfio_group_node", device->facts->vfio_group_node);
	pcipt_json_text(o, "iommu_type", pcipt_group_get_type(device->group));
	pcipt_json_text(o, "vpd_serial", pcipt_device_get_vpd_serial(device));
	pcipt_json_text(o, "vpd_part_number", pcipt_device_get_vpd_part_number(device));
}

struct json_object *pcipt_device_json(struct pcipt_device *device, bool full)
{
	struct json_object *o;

	/* This device alone: showing one must not cost what listing all does. */
	pcipt_devices_load(device->snap, &device, 1,
			   LISTED_FACTS | (full ? PCIPT_FACTS_MODULES : 0));
	if (!device->facts)
		return NULL;
	o = listed_json(device, device->facts);
	if (full)
		add_details(o, device);
	return o;
}

int pcipt_device_to_json(struct pcipt_device *device, uint32_t flags, char **json,
			 struct pcipt_error **error)
{
	char *text;

	if (!device || !json || (flags & ~(uint32_t)PCIPT_JSON_FULL))
		return pcipt_fail_argument(error, __func__, "an argument is NULL or a flag unknown");
	text = pcipt_json_print(pcipt_device_json(device, flags & PCIPT_JSON_FULL));
	if (!text)
		return pcipt_fail_memory(error);
	*json = text;
	return 0;
}

/* All facts of all devices at once: one helper process and one look into pci.ids. */
static void load_all(struct pcipt_snapshot *snap, bool full)
{
	_cleanup_free_ struct pcipt_device **all = calloc(snap->n_devices + 1, sizeof(*all));

	if (!all)
		return;
	for (size_t i = 0; i < snap->n_devices; i++)
		all[i] = &snap->devices[i];
	pcipt_devices_load(snap, all, snap->n_devices,
			   LISTED_FACTS | (full ? PCIPT_FACTS_MODULES : 0));
}

int pcipt_snapshot_to_json(struct pcipt_snapshot *snap, uint32_t flags, char **json,
			   struct pcipt_error **error)
{
	bool full = flags & PCIPT_JSON_FULL;
	struct json_object *o, *array;
	char *text;

	if (!snap || !json || (flags & ~(uint32_t)PCIPT_JSON_FULL))
		return pcipt_fail_argument(error, __func__, "an argument is NULL or a flag unknown");
	load_all(snap, full);
	o = pcipt_json_object();
	pcipt_json_text(o, "schema", "libpcipt/1");
	pcipt_json_null(o, "error");
	array = pcipt_json_array(o, "devices");
	for (size_t i = 0; i < snap->n_devices; i++)
		pcipt_json_append(array, pcipt_device_json(&snap->devices[i], full));
	array = pcipt_json_array(o, "problems");
	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++)
		pcipt_json_append(array, pcipt_error_json(pcipt_snapshot_problem_at(snap, i)));
	text = pcipt_json_print(o);
	if (!text)
		return pcipt_fail_memory(error);
	*json = text;
	return 0;
}
