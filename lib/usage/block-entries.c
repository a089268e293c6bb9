/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of /sys/class/block, each a link to where the disk hangs. A host can have
 * thousands: of a real machine only those are looked up that hang below the devices, and
 * those that something found leads to. Where the way down from a device can't be gone to
 * its end, and in a recorded tree, all are listed.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/block.h"

/* Whose disk that is can't be told either. */
static void cannot_see(struct block_map *map, const char *path, int errnum)
{
	map->blind = true;
	pcipt_block_unknown(map, pcipt_format("/sys/%s can't be read (%s)", path,
					      pcipt_errno_text(errnum)));
}

static int compare(const void *a, const void *b)
{
	return strcmp((*(struct block_entry *const *)a)->name,
		      (*(struct block_entry *const *)b)->name);
}

/* An entry of that name, which isn't sorted in; NULL without memory. */
static struct block_entry *add(struct block_map *map, const char *name, const char *path)
{
	struct block_entry *entry = calloc(1, sizeof(*entry));
	bool ok = entry && pcipt_grow(&map->entries, map->n_entries);

	if (ok) {
		entry->name = pcipt_dup(name, &ok);
		entry->path = pcipt_dup(path, &ok);
	}
	if (!ok) {
		if (entry) {
			free(entry->name);
			free(entry->path);
		}
		free(entry);
		map->no_memory = true;
		return NULL;
	}
	return map->entries[map->n_entries++] = entry;
}

/* Where the link leads to, or NULL; true when there is one, or there should be. */
static bool read_path(struct block_map *map, const char *name, char *link, size_t size,
		      const char **rest)
{
	char path[300];
	ssize_t n;

	snprintf(path, sizeof(path), "class/block/%s", name);
	n = map->kernel->ops->read_link(map->kernel, PCIPT_AT_SYS, path, link, size);
	*rest = n > 0 ? link : NULL;
	while (*rest && strncmp(*rest, "../", 3) == 0)
		*rest += 3;
	if (n < 0 && n != -ENOENT)
		cannot_see(map, path, (int)-n);
	return n != -ENOENT;
}

static int list_entry(void *data, const char *name)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	struct block_map *map = data;
	const char *path;

	read_path(map, name, link, sizeof(link), &path);
	return !add(map, name, path);
}

/* On a real machine no such folder means no block layer; in a recorded tree it means nothing. */
static void list_all(struct block_map *map)
{
	struct pcipt_kernel *k = map->kernel;
	int r = k->ops->list(k, PCIPT_AT_SYS, "class/block", list_entry, map);

	map->listed = true;
	if (r == -ENOENT && !k->ops->is_real(k)) {
		map->blind = true;
		pcipt_block_keep(map, &map->unrecorded, strdup("/sys/class/block"));
	} else if (r < 0 && r != -ENOENT) {
		cannot_see(map, "class/block", -r);
	}
	if (map->n_entries > 1)
		qsort(map->entries, map->n_entries, sizeof(struct block_entry *), compare);
}

const struct block_entry *pcipt_block_map_entry(struct block_map *map, const char *name)
{
	struct block_entry key = { .name = (char *)name }, *wanted = &key, **found, *entry;
	char link[PCIPT_ATTRIBUTE_MAX];
	const char *path;

	found = map->n_entries ? bsearch(&wanted, map->entries, map->n_entries,
					 sizeof(struct block_entry *), compare) :
				 NULL;
	if (found || map->listed)
		return found ? *found : NULL;
	if (!read_path(map, name, link, sizeof(link), &path))
		return NULL;
	entry = add(map, name, path);
	for (size_t i = map->n_entries; entry && i > 1 && compare(&map->entries[i - 2], &entry) > 0; i--) {
		map->entries[i - 1] = map->entries[i - 2];
		map->entries[i - 2] = entry;
	}
	return entry;
}

struct kind {
	struct block_map *map;
	const char *begin;
};

static int take_kind(void *data, const char *name)
{
	struct kind *kind = data;

	if (strncmp(name, kind->begin, strlen(kind->begin)) == 0)
		pcipt_block_map_entry(kind->map, name);
	return kind->map->no_memory;
}

void pcipt_block_entries_add(struct block_map *map, const char *begin)
{
	struct kind kind = { map, begin };
	struct pcipt_kernel *k = map->kernel;
	/* Whole disks alone, and so a few times shorter than /sys/class/block. */
	int r = map->listed ? 0 : k->ops->list(k, PCIPT_AT_SYS, "block", take_kind, &kind);

	if (r < 0 && r != -ENOENT)
		cannot_see(map, "block", -r);
}

void pcipt_block_entries_fill(struct block_map *map)
{
	struct pcipt_inquiry *inquiry = map->inquiry;
	bool whole = map->kernel->ops->is_real(map->kernel);

	for (size_t i = 0; whole && i < inquiry->n; i++) {
		const struct pcipt_details *details =
			pcipt_device_details(inquiry->devices[i], PCIPT_FACTS_CHILDREN);

		whole = details && !details->children_cut && !details->children_errnum;
		for (size_t n = 0; whole && n < details->n_children; n++)
			if (strcmp(details->children[n].subsystem, "block") == 0)
				pcipt_block_map_entry(map, details->children[n].name);
	}
	if (whole)
		return;
	for (size_t i = 0; i < map->n_entries; i++) {
		free(map->entries[i]->name);
		free(map->entries[i]->path);
		free(map->entries[i]);
	}
	map->n_entries = 0;
	list_all(map);
}
