/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt groups: the IOMMU groups, and what keeps each from being used. */
#include <string.h>

#include "common.h"

static struct json_object *viable_json(const struct pcipt_group *group)
{
	int viable = pcipt_group_viability(group);

	if (viable == PCIPT_VIABILITY_UNKNOWN)
		return NULL;
	return json_object_new_boolean(viable == PCIPT_VIABLE);
}

static void append_group(struct tool *t, struct pcipt_group *group,
			 const struct pcipt_claim_list *claims)
{
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();
	const char *type = pcipt_group_get_type(group);

	if (!object || !devices) {
		json_object_put(object);
		json_object_put(devices);
		(void)fail_memory(t);
		return;
	}
	json_object_object_add(object, "number",
			       json_object_new_int(pcipt_group_get_number(group)));
	json_object_object_add(object, "type", json_text(type));
	json_object_object_add(object, "viable", viable_json(group));
	for (size_t i = 0; i < pcipt_group_device_count(group); i++)
		json_object_array_add(devices,
				      device_json(t, pcipt_group_device_at(group, i), 0, claims));
	json_object_object_add(object, "devices", devices);
	out_append(t, "groups", object);
}

/* The kernel's rule, as pcipt_group_viability() applies it. */
static bool is_in_the_way(const struct pcipt_device *device)
{
	const char *driver = pcipt_device_get_driver(device);

	return driver && !pcipt_device_has_vfio_driver(device) &&
	       strcmp(driver, "pci-stub") != 0 && strcmp(driver, "pcieport") != 0;
}

static void print_verdict(const struct pcipt_group *group)
{
	int viable = pcipt_group_viability(group);
	size_t told = 0;

	if (viable == PCIPT_VIABLE) {
		say(stdout, "viable\n");
		return;
	}
	if (viable == PCIPT_VIABILITY_UNKNOWN) {
		say(stdout, "viable or not: unknown, a member could not be read\n");
		return;
	}
	say(stdout, "not viable");
	for (size_t i = 0; i < pcipt_group_device_count(group); i++) {
		const struct pcipt_device *device = pcipt_group_device_at(group, i);

		if (is_in_the_way(device))
			say(stdout, "%s %s is on %s", told++ ? "," : ":",
			    pcipt_device_get_address(device), pcipt_device_get_driver(device));
	}
	say(stdout, "\n");
}

static void print_group(struct pcipt_group *group, const struct pcipt_claim_list *claims)
{
	const char *type = pcipt_group_get_type(group);
	char ids[12];

	say(stdout, "group %d (%s)  ", pcipt_group_get_number(group), type ? type : "type unknown");
	print_verdict(group);
	for (size_t i = 0; i < pcipt_group_device_count(group); i++) {
		struct pcipt_device *device = pcipt_group_device_at(group, i);
		const char *address = pcipt_device_get_address(device);
		const char *claim = claim_of(claims, address);
		const char *name = pcipt_device_get_device_name(device);

		name = name ? name : pcipt_device_get_class_name(device);
		say(stdout, "  %-12s  %-9s  %-16s  %s%s%s%s%s\n", address, ids_text(device, ids),
		    pcipt_device_get_driver(device), claim ? "[claim " : "", claim ? claim : "",
		    claim ? "] " : "", name ? name : "",
		    pcipt_device_is_bridge(device) ? " (bridge: stays)" : "");
	}
}

/* Asked of one device, each of these is read for all; the JSON of one reads it for that one. */
static void load_all(struct pcipt_snapshot *snap)
{
	struct pcipt_device *device = pcipt_snapshot_device_at(snap, 0);

	(void)pcipt_device_get_driver_override(device);
	(void)pcipt_device_get_device_name(device);
}

int verb_groups(struct tool *t)
{
	_cleanup_(cleanup_snapshot) struct pcipt_snapshot *snap = NULL;
	_cleanup_(cleanup_claims) struct pcipt_claim_list *claims = NULL;
	int status = take_snapshot(t, &snap);
	size_t n;

	if (status)
		return status;
	claims = try_claims(t);
	n = pcipt_snapshot_group_count(snap);
	if (n > 0 && t->out)
		load_all(snap);
	for (size_t i = 0; i < n; i++) {
		if (t->out)
			append_group(t, pcipt_snapshot_group_at(snap, i), claims);
		else
			print_group(pcipt_snapshot_group_at(snap, i), claims);
	}
	if (n == 0 && !t->out)
		say(stdout, "no IOMMU groups: the IOMMU is off in the firmware, off on the\n"
			    "kernel's command line (intel_iommu=, amd_iommu=), or there is none\n");
	tell_problems(t, snap, NULL, 0);
	return t->status;
}
