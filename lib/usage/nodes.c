/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which nodes in /dev lead to a device: those of VFIO, those of the class devices below it,
 * the disk of an NVMe controller that stands elsewhere, and NVIDIA's own. They are told by
 * their numbers; paths are only for messages.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/nodes.h"

/* Documentation/admin-guide/devices.txt: 195 char, NVIDIA's graphics devices. */
#define NVIDIA_MAJOR 195

static void add(struct pcipt_nodes *nodes, struct pcipt_device *device, struct pcipt_node node,
		const char *pin, char *path)
{
	bool room = pcipt_grow(&nodes->nodes, nodes->n) && pcipt_grow(&nodes->owners, nodes->n);

	if (!room || (!path && !node.anon && !node.any_minor)) {
		free(path);
		nodes->no_memory = true;
		return;
	}
	node.path = node.anon ? NULL : path;
	nodes->nodes[nodes->n] = node;
	nodes->owners[nodes->n++] = (struct pcipt_device_node){ device, path, node.block, pin };
}

/* The numbers in a `dev` attribute, "226:0"; false where there is none. */
static bool read_numbers(struct pcipt_kernel *k, enum pcipt_place at, const char *path,
			 struct pcipt_node *node)
{
	char text[32];
	int end = 0;

	if (k->ops->read(k, at, path, text, sizeof(text)) <= 0)
		return false;
	return sscanf(text, "%8u:%8u%n", &node->major, &node->minor, &end) == 2 && !text[end];
}

/* Where udev and devtmpfs put the nodes of a class (Documentation/admin-guide/devices.txt). */
static const char *folder_of(const char *subsystem)
{
	static const char *const folders[][2] = {
		{ "drm", "dri/" },	    { "sound", "snd/" },
		{ "infiniband_verbs", "infiniband/" }, { "infiniband_mad", "infiniband/" },
		{ "accel", "accel/" },	    { "vfio", "vfio/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (strcmp(folders[i][0], subsystem) == 0)
			return folders[i][1];
	return "";
}

/*
 * Keyboards and the like, which a display server has open all the time: what hangs below a
 * USB controller is judged as USB, and a sound card's jack has an input device too. No
 * driver waits in its unbind for those.
 */
static bool is_let_go(const char *subsystem)
{
	return strcmp(subsystem, "input") == 0 || strcmp(subsystem, "hidraw") == 0 ||
	       strcmp(subsystem, "usb") == 0;
}

/* The file operations of these have no mmap(). */
static bool is_never_mapped(const char *subsystem, const char *name)
{
	return strcmp(subsystem, "ptp") == 0 || strcmp(subsystem, "nvme") == 0 ||
	       strcmp(subsystem, "nvme-generic") == 0 || strcmp(subsystem, "bsg") == 0 ||
	       (strcmp(subsystem, "sound") == 0 && strncmp(name, "controlC", 8) == 0);
}

/* A class device's node, if it has one; `below` is its path below the folder of devices. */
static bool add_class_device(struct pcipt_nodes *nodes, struct pcipt_device *device,
			     const char *subsystem, const char *name, const char *below)
{
	struct pcipt_node node = { .block = strcmp(subsystem, "block") == 0,
				   .never_mapped = is_never_mapped(subsystem, name) };
	char path[PCIPT_ATTRIBUTE_MAX];

	if ((size_t)snprintf(path, sizeof(path), "class/%s/%s/dev", subsystem, name) >=
		    sizeof(path) ||
	    !read_numbers(device->snap->kernel, PCIPT_AT_SYS, path, &node))
		return false;
	add(nodes, device, node, pcipt_pin_of(device, subsystem, name, below),
	    pcipt_format("/dev/%s%s", folder_of(subsystem), name));
	return true;
}

/* ---- NVMe with a shared namespace: the disk stands below the subsystem ---- */

struct partition_search {
	struct pcipt_nodes *nodes;
	struct pcipt_device *device;
	const char *disk, *below;
};

static int add_partition(void *data, const char *name)
{
	struct partition_search *search = data;

	if (strncmp(name, search->disk, strlen(search->disk)) == 0)
		add_class_device(search->nodes, search->device, "block", name, search->below);
	return 0;
}

/* "nvme0c1n2" is the hidden path by controller 1 to the disk "nvme0n2". */
static void add_nvme_head(struct pcipt_nodes *nodes, struct pcipt_device *device, const char *path,
			  const char *below)
{
	struct pcipt_kernel *k = device->snap->kernel;
	unsigned int subsystem, controller, number;
	char disk[32], folder[64];
	int end = 0;

	if (sscanf(path, "nvme%8uc%8un%8u%n", &subsystem, &controller, &number, &end) != 3 ||
	    path[end])
		return;
	/* Its generic node, too, stands below the subsystem (nvme_add_ns_head_cdev()). */
	snprintf(disk, sizeof(disk), "ng%un%u", subsystem, number);
	add_class_device(nodes, device, "nvme-generic", disk, below);
	snprintf(disk, sizeof(disk), "nvme%un%u", subsystem, number);
	if (!add_class_device(nodes, device, "block", disk, below))
		return;
	snprintf(folder, sizeof(folder), "class/block/%s", disk);
	k->ops->list(k, PCIPT_AT_SYS, folder, add_partition,
		     &(struct partition_search){ nodes, device, disk, below });
}

/* ---- what has no class device ---- */

/* A mediated device has an IOMMU group of its own. */
static void add_mdev(struct pcipt_nodes *nodes, struct pcipt_device *device, const char *name)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char path[PCIPT_ATTRIBUTE_MAX], link[PCIPT_ATTRIBUTE_MAX];

	if ((size_t)snprintf(path, sizeof(path), "bus/mdev/devices/%s/iommu_group", name) >=
		    sizeof(path) ||
	    k->ops->read_link(k, PCIPT_AT_SYS, path, link, sizeof(link)) <= 0)
		return;
	add_class_device(nodes, device, "vfio", pcipt_base_name(link), "");
}

static void add_unsaid(struct pcipt_nodes *nodes, struct pcipt_device *device, int errnum)
{
	if (pcipt_grow(&nodes->unsaid, nodes->n_unsaid))
		nodes->unsaid[nodes->n_unsaid++] = device;
	else
		nodes->no_memory = true;
	nodes->unsaid_errnum = errnum;
}

/*
 * NVIDIA's driver makes its nodes by itself, and says in /proc which minor is whose. It asks
 * the card for that, under locks of its own.
 */
static void add_nvidia(struct pcipt_nodes *nodes, struct pcipt_device *device, unsigned int ms)
{
	struct pcipt_kernel *k = device->snap->kernel;
	struct pcipt_node node = { .major = NVIDIA_MAJOR };
	char path[128];
	struct pcipt_file file = { .path = path };
	const char *line;

	snprintf(path, sizeof(path), "proc/driver/nvidia/gpus/%s/information", device->address);
	/* nvidiafb, or a driver that has no card of that address. */
	if (k->ops->exists(k, PCIPT_AT_ROOT, path) == 0)
		return;
	pcipt_kernel_read_files(k, PCIPT_AT_ROOT, &file, 1, ms);
	if (file.result < 0 && file.result != -ENOENT)
		add_unsaid(nodes, device, (int)-file.result);
	line = file.result > 0 ? strstr(file.text, "Device Minor:") : NULL;
	if (line && sscanf(line, "Device Minor: %3u", &node.minor) == 1)
		add(nodes, device, node, NULL, pcipt_format("/dev/nvidia%u", node.minor));
	free(file.text);
}

/* ---- VFIO ---- */

static void add_group_and_own(struct pcipt_nodes *nodes, struct pcipt_device *device)
{
	const char *group = pcipt_device_get_vfio_group_node(device);
	const char *own = pcipt_device_get_vfio_cdev(device);
	struct pcipt_kernel *k = device->snap->kernel;
	struct pcipt_node node = { 0 };
	char path[128];

	if (group)
		add_class_device(nodes, device, "vfio", pcipt_base_name(group), "");
	if (!own)
		return;
	snprintf(path, sizeof(path), "%s/vfio-dev/%s/dev", device->address, pcipt_base_name(own));
	if (read_numbers(k, PCIPT_AT_PCI_DEVICES, path, &node))
		add(nodes, device, node, PCIPT_PIN_VFIO, strdup(own));
}

void pcipt_nodes_add(struct pcipt_nodes *nodes, struct pcipt_device *device, unsigned int ms)
{
	const struct pcipt_details *details;

	if (!device->driver)
		return;
	if (device->driver->vfio) {
		add_group_and_own(nodes, device);
		return;
	}
	details = pcipt_device_details(device, PCIPT_FACTS_CHILDREN);
	nodes->cut |= !details || details->children_cut;
	for (size_t i = 0; details && i < details->n_children; i++) {
		const char *subsystem = details->children[i].subsystem;
		const char *name = details->children[i].name;

		if (is_let_go(subsystem))
			continue;
		if (strcmp(subsystem, "mdev") == 0)
			add_mdev(nodes, device, name);
		else if (!add_class_device(nodes, device, subsystem, name,
					   details->children[i].path) &&
			 strcmp(subsystem, "block") == 0)
			add_nvme_head(nodes, device, name, details->children[i].path);
	}
	if (strncmp(device->driver->name, "nvidia", 6) == 0)
		add_nvidia(nodes, device, ms);
}

void pcipt_nodes_add_vfio(struct pcipt_nodes *nodes)
{
	size_t n = nodes->n;

	for (size_t i = 0; i < n; i++)
		if (nodes->owners[i].path && strncmp(nodes->owners[i].path, "/dev/vfio/", 10) == 0) {
			add(nodes, NULL, (struct pcipt_node){ .anon = PCIPT_VFIO_FILE },
			    PCIPT_PIN_VFIO, NULL);
			add(nodes, NULL,
			    (struct pcipt_node){ .major = nodes->nodes[i].major, .any_minor = true },
			    PCIPT_PIN_VFIO, NULL);
			return;
		}
}

void pcipt_nodes_copy(struct pcipt_nodes *to, const struct pcipt_nodes *from,
		      const struct pcipt_device *device)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct pcipt_device_node *owner = &from->owners[i];

		if (owner->device && (!device || owner->device == device))
			add(to, owner->device, from->nodes[i], owner->pin,
			    owner->path ? strdup(owner->path) : NULL);
	}
}

void pcipt_nodes_clear(struct pcipt_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++)
		free(nodes->owners[i].path);
	free(nodes->nodes);
	free(nodes->owners);
	free(nodes->unsaid);
	memset(nodes, 0, sizeof(*nodes));
}
