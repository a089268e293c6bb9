/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the disks that nothing seems to use. Mounting, swapping, assembling into
 * anything: all of it claims the device in the kernel, so an exclusive open that fails
 * tells of a user even where no table shows one, and an open that works proves that
 * there is none. Only for those is it worth telling what data is on them.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

/* How long a disk may take (one that sleeps has to spin up), and all of them together. */
#define LOOK_MS 10000
#define LOOK_ALL_MS 20000

bool pcipt_block_is_used(const struct block_node *node)
{
	return node->mounts.n > 0 || node->n_swaps > 0 || node->bcache || node->target ||
	       node->kind == BLOCK_FS;
}

/* Whether it is used, or anything but a partition stands on it. */
static bool is_taken(const struct block_map *map, const struct block_node *node)
{
	bool taken = pcipt_block_is_used(node);

	for (size_t i = 0; i < node->n_above; i++)
		taken |= map->nodes[node->above[i]].kind != BLOCK_PARTITION;
	return taken;
}

/* No medium in the drive: there is nothing to open, and nothing to lose. */
static bool is_empty(const struct block_map *map, const struct block_node *node)
{
	char size[32];

	return pcipt_block_read(map, node->name, "size", size, sizeof(size)) > 0 &&
	       strcmp(size, "0") == 0;
}

/* Those to be asked at once; each is looked at but once in a round. */
struct looks {
	struct block_map *map;
	struct pcipt_disk **disks;
	size_t n;
};

static void look(struct looks *looks, struct block_node *node, bool read)
{
	if ((node->major == 0 && node->minor == 0) || is_empty(looks->map, node))
		return;
	node->looked = true;
	node->disk = (struct pcipt_disk){ .name = node->name,
					  .major = node->major,
					  .minor = node->minor,
					  .read = read,
					  .exclusive = -ENOMEM,
					  .content = -ENOMEM };
	if (pcipt_grow(&looks->disks, looks->n))
		looks->disks[looks->n++] = &node->disk;
	else
		looks->map->no_memory = true;
}

static void ask(struct looks *looks, double deadline)
{
	struct pcipt_kernel *k = looks->map->kernel;
	double left = deadline - k->ops->now(k);

	if (looks->n > 0)
		k->ops->look_at_disks(k, looks->disks, looks->n, LOOK_MS,
				      left >= 1 ? (unsigned int)left : 1);
	looks->n = 0;
}

static void look_at_disk(struct looks *looks, size_t disk)
{
	struct block_map *map = looks->map;
	struct block_node *node = &map->nodes[disk], *part;
	/* What comes over a network may not answer for long, and its card is in use anyway. */
	bool taken = node->remote || is_taken(map, node), any = taken;

	for (size_t i = 0; i < node->n_above; i++)
		any |= is_taken(map, &map->nodes[node->above[i]]);
	if (!any)
		look(looks, node, true);
	/* With the whole disk taken, that its parts can't be had says nothing new. */
	for (size_t i = 0; !taken && i < node->n_above; i++) {
		part = &map->nodes[node->above[i]];
		/*
		 * A part of a disk in use: data on it doesn't matter, unless it tells who has
		 * it open (look_again), or the system boots from something not found yet.
		 */
		if (!any || !is_taken(map, part))
			look(looks, part, !any || map->n_boots > 0);
	}
}

/* What is on those that somebody has and whose data wasn't asked for. */
static void look_again(struct looks *looks)
{
	struct block_map *map = looks->map;

	for (size_t i = 0; i < map->n_nodes; i++) {
		struct block_node *node = &map->nodes[i];

		if (node->looked && !node->disk.read && node->disk.exclusive == -EBUSY)
			look(looks, node, true);
	}
}

/*
 * ZFS may be on anything (dm-crypt, a logical volume), which it holds without being among
 * its holders. Only where ZFS is mounted: whether they are open says nothing otherwise.
 */
static void look_above(struct looks *looks, size_t node)
{
	struct block_map *map = looks->map;
	struct block_node *n = &map->nodes[node];

	if (n->kind != BLOCK_DISK && n->kind != BLOCK_FS && !n->looked && !is_taken(map, n) &&
	    n->n_above == 0)
		look(looks, n, true);
}

/* ---- who has it open, by what is on it ---- */

/* "tank" is the pool of the datasets tank and tank/home. */
static bool is_of_pool(const char *source, const char *pool)
{
	size_t n = strlen(pool);

	return strncmp(source, pool, n) == 0 && (source[n] == '\0' || source[n] == '/');
}

static void put_into_pool(struct block_map *map, size_t node)
{
	const char *pool = map->nodes[node].disk.label;
	char name[sizeof(map->nodes[node].disk.label) + 8];
	size_t fs;

	snprintf(name, sizeof(name), "zfs %s", pool);
	fs = pcipt_block_map_find(map, name);
	if (fs == BLOCK_NONE) {
		fs = pcipt_block_map_add_fs(map, strdup(name),
					    pcipt_format("the ZFS pool %s", pool));
		for (size_t i = 0; fs != BLOCK_NONE && i < map->n_zfs; i++)
			if (is_of_pool(map->zfs[i].source, map->nodes[node].disk.label))
				pcipt_block_mounts_add(map, fs, map->zfs[i].point,
						       map->zfs[i].pid);
	}
	if (fs != BLOCK_NONE)
		pcipt_block_map_put_on(map, node, fs);
}

static void explain(struct block_map *map, size_t i)
{
	struct block_node *node = &map->nodes[i];
	struct block_text list = { node->swaps, node->n_swaps };

	if (!node->looked || node->disk.exclusive != -EBUSY)
		return;
	if (strcmp(node->disk.type, "zfs_member") == 0 && *node->disk.label) {
		put_into_pool(map, i);
	} else if (strcmp(node->disk.type, "swap") == 0 && map->lost_swaps.n > 0) {
		pcipt_block_keep(map, &list, pcipt_format("/dev/%s", node->name));
		node->swaps = list.items;
		node->n_swaps = list.n;
	}
}

void pcipt_block_look(struct block_map *map)
{
	struct pcipt_kernel *k = map->kernel;
	struct looks looks = { .map = map };
	size_t n = map->n_nodes;
	double deadline;

	/* The nodes in /dev of this machine have nothing to do with a recorded tree. */
	if (!k->ops->is_real(k) || !k->ops->look_at_disks)
		return;
	deadline = k->ops->now(k) + pcipt_inquiry_patience(map->inquiry, LOOK_ALL_MS);
	for (size_t i = 0; i < n; i++)
		if (map->nodes[i].kind == BLOCK_DISK)
			look_at_disk(&looks, i);
	for (size_t i = 0; map->n_zfs > 0 && i < n; i++)
		look_above(&looks, i);
	ask(&looks, deadline);
	look_again(&looks);
	ask(&looks, deadline);
	free(looks.disks);
	for (size_t i = 0; i < n; i++)
		explain(map, i);
}
