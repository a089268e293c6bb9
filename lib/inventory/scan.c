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
#include <stdio.h>

#include "inventory/inventory.h"

/* ---- which devices ---- */

struct scan {
	struct pcipt_snapshot *snap;
	size_t room;
};

static int add_device(void *data, const char *name)
{
	struct scan *scan = data;
	struct pcipt_snapshot *snap = scan->snap;
	struct pcipt_device *device;
	char canonical[PCIPT_ADDRESS_SIZE];
	struct pcipt_address at;

	if (pcipt_address_scan(name, &at, NULL))
		pcipt_address_print(at, canonical);
	else
		canonical[0] = '\0';
	/* The kernel writes each address in one way; two names for one are an attack. */
	if (strcmp(name, canonical) != 0) {
		pcipt_snapshot_add_problem(snap, NULL, name, NULL, PCIPT_E_DAMAGED, 0,
					   "has a name that is no address");
		return 0;
	}
	if (snap->n_devices == scan->room) {
		size_t room = scan->room ? scan->room * 2 : 64;
		struct pcipt_device *more =
			reallocarray(snap->devices, room, sizeof(*snap->devices));

		if (!more)
			return -ENOMEM;
		snap->devices = more;
		scan->room = room;
	}
	device = &snap->devices[snap->n_devices++];
	memset(device, 0, sizeof(*device));
	device->snap = snap;
	device->at = at;
	device->class_id = -1;
	for (size_t i = 0; i < ARRAY_SIZE(device->ids); i++)
		device->ids[i] = -1;
	device->address = pcipt_arena_copy(&snap->arena, name, strlen(name));
	return device->address ? 0 : -ENOMEM;
}

static int compare_devices(const void *a, const void *b)
{
	uint64_t x = pcipt_address_key(((const struct pcipt_device *)a)->at);
	uint64_t y = pcipt_address_key(((const struct pcipt_device *)b)->at);

	return x < y ? -1 : x > y;
}

static void sort_devices(struct pcipt_snapshot *snap)
{
	if (snap->n_devices > 1)
		qsort(snap->devices, snap->n_devices, sizeof(*snap->devices), compare_devices);
}

static int fail_listing(struct pcipt_snapshot *snap, int r, struct pcipt_error **error)
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

static int list_devices(struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	struct scan scan = { .snap = snap };
	int r = k->ops->list(k, PCIPT_AT_PCI_DEVICES, ".", add_device, &scan);

	if (r < 0)
		return fail_listing(snap, r, error);
	sort_devices(snap);
	return 0;
}

/* ---- where each one is ---- */

/*
 * A link's text as a path below /sys/devices, or NULL: nothing in it may lead
 * elsewhere, and it ends with the device's own name.
 */
static const char *physical_path(const char *link, const char *address)
{
	static const char prefix[] = "../../../devices/";
	const char *path = link + sizeof(prefix) - 1, *name = path;

	if (strncmp(link, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	for (const char *p = path;; p++) {
		if (*p && *p != '/')
			continue;
		if (p == name || (name[0] == '.' && (p - name == 1 || (p - name == 2 && name[1] == '.'))))
			return NULL;
		if (!*p)
			return strcmp(name, address) == 0 ? path : NULL;
		name = p + 1;
	}
}

/* False when the device is gone. */
static bool find_path(struct pcipt_device *device)
{
	struct pcipt_snapshot *snap = device->snap;
	struct pcipt_kernel *k = snap->kernel;
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, device->address, link,
				      sizeof(link));
	const char *path = n > 0 ? physical_path(link, device->address) : NULL;

	if (n == -ENOENT)
		return false;
	/* Recorded trees may hold folders instead of links. */
	device->place = path ? PCIPT_AT_SYS_DEVICES : PCIPT_AT_PCI_DEVICES;
	device->path = path ? pcipt_arena_copy(&snap->arena, path, strlen(path)) : device->address;
	if (n > 0 && !path)
		pcipt_snapshot_add_problem(snap, device, NULL, NULL, PCIPT_E_DAMAGED, 0,
					   "is a link that leads out of sys/devices");
	return device->path != NULL;
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
		char c = **p;

		if (!isxdigit((unsigned char)c))
			return false;
		number = number << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
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
		pcipt_snapshot_add_problem(device->snap, device, NULL, attribute, PCIPT_E_IO,
					   (int)-n, "can't be read");
		return -1;
	}
	errno = 0;
	value = strtoul(text, &end, 16);
	if (strncmp(text, "0x", 2) != 0 || end == text + 2 || *end || errno || value > max) {
		pcipt_snapshot_add_problem(device->snap, device, NULL, attribute, PCIPT_E_DAMAGED,
					   0, "isn't a number in its range");
		return -1;
	}
	return (int32_t)value;
}

static void read_ids(struct pcipt_device *device)
{
	static const char *const attributes[] = { "vendor", "device", "subsystem_vendor",
						  "subsystem_device" };
	char text[128];
	ssize_t n = pcipt_device_read(device, "modalias", text, sizeof(text));

	if (n >= 0 && parse_modalias(device, text))
		return;
	if (n >= 0)
		pcipt_snapshot_add_problem(device->snap, device, NULL, "modalias", PCIPT_E_DAMAGED,
					   0, "isn't a PCI alias");
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		device->ids[i] = read_id(device, attributes[i], 0xffff);
	device->class_id = read_id(device, "class", 0xffffff);
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

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* For a device that no listing named: bound since then, or a tree without listings. */
static void read_driver_link(struct pcipt_device *device)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read_link(device, "driver", link, sizeof(link));

	if (n > 0)
		device->driver = pcipt_snapshot_driver(device->snap, base_name(link));
	else if (n != -ENOENT && n != -ENOTDIR)
		pcipt_snapshot_add_problem(device->snap, device, NULL, "driver", PCIPT_E_IO,
					   (int)-n, "can't be read");
}

/* ---- groups ---- */

/* The group's number, or -1. */
static int read_group_number(struct pcipt_device *device)
{
	char link[PCIPT_ATTRIBUTE_MAX], *end;
	ssize_t n = pcipt_device_read_link(device, "iommu_group", link, sizeof(link));
	const char *name = n > 0 ? base_name(link) : "";
	long number;

	if (n == -ENOENT || n == -ENOTDIR)
		return -1;
	errno = 0;
	number = n > 0 ? strtol(name, &end, 10) : -1;
	if (n <= 0 || !isdigit((unsigned char)*name) || end == name || *end || number < 0 || number > INT32_MAX || errno) {
		pcipt_snapshot_add_problem(device->snap, device, NULL, "iommu_group",
					   PCIPT_E_DAMAGED, n < 0 ? (int)-n : 0,
					   "is no link to a group");
		return -1;
	}
	return (int)number;
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

static int read_groups(struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	_cleanup_free_ int *numbers = calloc(snap->n_devices + 1, sizeof(*numbers));

	if (!numbers)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < snap->n_devices; i++)
		numbers[i] = read_group_number(&snap->devices[i]);
	if (!make_groups(snap, numbers))
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < snap->n_devices; i++)
		if (numbers[i] >= 0)
			join_group(&snap->devices[i], find_group(snap, numbers[i]));
	return 0;
}

/* ---- all of it ---- */

/* Paths and ids of the devices that are still there. */
static void read_devices(struct pcipt_snapshot *snap)
{
	size_t kept = 0;

	for (size_t i = 0; i < snap->n_devices; i++) {
		struct pcipt_device *device = &snap->devices[i];

		if (!find_path(device))
			continue;
		read_ids(device);
		if (kept != i)
			snap->devices[kept] = *device;
		kept++;
	}
	snap->n_devices = kept;
}

static int read_relations(struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	for (size_t i = 0; i < snap->n_devices; i++)
		if (!snap->devices[i].driver)
			read_driver_link(&snap->devices[i]);
	return read_groups(snap, error);
}

int pcipt_scan_all(struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	int r = list_devices(snap, error);

	if (r < 0)
		return r;
	read_devices(snap);
	k->ops->list(k, PCIPT_AT_PCI_DRIVERS, ".", add_driver, snap);
	return read_relations(snap, error);
}

/* ---- some of it ---- */

/* Adds a device by its name once; names that are no address are passed over. */
static int add_once(void *data, const char *name)
{
	struct scan *scan = data;
	struct pcipt_address at;

	if (!pcipt_address_scan(name, &at, NULL))
		return 0;
	for (size_t i = 0; i < scan->snap->n_devices; i++)
		if (pcipt_address_key(scan->snap->devices[i].at) == pcipt_address_key(at))
			return 0;
	return add_device(scan, name);
}

/* The bridges on the way from the root bus: each has its address in the path. */
static int add_bridges(struct scan *scan, const char *path)
{
	char name[PCIPT_ADDRESS_SIZE];
	int r = 0;

	for (const char *p = path; r == 0 && *p;) {
		size_t n = strcspn(p, "/");

		if (n < sizeof(name)) {
			memcpy(name, p, n);
			name[n] = '\0';
			r = add_once(scan, name);
		}
		p += n + (p[n] == '/');
	}
	return r;
}

static int add_linked(struct scan *scan, const struct pcipt_device *device, const char *name)
{
	char link[PCIPT_ATTRIBUTE_MAX];

	if (pcipt_device_read_link(device, name, link, sizeof(link)) <= 0)
		return 1;
	return add_once(scan, base_name(link));
}

static int add_functions(struct scan *scan, struct pcipt_device device)
{
	char name[32];
	int r = add_linked(scan, &device, "physfn");

	for (unsigned int i = 0; r >= 0; i++) {
		snprintf(name, sizeof(name), "virtfn%u", i);
		r = add_linked(scan, &device, name);
		if (r == 1)
			return 0;
	}
	return r;
}

static int add_group_members(struct scan *scan, struct pcipt_device device)
{
	struct pcipt_kernel *k = scan->snap->kernel;
	int number = read_group_number(&device), r;
	char path[32];

	if (number < 0)
		return 0;
	snprintf(path, sizeof(path), "%d/devices", number);
	r = k->ops->list(k, PCIPT_AT_IOMMU_GROUPS, path, add_once, scan);
	return r == -ENOMEM ? r : 0;
}

static int add_slot(struct scan *scan, struct pcipt_address at)
{
	char name[PCIPT_ADDRESS_SIZE];
	int r = 0;

	for (uint8_t f = 0; r == 0 && f < 8; f++) {
		at.devfn = (uint8_t)((at.devfn & ~7u) | f);
		pcipt_address_print(at, name);
		r = add_once(scan, name);
	}
	return r;
}

/* Follows relations from each device found so far, until nothing new comes. */
static int follow(struct scan *scan)
{
	struct pcipt_snapshot *snap = scan->snap;
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < snap->n_devices; i++) {
		if (!find_path(&snap->devices[i])) {
			snap->devices[i].path = NULL;
			continue;
		}
		read_ids(&snap->devices[i]);
		/* By value: adding a device moves the array. */
		r = add_bridges(scan, snap->devices[i].path);
		if (r == 0)
			r = add_functions(scan, snap->devices[i]);
		if (r == 0)
			r = add_group_members(scan, snap->devices[i]);
	}
	for (size_t i = 0; i < snap->n_devices; i++)
		if (snap->devices[i].path)
			snap->devices[kept++] = snap->devices[i];
	snap->n_devices = kept;
	return r;
}

int pcipt_scan_scoped(struct pcipt_snapshot *snap, const struct pcipt_address *addresses, size_t n,
		      struct pcipt_error **error)
{
	struct pcipt_kernel *k = snap->kernel;
	struct scan scan = { .snap = snap };
	int r = 0;

	if (k->ops->exists(k, PCIPT_AT_PCI_DEVICES, ".") != 1)
		return fail_listing(snap, -ENOENT, error);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_slot(&scan, addresses[i]);
	if (r == 0)
		r = follow(&scan);
	if (r < 0)
		return pcipt_fail_memory(error);
	sort_devices(snap);
	return read_relations(snap, error);
}
