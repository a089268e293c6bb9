/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map: the disks behind the devices, and what stands on those, upwards through partitions and `holders` (LVM, dm-crypt, multipath, MD, bcache).
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

void pcipt_block_keep(struct block_map *map, struct block_text *list, char *text)
{
	if (text && pcipt_grow(&list->items, list->n)) {
		list->items[list->n++] = text;
		return;
	}
	free(text);
	map->no_memory = true;
}

void pcipt_block_unknown(struct block_map *map, char *text)
{
	pcipt_block_keep(map, &map->unknown, text);
}

ssize_t pcipt_block_read(const struct block_map *map, const char *name, const char *attribute,
			 char *buf, size_t size)
{
	char path[PCIPT_ATTRIBUTE_MAX];

	if ((size_t)snprintf(path, sizeof(path), "class/block/%s/%s", name, attribute) >=
	    sizeof(path))
		return -ENAMETOOLONG;
	return map->kernel->ops->read(map->kernel, PCIPT_AT_SYS, path, buf, size);
}

void pcipt_block_list(struct block_map *map, const char *path, pcipt_list_fn fn, void *data)
{
	int r = map->kernel->ops->list(map->kernel, PCIPT_AT_SYS, path, fn, data);

	if (r < 0 && r != -ENOENT)
		pcipt_block_unknown(map, pcipt_format("/sys/%s can't be read (%s)", path,
						      pcipt_errno_text(-r)));
}

/* ---- nodes ---- */

size_t pcipt_block_map_find(const struct block_map *map, const char *name)
{
	for (size_t i = 0; i < map->n_nodes; i++)
		if (strcmp(map->nodes[i].name, name) == 0)
			return i;
	return BLOCK_NONE;
}

void pcipt_block_map_put_on(struct block_map *map, size_t node, size_t above)
{
	struct block_node *below = &map->nodes[node];
	size_t i = below->n_above;

	for (size_t k = 0; k < below->n_above; k++)
		if (below->above[k] == above)
			return;
	if (!pcipt_grow(&below->above, below->n_above)) {
		map->no_memory = true;
		return;
	}
	/* In the order of names: folders list them in any. */
	for (; i > 0 && strcmp(map->nodes[below->above[i - 1]].name, map->nodes[above].name) > 0; i--)
		below->above[i] = below->above[i - 1];
	below->above[i] = above;
	below->n_above++;
}

static size_t add_node(struct block_map *map, struct block_node node)
{
	if (!node.name || !node.label || !pcipt_grow(&map->nodes, map->n_nodes)) {
		free(node.name);
		free(node.label);
		free(node.dm_name);
		map->no_memory = true;
		return BLOCK_NONE;
	}
	map->nodes[map->n_nodes] = node;
	return map->n_nodes++;
}

size_t pcipt_block_map_add_fs(struct block_map *map, char *name, char *label)
{
	return add_node(map, (struct block_node){ .kind = BLOCK_FS, .name = name, .label = label });
}

size_t pcipt_block_map_add_share(struct block_map *map, char *name, char *label)
{
	return add_node(map, (struct block_node){ .kind = BLOCK_DISK, .name = name, .label = label });
}

/* An attribute that says what a node is: its length, 0 where it isn't there. */
static ssize_t read_name(struct block_map *map, const struct block_node *node,
			 const char *attribute, char *buf, size_t size)
{
	ssize_t n = pcipt_block_read(map, node->name, attribute, buf, size);

	if (n < 0 && n != -ENOENT)
		pcipt_block_unknown(map, pcipt_format("/sys/class/block/%s/%s can't be read (%s)",
						      node->name, attribute,
						      pcipt_errno_text((int)-n)));
	if (n <= 0)
		*buf = '\0';
	return n < 0 ? 0 : n;
}

/* "vg-root (LVM)", by the prefix of the uuid that each user of the device mapper gives. */
static void name_dm(struct block_map *map, struct block_node *node)
{
	static const struct {
		const char *prefix, *what;
	} kinds[] = { { "LVM-", "LVM" }, { "CRYPT-", "dm-crypt" }, { "mpath-", "multipath" } };
	char name[256], uuid[256];
	const char *what = "device mapper";

	if (read_name(map, node, "dm/name", name, sizeof(name)) == 0)
		return;
	read_name(map, node, "dm/uuid", uuid, sizeof(uuid));
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strncmp(uuid, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			what = kinds[i].what;
	if (strcmp(what, "LVM") == 0)
		node->kind = BLOCK_LVM;
	node->dm_name = strdup(name);
	map->no_memory |= !node->dm_name;
	node->label = pcipt_format("%s (%s)", name, what);
}

static void name_md(struct block_map *map, struct block_node *node)
{
	char level[32];

	if (read_name(map, node, "md/level", level, sizeof(level)) == 0)
		return;
	if (strncmp(level, "raid", 4) == 0)
		memcpy(level, "RAID", 4);
	node->label = pcipt_format("%s (%s)", node->name, level);
}

/* "259:2". Without it nobody could have mounted it, so it is worth a word. */
static void read_number(struct block_map *map, struct block_node *node)
{
	char text[32];
	ssize_t n = pcipt_block_read(map, node->name, "dev", text, sizeof(text));

	if (n < 0 || !pcipt_device_number_scan(text, &node->major, &node->minor)) {
		node->major = node->minor = 0;
		pcipt_block_unknown(map, pcipt_format("/sys/class/block/%s/dev can't be read (%s)",
						      node->name,
						      n < 0 ? pcipt_errno_text((int)-n) :
							      "it is no number"));
	}
}

/* A cache that isn't in use has no holder, but belongs to bcache all the same. */
static bool is_bcache(struct block_map *map, const char *name)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "class/block/%s/bcache", name);
	r = map->kernel->ops->exists(map->kernel, PCIPT_AT_SYS, path);
	if (r < 0)
		pcipt_block_unknown(map, pcipt_format("/sys/%s can't be looked at (%s)", path,
						      pcipt_errno_text(-r)));
	return r == 1;
}

/* "nvme0c1n2", not "nvme0n2": only paths have the controller's number in their name. */
bool pcipt_block_is_nvme_path(const struct block_entry *entry)
{
	unsigned int a, b, c;
	int end = 0;

	return sscanf(entry->name, "nvme%9uc%9un%9u%n", &a, &b, &c, &end) == 3 && !entry->name[end];
}

size_t pcipt_block_map_add(struct block_map *map, const struct block_entry *entry,
			   enum block_kind kind)
{
	struct block_node node = { .kind = kind, .entry = entry, .name = strdup(entry->name) };

	if (!node.name)
		return add_node(map, node);
	if (!pcipt_block_is_nvme_path(entry))
		read_number(map, &node);
	if (kind == BLOCK_STACKED) {
		name_dm(map, &node);
		if (!node.label)
			name_md(map, &node);
	}
	if (!node.label)
		node.label = strdup(node.name);
	node.bcache = kind <= BLOCK_PARTITION && is_bcache(map, entry->name);
	return add_node(map, node);
}

/* ---- what stands on them ---- */

/* Whether an entry is a partition of another: its path is that one's with a name behind. */
bool pcipt_block_is_part_of(const struct block_entry *part, const struct block_entry *whole)
{
	size_t n = strlen(whole->path);

	return part->path && strncmp(part->path, whole->path, n) == 0 && part->path[n] == '/' &&
	       !strchr(part->path + n + 1, '/');
}

struct holder_search {
	struct block_map *map;
	size_t node;
};

static int take_holder(void *data, const char *name)
{
	struct holder_search *search = data;
	struct block_map *map = search->map;
	const struct block_entry *entry = pcipt_block_map_entry(map, name);
	size_t above = pcipt_block_map_find(map, name);

	if (above == BLOCK_NONE && entry)
		above = pcipt_block_map_add(map, entry, BLOCK_STACKED);
	if (above != BLOCK_NONE)
		pcipt_block_map_put_on(map, search->node, above);
	else
		pcipt_block_unknown(map, pcipt_format("%s is held by %s, which is no block device",
						      map->nodes[search->node].name, name));
	return 0;
}

static void add_holders(struct block_map *map, size_t node)
{
	struct holder_search search = { map, node };
	char path[300];

	snprintf(path, sizeof(path), "class/block/%s/holders", map->nodes[node].name);
	pcipt_block_list(map, path, take_holder, &search);
}

static void add_partition(struct block_map *map, size_t node, const struct block_entry *entry)
{
	size_t part;

	if (!pcipt_block_is_part_of(entry, map->nodes[node].entry))
		return;
	part = pcipt_block_map_find(map, entry->name);
	if (part == BLOCK_NONE)
		part = pcipt_block_map_add(map, entry, BLOCK_PARTITION);
	if (part != BLOCK_NONE)
		pcipt_block_map_put_on(map, node, part);
}

/* Where not all names were listed: a partition is a folder of its disk, named after it. */
static int take_partition(void *data, const char *name)
{
	struct holder_search *search = data;
	const char *disk = search->map->nodes[search->node].name;
	const struct block_entry *entry;

	if (strncmp(name, disk, strlen(disk)) != 0)
		return 0;
	entry = pcipt_block_map_entry(search->map, name);
	if (entry)
		add_partition(search->map, search->node, entry);
	return search->map->no_memory;
}

static void add_partitions(struct block_map *map, size_t node)
{
	struct holder_search search = { map, node };
	struct pcipt_kernel *k = map->kernel;
	char path[300];
	int r;

	if (!map->nodes[node].entry->path)
		return;
	for (size_t i = 0; map->listed && i < map->n_entries; i++)
		add_partition(map, node, map->entries[i]);
	if (map->listed)
		return;
	snprintf(path, sizeof(path), "class/block/%s", map->nodes[node].name);
	r = k->ops->list_folders(k, PCIPT_AT_SYS, path, take_partition, &search);
	if (r < 0 && r != -ENOENT)
		pcipt_block_unknown(map, pcipt_format("/sys/%s can't be read (%s)", path,
						      pcipt_errno_text(-r)));
}

/* More than any machine has; a map that is made to be endless must end. */
#define NODES_MAX 20000

/* Every node is visited once, so holders that go round in a circle end too. */
static void expand(struct block_map *map, size_t from)
{
	for (size_t i = from; i < map->n_nodes && !map->no_memory; i++) {
		if (map->n_nodes > NODES_MAX) {
			pcipt_block_unknown(map, strdup("there are too many block devices"));
			return;
		}
		if (!map->nodes[i].entry)
			continue;
		add_holders(map, i);
		if (map->nodes[i].kind != BLOCK_PARTITION)
			add_partitions(map, i);
	}
}

void pcipt_block_map_add_loop(struct block_map *map, const struct block_entry *entry, size_t on,
			      const char *file)
{
	/* Without a file it is a holder like others, but one that isn't in `holders`. */
	enum block_kind kind = file ? BLOCK_LOOP : BLOCK_STACKED;
	size_t first = map->n_nodes, loop = pcipt_block_map_find(map, entry->name);
	char *label;

	if (loop == BLOCK_NONE)
		loop = pcipt_block_map_add(map, entry, kind);
	label = file ? pcipt_format("%s (the file %s)", entry->name, file) :
		       pcipt_format("%s (loop device)", entry->name);
	if (loop == BLOCK_NONE || !label) {
		map->no_memory = true;
		free(label);
		return;
	}
	free(map->nodes[loop].label);
	map->nodes[loop].label = label;
	pcipt_block_map_put_on(map, on, loop);
	expand(map, first);
}

/* ---- by path ---- */

static bool is_path_of(const struct block_node *node, const char *path)
{
	size_t i = 0;

	if (strncmp(path, "/dev/", 5) != 0 || !node->entry)
		return false;
	path += 5;
	if (node->dm_name && strncmp(path, "mapper/", 7) == 0)
		return strcmp(path + 7, node->dm_name) == 0;
	/* A slash in a name is a '!' in sysfs: cciss!c0d0. */
	while (path[i] && (path[i] == node->name[i] || (path[i] == '/' && node->name[i] == '!')))
		i++;
	return !path[i] && !node->name[i];
}

size_t pcipt_block_map_find_path(struct block_map *map, const char *path)
{
	char link[PCIPT_ATTRIBUTE_MAX];

	for (size_t i = 0; i < map->n_nodes; i++)
		if (is_path_of(&map->nodes[i], path))
			return i;
	/* One of udev's links, as /dev/vg/root: its text ends with the kernel's name. */
	if (strncmp(path, "/dev/", 5) != 0 ||
	    map->kernel->ops->read_link(map->kernel, PCIPT_AT_ROOT, path + 1, link,
					sizeof(link)) <= 0)
		return BLOCK_NONE;
	return pcipt_block_map_find(map, pcipt_base_name(link));
}

void pcipt_block_map_fill(struct block_map *map)
{
	pcipt_block_entries_fill(map);
	pcipt_block_disks_fill(map);
	pcipt_block_remote_fill(map);
	pcipt_block_exports_fill(map);
	expand(map, 0);
}

static void clear_text(struct block_text *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
}

static void clear_node(struct block_node *node)
{
	free(node->name);
	free(node->label);
	free(node->dm_name);
	free(node->target);
	free(node->boot_what);
	free(node->boot_why);
	free(node->devices);
	free(node->above);
	free(node->mounts.first);
	free(node->mounts.others);
	free(node->mounts.critical);
	clear_text(&(struct block_text){ node->swaps, node->n_swaps });
}

void pcipt_block_map_clear(struct block_map *map)
{
	for (size_t i = 0; i < map->n_nodes; i++)
		clear_node(&map->nodes[i]);
	for (size_t i = 0; i < map->n_entries; i++) {
		free(map->entries[i]->name);
		free(map->entries[i]->path);
		free(map->entries[i]);
	}
	for (size_t i = 0; i < map->n_zfs; i++) {
		free(map->zfs[i].source);
		free(map->zfs[i].point);
	}
	for (size_t i = 0; i < map->n_btrfs; i++)
		free(map->btrfs[i].source);
	for (size_t i = 0; i < map->n_table; i++)
		free(map->table[i].point);
	for (size_t i = 0; i < map->n_boots; i++) {
		free(map->boots[i].what);
		free(map->boots[i].spec);
	}
	for (size_t i = 0; i < map->n_exports; i++)
		free(map->exports[i].tag);
	clear_text(&map->unknown);
	clear_text(&map->unrecorded);
	clear_text(&map->lost_swaps);
	free(map->nodes);
	free(map->entries);
	free(map->zfs);
	free(map->btrfs);
	free(map->table);
	free(map->boots);
	free(map->tcps);
	free(map->exports);
}
