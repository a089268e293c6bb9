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

/* What one read of a set said: a number between min and max, or `absent`. */
static long take_number(struct pcipt_device *device, const struct pcipt_read *read, int base,
			long min, long max, long absent)
{
	char *end;
	long value;

	if (read->result == -ENOENT || read->result == 0)
		return absent;
	if (read->result < 0) {
		pcipt_snapshot_add_problem(device->snap, device, NULL, read->path, PCIPT_E_IO,
					   (int)-read->result, "can't be read");
		return absent;
	}
	errno = 0;
	value = strtol(read->buf, &end, base);
	if (end == read->buf || *end || errno || value < min || value > max) {
		pcipt_snapshot_add_problem(device->snap, device, NULL, read->path, PCIPT_E_DAMAGED,
					   0, "isn't a number in its range");
		return absent;
	}
	return value;
}

/* "flr bus" becomes two names, once for all devices that have the same. */
static const struct pcipt_reset_methods *find_reset_methods(struct pcipt_device *device, char *text)
{
	struct pcipt_snapshot *snap = device->snap;
	struct pcipt_reset_methods *methods;
	char *words, *rest = NULL;
	size_t n = 1;

	for (methods = snap->reset_methods; methods; methods = methods->next)
		if (strcmp(methods->text, text) == 0)
			return methods;
	pcipt_text_neutralise(text);
	for (const char *p = text; *p; p++)
		n += *p == ' ';
	methods = pcipt_arena_alloc(&snap->arena, sizeof(*methods));
	words = keep(device, text);
	if (!methods || !words)
		return NULL;
	methods->text = keep(device, text);
	methods->names = pcipt_arena_alloc(&snap->arena, n * sizeof(char *));
	if (!methods->text || !methods->names)
		return NULL;
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		methods->names[methods->n++] = w;
	methods->next = snap->reset_methods;
	snap->reset_methods = methods;
	return methods;
}

/* Whether there is a link; one that can't be read may be there. */
static bool link_is_there(struct pcipt_device *device, struct pcipt_facts *facts, const char *name,
			  ssize_t n)
{
	if (n > 0 || n == -ENOENT || n == -ENOTDIR)
		return n > 0;
	facts->functions_unknown = true;
	pcipt_snapshot_add_problem(device->snap, device, NULL, name, PCIPT_E_IO, n < 0 ? (int)-n : 0,
				   "can't be read");
	return false;
}

/* The device that a link's text names, or NULL when it isn't in the snapshot. */
static struct pcipt_device *named_device(const struct pcipt_device *device, const char *link)
{
	struct pcipt_address at;

	return pcipt_address_scan(pcipt_base_name(link), &at, NULL) ?
		       pcipt_snapshot_at(device->snap, at) :
		       NULL;
}

static void take_kin(struct pcipt_device *device, struct pcipt_facts *facts,
		     const struct pcipt_read *reads)
{
	facts->revision = (int16_t)take_number(device, &reads[0], 16, 0, 0xff, -1);
	if (link_is_there(device, facts, "physfn", reads[1].result)) {
		facts->physfn = named_device(device, reads[1].buf);
		facts->functions_unknown |= !facts->physfn;
	}
}

static void take_others(struct pcipt_device *device, struct pcipt_facts *facts,
			const struct pcipt_read *reads, bool is_vga)
{
	facts->numa_node = (int)take_number(device, &reads[0], 10, -1, 65535, -1);
	if (reads[1].result > 0)
		facts->reset = find_reset_methods(device, reads[1].buf);
	else if (reads[1].result < 0 && reads[1].result != -ENOENT)
		pcipt_snapshot_add_problem(device->snap, device, NULL, "reset_method", PCIPT_E_IO,
					   (int)-reads[1].result, "can't be read");
	facts->boot_vga = is_vga ? (int8_t)take_number(device, &reads[2], 10, 0, 1, -1) : -1;
	facts->boot_vga_unknown = is_vga && facts->boot_vga < 0 && reads[2].result != -ENOENT;
}

/*
 * revision, numa_node, boot_vga: sysfs-bus-pci. reset_method: the same, since Linux
 * 5.15. Only VGA devices have boot_vga. None of them takes the device's lock.
 */
static void load_attributes(struct pcipt_device *device, struct pcipt_facts *facts,
			    unsigned int missing)
{
	char revision[64], node[64], reset[512], vga[64], physfn[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_read reads[] = {
		{ "revision", revision, sizeof(revision), 0, false },
		{ "physfn", physfn, sizeof(physfn), 0, true },
		{ "numa_node", node, sizeof(node), 0, false },
		{ "reset_method", reset, sizeof(reset), 0, false },
		{ "boot_vga", vga, sizeof(vga), 0, false },
	};
	bool is_vga = device->class_id >> 8 == 0x0300;
	size_t first = missing & PCIPT_FACTS_KIN ? 0 : 2;
	size_t end = !(missing & PCIPT_FACTS_ATTRIBUTES) ? 2 : is_vga ? 5 : 4;

	pcipt_kernel_read_set(device->snap->kernel, PCIPT_AT_PCI_DEVICES, device->address,
			      &reads[first], end - first);
	if (missing & PCIPT_FACTS_KIN)
		take_kin(device, facts, reads);
	if (missing & PCIPT_FACTS_ATTRIBUTES)
		take_others(device, facts, &reads[2], is_vga);
}

static void load_virtfns(struct pcipt_device *device, struct pcipt_facts *facts)
{
	_cleanup_free_ struct pcipt_device **found = NULL;
	char name[32], link[PCIPT_ATTRIBUTE_MAX];
	size_t n = 0;

	for (size_t i = 0;; i++) {
		struct pcipt_device *vf;
		ssize_t r;

		snprintf(name, sizeof(name), "virtfn%zu", i);
		r = pcipt_device_read_link(device, name, link, sizeof(link));
		if (!link_is_there(device, facts, name, r))
			break;
		/* VFs that came after the listing count too: the PF can't move then. */
		facts->has_vfs = true;
		vf = named_device(device, link);
		if (vf && pcipt_grow(&found, n))
			found[n++] = vf;
	}
	facts->virtfns = n ? pcipt_arena_alloc(&device->snap->arena, n * sizeof(*found)) : NULL;
	if (!facts->virtfns)
		return;
	memcpy(facts->virtfns, found, n * sizeof(*found));
	facts->n_virtfns = n;
}

struct consumers {
	struct pcipt_device *device, **found;
	size_t n;
};

/* "consumer:pci:0000:01:00.1" (sysfs-devices-consumer, since Linux 5.11) */
static int add_consumer(void *data, const char *name)
{
	struct consumers *c = data;
	struct pcipt_device *consumer = strncmp(name, "consumer:pci:", 13) == 0 ?
						named_device(c->device, name + 13) :
						NULL;

	if (consumer && pcipt_grow(&c->found, c->n))
		c->found[c->n++] = consumer;
	return 0;
}

static void load_consumers(struct pcipt_device *device, struct pcipt_facts *facts)
{
	struct pcipt_kernel *k = device->snap->kernel;
	struct consumers c = { .device = device };

	k->ops->list(k, PCIPT_AT_PCI_DEVICES, device->address, add_consumer, &c);
	facts->consumers =
		c.n ? pcipt_arena_alloc(&device->snap->arena, c.n * sizeof(*c.found)) : NULL;
	if (facts->consumers) {
		memcpy(facts->consumers, c.found, c.n * sizeof(*c.found));
		facts->n_consumers = c.n;
	}
	free(c.found);
}

static void load_path(struct pcipt_device *device, struct pcipt_facts *facts)
{
	struct pcipt_kernel *k = device->snap->kernel;
	char link[PCIPT_ATTRIBUTE_MAX];
	ssize_t n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, device->address, link,
				      sizeof(link));
	const char *path = n > 0 ? pcipt_physical_path(link, device->address) : NULL;

	/* Recorded trees may hold folders instead of links (EINVAL): they have no path. */
	facts->path_unknown = n < 0 && n != -EINVAL;
	facts->path = path ? keep(device, path) : NULL;
	if (n > 0 && !path)
		pcipt_snapshot_add_problem(device->snap, device, NULL, NULL, PCIPT_E_DAMAGED, 0,
					   "is a link that leads out of sys/devices");
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
	char folder[64], name[24] = "";

	snprintf(folder, sizeof(folder), "%s/vfio-dev", device->address);
	k->ops->list(k, PCIPT_AT_PCI_DEVICES, folder, take_vfio_name, name);
	if (!*name || (size_t)snprintf(buf, size, "%s/%s/dev", folder, name) >= size ||
	    k->ops->exists(k, PCIPT_AT_PCI_DEVICES, buf) != 1)
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

static const char *why_not_read(ssize_t n)
{
	return n == -EBUSY	 ? "can't be read now, the device's lock is held (device-busy)" :
	       n == -ETIMEDOUT ? "can't be read now, the machine is too busy" :
				 "can't be read";
}

/* What one guarded read said. "(null)" is how the kernel prints no override. */
static void take_override(struct pcipt_device *device, struct pcipt_facts *facts, ssize_t n,
			  char *text)
{
	/* What counts is the text: a file that stands for the attribute may give NULs. */
	if (n > 0)
		n = (ssize_t)strlen(text);
	if (n == OVERRIDE_SIZE - 1)
		n = -E2BIG; /* cut: what isn't whole could not be put back */
	if (n < 0) {
		facts->override_unknown = n != -ENOENT;
		if (n != -ENOENT)
			pcipt_snapshot_add_problem(device->snap, device, NULL, "driver_override",
						   n == -EBUSY || n == -ETIMEDOUT ? PCIPT_E_BUSY :
										    PCIPT_E_IO,
						   (int)-n, why_not_read(n));
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

/* For all the devices that need it: one helper process reads them. */
static void load_overrides(struct pcipt_snapshot *snap, struct pcipt_device *const *devices,
			   size_t n)
{
	_cleanup_free_ struct pcipt_read *reads = calloc(n + 1, sizeof(*reads));
	_cleanup_free_ struct pcipt_device **who = calloc(n + 1, sizeof(*who));
	_cleanup_free_ char *buffers = malloc((n + 1) * OVERRIDE_SIZE);
	_cleanup_free_ char *paths = malloc((n + 1) * 64);
	size_t wanted = 0;

	if (!reads || !who || !buffers || !paths)
		return;
	for (size_t i = 0; i < n; i++) {
		char *path = paths + wanted * 64;

		if (devices[i]->loaded & PCIPT_FACTS_OVERRIDE)
			continue;
		pcipt_device_print_path(devices[i], "driver_override", path, 64);
		reads[wanted] = (struct pcipt_read){ path, buffers + wanted * OVERRIDE_SIZE,
						     OVERRIDE_SIZE, -EIO, false };
		who[wanted++] = devices[i];
	}
	if (wanted == 0)
		return;
	snap->kernel->ops->read_guarded(snap->kernel, PCIPT_AT_PCI_DEVICES, reads, wanted,
					OVERRIDE_WAIT_MS);
	for (size_t i = 0; i < wanted; i++)
		take_override(who[i], who[i]->facts, reads[i].result, reads[i].buf);
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

/* A VF's slot path begins with its PF's. */
static void load_pf_path(struct pcipt_device *pf)
{
	if (!pf || (pf->loaded & PCIPT_FACTS_PATH) || !make_facts(pf, 0))
		return;
	load_path(pf, pf->facts);
	atomic_fetch_or_explicit(&pf->loaded, PCIPT_FACTS_PATH, memory_order_release);
}

static void load_one(struct pcipt_device *device, unsigned int which)
{
	unsigned int missing = which & ~device->loaded;

	if (missing & (PCIPT_FACTS_ATTRIBUTES | PCIPT_FACTS_KIN))
		load_attributes(device, device->facts, missing);
	if (missing & PCIPT_FACTS_VIRTFNS)
		load_virtfns(device, device->facts);
	if (missing & PCIPT_FACTS_CONSUMERS)
		load_consumers(device, device->facts);
	if (missing & PCIPT_FACTS_PATH)
		load_path(device, device->facts);
	if (missing & PCIPT_FACTS_POWER)
		device->facts->power_control = pcipt_device_keep_text(device, "power/control");
	if (missing & PCIPT_FACTS_VFIO)
		load_vfio(device, device->facts);
	if (missing & PCIPT_FACTS_IDENTITY) {
		load_pf_path(device->facts->physfn);
		pcipt_identity_fill(device, device->facts);
	}
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
		which |= PCIPT_FACTS_KIN | PCIPT_FACTS_PATH;
	if (which & PCIPT_FACTS_ATTRIBUTES)
		which |= PCIPT_FACTS_KIN;
	pthread_mutex_lock(&snap->lock);
	for (size_t i = 0; i < n; i++)
		if (!make_facts(devices[i], which))
			n = i;
	if (which & PCIPT_FACTS_OVERRIDE)
		load_overrides(snap, devices, n);
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
