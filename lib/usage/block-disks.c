/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which disks are behind which device. Each entry knows where the disk hangs, so whatever
 * hangs below a PCI device at any depth, behind whatever controller, is told by its path
 * alone; but for NVMe.
 */
#include <limits.h>
#include <stdio.h>

#include "usage/block.h"

/* Whether a path goes through the PCI device: one of its names is the address. */
static bool is_below(const char *path, const char *address)
{
	size_t n = strlen(address);

	for (const char *p = strstr(path, address); p; p = strstr(p + 1, address))
		if (p > path && p[-1] == '/' && p[n] == '/')
			return true;
	return false;
}

bool pcipt_block_is_partition(struct block_map *map, const struct block_entry *entry)
{
	const struct block_entry *whole;
	const char *slash = strrchr(entry->path, '/');
	const char *name = slash;
	char parent[256];

	while (name && name > entry->path && name[-1] != '/')
		name--;
	if (!name || (size_t)(slash - name) >= sizeof(parent))
		return false;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - name), name);
	whole = pcipt_block_map_entry(map, parent);
	return whole && whole->path && pcipt_block_is_part_of(entry, whole);
}

void pcipt_block_put_behind(struct block_map *map, size_t i, struct pcipt_device *device)
{
	struct block_node *node = &map->nodes[i];

	for (size_t k = 0; k < node->n_devices; k++)
		if (node->devices[k] == device)
			return;
	if (pcipt_grow(&node->devices, node->n_devices))
		node->devices[node->n_devices++] = device;
	else
		map->no_memory = true;
}

static void add_disk(struct block_map *map, const struct block_entry *entry,
		     struct pcipt_device *device)
{
	size_t i = pcipt_block_map_find(map, entry->name);

	if (i == BLOCK_NONE)
		i = pcipt_block_map_add(map, entry, BLOCK_DISK);
	if (i != BLOCK_NONE)
		pcipt_block_put_behind(map, i, device);
}

/* ---- NVMe: a namespace that several controllers may share ---- */

/*
 * With multipath (the kernel's default) what is below the controller is only a hidden
 * path, nvme0c1n2; the disk is nvme0n2 in the controller's subsystem, below no device.
 */
struct head_search {
	struct block_map *map;
	const char *controller; /* "nvme1" */
	const char *number;	/* "n2" */
	const struct block_entry *found;
};

static int take_head(void *data, const char *name)
{
	struct head_search *search = data;
	const struct block_entry *entry = pcipt_block_map_entry(search->map, name);
	const char *number = strrchr(name, 'n');

	if (!entry || !entry->path || !number || strcmp(number, search->number) != 0)
		return 0;
	search->found = entry;
	return 1;
}

static int look_into_subsystem(void *data, const char *name)
{
	struct head_search *search = data;
	struct pcipt_kernel *k = search->map->kernel;
	char path[600];

	snprintf(path, sizeof(path), "class/nvme-subsystem/%s/%s", name, search->controller);
	if (k->ops->exists(k, PCIPT_AT_SYS, path) != 1)
		return 0;
	snprintf(path, sizeof(path), "class/nvme-subsystem/%s", name);
	k->ops->list(k, PCIPT_AT_SYS, path, take_head, search);
	return 1;
}

const struct block_entry *pcipt_block_head_of(struct block_map *map, const struct block_entry *path)
{
	const char *end = strrchr(path->path, '/'), *begin = end;
	char controller[NAME_MAX + 1], subsystem[64];
	struct head_search search = { .map = map,
				      .controller = controller,
				      .number = strrchr(path->name, 'n') };

	while (begin && begin > path->path && begin[-1] != '/')
		begin--;
	if (!begin || (size_t)(end - begin) >= sizeof(controller))
		return NULL;
	snprintf(controller, sizeof(controller), "%.*s", (int)(end - begin), begin);
	/* As a rule its number is the path's first; where it isn't, all are looked into. */
	snprintf(subsystem, sizeof(subsystem), "nvme-subsys%lu", strtoul(path->name + 4, NULL, 10));
	if (look_into_subsystem(&search, subsystem) == 0)
		map->kernel->ops->list(map->kernel, PCIPT_AT_SYS, "class/nvme-subsystem",
				       look_into_subsystem, &search);
	return search.found;
}

/* Where the disk isn't found, the path stands for it: then its use isn't known. */
static void add_head(struct block_map *map, const struct block_entry *path,
		     struct pcipt_device *device)
{
	const struct block_entry *head = pcipt_block_head_of(map, path);

	add_disk(map, head ? head : path, device);
	if (!head)
		pcipt_block_unknown(map, pcipt_format("%s is a path to an NVMe disk that isn't found",
						      path->name));
}

static void add_entry_of(struct block_map *map, const struct block_entry *entry,
			 struct pcipt_device *device)
{
	if (!entry->path || !is_below(entry->path, device->address))
		return;
	if (pcipt_block_is_nvme_path(entry))
		add_head(map, entry, device);
	else if (!pcipt_block_is_partition(map, entry))
		add_disk(map, entry, device);
}

void pcipt_block_disks_fill(struct block_map *map)
{
	struct pcipt_inquiry *inquiry = map->inquiry;

	/* Looking one up may put it in front: then one is gone through again, to no effect. */
	for (size_t i = 0; i < map->n_entries && !map->no_memory; i++)
		for (size_t k = 0; k < inquiry->n; k++)
			add_entry_of(map, map->entries[i], inquiry->devices[k]);
}
