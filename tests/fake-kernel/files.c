/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel as files: which path is which fact, which write does what. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

/* What a path names. `name` is what stands behind a device or driver, "" for itself. */
struct node {
	enum { NOTHING, DEVICE, DRIVER, GROUP, MEMBERS, VFIO_NODE, FIXED, FOLDER, CLASS, PROCESS,
	       BUS } kind;
	struct sim_device *device;
	struct sim_driver *driver;
	int number;
	const char *name;
};

/* The whole path, as a person would write it. */
static void whole_path(enum pcipt_place at, const char *path, char *out, size_t size)
{
	const char *place = pcipt_place_path(at);

	if (strcmp(path, ".") == 0)
		snprintf(out, size, "%s", place);
	else
		snprintf(out, size, "%s/%s", strcmp(place, "/") == 0 ? "" : place, path);
}

/* What follows a prefix and, behind a slash, the rest; false when it isn't there. */
static bool below(const char *path, const char *prefix, const char **rest)
{
	size_t n = strlen(prefix);

	if (strncmp(path, prefix, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*rest = path[n] ? path + n + 1 : "";
	return true;
}

static struct node find_device(const struct sim *sim, const char *path)
{
	for (size_t i = 0; i < sim->n_devices; i++) {
		struct sim_device *device = sim->devices[i];
		const char *rest;
		size_t n;

		if (!device)
			continue;
		if (below(path, device->address, &rest))
			return (struct node){ .kind = DEVICE, .device = device, .name = rest };
		/* A longer path may be that of a device below this one. */
		n = strlen(device->path);
		if (below(path, device->path, &rest) && !strchr(path + n, ':'))
			return (struct node){ .kind = DEVICE, .device = device, .name = rest };
	}
	return (struct node){ .kind = NOTHING };
}

static struct node find_driver(const struct sim *sim, const char *path)
{
	for (size_t i = 0; i < sim->n_drivers; i++) {
		struct sim_driver *driver = (struct sim_driver *)&sim->drivers[i];
		const char *rest;

		if (driver->registered && below(path, driver->name, &rest))
			return (struct node){ .kind = DRIVER, .driver = driver, .name = rest };
	}
	return (struct node){ .kind = NOTHING };
}

static struct node find_group(const struct sim *sim, const char *path)
{
	int number, end = 0;
	bool type, members;

	if (sscanf(path, "%d/%n", &number, &end) != 1)
		return (struct node){ .kind = NOTHING };
	type = strcmp(path + end, "type") == 0;
	members = strcmp(path + end, "devices") == 0;
	for (size_t i = 0; (type || members) && i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->group == number)
			return (struct node){ .kind = type ? GROUP : MEMBERS, .number = number,
					      .name = "" };
	return (struct node){ .kind = NOTHING };
}

static struct node find(const struct sim *sim, const char *path)
{
	const char *rest;
	int number, end = 0;

	if (below(path, "/sys/bus/pci/devices", &rest))
		return *rest ? find_device(sim, rest) :
			       (struct node){ .kind = FOLDER, .name = "devices" };
	if (below(path, "/sys/bus/pci/drivers", &rest))
		return *rest ? find_driver(sim, rest) :
			       (struct node){ .kind = FOLDER, .name = "drivers" };
	if (strcmp(path, "/sys/bus/pci/drivers_probe") == 0 ||
	    strcmp(path, "/sys/bus/pci/rescan") == 0)
		return (struct node){ .kind = BUS, .name = pcipt_base_name(path) };
	if (below(path, "/sys/devices", &rest))
		return find_device(sim, rest);
	if (below(path, "/sys/kernel/iommu_groups", &rest))
		return find_group(sim, rest);
	if (below(path, "/proc/sys/kernel/random", &rest))
		return (struct node){ .kind = FIXED, .name = rest };
	if (below(path, "/proc", &rest) && *rest >= '1' && *rest <= '9')
		return (struct node){ .kind = PROCESS, .name = rest };
	if (below(path, "/sys/class/vfio", &rest) && sscanf(rest, "%d%n", &number, &end) == 1 &&
	    !rest[end] && sim_group_has_node(sim, number))
		return (struct node){ .kind = VFIO_NODE, .number = number };
	if (below(path, "/sys/class", &rest))
		return (struct node){ .kind = CLASS, .name = rest };
	return (struct node){ .kind = NOTHING };
}

/* ---- files beside the model ---- */

static struct sim_file *find_file(const struct sim *sim, const char *path)
{
	for (size_t i = 0; i < sim->n_files; i++)
		if (strcmp(sim->files[i].path, path) == 0)
			return (struct sim_file *)&sim->files[i];
	return NULL;
}

/* The file's text, a new string; or NULL. */
static char *file_text(const struct sim *sim, const char *path)
{
	const struct sim_file *file = find_file(sim, path);

	return file ? strdup(file->text) : NULL;
}

void sim_put_file(struct sim *sim, const char *path, const char *text)
{
	sim_put_bytes(sim, path, text, text ? strlen(text) : 0);
}

void sim_put_bytes(struct sim *sim, const char *path, const void *bytes, size_t n)
{
	struct sim_file *file = find_file(sim, path);

	if (!file && !bytes)
		return;
	if (!file) {
		if (sim->n_files == SIM_MAX_FILES)
			abort();
		file = &sim->files[sim->n_files++];
		*file = (struct sim_file){ .path = strdup(path) };
	}
	free(file->text);
	file->text = bytes ? calloc(1, n + 1) : NULL;
	file->length = n;
	if (bytes) {
		memcpy(file->text, bytes, n);
		return;
	}
	free(file->path);
	*file = sim->files[--sim->n_files];
}

/* The files of a folder; false when there are none. */
static bool list_files(const struct sim *sim, const char *folder, pcipt_list_fn fn, void *data,
		       int *r)
{
	size_t length = strlen(folder);
	bool any = false;

	*r = 0;
	for (size_t i = 0; i < sim->n_files; i++) {
		const char *path = sim->files[i].path;

		if (strncmp(path, folder, length) != 0 || path[length] != '/' ||
		    strchr(path + length + 1, '/'))
			continue;
		any = true;
		*r = *r ? *r : fn(data, path + length + 1);
	}
	return any;
}

/* ---- reading ---- */

/* What is in a driver's folder beside its devices. */
static const char *const driver_files[] = { "bind",	 "module", "new_id",
					    "remove_id", "uevent", "unbind" };

static bool is_driver_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(driver_files); i++)
		if (strcmp(driver_files[i], name) == 0)
			return true;
	return false;
}

static char *ids_attribute(const struct sim_device *d, const char *name)
{
	if (strcmp(name, "modalias") == 0)
		return pcipt_format("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", d->vendor,
				    d->device, d->subsystem_vendor, d->subsystem_device,
				    d->class_id >> 16,
				    d->class_id >> 8 & 0xff, d->class_id & 0xff);
	if (strcmp(name, "vendor") == 0)
		return pcipt_format("0x%04x", d->vendor);
	if (strcmp(name, "device") == 0)
		return pcipt_format("0x%04x", d->device);
	if (strcmp(name, "class") == 0)
		return pcipt_format("0x%06x", d->class_id);
	if (strcmp(name, "subsystem_vendor") == 0)
		return pcipt_format("0x%04x", d->subsystem_vendor);
	if (strcmp(name, "subsystem_device") == 0)
		return pcipt_format("0x%04x", d->subsystem_device);
	return strcmp(name, "revision") == 0 ? pcipt_format("0x%02x", d->revision) :
					       sim_sriov_attribute(d, name);
}

static char *device_attribute(const struct sim_device *d, const char *name)
{
	if (strcmp(name, "nvme/nvme0/state") == 0)
		return sim_has_controller(d) ?
			       strdup(sim_controller_state((struct sim_device *)d)) :
			       NULL;
	if (strcmp(name, "driver_override") == 0)
		return strdup(d->override ? d->override : "(null)");
	if (strcmp(name, "power/control") == 0)
		return strdup(d->power);
	if (strcmp(name, "numa_node") == 0)
		return strdup("-1");
	if (strcmp(name, "boot_vga") == 0)
		return d->boot_vga ? strdup(d->boot_vga) : NULL;
	return ids_attribute(d, name);
}

static char *attribute(struct sim *sim, const struct node *node)
{
	if (node->kind == DEVICE)
		return device_attribute(node->device, node->name);
	if (node->kind == GROUP)
		return strdup("DMA-FQ");
	if (node->kind == CLASS)
		return sim_class_attribute(sim, node->name);
	if (node->kind == PROCESS)
		return sim_process_file(sim, node->name);
	if (node->kind == FIXED && strcmp(node->name, "boot_id") == 0)
		return strdup("11111111-2222-3333-4444-555555555555");
	if (node->kind == FIXED && strcmp(node->name, "uuid") == 0)
		return pcipt_format("00000000-0000-4000-8000-%012u", ++sim->uuids);
	return NULL;
}

/* What can be written and not read. */
static bool is_write_only(const struct node *node)
{
	if (node->kind == DEVICE)
		return strcmp(node->name, "remove") == 0;
	if (node->kind == DRIVER)
		return is_driver_file(node->name) && strcmp(node->name, "module") != 0;
	return node->kind == BUS;
}

static ssize_t put(const char *text, char *buf, size_t size)
{
	return text ? (ssize_t)strlen(memcpy(buf, text, strlen(text) < size ? strlen(text) + 1 :
									      size)) :
		      -ENOENT;
}

/* What waits for the device's lock: a plain read would never return. */
static bool would_hang(const struct sim *sim, const struct node *node)
{
	return node->kind == DEVICE && sim_is_stuck(sim, node->device) &&
	       ((node->device->total_vfs && strcmp(node->name, "sriov_numvfs") == 0) ||
		(sim->override_takes_lock && strcmp(node->name, "driver_override") == 0));
}

static ssize_t read_node(struct sim *sim, unsigned int op, const struct node *node,
			 const char *path, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;

	/* /dev/full gives NULs without an end. */
	if (sim_is_covered(sim, path)) {
		memset(buf, '\0', size);
		return (ssize_t)size - 1;
	}
	if (would_hang(sim, node)) {
		if (op == SIM_GUARDED)
			return -EBUSY;
		fprintf(stderr, "simulated kernel: reading %s would hang\n", path);
		abort();
	}
	if (is_write_only(node))
		return -EACCES;
	text = attribute(sim, node);
	if (text && strlen(text) >= size)
		text[size - 1] = '\0';
	return put(text, buf, size);
}

static ssize_t read_as(struct sim *sim, unsigned int op, const char *verb, enum pcipt_place at,
		       const char *path, char *buf, size_t size)
{
	struct sim_verdict verdict;
	char whole[512], *what, *text;
	struct node node;
	ssize_t r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("%s %s", verb, whole);
	verdict = sim_next(sim, op, what);
	node = find(sim, whole);
	text = file_text(sim, whole);
	if (text && strlen(text) >= size)
		text[size - 1] = '\0';
	r = verdict.answer ? verdict.answer :
	    text	   ? put(text, buf, size) :
			     read_node(sim, op, &node, whole, buf, size);
	sim_note(sim, what, (int)r);
	free(text);
	free(what);
	return r;
}

ssize_t sim_read(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
		 size_t size)
{
	return read_as(sim_of(k), SIM_READ, "read", at, path, buf, size);
}

/* The model has no configuration space and no tables: only files beside it are there. */
ssize_t sim_read_bytes(struct pcipt_kernel *k, enum pcipt_place at, const char *path, void *buf,
		       size_t size)
{
	const struct sim_file *file;
	char whole[512];
	size_t length;

	whole_path(at, path, whole, sizeof(whole));
	file = find_file(sim_of(k), whole);
	if (!file)
		return -ENOENT;
	length = file->length < size ? file->length : size;
	memcpy(buf, file->text, length);
	return (ssize_t)length;
}

int sim_read_guarded(struct pcipt_kernel *k, enum pcipt_place at,
		     struct pcipt_read *reads, size_t n, unsigned int ms)
{
	(void)ms;
	for (size_t i = 0; i < n; i++)
		reads[i].result = read_as(sim_of(k), SIM_GUARDED, "read-guarded", at,
					  reads[i].path, reads[i].buf, reads[i].size);
	return 0;
}

/* ---- links and listings ---- */

static char *vf_link(const struct sim *sim, const struct sim_device *pf, unsigned int index)
{
	for (size_t i = 0; i < sim->n_devices; i++)
		if (sim->devices[i] && sim->devices[i]->physfn == pf && index-- == 0)
			return pcipt_format("../%s", sim->devices[i]->address);
	return NULL;
}

/* From a device's folder up to /sys, "../" for each folder on the way. */
static char *from_device(const struct sim_device *d, const char *folder, const char *name)
{
	static const char up[] = "../../../../../../../../../../../../";
	size_t depth = 2;

	for (const char *at = strchr(d->path, '/'); at; at = strchr(at + 1, '/'))
		depth++;
	return pcipt_format("%.*s%s%s", (int)(depth * 3), up, folder, name);
}

static char *device_link(const struct sim *sim, const struct sim_device *d, const char *name)
{
	unsigned int index;
	char group[16];

	if (!*name)
		return pcipt_format("../../../devices/%s", d->path);
	if (strcmp(name, "subsystem") == 0)
		return from_device(d, "bus/pci", "");
	if (strcmp(name, "driver") == 0)
		return d->driver ? from_device(d, "bus/pci/drivers/", d->driver->name) : NULL;
	snprintf(group, sizeof(group), "%d", d->group);
	if (strcmp(name, "iommu_group") == 0)
		return d->group ? from_device(d, "kernel/iommu_groups/", group) : NULL;
	if (strcmp(name, "physfn") == 0)
		return d->physfn ? pcipt_format("../%s", d->physfn->address) : NULL;
	if (sscanf(name, "virtfn%u", &index) == 1)
		return vf_link(sim, d, index);
	return sim_node_link(sim, d, name);
}

static char *link_text(const struct sim *sim, const struct node *node)
{
	const struct sim_device *d;

	if (node->kind == PROCESS && strcmp(node->name, "1/ns/pid") == 0)
		return strdup(sim->in_container ? "pid:[4026532999]" : "pid:[4026531836]");
	if (node->kind == VFIO_NODE)
		return pcipt_format("../../devices/virtual/vfio/%d", node->number);
	if (node->kind == DEVICE)
		return device_link(sim, node->device, node->name);
	if (node->kind == DRIVER && strcmp(node->name, "module") == 0)
		return pcipt_format("../../../../module/%s",
				    node->driver->module ? node->driver->module :
							   node->driver->name);
	d = node->kind == DRIVER ? sim_find(sim, node->name) : NULL;
	return d && d->driver == node->driver ? pcipt_format("../../../../devices/%s", d->path) :
						NULL;
}

/* A link's text, or why there is none. */
static ssize_t read_link_node(struct sim *sim, const struct node *node, char *buf, size_t size)
{
	_cleanup_free_ char *text = link_text(sim, node);

	if (!text && node->kind == DEVICE && device_attribute(node->device, node->name))
		return -EINVAL;
	return put(text, buf, size);
}

ssize_t sim_read_link(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
		      size_t size)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	ssize_t r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("read-link %s", whole);
	verdict = sim_next(sim, SIM_READ_LINK, what);
	node = find(sim, whole);
	r = verdict.answer ? verdict.answer : read_link_node(sim, &node, buf, size);
	sim_note(sim, what, (int)r);
	free(what);
	return r;
}

/* Names are given away before the caller's function may change what there is. */
static int give_names(char **names, size_t n, pcipt_list_fn fn, void *data)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			r = fn(data, names[i]);
		free(names[i]);
	}
	free(names);
	return r;
}

/* What hangs below a device: devices of a bridge's bus, and its class devices. */
static size_t names_below(const struct sim *sim, const struct sim_device *above, char **names)
{
	size_t length = strlen(above->path), n = 0;

	for (size_t i = 0; i < sim->n_devices; i++) {
		const struct sim_device *d = sim->devices[i];

		if (d && strncmp(d->path, above->path, length) == 0 && d->path[length] == '/' &&
		    strcmp(d->path + length + 1, d->address) == 0)
			names[n++] = strdup(d->address);
	}
	return n + sim_node_names(sim, above, names + n);
}

static int list_node(struct sim *sim, const struct node *node, pcipt_list_fn fn, void *data)
{
	bool devices = node->kind == DRIVER || node->kind == MEMBERS ||
		       (node->kind == FOLDER && strcmp(node->name, "devices") == 0);
	char **names = calloc(SIM_MAX_DEVICES + SIM_MAX_DRIVERS + SIM_MAX_NODES +
				      ARRAY_SIZE(driver_files),
			      sizeof(*names));
	size_t n = 0;

	if (node->kind == DEVICE)
		return give_names(names, names_below(sim, node->device, names), fn, data);
	for (size_t i = 0; devices && i < sim->n_devices; i++)
		if (sim->devices[i] &&
		    (node->kind == FOLDER ||
		     (node->kind == MEMBERS ? sim->devices[i]->group == node->number :
					      sim->devices[i]->driver == node->driver)))
			names[n++] = strdup(sim->devices[i]->address);
	for (size_t i = 0; !devices && i < sim->n_drivers; i++)
		if (sim->drivers[i].registered)
			names[n++] = strdup(sim->drivers[i].name);
	for (size_t i = 0; node->kind == DRIVER && i < ARRAY_SIZE(driver_files); i++)
		names[n++] = strdup(driver_files[i]);
	return give_names(names, n, fn, data);
}

/* Whether it is there, and not a folder. */
static bool is_file(const struct node *node)
{
	char *text = node->kind == DEVICE ? device_attribute(node->device, node->name) : NULL;
	bool is_attribute = text != NULL;

	free(text);
	return node->kind == DEVICE ? is_attribute :
	       node->kind == DRIVER ? is_driver_file(node->name) :
				      node->kind == GROUP || node->kind == BUS;
}

int sim_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path, pcipt_list_fn fn,
	     void *data)
{
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	bool is_folder, is_files = false;
	int r = 0;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("list %s", whole);
	verdict = sim_next(sim_of(k), SIM_LIST, what);
	node = find(sim_of(k), whole);
	is_folder = node.kind == FOLDER || node.kind == MEMBERS ||
		    ((node.kind == DRIVER || node.kind == DEVICE) && !*node.name);
	if (!verdict.answer && node.kind == DEVICE && strcmp(node.name, "nvme") == 0 &&
	    sim_has_controller(node.device))
		verdict.answer = fn(data, "nvme0");
	if (!verdict.answer && !is_folder)
		is_files = list_files(sim_of(k), whole, fn, data, &r);
	if (!verdict.answer && !is_folder && !is_files)
		verdict.answer = is_file(&node) ? -ENOTDIR : -ENOENT;
	sim_note(sim_of(k), what, verdict.answer);
	free(what);
	if (verdict.answer || is_files)
		return verdict.answer ? verdict.answer : r;
	return list_node(sim_of(k), &node, fn, data);
}

static bool is_there(const struct sim *sim, const struct node *node)
{
	_cleanup_free_ char *link = link_text(sim, node);

	if (link || is_file(node) || is_write_only(node))
		return true;
	if (node->kind == CLASS)
		link = sim_class_attribute(sim, node->name);
	return node->kind == CLASS   ? link != NULL :
	       node->kind == PROCESS ? false :
	       node->kind == DEVICE || node->kind == DRIVER ? !*node->name :
							      node->kind != NOTHING;
}

int sim_exists(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	int r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("exists %s", whole);
	verdict = sim_next(sim_of(k), SIM_EXISTS, what);
	node = find(sim_of(k), whole);
	r = verdict.answer ? verdict.answer :
			     find_file(sim_of(k), whole) || is_there(sim_of(k), &node);
	sim_note(sim_of(k), what, r);
	free(what);
	return r;
}

int sim_may_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	int r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("may-write %s", whole);
	verdict = sim_next(sim, SIM_MAY_WRITE, what);
	node = find(sim, whole);
	r = verdict.answer ? verdict.answer : is_there(sim, &node) ? sim->may_write : -ENOENT;
	sim_note(sim, what, r);
	free(what);
	return r;
}

/* ---- writing ---- */

static int write_driver(struct sim *sim, const struct node *node, const char *value)
{
	if (strcmp(node->name, "bind") == 0)
		return sim_bind(sim, node->driver, value);
	if (strcmp(node->name, "unbind") == 0)
		return sim_unbind(sim, node->driver, value);
	if (strcmp(node->name, "new_id") == 0)
		return sim_new_id(sim, node->driver, value);
	if (strcmp(node->name, "remove_id") == 0)
		return sim_remove_id(node->driver, value);
	return -ENOENT;
}

static int write_device(struct sim *sim, const struct node *node, const char *value)
{
	if (strcmp(node->name, "driver_override") == 0)
		return sim_set_override(node->device, value);
	if (strcmp(node->name, "power/control") == 0)
		return sim_set_power(node->device, value);
	if (strcmp(node->name, "remove") == 0)
		return sim_unplug(sim, node->device, value);
	if (node->device->total_vfs && strcmp(node->name, "sriov_numvfs") == 0)
		return sim_set_numvfs(sim, node->device, value);
	if (node->device->total_vfs && strcmp(node->name, "sriov_drivers_autoprobe") == 0)
		return sim_set_autoprobe(node->device, value);
	/* kernfs looks at the mode itself, for root, too. */
	return is_there(sim, node) ? -EACCES : -ENOENT;
}

static int write_node(struct sim *sim, const struct node *node, const char *path,
		      const char *value)
{
	if (sim_is_covered(sim, path))
		return -ENOSPC;
	if (node->kind == DRIVER)
		return write_driver(sim, node, value);
	if (node->kind == DEVICE)
		return write_device(sim, node, value);
	if (node->kind == BUS)
		return strcmp(node->name, "rescan") == 0 ? sim_rescan(sim, value) :
							   sim_probe(sim, value);
	return node->kind == NOTHING ? -ENOENT : -EACCES;
}

int sim_write_now(struct sim *sim, const char *path, const char *value)
{
	struct node node = find(sim, path);

	return write_node(sim, &node, path, value);
}

int sim_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path, const char *value)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	int r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("write %s %s", whole, value);
	verdict = sim_next(sim, SIM_WRITE, what);
	node = find(sim, whole);
	r = verdict.happens ? write_node(sim, &node, whole, value) : 0;
	r = verdict.answer ? verdict.answer : r;
	sim_note(sim, what, r);
	free(what);
	return r;
}
