/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts that cost more or that few ask for: link, power, labels, BARs, the
 * configuration space, children, VPD. Called with the snapshot's lock held.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "inventory/inventory.h"
#include "inventory/vpd.h"

static char *keep(struct pcipt_device *device, const char *text)
{
	return *text ? pcipt_arena_copy(&device->snap->arena, text, strlen(text)) : NULL;
}

/* ---- small attributes ---- */

/* "8.0 GT/s PCIe" in MT/s; "Unknown" is 0 (sysfs-bus-pci, current_link_speed). */
static uint32_t read_speed(struct pcipt_device *device, const char *attribute)
{
	const char *text = pcipt_device_keep_text(device, attribute);
	unsigned long whole, tenth = 0;
	char *end;

	if (!text || !isdigit((unsigned char)*text))
		return 0;
	whole = strtoul(text, &end, 10);
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		tenth = (unsigned long)(end[1] - '0');
		end += 2;
	}
	return whole < 1000 && strncmp(end, " GT/s", 5) == 0 ? (uint32_t)(whole * 1000 + tenth * 100) : 0;
}

static uint32_t read_count(struct pcipt_device *device, const char *attribute, unsigned long max)
{
	const char *text = pcipt_device_keep_text(device, attribute);
	char *end;
	unsigned long value = text ? strtoul(text, &end, 10) : 0;

	return text && end != text && !*end && value <= max ? (uint32_t)value : 0;
}

static ssize_t read_device_bytes(struct pcipt_device *device, const char *attribute, void *buf,
				 size_t size)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char path[PCIPT_ATTRIBUTE_MAX];

	if (!pcipt_device_print_path(device, attribute, path, sizeof(path)))
		return -ENAMETOOLONG;
	return k->ops->read_bytes(k, PCIPT_AT_PCI_DEVICES, path, buf, size);
}

/* A physical slot's `address` is "0000:01:00": a device without its function. */
struct slot_search {
	struct pcipt_device *device;
	const char *name;
};

static int match_slot(void *data, const char *name)
{
	struct slot_search *search = data;
	struct pcipt_kernel *k = search->device->snap->kernel;
	const char *address = search->device->address;
	char path[300], text[32];

	snprintf(path, sizeof(path), "slots/%s/address", name);
	if (k->ops->read(k, PCIPT_AT_PCI, path, text, sizeof(text)) <= 0 ||
	    strlen(text) != strlen(address) - 2 || strncmp(text, address, strlen(text)) != 0)
		return 0;
	search->name = keep(search->device, name);
	if (search->name)
		pcipt_text_neutralise((char *)search->name);
	return 1;
}

static void load_more(struct pcipt_device *device, struct pcipt_details *details)
{
	struct slot_search search = { .device = device };
	struct pcipt_kernel *k = device->snap->kernel;
	char text[PCIPT_ATTRIBUTE_MAX];
	ssize_t n;

	details->power_state = pcipt_device_keep_text(device, "power_state");
	details->runtime_status = pcipt_device_keep_text(device, "power/runtime_status");
	details->label = pcipt_device_keep_text(device, "label");
	details->acpi_path = pcipt_device_keep_text(device, "firmware_node/path");
	details->link_speed = read_speed(device, "current_link_speed");
	details->max_link_speed = read_speed(device, "max_link_speed");
	/* The kernel prints 255 and 0 for a link that isn't there. */
	details->link_width = read_count(device, "current_link_width", 64);
	details->max_link_width = read_count(device, "max_link_width", 64);
	details->sriov_total = read_count(device, "sriov_totalvfs", 65535);
	k->ops->list(k, PCIPT_AT_PCI, "slots", match_slot, &search);
	details->slot_name = search.name;
	n = read_device_bytes(device, "resource", text, sizeof(text));
	pcipt_resources_parse(n > 0 ? text : NULL, n > 0 ? (size_t)n : 0, &details->resources);
}

/* ---- configuration space ---- */

/*
 * Each four bytes are read from the device itself, which takes a microsecond on hardware: all
 * of it only where a capability lies behind the first part.
 */
#define CONFIG_FIRST 512

static void load_config(struct pcipt_device *device, struct pcipt_details *details)
{
	uint8_t bytes[4096];
	ssize_t n = read_device_bytes(device, "config", bytes, CONFIG_FIRST);

	if (n == CONFIG_FIRST) {
		pcipt_config_space_parse(bytes, CONFIG_FIRST, &details->config);
		if (details->config.truncated)
			n = read_device_bytes(device, "config", bytes, sizeof(bytes));
	}
	if (n < 0)
		pcipt_snapshot_add_problem(device->snap, device, NULL, "config", PCIPT_E_IO,
					   (int)-n, "can't be read");
	else if (n != CONFIG_FIRST || details->config.truncated)
		pcipt_config_space_parse(bytes, (size_t)n, &details->config);
	if (n > 0 && details->config.damaged)
		pcipt_snapshot_add_problem(device->snap, device, NULL, "config", PCIPT_E_DAMAGED, 0,
					   "contradicts the specification");
}

/* ---- children ---- */

/*
 * How deep below the device its class devices are. A disk behind five hubs, as many as
 * USB allows, is the 13th.
 */
#define CHILD_DEPTH 24
/*
 * A tree that is made to be endless must not cost all memory. A disk has about ten, and
 * hundreds of disks can be behind one controller.
 */
#define CHILDREN_MAX 16384

struct child_walk {
	struct pcipt_device *device;
	struct pcipt_child *found;
	size_t n;
	bool cut; /* there is more than was looked at */
	int errnum;
	char path[PCIPT_ATTRIBUTE_MAX];
	int depth;
};

/*
 * Notes what could not be read: something may be there. What is gone meanwhile, or isn't
 * what it was asked for, is an answer.
 */
static void note(struct child_walk *walk, ssize_t r)
{
	if (r >= 0 || r == -ENOENT || r == -ENOTDIR || r == -EINVAL || r == -ENODEV)
		return;
	walk->cut = true;
	walk->errnum = (int)-r;
}

/* The subsystem of a folder, by its link; NULL when it is no device. */
static const char *subsystem_of(struct child_walk *walk, char *buf, size_t size)
{
	struct pcipt_kernel *k = walk->device->snap->kernel;
	size_t n = strlen(walk->path);
	const char *slash;
	ssize_t r = -ENAMETOOLONG;

	if (n + sizeof("/subsystem") <= sizeof(walk->path)) {
		strcpy(walk->path + n, "/subsystem");
		r = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, walk->path, buf, size);
		walk->path[n] = '\0';
	}
	note(walk, r);
	slash = r > 0 ? strrchr(buf, '/') : NULL;
	return slash ? slash + 1 : NULL;
}

/*
 * Folders that hold the device's own data, and other PCI devices right below a bridge. Those
 * deeper down, "pci10000:e0/10000:e0:06.0", are of a whole tree that the device makes (VMD).
 */
static bool is_no_child(const char *name, int depth)
{
	static const char *const names[] = { "power", "msi_irqs", "link", "driver", "subsystem",
					     "firmware_node", "iommu_group", "of_node",
					     "physfn", "vfio-dev", "device", "statistics",
					     "queues", "bdi", "holders", "slaves", "trace",
					     "integrity", "mq", "ep_00", "port" };
	struct pcipt_address at;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return (depth == 0 && pcipt_address_scan(name, &at, NULL)) || strncmp(name, "supplier:", 9) == 0 ||
	       strncmp(name, "consumer:", 9) == 0 || strncmp(name, "virtfn", 6) == 0;
}

static void add_child(struct child_walk *walk, const char *subsystem, const char *name)
{
	struct pcipt_child *child;

	if (!pcipt_grow(&walk->found, walk->n)) {
		walk->cut = true;
		return;
	}
	child = &walk->found[walk->n++];
	child->subsystem = keep(walk->device, subsystem);
	child->name = keep(walk->device, name);
	child->path = keep(walk->device, walk->path);
}

/* Of folders alone: links lead to other devices. */
static int visit(void *data, const char *name)
{
	struct child_walk *walk = data;
	struct pcipt_kernel *k = walk->device->snap->kernel;
	size_t before = strlen(walk->path);
	char link[PCIPT_ATTRIBUTE_MAX];
	const char *subsystem;

	if (is_no_child(name, walk->depth))
		return 0;
	if (walk->depth >= CHILD_DEPTH || walk->n >= CHILDREN_MAX ||
	    before + strlen(name) + 2 > sizeof(walk->path)) {
		walk->cut = true;
		return 0;
	}
	sprintf(walk->path + before, "/%s", name);
	subsystem = subsystem_of(walk, link, sizeof(link));
	if (subsystem)
		add_child(walk, subsystem, name);
	walk->depth++;
	note(walk, k->ops->list_folders(k, PCIPT_AT_PCI_DEVICES, walk->path, visit, walk));
	walk->depth--;
	walk->path[before] = '\0';
	return 0;
}

static int compare_children(const void *a, const void *b)
{
	const struct pcipt_child *x = a, *y = b;
	int r = strcmp(x->subsystem, y->subsystem);

	return r ? r : strcmp(x->name, y->name);
}

static void load_children(struct pcipt_device *device, struct pcipt_details *details)
{
	struct pcipt_kernel *k = device->snap->kernel;
	struct child_walk walk = { .device = device };
	size_t n = 0;

	snprintf(walk.path, sizeof(walk.path), "%s", device->address);
	note(&walk, k->ops->list_folders(k, PCIPT_AT_PCI_DEVICES, device->address, visit, &walk));
	for (size_t i = 0; i < walk.n; i++)
		if (walk.found[i].subsystem && walk.found[i].name && walk.found[i].path) {
			pcipt_text_neutralise((char *)walk.found[i].subsystem);
			pcipt_text_neutralise((char *)walk.found[i].name);
			walk.found[n++] = walk.found[i];
		}
	details->children_cut = walk.cut || n < walk.n;
	details->children_errnum = walk.errnum;
	if (n > 1)
		qsort(walk.found, n, sizeof(*walk.found), compare_children);
	details->children =
		n ? pcipt_arena_alloc(&device->snap->arena, n * sizeof(*walk.found)) : NULL;
	if (details->children) {
		memcpy(details->children, walk.found, n * sizeof(*walk.found));
		details->n_children = n;
	} else if (n) {
		details->children_cut = true;
	}
	free(walk.found);
}

/* ---- vital product data ---- */

static void load_vpd(struct pcipt_device *device, struct pcipt_details *details)
{
	/* PCI Local Bus 3.0, appendix I: 15 bits of address. */
	const size_t size = 32768;
	_cleanup_free_ uint8_t *bytes = malloc(size);
	_cleanup_free_ struct pcipt_vpd *vpd = malloc(sizeof(*vpd));
	ssize_t n = bytes && vpd ? read_device_bytes(device, "vpd", bytes, size) : -ENOMEM;

	details->vpd_errnum = n < 0 ? (int)-n : 0;
	if (n < 0)
		return;
	pcipt_vpd_parse(bytes, (size_t)n, vpd);
	details->vpd_serial = keep(device, vpd->serial);
	details->vpd_part_number = keep(device, vpd->part_number);
}

void pcipt_details_load(struct pcipt_device *device, unsigned int which)
{
	struct pcipt_details *details = device->facts->details;

	if (which & PCIPT_FACTS_MORE)
		load_more(device, details);
	if (which & PCIPT_FACTS_CONFIG)
		load_config(device, details);
	if (which & PCIPT_FACTS_CHILDREN)
		load_children(device, details);
	if (which & PCIPT_FACTS_VPD)
		load_vpd(device, details);
}
