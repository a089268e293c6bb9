/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the nodes of a map are mounted, in every mount namespace that a process of
 * /proc is in, and what is swapped to. A mount that no process shows (a namespace kept
 * by a file, by a single thread, or of processes that can't be seen from here) still
 * holds its disk exclusively: block-look.c finds that.
 *
 * The first process's table tells of root and comes first; through it the files that
 * loop devices and swap spaces are made of, and the layers of an overlay, lead to disks.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

bool pcipt_block_is_critical(const char *point)
{
	static const char *const points[] = { "/", "/boot", "/boot/efi", "/efi", "/usr", "/var" };

	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		if (strcmp(point, points[i]) == 0)
			return true;
	return false;
}

/* Appends to a list of names with ", " between them. */
static void append(struct block_map *map, char **list, const char *name)
{
	char *longer = pcipt_format("%s%s%s", *list ? *list : "", *list ? ", " : "", name);

	if (!longer) {
		map->no_memory = true;
		return;
	}
	free(*list);
	*list = longer;
}

/* Whether such a list has the name already. */
static bool has_name(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p; p = strstr(p, ", ") ? strstr(p, ", ") + 2 : NULL)
		if (strncmp(p, name, n) == 0 && (!p[n] || strncmp(p + n, ", ", 2) == 0))
			return true;
	return false;
}

/* How many mount points are told by name: containers can have hundreds. */
#define NAMED_MAX 4

void pcipt_block_mounts_add(struct block_map *map, size_t node, const char *point, long pid)
{
	struct block_mounts *mounts = &map->nodes[node].mounts;

	mounts->n++;
	if (pid == 1 && pcipt_block_is_critical(point) && !has_name(mounts->critical, point))
		append(map, &mounts->critical, point);
	if (!mounts->first) {
		mounts->first = strdup(point);
		mounts->pid = pid;
		map->no_memory |= !mounts->first;
	} else if (mounts->n_named < NAMED_MAX && strcmp(mounts->first, point) != 0 &&
		   !has_name(mounts->others, point)) {
		append(map, &mounts->others, point);
		mounts->n_named++;
	}
}

static void keep_zfs(struct block_map *map, const struct pcipt_mount *mount, long pid)
{
	char *source = strdup(mount->source), *point = strdup(mount->point);

	if (!source || !point || !pcipt_grow(&map->zfs, map->n_zfs)) {
		free(source);
		free(point);
		map->no_memory = true;
		return;
	}
	map->zfs[map->n_zfs].source = source;
	map->zfs[map->n_zfs].point = point;
	map->zfs[map->n_zfs++].pid = pid;
}

/* The node that a mount is of; by its number, or by what its source names. */
static size_t node_of(struct block_map *map, const struct pcipt_mount *mount)
{
	size_t node = BLOCK_NONE;

	if (mount->major != 0) {
		for (size_t i = 0; i < map->n_nodes; i++)
			if (map->nodes[i].major == mount->major &&
			    map->nodes[i].minor == mount->minor)
				return i;
		return BLOCK_NONE;
	}
	if (strncmp(mount->type, "nfs", 3) == 0 || strcmp(mount->type, "9p") == 0 ||
	    strcmp(mount->type, "virtiofs") == 0)
		return pcipt_block_remote_share(map, mount);
	if (strcmp(mount->type, "btrfs") == 0)
		node = pcipt_block_btrfs_find(map, mount->source);
	/* bcachefs names its devices with colons between them. */
	for (const char *p = mount->source; node == BLOCK_NONE && *p; p += strspn(p, ":")) {
		size_t n = strcspn(p, ":");
		char path[300];

		if (strncmp(p, "/dev/", 5) == 0 && n < sizeof(path)) {
			snprintf(path, sizeof(path), "%.*s", (int)n, p);
			node = pcipt_block_map_find_path(map, path);
		}
		p += n;
	}
	return node;
}

/* ---- the first process's table, and what is found through it ---- */

/* The node that a file is on: that of the mount with the longest path to it, the last of equals. */
static size_t node_of_file(const struct block_map *map, const char *file)
{
	size_t node = BLOCK_NONE, longest = 0;

	for (size_t i = 0; i < map->n_table; i++) {
		const char *point = map->table[i].point;
		size_t n = strcmp(point, "/") == 0 ? 0 : strlen(point);

		if (n >= longest && strncmp(file, point, n) == 0 && file[n] == '/') {
			longest = n;
			node = map->table[i].node;
		}
	}
	return node;
}

/* Calls for each layer of an overlay: lowerdir=/a:/b,upperdir=/c (overlayfs.rst). */
static void add_layers(struct block_map *map, const struct pcipt_mount *mount)
{
	static const char *const names[] = { "lowerdir=", "lowerdir+=", "upperdir=", "datadir+=" };

	for (const char *p = mount->options; *p; p += strspn(p, ",")) {
		size_t end = strcspn(p, ","), skip = 0;

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strncmp(p, names[i], strlen(names[i])) == 0)
				skip = strlen(names[i]);
		while (skip && skip < end) {
			size_t n = strcspn(p + skip, ":,"), node;
			char *layer = pcipt_format("%.*s", (int)n, p + skip);

			node = layer ? node_of_file(map, layer) : BLOCK_NONE;
			map->no_memory |= !layer;
			free(layer);
			if (node != BLOCK_NONE)
				pcipt_block_mounts_add(map, node, mount->point, 1);
			skip += n + 1;
		}
		p += end;
	}
}

static void add_row(struct block_map *map, const char *point, size_t node)
{
	char *copy = strdup(point);

	if (!copy || !pcipt_grow(&map->table, map->n_table)) {
		free(copy);
		map->no_memory = true;
		return;
	}
	map->table[map->n_table].point = copy;
	map->table[map->n_table++].node = node;
}

/* A table's text as it came; the parser changes the one that it works on. */
static void take_table(struct block_map *map, char *text, long pid, bool first, bool quietly)
{
	/* Their layers are found through the whole table. */
	_cleanup_free_ struct pcipt_mount *overlays = NULL;
	struct pcipt_mount mount;
	bool damaged = false;
	size_t n = 0;
	int r;

	while ((r = pcipt_mount_next(&text, &mount)) != 0) {
		size_t node;

		damaged |= r < 0;
		if (r < 0)
			continue;
		node = node_of(map, &mount);
		if (first)
			add_row(map, mount.point, node);
		if (quietly)
			continue;
		if (node != BLOCK_NONE)
			pcipt_block_mounts_add(map, node, mount.point, pid);
		if (strcmp(mount.type, "zfs") == 0)
			keep_zfs(map, &mount, pid);
		if (pid != 1 || strcmp(mount.type, "overlay") != 0 || !pcipt_block_is_critical(mount.point))
			continue;
		if (pcipt_grow(&overlays, n))
			overlays[n++] = mount;
		else
			map->no_memory = true;
	}
	for (size_t i = 0; i < n; i++)
		add_layers(map, &overlays[i]);
	if (damaged && !quietly)
		pcipt_block_unknown(map, pcipt_format("/proc/%ld/mountinfo isn't as it should be",
						      pid));
}

/* On a disk itself it doesn't hold that exclusively, and is in no `holders`. */
static void add_loop(struct block_map *map, const struct block_entry *loop, const char *file)
{
	size_t disk = pcipt_block_map_find_path(map, file), fs = node_of_file(map, file);

	if (disk != BLOCK_NONE)
		pcipt_block_map_add_loop(map, loop, disk, NULL);
	else if (fs != BLOCK_NONE)
		pcipt_block_map_add_loop(map, loop, fs, file);
}

static bool read_backing_file(struct block_map *map, const struct block_entry *entry, char *file,
			      size_t size)
{
	return strncmp(entry->name, "loop", 4) == 0 &&
	       pcipt_block_read(map, entry->name, "loop/backing_file", file, size) > 0;
}

/* Whether any loop device is set up: a host has some that aren't. */
static bool find_loops(struct block_map *map)
{
	char file[PCIPT_ATTRIBUTE_MAX];

	pcipt_block_entries_add(map, "loop");
	for (size_t i = 0; i < map->n_entries; i++)
		if (read_backing_file(map, map->entries[i], file, sizeof(file)))
			return true;
	return false;
}

/*
 * A loop device stands on the file system that its file is in, which may itself be on a
 * loop device: as long as there are new ones, the table is gone through again.
 */
static void add_loops(struct block_map *map, const char *table)
{
	size_t before;

	do {
		_cleanup_free_ char *text = strdup(table);

		if (!text) {
			map->no_memory = true;
			return;
		}
		for (size_t i = 0; i < map->n_table; i++)
			free(map->table[i].point);
		map->n_table = 0;
		take_table(map, text, 1, true, true);
		before = map->n_nodes;
		for (size_t i = 0; i < map->n_entries; i++) {
			const struct block_entry *entry = map->entries[i];
			char file[PCIPT_ATTRIBUTE_MAX];

			if (read_backing_file(map, entry, file, sizeof(file)))
				add_loop(map, entry, file);
		}
	} while (map->n_nodes > before && !map->no_memory);
}

/* ---- swap ---- */

static void add_swap(struct block_map *map, const struct pcipt_swap *swap)
{
	size_t node = swap->is_file ? node_of_file(map, swap->path) :
				      pcipt_block_map_find_path(map, swap->path);
	char *path = strdup(swap->path);
	struct block_text list;

	if (node == BLOCK_NONE) {
		if (swap->is_file)
			free(path);
		else
			pcipt_block_keep(map, &map->lost_swaps, path);
		return;
	}
	list = (struct block_text){ map->nodes[node].swaps, map->nodes[node].n_swaps };
	pcipt_block_keep(map, &list, path);
	map->nodes[node].swaps = list.items;
	map->nodes[node].n_swaps = list.n;
}

/* A kernel without swap has no such file. */
static void read_swaps(struct block_map *map)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = pcipt_kernel_read_file(map->kernel, PCIPT_AT_ROOT, "proc/swaps", &text);
	struct pcipt_swap swap;
	char *rest = text;
	int r = 0;

	while (n >= 0 && (r = pcipt_swap_next(&rest, &swap)) > 0)
		add_swap(map, &swap);
	if ((n < 0 && n != -ENOENT) || r < 0)
		pcipt_block_unknown(map, pcipt_format("/proc/swaps can't be read (%s)",
						      n < 0 ? pcipt_errno_text((int)-n) :
							      "it isn't as it should be"));
}

/* ---- namespaces ---- */

/* How long a table may not go on, if the caller waits so long; a disk that sleeps has to spin up. */
#define TABLE_MS 10000
/* How often to look for another process where all that were known have ended. */
#define ROUNDS 20

/* A mount namespace, told by the table of any of its processes. */
struct space {
	unsigned long id;
	long tried, next; /* the process last asked, and the next one; 0 for none */
	bool done;
};

struct namespaces {
	struct block_map *map;
	struct space *items; /* the first process's own is the first */
	size_t n, hint;
	size_t n_denied;
	long denied; /* the first of those whose namespace can't be told */
	int errnum;
	bool again; /* they were listed before */
};

static void deny(struct namespaces *spaces, long pid, int errnum)
{
	if (spaces->n_denied++ > 0)
		return;
	spaces->denied = pid;
	spaces->errnum = errnum;
}

/* Gone meanwhile: not an error, the next process of that namespace will do. */
static bool is_gone(ssize_t r)
{
	return r == -ENOENT || r == -ESRCH || r == -EINVAL;
}

static struct space *add_space(struct namespaces *spaces, unsigned long id, long next)
{
	if (!pcipt_grow(&spaces->items, spaces->n)) {
		spaces->map->no_memory = true;
		return NULL;
	}
	spaces->hint = spaces->n;
	spaces->items[spaces->n] = (struct space){ .id = id, .next = next };
	return &spaces->items[spaces->n++];
}

/* The namespace of that number; a new one is put into the list. NULL without memory. */
static struct space *space_of(struct namespaces *spaces, unsigned long id)
{
	/* Most processes are in the same as the one before. */
	if (spaces->hint < spaces->n && spaces->items[spaces->hint].id == id)
		return &spaces->items[spaces->hint];
	for (size_t i = 0; i < spaces->n; i++)
		if (spaces->items[i].id == id) {
			spaces->hint = i;
			return &spaces->items[i];
		}
	return add_space(spaces, id, 0);
}

/* The number of a process's namespace: 1, or the errno of not knowing it. */
static ssize_t read_space(struct block_map *map, long pid, unsigned long *id)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "proc/%ld/ns/mnt", pid);
	n = map->kernel->ops->read_link(map->kernel, PCIPT_AT_ROOT, path, link, sizeof(link));
	if (n < 0)
		return n;
	return sscanf(link, "mnt:[%lu]", id) == 1 ? 1 : -EPROTO;
}

static int take_process(void *data, const char *name)
{
	struct namespaces *spaces = data;
	char *end;
	long pid = strtol(name, &end, 10);
	struct space *space;
	unsigned long id;
	ssize_t r;

	/* The first one is there already. */
	if (*end || pid <= 1 || end == name)
		return 0;
	r = read_space(spaces->map, pid, &id);
	if (r < 0) {
		if (!is_gone(r) && !spaces->again)
			deny(spaces, pid, (int)-r);
		return 0;
	}
	space = space_of(spaces, id);
	/* Folders may be listed in any order: the next one is the lowest not tried. */
	if (space && !space->done && pid > space->tried && (!space->next || pid < space->next))
		space->next = pid;
	return spaces->map->no_memory;
}

/* The first process's table, without which nobody knows what is root. */
static void take_first(struct block_map *map, const struct pcipt_file *file)
{
	if (file->result < 0) {
		pcipt_block_unknown(map, pcipt_format("/proc/1/mountinfo can't be read (%s)",
						      pcipt_errno_text((int)-file->result)));
	} else {
		/* With a thousand mounts going through them is most of what a look costs. */
		bool loops = find_loops(map);

		if (loops)
			add_loops(map, file->text);
		take_table(map, file->text, 1, !loops, false);
	}
	read_swaps(map);
}

static void take_space(struct namespaces *spaces, struct space *space,
		       const struct pcipt_file *file)
{
	space->tried = space->next;
	space->next = 0;
	space->done = file->result >= 0 || !is_gone(file->result);
	if (space->tried == 1)
		take_first(spaces->map, file);
	else if (file->result >= 0)
		take_table(spaces->map, file->text, space->tried, false, false);
	else if (space->done)
		deny(spaces, space->tried, (int)-file->result);
}

/* Reads the tables of all namespaces that have a next process: how many they are. */
static size_t read_tables(struct namespaces *spaces)
{
	_cleanup_free_ struct pcipt_file *files = calloc(spaces->n + 1, sizeof(*files));
	_cleanup_free_ char(*paths)[40] = calloc(spaces->n + 1, sizeof(*paths));
	size_t n = 0, k = 0;

	spaces->map->no_memory |= !files || !paths;
	if (!files || !paths)
		return 0;
	for (size_t i = 0; i < spaces->n; i++) {
		if (!spaces->items[i].next)
			continue;
		snprintf(paths[n], sizeof(*paths), "proc/%ld/mountinfo", spaces->items[i].next);
		files[n].path = paths[n];
		n++;
	}
	pcipt_kernel_read_files(spaces->map->kernel, PCIPT_AT_ROOT, files, n,
				pcipt_inquiry_patience(spaces->map->inquiry, TABLE_MS));
	for (size_t i = 0; i < spaces->n; i++)
		if (spaces->items[i].next)
			take_space(spaces, &spaces->items[i], &files[k++]);
	for (size_t i = 0; i < n; i++)
		free(files[i].text);
	return n;
}

static bool is_any_open(const struct namespaces *spaces)
{
	for (size_t i = 0; i < spaces->n; i++)
		if (!spaces->items[i].done)
			return true;
	return false;
}

static bool list_processes(struct namespaces *spaces)
{
	struct pcipt_kernel *k = spaces->map->kernel;
	int r = k->ops->list(k, PCIPT_AT_ROOT, "proc", take_process, spaces);

	if (r < 0)
		pcipt_block_unknown(spaces->map, pcipt_format("/proc can't be read (%s)",
							      pcipt_errno_text(-r)));
	spaces->again = true;
	return r >= 0;
}

/* A tree that isn't this machine's, in which no processes were recorded. */
static bool is_unrecorded(struct block_map *map)
{
	struct pcipt_kernel *k = map->kernel;

	if (k->ops->is_real(k) || k->ops->exists(k, PCIPT_AT_ROOT, "proc/1") != 0)
		return false;
	pcipt_block_keep(map, &map->unrecorded, strdup("/proc/1/mountinfo"));
	return true;
}

void pcipt_block_mounts_fill(struct block_map *map)
{
	struct namespaces spaces = { .map = map };
	unsigned long id = 0;

	pcipt_block_btrfs_fill(map);
	if (is_unrecorded(map)) {
		read_swaps(map);
		return;
	}
	read_space(map, 1, &id);
	add_space(&spaces, id, 1);
	for (int i = 0; !map->no_memory && is_any_open(&spaces); i++) {
		bool listed = list_processes(&spaces);

		if (i == ROUNDS || read_tables(&spaces) == 0 || !listed)
			break;
	}
	for (size_t i = 0; i < spaces.n; i++)
		if (spaces.items[i].next) /* its processes come and go too fast */
			deny(&spaces, spaces.items[i].next, EAGAIN);
	if (spaces.n_denied)
		pcipt_block_unknown(map,
				    pcipt_format("what process %ld%s mounted can't be read (%s)",
						 spaces.denied,
						 spaces.n_denied > 1 ? " and others have" : " has",
						 pcipt_errno_text(spaces.errnum)));
	free(spaces.items);
}
