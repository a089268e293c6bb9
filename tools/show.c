/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt show: some devices, every fact. */
#include <string.h>

#include <inttypes.h>
#include <stdio.h>

#include "common.h"

#define LABEL "  %-16s "

static void print_text(const char *label, const char *value)
{
	say(stdout, LABEL "%s\n", label, value);
}

static void print_ids(const char *label, int32_t vendor, int32_t id, const char *name)
{
	char text[16];

	if (vendor < 0 || id < 0)
		(void)strcpy(text, "-");
	else
		(void)snprintf(text, sizeof(text), "%04x:%04x", vendor & 0xffff, id & 0xffff);
	say(stdout, LABEL "%s%s%s\n", label, text, name ? "  " : "", name ? name : "");
}

static void print_names(struct pcipt_device *device)
{
	int32_t class = pcipt_device_get_class_id(device);
	int32_t revision = pcipt_device_get_revision(device);
	const char *name = pcipt_device_get_class_name(device);
	char text[16] = "-";

	print_text("vendor", pcipt_device_get_vendor_name(device));
	print_text("device", pcipt_device_get_device_name(device));
	if (class >= 0)
		(void)snprintf(text, sizeof(text), "%06x", class & 0xffffff);
	say(stdout, LABEL "%s%s%s\n", "class", text, name ? "  " : "", name ? name : "");
	print_ids("ids", pcipt_device_get_vendor_id(device), pcipt_device_get_device_id(device),
		  NULL);
	print_ids("subsystem ids", pcipt_device_get_subsystem_vendor_id(device),
		  pcipt_device_get_subsystem_device_id(device), NULL);
	(void)strcpy(text, "-");
	if (revision >= 0)
		(void)snprintf(text, sizeof(text), "%02x", revision & 0xff);
	print_text("revision", text);
}

static void print_group(struct pcipt_device *device)
{
	struct pcipt_group *group = pcipt_device_get_group(device);
	const char *type = group ? pcipt_group_get_type(group) : NULL;
	size_t told = 0;

	if (!group) {
		print_text("IOMMU group", "none");
		return;
	}
	say(stdout, LABEL "%d%s%s%s", "IOMMU group", pcipt_group_get_number(group),
	    type ? " (" : "", type ? type : "", type ? ")" : "");
	for (size_t i = 0; i < pcipt_group_device_count(group); i++) {
		struct pcipt_device *other = pcipt_group_device_at(group, i);

		if (other != device)
			say(stdout, "%s %s", told++ ? "," : "", pcipt_device_get_address(other));
	}
	say(stdout, "\n");
}

static void print_relations(struct pcipt_device *device)
{
	const struct pcipt_device *parent = pcipt_device_get_parent(device);
	const struct pcipt_device *physfn = pcipt_device_get_physfn(device);
	size_t n = pcipt_device_virtfn_count(device);

	print_text("parent bridge", parent ? pcipt_device_get_address(parent) : "none (root bus)");
	if (physfn)
		print_text("VF of", pcipt_device_get_address(physfn));
	if (n > 0)
		say(stdout, LABEL, "VFs");
	for (size_t i = 0; i < n; i++)
		say(stdout, "%s%s", i ? " " : "",
		    pcipt_device_get_address(pcipt_device_virtfn_at(device, i)));
	if (n > 0)
		say(stdout, "\n");
}

static void print_facts(struct pcipt_device *device)
{
	int vga = pcipt_device_get_boot_vga(device), node = pcipt_device_get_numa_node(device);
	size_t n = pcipt_device_reset_method_count(device);

	say(stdout, LABEL, "reset methods");
	for (size_t i = 0; i < n; i++)
		say(stdout, "%s%s", i ? " " : "", pcipt_device_reset_method_at(device, i));
	say(stdout, "%s\n", n ? "" : "none");
	if (vga >= 0)
		print_text("boot VGA", vga ? "yes" : "no");
	if (node >= 0)
		say(stdout, LABEL "%d\n", "NUMA node", node);
	else
		print_text("NUMA node", "unknown");
	print_text("power control", pcipt_device_get_power_control(device));
	print_text("slot", pcipt_device_get_slot(device));
	print_text("identity", pcipt_device_get_identity(device));
}

static void print_link(struct pcipt_device *device, uint32_t most)
{
	uint32_t now = pcipt_device_get_link_speed(device);
	char text[96];

	(void)snprintf(text, sizeof(text), "%u.%u GT/s x%u, at most %u.%u GT/s x%u", now / 1000,
		       now / 100 % 10, pcipt_device_get_link_width(device), most / 1000,
		       most / 100 % 10, pcipt_device_get_max_link_width(device));
	print_text("link", text);
}

static void print_bar(struct pcipt_device *device, unsigned int bar)
{
	uint64_t size = pcipt_device_get_bar_size(device, bar);
	uint32_t flags = pcipt_device_get_bar_flags(device, bar);
	char label[16], text[128];

	if (size == 0)
		return;
	(void)snprintf(label, sizeof(label), "BAR %u", bar);
	(void)snprintf(text, sizeof(text), "%" PRIu64 " %s%s%s%s%s",
		       size >= 1 << 20 ? size >> 20 : size >= 1 << 10 ? size >> 10 : size,
		       size >= 1 << 20 ? "MiB" : size >= 1 << 10 ? "KiB" : "bytes",
		       flags & PCIPT_BAR_IO ? ", I/O ports" : "",
		       flags & PCIPT_BAR_64BIT ? ", 64 bit" : "",
		       flags & PCIPT_BAR_PREFETCHABLE ? ", prefetchable" : "",
		       flags & PCIPT_BAR_RESIZABLE ? ", resizable" : "");
	print_text(label, text);
}

static void print_hardware(struct pcipt_device *device)
{
	uint32_t speed = pcipt_device_get_max_link_speed(device);
	int msi = pcipt_device_get_msi_vectors(device), msix = pcipt_device_get_msix_vectors(device);
	const char *serial = pcipt_device_get_serial(device);

	if (serial)
		print_text("serial", serial);
	if (pcipt_device_get_label(device))
		print_text("label", pcipt_device_get_label(device));
	if (pcipt_device_get_slot_name(device))
		print_text("physical slot", pcipt_device_get_slot_name(device));
	if (pcipt_device_get_power_state(device))
		print_text("power state", pcipt_device_get_power_state(device));
	if (speed)
		print_link(device, speed);
	for (unsigned int i = 0; i < 6; i++)
		print_bar(device, i);
	if (msi >= 0 && msix >= 0)
		say(stdout, LABEL "MSI %d, MSI-X %d\n", "vectors", msi, msix);
}

static void print_software(struct pcipt_device *device)
{
	size_t n = pcipt_device_module_count(device);

	say(stdout, LABEL, "modules");
	for (size_t i = 0; i < n; i++)
		say(stdout, "%s%s", i ? " " : "", pcipt_device_module_at(device, i));
	say(stdout, "%s\n", n ? "" : "none known");
	if (pcipt_device_get_vfio_module(device))
		print_text("vfio module", pcipt_device_get_vfio_module(device));
	n = pcipt_device_child_count(device);
	if (n == 0)
		return;
	say(stdout, LABEL, "below it");
	for (size_t i = 0; i < n; i++)
		say(stdout, "%s%s/%s", i ? " " : "", pcipt_device_child_subsystem(device, i),
		    pcipt_device_child_name(device, i));
	say(stdout, "\n");
}

static void print_device(struct pcipt_device *device, const struct pcipt_claim_list *claims)
{
	const char *address = pcipt_device_get_address(device);
	const char *override = pcipt_device_get_driver_override(device);
	const char *claim = claim_of(claims, address);
	const char *node = pcipt_device_get_vfio_device(device);
	const char *driver = pcipt_device_get_driver(device);

	say(stdout, "%s%s\n", address, pcipt_device_is_bridge(device) ? "  (bridge)" : "");
	print_names(device);
	print_text("driver", driver ? driver : "none");
	print_text("driver override", override ? override : "none");
	print_group(device);
	print_text("VFIO node", node ? node : "none");
	print_text("claim", claim ? claim : claims ? "none" : "unknown (not readable)");
	print_relations(device);
	print_facts(device);
	print_hardware(device);
	print_software(device);
}

int verb_show(struct tool *t)
{
	_cleanup_(cleanup_snapshot) struct pcipt_snapshot *snap = NULL;
	_cleanup_(cleanup_claims) struct pcipt_claim_list *claims = NULL;
	_cleanup_free_ struct pcipt_device **devices = NULL;
	size_t n = 0;
	int status = take_scoped_snapshot(t, &snap);

	if (!status)
		status = select_devices(t, snap, &devices, &n);
	if (status)
		return status;
	claims = try_claims(t);
	for (size_t i = 0; i < n; i++) {
		if (t->out) {
			out_append(t, "devices", device_json(t, devices[i], PCIPT_JSON_FULL, claims));
			continue;
		}
		if (i > 0)
			say(stdout, "\n");
		print_device(devices[i], claims);
	}
	tell_problems(t, snap, devices, n);
	return t->status;
}
