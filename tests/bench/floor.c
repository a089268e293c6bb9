/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * floor base|facts [THREADS]: the system calls without which the facts can't be
 * known, in the cheapest order that was found, and next to nothing else: nothing is
 * kept, no text is understood beyond what the next call needs. What a library adds
 * to this is its own cost.
 *
 * Tried and dearer: every path through the device's link (one call fewer, but nine
 * names to walk instead of two), every path from sys/devices, the folder of each
 * device opened, one listing of each IOMMU group. `uevent` would spare the listings
 * of the drivers but waits for the device's lock on some kernels; the config space
 * wakes the device.
 */
#include "figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"
#define PHYSICAL "/sys/devices"

/* As much as the kernel gives in one call: fewer calls for a long folder. */
#define LISTING 65536

#define MAX_THREADS 64

struct part {
	char *const *names; /* sorted, so those of one bus stand together */
	size_t n;
	int devices, physical; /* the folder of all links, and sys/devices */
	bool facts, alone;
	struct found found;
};

/* open, read, close: there is no shorter way to an attribute. No second read for the file's end. */
static ssize_t read_attribute(int folder, const char *name, char *buf, size_t size)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

/*
 * The folder that a device and all others on its bus are in, or -1 where it is
 * alone on its bus: two calls a bus, and then paths of two names instead of nine.
 */
static int open_bus(const struct part *part, const char *device)
{
	static const char prefix[] = "../../../devices/";
	char link[4096], *slash;
	/* The text says where the device is; the same for all on this bus, VFs too. */
	ssize_t n = readlinkat(part->devices, device, link, sizeof(link) - 1);

	if (n < (ssize_t)sizeof(prefix))
		return -1;
	link[n] = '\0';
	slash = strrchr(link, '/');
	*slash = '\0';
	return openat(part->physical, link + sizeof(prefix) - 1, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* "DEVICE/" stands in `path`, and `name` is where the attribute's name goes. */
static void read_device(struct part *part, int folder, const char *path, char *name)
{
	struct found *found = &part->found;
	char buf[4096];
	bool display;

	/* `modalias`: vendor, device, both subsystem ids and the class in one read. */
	strcpy(name, "modalias");
	found->ids += read_attribute(folder, path, buf, sizeof(buf)) > 0;
	display = part->facts && strstr(buf, "bc03sc00");
	/* The link's text ends with the group's number: one call, nothing is opened. */
	strcpy(name, "iommu_group");
	found->groups += readlinkat(folder, path, buf, sizeof(buf)) > 0;
	if (!part->facts)
		return;
	/* Neither `modalias` nor any other attribute has these two. */
	strcpy(name, "revision");
	found->revisions += read_attribute(folder, path, buf, sizeof(buf)) > 0;
	strcpy(name, "numa_node");
	found->nodes += read_attribute(folder, path, buf, sizeof(buf)) > 0;
	/* Absent where the kernel knows no reset; only the open can tell. */
	strcpy(name, "reset_method");
	found->resets += read_attribute(folder, path, buf, sizeof(buf)) > 0;
	/* Nothing else tells a VF from another function. */
	strcpy(name, "physfn");
	found->vfs += readlinkat(folder, path, buf, sizeof(buf)) > 0;
	/* Only VGA devices have it, and the class says which those are. */
	if (display) {
		strcpy(name, "boot_vga");
		found->displays += read_attribute(folder, path, buf, sizeof(buf)) > 0;
	}
}

/* "0000:01:00.0" without the ":00.0". */
static size_t bus_length(const char *device)
{
	const char *colon = strrchr(device, ':');

	return colon ? (size_t)(colon - device) : 0;
}

static void *read_part(void *data)
{
	struct part *part = data;
	char path[512];
	int bus = -1;

	/*
	 * A table of descriptors of its own: threads that share one wait for each
	 * other at every open and close.
	 */
	if (part->alone)
		unshare(CLONE_FILES);
	for (size_t i = 0; i < part->n; i++) {
		const char *device = part->names[i];
		size_t length = bus_length(device);

		if (i > 0 && strncmp(part->names[i - 1], device, length + 1) != 0 && bus >= 0) {
			close(bus);
			bus = -1;
		}
		if (bus < 0 && i + 1 < part->n &&
		    strncmp(part->names[i + 1], device, length + 1) == 0)
			bus = open_bus(part, device);
		read_device(part, bus < 0 ? part->devices : bus, path,
			    stpcpy(stpcpy(path, device), "/"));
	}
	if (bus >= 0)
		close(bus);
	return NULL;
}

static void read_devices(struct part whole, unsigned int n_threads, struct found *found)
{
	pthread_t threads[MAX_THREADS];
	struct part parts[MAX_THREADS];

	for (unsigned int i = 0; i < n_threads; i++) {
		size_t from = whole.n * i / n_threads, to = whole.n * (i + 1) / n_threads;

		parts[i] = whole;
		parts[i].names = whole.names + from;
		parts[i].n = to - from;
		parts[i].alone = i > 0;
		if (i > 0 && pthread_create(&threads[i], NULL, read_part, &parts[i]) != 0)
			figures_fail("pthread_create");
	}
	read_part(&parts[0]);
	for (unsigned int i = 0; i < n_threads; i++) {
		if (i > 0)
			pthread_join(threads[i], NULL);
		found->ids += parts[i].found.ids;
		found->groups += parts[i].found.groups;
		found->revisions += parts[i].found.revisions;
		found->nodes += parts[i].found.nodes;
		found->resets += parts[i].found.resets;
		found->displays += parts[i].found.displays;
		found->vfs += parts[i].found.vfs;
	}
}

/* The names in a folder, one after the other; without those that begin with a dot. */
static char *list(int at, const char *path, size_t *n)
{
	char buf[LISTING], *names = NULL, *end;
	size_t used = 0, room = 0;
	ssize_t got;
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*n = 0;
	if (fd < 0)
		return NULL;
	while ((got = getdents64(fd, buf, sizeof(buf))) > 0) {
		if (used + (size_t)got > room) {
			room = 2 * room + LISTING;
			names = realloc(names, room);
			if (!names)
				figures_fail("memory");
		}
		for (char *p = buf; p < buf + got;) {
			struct dirent64 *entry = (struct dirent64 *)p;

			p += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			end = stpcpy(names + used, entry->d_name);
			used = (size_t)(end - names) + 1;
			(*n)++;
		}
	}
	close(fd);
	return names;
}

/* Which device has which driver: a few calls for each driver, not one for each device. */
static void list_drivers(struct found *found)
{
	int drivers = open(DRIVERS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n, entries;
	char *names = list(drivers, ".", &n), *bound;
	const char *name = names, *entry;

	for (size_t i = 0; i < n; i++, name += strlen(name) + 1) {
		bound = list(drivers, name, &entries);
		entry = bound;
		/* The rest are attributes: bind, new_id, module. */
		for (size_t j = 0; j < entries; j++, entry += strlen(entry) + 1)
			found->drivers += strchr(entry, ':') != NULL;
		free(bound);
	}
	free(names);
	close(drivers);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Pointers to the names, sorted: sysfs lists in an order of its own. */
static char **sort(char *names, size_t n)
{
	char **sorted = malloc((n + 1) * sizeof(*sorted));

	if (!sorted)
		figures_fail("memory");
	for (size_t i = 0; i < n; i++, names += strlen(names) + 1)
		sorted[i] = names;
	qsort(sorted, n, sizeof(*sorted), compare_names);
	return sorted;
}

int main(int argc, char **argv)
{
	struct found found = { 0 };
	struct part whole = { 0 };
	unsigned int threads = argc > 2 ? (unsigned int)atoi(argv[2]) : 1;
	char *names, **sorted;

	if (argc < 2 || (strcmp(argv[1], "base") != 0 && strcmp(argv[1], "facts") != 0) ||
	    threads < 1 || threads > MAX_THREADS) {
		fprintf(stderr, "usage: floor base|facts [THREADS]\n");
		return 2;
	}
	figures_begin();
	whole.facts = strcmp(argv[1], "facts") == 0;
	whole.devices = open(DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);
	whole.physical = open(PHYSICAL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (whole.devices < 0 || whole.physical < 0)
		figures_fail(DEVICES);
	/* The listing is the only place that names the devices. */
	names = list(whole.devices, ".", &found.devices);
	sorted = sort(names, found.devices);
	whole.names = sorted;
	whole.n = found.devices;
	read_devices(whole, threads, &found);
	list_drivers(&found);
	close(whole.physical);
	close(whole.devices);
	figures_end();
	free(sorted);
	free(names);
	figures_print(&found);
	return 0;
}
