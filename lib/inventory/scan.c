/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filling a snapshot: which devices there are, their ids, class, driver and group.
 * Only attributes that the kernel answers from memory and without the device's
 * lock are read here: `modalias` gives ids and class, drivers come from the
 * listings of the driver folders, groups from the link. (`uevent` would give all
 * of it, but on Linux 6.1 it waits for a stuck unbind.)
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "inventory/inventory.h"

/* ---- which devices ---- */

int pcipt_found_add(void *data, const char *name)
{
	struct pcipt_found *found = data;
	char canonical[PCIPT_ADDRESS_SIZE];
	struct pcipt_address at;

	if (pcipt_address_scan(name, &at, NULL))
		pcipt_address_print(at, canonical);
	else
		canonical[0] = '\0';
	/* The kernel writes each address in one way; two names for one are an attack. */
	if (strcmp(name, canonical) != 0) {
		pcipt_snapshot_add_problem(found->snap, NULL, name, NULL, PCIPT_E_DAMAGED, 0,
					   "has a name that is no address");
		return 0;
	}
	if (!pcipt_grow(&found->at, found->n))
		return -ENOMEM;
	found->at[found->n++] = at;
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = pcipt_address_key(*(const struct pcipt_address *)a);
	uint64_t y = pcipt_address_key(*(const struct pcipt_address *)b);

	return x < y ? -1 : x > y;
}

int pcipt_scan_fail(struct pcipt_snapshot *snap, int r, struct pcipt_error **error)
{
	if (r == -ENOMEM)
		return pcipt_fail_memory(error);
	if (r == -ENOENT || r == -ENOTDIR)
		return pcipt_fail(error, PCIPT_E_NO_PCI,
				  &(struct pcipt_error_facts){
					  .path = pcipt_place_path(PCIPT_AT_PCI_DEVICES),
					  .errnum = -r,
					  .remedy = "Mount sysfs on /sys, or give the root of a tree "
						    "that has sys/bus/pci" },
				  "there is no PCI bus below the root %s", snap->ctx->root);
	return pcipt_fail(error, PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .path = pcipt_place_path(PCIPT_AT_PCI_DEVICES),
				  .errnum = -r },
			  "the PCI devices can't be listed: %s", pcipt_errno_text(-r));
}

static void make_device(struct pcipt_device *device, struct pcipt_snapshot *snap,
			struct pcipt_address at)
{
	device->snap = snap;
	device->at = at;
	device->class_id = -1;
	for (size_t i = 0; i < ARRAY_SIZE(device->ids); i++)
		device->ids[i] = -1;
	pcipt_address_print(at, device->address);
}

/* Several threads may read: whoever has a problem takes the lock. */
static void note_problem(struct pcipt_device *device, const char *attribute, int code, int errnum,
			 const char *what)
{
	pthread_mutex_lock(&device->snap->lock);
	pcipt_snapshot_add_problem(device->snap, device, NULL, attribute, code, errnum, what);
	pthread_mutex_unlock(&device->snap->lock);
}

/* ---- ids and class ---- */

/* One field: its key, then exactly `digits` hex digits. */
static bool take_field(const char **p, const char *key, int digits, int32_t *value)
{
	size_t n = strlen(key);
	uint32_t number = 0;

	if (strncmp(*p, key, n) != 0)
		return false;
	*p += n;
	for (int i = 0; i < digits; i++, (*p)++) {
		int digit = pcipt_hex_digit(**p);

		if (digit < 0)
			return false;
		number = number << 4 | (uint32_t)digit;
	}
	*value = (int32_t)number;
	return number <= 0xffff;
}

/* "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00" (include/linux/mod_devicetable.h) */
static bool parse_modalias(struct pcipt_device *device, const char *text)
{
	int32_t ids[4], base, sub, interface;

	if (!take_field(&text, "pci:v", 8, &ids[0]) || !take_field(&text, "d", 8, &ids[1]) ||
	    !take_field(&text, "sv", 8, &ids[2]) || !take_field(&text, "sd", 8, &ids[3]) ||
	    !take_field(&text, "bc", 2, &base) || !take_field(&text, "sc", 2, &sub) ||
	    !take_field(&text, "i", 2, &interface) || *text)
		return false;
	memcpy(device->ids, ids, sizeof(ids));
	device->class_id = base << 16 | sub << 8 | interface;
	return true;
}

/* "0x10de" up to a limit; -1 with a problem where it is something else. */
static int32_t read_id(struct pcipt_device *device, const char *attribute, uint32_t max)
{
	char text[64], *end;
	ssize_t n = pcipt_device_read(device, attribute, text, sizeof(text));
	unsigned long value;

	if (n < 0) {
		note_problem(device, attribute, PCIPT_E_IO,
					   (int)-n, "can't be read");
		return -1;
	}
	errno = 0;
	value = strtoul(text, &end, 16);
	if (strncmp(text, "0x", 2) != 0 || end == text + 2 || *end || errno || value > max) {
		note_problem(device, attribute, PCIPT_E_DAMAGED,
					   0, "isn't a number in its range");
		return -1;
	}
	return (int32_t)value;
}

/* What the reading of `modalias` said. False when the device is gone. */
static bool take_ids(struct pcipt_device *device, ssize_t n, const char *text)
{
	static const char *const attributes[] = { "vendor", "device", "subsystem_vendor",
						  "subsystem_device" };
	struct pcipt_kernel *k = device->snap->kernel;

	if (n >= 0 && parse_modalias(device, text))
		return true;
	if (n == -ENOENT && k->ops->exists(k, PCIPT_AT_PCI_DEVICES, device->address) == 0)
		return false;
	if (n >= 0)
		note_problem(device, "modalias", PCIPT_E_DAMAGED, 0, "isn't a PCI alias");
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		device->ids[i] = read_id(device, attributes[i], 0xffff);
	device->class_id = read_id(device, "class", 0xffffff);
	return true;
}

/* ---- drivers ---- */

/*
 * vfio-pci's variants are called after it (mlx5_vfio_pci, nvgrace-gpu-vfio-pci):
 * every one in the kernel's drivers/vfio/pci is.
 */
static bool is_vfio_name(const char *name)
{
	size_t n = strlen(name);
	const char *end = n >= 8 ? name + n - 8 : "";

	return (strcmp(end, "vfio-pci") == 0 || strcmp(end, "vfio_pci") == 0) &&
	       (n == 8 || end[-1] == '-' || end[-1] == '_');
}

const struct pcipt_driver *pcipt_snapshot_driver(struct pcipt_snapshot *snap, const char *name)
{
	struct pcipt_driver *driver;
	char *copy;

	for (size_t i = 0; i < snap->n_drivers; i++)
		if (strcmp(snap->drivers[i]->name, name) == 0)
			return snap->drivers[i];
	driver = pcipt_arena_alloc(&snap->arena, sizeof(*driver));
	if (!driver || !pcipt_grow(&snap->drivers, snap->n_drivers))
		return NULL;
	copy = pcipt_arena_copy(&snap->arena, name, strlen(name));
	if (!copy)
		return NULL;
	pcipt_text_neutralise(copy);
	driver->name = copy;
	driver->vfio = is_vfio_name(name);
	snap->drivers[snap->n_drivers++] = driver;
	return driver;
}

struct driver_scan {
	struct pcipt_snapshot *snap;
	const char *name;
};

static int add_bound_device(void *data, const char *name)
{
	struct driver_scan *scan = data;
	struct pcipt_device *device;
	struct pcipt_address at;

	/* The folder holds attributes too: bind, new_id, module. */
	if (!pcipt_address_scan(name, &at, NULL))
		return 0;
	device = pcipt_snapshot_at(scan->snap, at);
	if (device && !device->driver)
		device->driver = pcipt_snapshot_driver(scan->snap, scan->name);
	return 0;
}

static int add_driver(void *data, const char *name)
{
	struct pcipt_snapshot *snap = data;
	struct driver_scan scan = { snap, name };

	snap->kernel->ops->list(snap->kernel, PCIPT_AT_PCI_DRIVERS, name, add_bound_device, &scan);
	return 0;
}

/* For a device that no listing named: bound since then, or a tree without listings. */
static void read_driver_link(struct pcipt_device *device)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read_link(device, "driver", link, sizeof(link));

	if (n > 0)
		device->driver = pcipt_snapshot_driver(device->snap, pcipt_base_name(link));
	else if (n != -ENOENT && n != -ENOTDIR) {
		device->driver_unknown = true;
		note_problem(device, "driver", PCIPT_E_IO, (int)-n, "can't be read");
	}
}

/* ---- groups ---- */

/* What the reading of the link `iommu_group` said: the group's number, or -1. */
static int take_group(struct pcipt_device *device, ssize_t n, const char *link)
{
	char *end;
	const char *name = n > 0 ? pcipt_base_name(link) : "";
	long number;

	if (n == -ENOENT || n == -ENOTDIR)
		return -1;
	errno = 0;
	number = n > 0 ? strtol(name, &end, 10) : -1;
	if (n <= 0 || !isdigit((unsigned char)*name) || end == name || *end || number < 0 || number > INT32_MAX || errno) {
		device->group_unknown = true;
		note_problem(device, "iommu_group",
					   PCIPT_E_DAMAGED, n < 0 ? (int)-n : 0,
					   "is no link to a group");
		return -1;
	}
	return (int)number;
}

int pcipt_scan_group_number(struct pcipt_device *device)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read_link(device, "iommu_group", link, sizeof(link));

	return take_group(device, n, link);
}

static int compare_numbers(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

static struct pcipt_group *find_group(struct pcipt_snapshot *snap, int number)
{
	size_t low = 0, high = snap->n_groups;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (snap->groups[mid].number == number)
			return &snap->groups[mid];
		if (snap->groups[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The sorted numbers of all groups become the groups, each number once. */
static bool make_groups(struct pcipt_snapshot *snap, const int *numbers)
{
	_cleanup_free_ int *sorted = calloc(snap->n_devices + 1, sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return false;
	for (size_t i = 0; i < snap->n_devices; i++)
		if (numbers[i] >= 0)
			sorted[n++] = numbers[i];
	qsort(sorted, n, sizeof(*sorted), compare_numbers);
	snap->groups = calloc(n + 1, sizeof(*snap->groups));
	if (!snap->groups)
		return false;
	for (size_t i = 0; i < n; i++)
		if (i == 0 || sorted[i] != sorted[i - 1]) {
			snap->groups[snap->n_groups].snap = snap;
			snap->groups[snap->n_groups++].number = sorted[i];
		}
	return true;
}

static void join_group(struct pcipt_device *device, struct pcipt_group *group)
{
	device->group = group;
	if (group->last)
		group->last->next_in_group = device;
	else
		group->first = device;
	group->last = device;
	group->n_devices++;
}

static bool join_groups(struct pcipt_snapshot *snap, const int *numbers)
{
	if (!make_groups(snap, numbers))
		return false;
	for (size_t i = 0; i < snap->n_devices; i++)
		if (numbers[i] >= 0)
			join_group(&snap->devices[i], find_group(snap, numbers[i]));
	return true;
}

/* ---- all of it ---- */

#define GONE (-2)

/* A thread's share of the devices. */
struct part {
	struct pcipt_snapshot *snap;
	size_t begin, end;
	int *numbers; /* of groups, for all devices; GONE for one that vanished */
	pthread_t thread;
};

/* One device by its own way. */
static int read_alone(struct pcipt_device *device)
{
	char text[128];
	ssize_t n = pcipt_device_read(device, "modalias", text, sizeof(text));

	return take_ids(device, n, text) ? pcipt_scan_group_number(device) : GONE;
}

/* How many devices are read together at most. */
#define BATCH 32

/*
 * Devices of one bus lie in one folder, their bridge's. That folder is opened once:
 * the long way through it is most of what reading a small attribute costs.
 */
struct batch {
	struct pcipt_read reads[2 * BATCH];
	char paths[2 * BATCH][48];
	char aliases[BATCH][128];
	char links[BATCH][512];
};

static void add_to_batch(struct batch *batch, size_t i, const struct pcipt_device *device)
{
	struct pcipt_read *reads = &batch->reads[2 * i];

	pcipt_device_print_path(device, "modalias", batch->paths[2 * i], 48);
	pcipt_device_print_path(device, "iommu_group", batch->paths[2 * i + 1], 48);
	reads[0] = (struct pcipt_read){ batch->paths[2 * i], batch->aliases[i], 128, 0, false };
	reads[1] = (struct pcipt_read){ batch->paths[2 * i + 1], batch->links[i], 512, 0, true };
}

/* The folder that a device and its neighbours are in, below /sys/devices; false for unknown. */
static bool find_folder(struct pcipt_device *device, char *link, size_t size, const char **folder)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char *slash;

	if (k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, device->address, link, size) <= 0)
		return false;
	*folder = pcipt_physical_path(link, device->address);
	slash = *folder ? strrchr(*folder, '/') : NULL;
	if (slash)
		*slash = '\0';
	return slash != NULL;
}

static void read_together(struct pcipt_device *devices, size_t n, int *numbers)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	const char *folder = NULL;
	struct batch batch;

	if (!find_folder(&devices[0], link, sizeof(link), &folder)) {
		for (size_t i = 0; i < n; i++)
			numbers[i] = read_alone(&devices[i]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_to_batch(&batch, i, &devices[i]);
	pcipt_kernel_read_set(devices[0].snap->kernel, PCIPT_AT_SYS_DEVICES, folder, batch.reads,
			      2 * n);
	for (size_t i = 0; i < n; i++) {
		const struct pcipt_read *alias = &batch.reads[2 * i], *group = alias + 1;

		/* Not in that folder after all, or something odd: by its own way. */
		if (alias->result < 0 || (group->result < 0 && group->result != -ENOENT))
			numbers[i] = read_alone(&devices[i]);
		else
			numbers[i] = take_ids(&devices[i], alias->result, alias->buf) ?
					     take_group(&devices[i], group->result, group->buf) :
					     GONE;
	}
}

static void *read_part(void *data)
{
	struct part *part = data;
	struct pcipt_device *devices = part->snap->devices;

	for (size_t i = part->begin, n; i < part->end; i += n) {
		uint64_t bus = pcipt_address_key(devices[i].at) >> 8;

		for (n = 1; n < BATCH && i + n < part->end; n++)
			if (pcipt_address_key(devices[i + n].at) >> 8 != bus)
				break;
		if (n == 1)
			part->numbers[i] = read_alone(&devices[i]);
		else
			read_together(&devices[i], n, &part->numbers[i]);
	}
	return NULL;
}

/* The caller's thread reads too; a thread that can't be started leaves its part to it. */
static void read_devices(struct pcipt_snapshot *snap, int *numbers)
{
	struct part parts[16];
	size_t n = snap->ctx->threads > 1 && snap->n_devices >= 256 ? snap->ctx->threads : 1;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (size_t i = n; i-- > 0;) {
		parts[i] = (struct part){ .snap = snap,
					  .begin = snap->n_devices * i / n,
					  .end = snap->n_devices * (i + 1) / n,
					  .numbers = numbers };
		if (i > 0 && pthread_create(&parts[i].thread, NULL, read_part, &parts[i]) != 0) {
			read_part(&parts[i]);
			parts[i].begin = parts[i].end = SIZE_MAX;
		}
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	read_part(&parts[0]);
	for (size_t i = 1; i < n; i++)
		if (parts[i].begin != SIZE_MAX)
			pthread_join(parts[i].thread, NULL);
}

/* Takes those that are gone out of both arrays. */
static void drop_gone(struct pcipt_snapshot *snap, int *numbers)
{
	size_t kept = 0;

	for (size_t i = 0; i < snap->n_devices; i++) {
		if (numbers[i] == GONE)
			continue;
		if (kept != i)
			snap->devices[kept] = snap->devices[i];
		numbers[kept++] = numbers[i];
	}
	snap->n_devices = kept;
}

int pcipt_scan_found(struct pcipt_found *found, struct pcipt_error **error)
{
	struct pcipt_snapshot *snap = found->snap;
	_cleanup_free_ int *numbers = calloc(found->n + 1, sizeof(*numbers));

	snap->devices = calloc(found->n + 1, sizeof(*snap->devices));
	if (!numbers || !snap->devices)
		return pcipt_fail_memory(error);
	if (found->n > 1)
		qsort(found->at, found->n, sizeof(*found->at), compare_addresses);
	for (size_t i = 0; i < found->n; i++)
		make_device(&snap->devices[i], snap, found->at[i]);
	snap->n_devices = found->n;
	read_devices(snap, numbers);
	drop_gone(snap, numbers);
	return join_groups(snap, numbers) ? 0 : pcipt_fail_memory(error);
}

void pcipt_scan_driver_links(struct pcipt_snapshot *snap)
{
	for (size_t i = 0; i < snap->n_devices; i++)
		if (!snap->devices[i].driver)
			read_driver_link(&snap->devices[i]);
}

int pcipt_scan_all(struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	struct pcipt_found found = { .snap = snap };
	int r = k->ops->list(k, PCIPT_AT_PCI_DEVICES, ".", pcipt_found_add, &found);

	r = r < 0 ? pcipt_scan_fail(snap, r, error) : pcipt_scan_found(&found, error);
	free(found.at);
	if (r < 0)
		return r;
	k->ops->list(k, PCIPT_AT_PCI_DRIVERS, ".", add_driver, snap);
	pcipt_scan_driver_links(snap);
	return 0;
}
