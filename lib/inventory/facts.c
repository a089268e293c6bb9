/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts that are read when they are first asked for, once, and then stay. One
 * lock for a snapshot guards the reading; the bit in `loaded` is set last, so
 * that a reader who sees it needs no lock.
 */
#include <errno.h>
#include <stdio.h>

#include "inventory/inventory.h"

/* How long a device's lock may be held before its override is "not known now". */
#define OVERRIDE_WAIT_MS 250
/* Drivers' names are shorter by far; one that fills this is "not known". */
#define OVERRIDE_SIZE 256

static char *keep(struct pcipt_device *device, const char *text)
{
	return pcipt_arena_copy(&device->snap->arena, text, strlen(text));
}

const char *pcipt_device_keep_text(struct pcipt_device *device, const char *attribute)
{
	char buf[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read(device, attribute, buf, sizeof(buf));

	if (n < 0) {
		if (n != -ENOENT)
			pcipt_snapshot_add_problem(device->snap, device, NULL, attribute,
						   PCIPT_E_IO, (int)-n, "can't be read");
		return NULL;
	}
	pcipt_text_neutralise(buf);
	return n > 0 ? keep(device, buf) : NULL;
}

/* A number between min and max; `absent` when it isn't there or isn't one. */
static long read_number(struct pcipt_device *device, const char *attribute, int base, long min,
			long max, long absent)
{
	const char *text = pcipt_device_keep_text(device, attribute);
	char *end;
	long value;

	if (!text)
		return absent;
	errno = 0;
	value = strtol(text, &end, base);
	if (end == text || *end || errno || value < min || value > max) {
		pcipt_snapshot_add_problem(device->snap, device, NULL, attribute, PCIPT_E_DAMAGED,
					   0, "isn't a number in its range");
		return absent;
	}
	return value;
}

/* "flr bus" becomes two names (sysfs-bus-pci, reset_method, since Linux 5.15). */
static void read_reset_methods(struct pcipt_device *device, struct pcipt_facts *facts)
{
	const char *text = pcipt_device_keep_text(device, "reset_method");
	char *words = text ? keep(device, text) : NULL;
	char *rest = NULL;
	size_t n = 1;

	if (!words)
		return;
	for (const char *p = words; *p; p++)
		n += *p == ' ';
	facts->reset_methods = pcipt_arena_alloc(&device->snap->arena, n * sizeof(char *));
	if (!facts->reset_methods)
		return;
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		facts->reset_methods[facts->n_reset_methods++] = w;
}

static void load_attributes(struct pcipt_device *device, struct pcipt_facts *facts)
{
	facts->revision = (int16_t)read_number(device, "revision", 16, 0, 0xff, -1);
	facts->numa_node = (int)read_number(device, "numa_node", 10, -1, 65535, -1);
	/* Only VGA devices have the attribute (sysfs-bus-pci, boot_vga). */
	facts->boot_vga = device->class_id >> 8 == 0x0300 ?
				  (int8_t)read_number(device, "boot_vga", 10, 0, 1, -1) :
				  -1;
	facts->power_control = pcipt_device_keep_text(device, "power/control");
	read_reset_methods(device, facts);
}

/* The device that a link below another one names, or NULL. */
static struct pcipt_device *linked_device(struct pcipt_device *device, const char *name)
{
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = pcipt_device_read_link(device, name, link, sizeof(link));
	const char *slash = n > 0 ? strrchr(link, '/') : NULL;
	struct pcipt_address at;

	if (!slash || !pcipt_address_scan(slash + 1, &at, NULL))
		return NULL;
	return pcipt_snapshot_at(device->snap, at);
}

static void load_functions(struct pcipt_device *device, struct pcipt_facts *facts)
{
	_cleanup_free_ struct pcipt_device **found = NULL;
	char name[32], link[PCIPT_ATTRIBUTE_MAX];
	size_t n = 0;

	facts->physfn = linked_device(device, "physfn");
	/* VFs that came after the listing count too: the PF can't move then. */
	facts->has_vfs = pcipt_device_read_link(device, "virtfn0", link, sizeof(link)) > 0;
	for (struct pcipt_device *vf; facts->has_vfs; n++) {
		snprintf(name, sizeof(name), "virtfn%zu", n);
		vf = linked_device(device, name);
		if (!vf || !pcipt_grow(&found, n))
			break;
		found[n] = vf;
	}
	facts->virtfns = n ? pcipt_arena_alloc(&device->snap->arena, n * sizeof(*found)) : NULL;
	if (!facts->virtfns)
		return;
	memcpy(facts->virtfns, found, n * sizeof(*found));
	facts->n_virtfns = n;
}

/* The group's node has the group's number; without isolation it is called otherwise. */
static const char *group_node(struct pcipt_device *device, char *buf, size_t size)
{
	struct pcipt_kernel *k = device->snap->kernel;

	if (!device->group)
		return NULL;
	snprintf(buf, size, "class/vfio/%d", device->group->number);
	if (k->ops->exists(k, PCIPT_AT_SYS, buf) == 1) {
		snprintf(buf, size, "/dev/vfio/%d", device->group->number);
		return buf;
	}
	snprintf(buf, size, "class/vfio/noiommu-%d", device->group->number);
	if (k->ops->exists(k, PCIPT_AT_SYS, buf) != 1)
		return NULL;
	snprintf(buf, size, "/dev/vfio/noiommu-%d", device->group->number);
	return buf;
}

static int take_vfio_name(void *data, const char *name)
{
	char *found = data;

	if (strncmp(name, "vfio", 4) != 0 || strlen(name) > 20)
		return 0;
	strcpy(found, name);
	return 1;
}

/* `vfio-dev/vfioN` is there without cdev support too; its `dev` file is not. */
static const char *own_node(struct pcipt_device *device, char *buf, size_t size)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char folder[PCIPT_ATTRIBUTE_MAX], name[24] = "";

	if ((size_t)snprintf(folder, sizeof(folder), "%s/vfio-dev", device->path) >= sizeof(folder))
		return NULL;
	k->ops->list(k, device->place, folder, take_vfio_name, name);
	if (!*name || (size_t)snprintf(buf, size, "%s/%s/dev", folder, name) >= size ||
	    k->ops->exists(k, device->place, buf) != 1)
		return NULL;
	snprintf(buf, size, "/dev/vfio/devices/%s", name);
	return buf;
}

static void load_vfio(struct pcipt_device *device, struct pcipt_facts *facts)
{
	char buf[PCIPT_ATTRIBUTE_MAX];
	const char *node;

	if (!device->driver || !device->driver->vfio)
		return;
	node = own_node(device, buf, sizeof(buf));
	facts->vfio_cdev = node ? keep(device, node) : NULL;
	node = group_node(device, buf, sizeof(buf));
	facts->vfio_group_node = node ? keep(device, node) : NULL;
}

/* What one guarded read said. "(null)" is how the kernel prints no override. */
static void take_override(struct pcipt_device *device, struct pcipt_facts *facts, ssize_t n,
			  char *text)
{
	if (n == OVERRIDE_SIZE - 1)
		n = -E2BIG; /* cut: what isn't whole could not be put back */
	if (n < 0) {
		facts->override_unknown = n != -ENOENT;
		if (n != -ENOENT)
			pcipt_snapshot_add_problem(device->snap, device, NULL, "driver_override",
						   n == -EBUSY ? PCIPT_E_BUSY : PCIPT_E_IO,
						   (int)-n,
						   n == -EBUSY ? "can't be read now, the device's "
								 "lock is held (device-busy)" :
								 "can't be read");
	} else if (n > 0 && strcmp(text, "(null)") != 0) {
		facts->driver_override = keep(device, text);
		pcipt_text_neutralise(text);
		/* Bytes that no record can hold could not be put back. */
		if (!pcipt_streq(facts->driver_override, text)) {
			facts->driver_override = NULL;
			facts->override_unknown = true;
			pcipt_snapshot_add_problem(device->snap, device, NULL, "driver_override",
						   PCIPT_E_DAMAGED, 0, "holds bytes that are no text");
		}
	}
}

/* In one place for all the devices that need it: one helper process reads them. */
static void load_overrides(struct pcipt_snapshot *snap, struct pcipt_device *const *devices,
			   size_t n, enum pcipt_place place)
{
	_cleanup_free_ struct pcipt_guarded_read *reads = calloc(n, sizeof(*reads));
	_cleanup_free_ struct pcipt_device **who = calloc(n, sizeof(*who));
	_cleanup_free_ char *buffers = malloc(n * OVERRIDE_SIZE);
	struct pcipt_arena scratch = { 0 };
	size_t wanted = 0;

	for (size_t i = 0; reads && who && buffers && i < n; i++) {
		struct pcipt_device *device = devices[i];
		size_t length = strlen(device->path) + sizeof("/driver_override");
		char *path;

		if (device->place != place || (device->loaded & PCIPT_FACTS_OVERRIDE) ||
		    !(path = pcipt_arena_alloc(&scratch, length)))
			continue;
		snprintf(path, length, "%s/driver_override", device->path);
		reads[wanted] = (struct pcipt_guarded_read){ path, buffers + wanted * OVERRIDE_SIZE,
							     OVERRIDE_SIZE, -EIO };
		who[wanted++] = device;
	}
	if (wanted > 0) {
		snap->kernel->ops->read_guarded(snap->kernel, place, reads, wanted,
						OVERRIDE_WAIT_MS);
		for (size_t i = 0; i < wanted; i++)
			take_override(who[i], who[i]->facts, reads[i].result, reads[i].buf);
	}
	pcipt_arena_free(&scratch);
}

#define DETAILED_FACTS                                                                            \
	(PCIPT_FACTS_MORE | PCIPT_FACTS_CONFIG | PCIPT_FACTS_CHILDREN | PCIPT_FACTS_MODULES |     \
	 PCIPT_FACTS_VPD)

static bool make_facts(struct pcipt_device *device, unsigned int which)
{
	struct pcipt_facts *facts = device->facts;

	if (!facts) {
		facts = pcipt_arena_alloc(&device->snap->arena, sizeof(*facts));
		if (!facts)
			return false;
		facts->revision = -1;
		facts->numa_node = -1;
		facts->boot_vga = -1;
		device->facts = facts;
	}
	if ((which & DETAILED_FACTS) && !facts->details) {
		facts->details = pcipt_arena_alloc(&device->snap->arena, sizeof(*facts->details));
		if (!facts->details)
			return false;
		pcipt_config_space_parse(NULL, 0, &facts->details->config);
		pcipt_resources_parse(NULL, 0, &facts->details->resources);
	}
	return true;
}

static void load_one(struct pcipt_device *device, unsigned int which)
{
	unsigned int missing = which & ~device->loaded;

	if (missing & PCIPT_FACTS_ATTRIBUTES)
		load_attributes(device, device->facts);
	if (missing & PCIPT_FACTS_FUNCTIONS)
		load_functions(device, device->facts);
	if (missing & PCIPT_FACTS_VFIO)
		load_vfio(device, device->facts);
	if (missing & PCIPT_FACTS_IDENTITY)
		pcipt_identity_fill(device, device->facts);
	if (missing & (PCIPT_FACTS_MORE | PCIPT_FACTS_CONFIG | PCIPT_FACTS_CHILDREN | PCIPT_FACTS_VPD))
		pcipt_details_load(device, missing);
}

static bool any_missing(struct pcipt_device *const *devices, size_t n, unsigned int which)
{
	for (size_t i = 0; i < n; i++)
		if (which & ~devices[i]->loaded)
			return true;
	return false;
}

void pcipt_devices_load(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
			unsigned int which)
{
	/* An identity contains the revision, and a VF's the place among its PF's. */
	if (which & PCIPT_FACTS_IDENTITY)
		which |= PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_FUNCTIONS;
	pthread_mutex_lock(&snap->lock);
	for (size_t i = 0; i < n; i++)
		if (!make_facts(devices[i], which))
			n = i;
	if (which & PCIPT_FACTS_OVERRIDE) {
		load_overrides(snap, devices, n, PCIPT_AT_SYS_DEVICES);
		load_overrides(snap, devices, n, PCIPT_AT_PCI_DEVICES);
	}
	if ((which & PCIPT_FACTS_NAMES) && any_missing(devices, n, PCIPT_FACTS_NAMES))
		pcipt_names_fill(snap, devices, n);
	if ((which & PCIPT_FACTS_MODULES) && any_missing(devices, n, PCIPT_FACTS_MODULES))
		pcipt_modules_fill(snap, devices, n);
	for (size_t i = 0; i < n; i++) {
		load_one(devices[i], which);
		atomic_fetch_or_explicit(&devices[i]->loaded, which, memory_order_release);
	}
	pthread_mutex_unlock(&snap->lock);
}

/*
 * Names cost one reading of pci.ids, overrides one helper process, and modules one
 * reading of modules.alias, for one device as for all: who asks for the first will ask for the others.
 */
static void load_where_it_pays(struct pcipt_device *device, unsigned int which)
{
	struct pcipt_snapshot *snap = device->snap;
	_cleanup_free_ struct pcipt_device **all = NULL;

	if (which & (PCIPT_FACTS_NAMES | PCIPT_FACTS_OVERRIDE | PCIPT_FACTS_MODULES))
		all = calloc(snap->n_devices + 1, sizeof(*all));
	for (size_t i = 0; all && i < snap->n_devices; i++)
		all[i] = &snap->devices[i];
	if (all)
		pcipt_devices_load(snap, all, snap->n_devices, which);
	else
		pcipt_devices_load(snap, &device, 1, which);
}

const struct pcipt_facts *pcipt_device_facts(struct pcipt_device *device, unsigned int which)
{
	static const struct pcipt_facts absent = { .revision = -1, .numa_node = -1, .boot_vga = -1 };

	if (!device)
		return &absent;
	if ((atomic_load_explicit(&device->loaded, memory_order_acquire) & which) != which)
		load_where_it_pays(device, which);
	return device->facts ? device->facts : &absent;
}

const struct pcipt_details *pcipt_device_details(struct pcipt_device *device, unsigned int which)
{
	const struct pcipt_facts *facts = pcipt_device_facts(device, which);

	return facts->details;
}
