/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The btrfs file systems: on several devices, and without a device number of their own. */
#include <stdio.h>

#include "usage/block.h"

/* Whether a btrfs file system has the device by that name or path. */
struct member_search {
	struct block_map *map;
	const char *path; /* of a mount's source, or NULL */
	size_t node;	  /* of the file system, once one of its devices is in the map */
	bool found;	  /* the path is one of its devices */
	char uuid[64];
};

/* "/dev/dm-3" or "/dev/mapper/vg-data" for dm-3, which needn't be in the map. */
static bool names_device(struct block_map *map, const char *path, const char *name)
{
	char dm_name[256];

	if (strncmp(path, "/dev/", 5) != 0)
		return false;
	if (strcmp(path + 5, name) == 0)
		return true;
	return strncmp(path, "/dev/mapper/", 12) == 0 &&
	       pcipt_block_read(map, name, "dm/name", dm_name, sizeof(dm_name)) > 0 &&
	       strcmp(path + 12, dm_name) == 0;
}

static int take_member(void *data, const char *name)
{
	struct member_search *search = data;
	struct block_map *map = search->map;
	size_t member = pcipt_block_map_find(map, name);

	search->found |= search->path && names_device(map, search->path, name);
	if (search->path || member == BLOCK_NONE)
		return 0;
	if (search->node == BLOCK_NONE)
		search->node = pcipt_block_map_add_fs(
			map, strdup(search->uuid),
			pcipt_format("the btrfs file system %s", search->uuid));
	if (search->node != BLOCK_NONE)
		pcipt_block_map_put_on(map, member, search->node);
	return 0;
}

static void list_members(struct member_search *search)
{
	char path[128];

	snprintf(path, sizeof(path), "fs/btrfs/%s/devices", search->uuid);
	pcipt_block_list(search->map, path, take_member, search);
}

/* A folder with its uuid is there as long as it is mounted somewhere (btrfs/sysfs.c). */
static int take_btrfs(void *data, const char *name)
{
	struct member_search search = { .map = data, .node = BLOCK_NONE };

	if (strlen(name) != 36)
		return 0;
	snprintf(search.uuid, sizeof(search.uuid), "%s", name);
	list_members(&search);
	return 0;
}

void pcipt_block_btrfs_fill(struct block_map *map)
{
	pcipt_block_list(map, "fs/btrfs", take_btrfs, map);
}

static size_t look_for_btrfs(struct block_map *map, const char *source)
{
	for (size_t i = 0; i < map->n_nodes; i++) {
		struct member_search search = { .map = map, .path = source, .node = i };

		if (map->nodes[i].kind != BLOCK_FS)
			continue;
		/* A root without an initramfs; which of several it is can't be told. */
		if (strcmp(source, "/dev/root") == 0)
			return i;
		snprintf(search.uuid, sizeof(search.uuid), "%s", map->nodes[i].name);
		list_members(&search);
		if (search.found)
			return i;
	}
	return BLOCK_NONE;
}

size_t pcipt_block_btrfs_find(struct block_map *map, const char *source)
{
	char *copy;
	size_t node;

	for (size_t i = 0; i < map->n_btrfs; i++)
		if (strcmp(map->btrfs[i].source, source) == 0)
			return map->btrfs[i].node;
	node = look_for_btrfs(map, source);
	copy = strdup(source);
	if (!copy || !pcipt_grow(&map->btrfs, map->n_btrfs)) {
		free(copy);
		map->no_memory = true;
		return node;
	}
	map->btrfs[map->n_btrfs].source = copy;
	map->btrfs[map->n_btrfs++].node = node;
	return node;
}
