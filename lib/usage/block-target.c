/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks that the kernel itself gives to others as NVMe over a network. It opens them
 * without holding them exclusively, and no process has them open: only its
 * configuration tells (nvmet's configfs, since Linux 4.8). SCSI targets do hold theirs.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

#define SUBSYSTEMS "kernel/config/nvmet/subsystems"

struct target_search {
	struct block_map *map;
	const char *subsystem;
};

static int take_namespace(void *data, const char *name)
{
	struct target_search *search = data;
	struct block_map *map = search->map;
	char path[700], disk[PCIPT_ATTRIBUTE_MAX];
	size_t node;
	ssize_t n;

	snprintf(path, sizeof(path), SUBSYSTEMS "/%s/namespaces/%s/device_path", search->subsystem,
		 name);
	n = map->kernel->ops->read(map->kernel, PCIPT_AT_SYS, path, disk, sizeof(disk));
	if (n < 0 && n != -ENOENT)
		pcipt_block_unknown(map, pcipt_format("/sys/%s can't be read (%s)", path,
						      pcipt_errno_text((int)-n)));
	node = n > 0 ? pcipt_block_map_find_path(map, disk) : BLOCK_NONE;
	if (node != BLOCK_NONE && !map->nodes[node].target) {
		map->nodes[node].target = strdup(search->subsystem);
		map->no_memory |= !map->nodes[node].target;
	}
	return 0;
}

/* A whole controller, given away without opening its disks: "/dev/nvme0" (since Linux 5.9). */
static void take_controller(struct block_map *map, const char *subsystem)
{
	const struct pcipt_inquiry *inquiry = map->inquiry;
	char path[400], name[PCIPT_ATTRIBUTE_MAX], enabled[8];

	snprintf(path, sizeof(path), SUBSYSTEMS "/%s/passthru/enable", subsystem);
	if (map->kernel->ops->read(map->kernel, PCIPT_AT_SYS, path, enabled, sizeof(enabled)) <= 0 ||
	    strcmp(enabled, "1") != 0)
		return;
	snprintf(path, sizeof(path), SUBSYSTEMS "/%s/passthru/device_path", subsystem);
	if (map->kernel->ops->read(map->kernel, PCIPT_AT_SYS, path, name, sizeof(name)) <= 0)
		return;
	for (size_t i = 0; i < inquiry->n; i++) {
		const struct pcipt_details *details =
			pcipt_device_details(inquiry->devices[i], PCIPT_FACTS_CHILDREN);

		for (size_t k = 0; details && k < details->n_children; k++)
			if (strcmp(details->children[k].subsystem, "nvme") == 0 &&
			    strcmp(details->children[k].name, pcipt_base_name(name)) == 0)
				pcipt_uses_add(inquiry->uses, inquiry->devices[i],
					       PCIPT_USE_DISK_OPEN,
					       pcipt_format("%s, given to others over the network",
							    details->children[k].name),
					       pcipt_format("the NVMe target subsystem %s exports it",
							    subsystem),
					       strdup("Take it out of the NVMe target (nvmetcli), "
						      "then try again"));
	}
}

static int take_subsystem(void *data, const char *name)
{
	struct target_search search = { data, name };
	char path[400];

	snprintf(path, sizeof(path), SUBSYSTEMS "/%s/namespaces", name);
	pcipt_block_list(data, path, take_namespace, &search);
	take_controller(data, name);
	return 0;
}

void pcipt_block_targets_fill(struct block_map *map)
{
	pcipt_block_list(map, SUBSYSTEMS, take_subsystem, map);
}
