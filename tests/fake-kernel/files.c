/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The simulated kernel as files: which path is which fact, which write does what. */
#include <errno.h>
#include <stdio.h>

#include "model.h"

/* What a path names. `name` is what stands behind a device or driver, "" for itself. */
struct node {
	enum { NOTHING, DEVICE, DRIVER, GROUP, MEMBERS, VFIO_NODE, FIXED, FOLDER, CLASS, PROCESS } kind;
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
		return (struct node){ .kind = VFIO_NODE };
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
	struct sim_file *file = find_file(sim, path);

	if (!file && !text)
		return;
	if (!file) {
		if (sim->n_files == SIM_MAX_FILES)
			abort();
		file = &sim->files[sim->n_files++];
		*file = (struct sim_file){ .path = strdup(path) };
	}
	free(file->text);
	file->text = text ? strdup(text) : NULL;
	if (text)
		return;
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

static char *ids_attribute(const struct sim_device *d, const char *name)
{
	if (strcmp(name, "modalias") == 0)
		return pcipt_format("pci:v%08Xd%08Xsv00000000sd00000000bc%02Xsc%02Xi%02X",
				    d->vendor, d->device, d->class_id >> 16,
				    d->class_id >> 8 & 0xff, d->class_id & 0xff);
	if (strcmp(name, "vendor") == 0)
		return pcipt_format("0x%04x", d->vendor);
	if (strcmp(name, "device") == 0)
		return pcipt_format("0x%04x", d->device);
	if (strcmp(name, "class") == 0)
		return pcipt_format("0x%06x", d->class_id);
	if (strncmp(name, "subsystem_", 10) == 0)
		return strdup("0x0000");
	return strcmp(name, "revision") == 0 ? strdup("0x00") : NULL;
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

static ssize_t put(const char *text, char *buf, size_t size)
{
	return text ? (ssize_t)strlen(memcpy(buf, text, strlen(text) < size ? strlen(text) + 1 :
									      size)) :
		      -ENOENT;
}

static ssize_t read_as(struct sim *sim, unsigned int op, const char *verb, enum pcipt_place at,
		       const char *path, char *buf, size_t size)
{
	char whole[512], *what, *text;
	struct sim_verdict verdict;
	struct node node;
	ssize_t r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("%s %s", verb, whole);
	verdict = sim_next(sim, op, what);
	node = find(sim, whole);
	text = file_text(sim, whole);
	text = text ? text : attribute(sim, &node);
	if (text && strlen(text) >= size)
		text[size - 1] = '\0';
	r = verdict.answer ? verdict.answer : put(text, buf, size);
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
	length = strlen(file->text) < size ? strlen(file->text) : size;
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

static char *link_text(const struct sim *sim, const struct node *node)
{
	const struct sim_device *d = node->device;
	unsigned int index;

	if (node->kind == PROCESS && strcmp(node->name, "1/ns/pid") == 0)
		return strdup(sim->in_container ? "pid:[4026532999]" : "pid:[4026531836]");
	if (node->kind != DEVICE)
		return NULL;
	if (!*node->name)
		return pcipt_format("../../../devices/%s", d->path);
	if (strcmp(node->name, "driver") == 0)
		return d->driver ? pcipt_format("../../../bus/pci/drivers/%s", d->driver->name) :
				   NULL;
	if (strcmp(node->name, "iommu_group") == 0)
		return d->group ? pcipt_format("../../../kernel/iommu_groups/%d", d->group) : NULL;
	if (strcmp(node->name, "physfn") == 0)
		return d->physfn ? pcipt_format("../%s", d->physfn->address) : NULL;
	if (sscanf(node->name, "virtfn%u", &index) == 1)
		return vf_link(sim, d, index);
	return sim_node_link(sim, d, node->name);
}

ssize_t sim_read_link(struct pcipt_kernel *k, enum pcipt_place at, const char *path, char *buf,
		      size_t size)
{
	struct sim *sim = sim_of(k);
	char whole[512], *what, *text;
	struct sim_verdict verdict;
	struct node node;
	ssize_t r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("read-link %s", whole);
	verdict = sim_next(sim, SIM_READ_LINK, what);
	node = find(sim, whole);
	text = link_text(sim, &node);
	r = verdict.answer ? verdict.answer : put(text, buf, size);
	sim_note(sim, what, (int)r);
	free(text);
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
	bool devices = node->kind == DRIVER || node->kind == MEMBERS || (node->kind == FOLDER && node->name[1] == 'e');
	char **names = calloc(SIM_MAX_DEVICES + SIM_MAX_DRIVERS + SIM_MAX_NODES, sizeof(*names));
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
	return give_names(names, n, fn, data);
}

int sim_list(struct pcipt_kernel *k, enum pcipt_place at, const char *path, pcipt_list_fn fn,
	     void *data)
{
	struct sim_verdict verdict;
	char whole[512], *what;
	struct node node;
	bool is_folder;
	int r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("list %s", whole);
	verdict = sim_next(sim_of(k), SIM_LIST, what);
	node = find(sim_of(k), whole);
	is_folder = node.kind == FOLDER || node.kind == MEMBERS ||
		    ((node.kind == DRIVER || node.kind == DEVICE) && !*node.name);
	if (!verdict.answer && node.kind == DEVICE && strcmp(node.name, "nvme") == 0 &&
	    sim_has_controller(node.device))
		verdict.answer = fn(data, "nvme0");
	sim_note(sim_of(k), what, verdict.answer ? verdict.answer : is_folder ? 0 : -ENOENT);
	free(what);
	if (verdict.answer)
		return verdict.answer;
	if (!is_folder && list_files(sim_of(k), whole, fn, data, &r))
		return r;
	return is_folder ? list_node(sim_of(k), &node, fn, data) : -ENOENT;
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
	r = node.kind == DEVICE && *node.name ? device_attribute(node.device, node.name) != NULL :
		       node.kind != NOTHING && node.kind != CLASS && node.kind != PROCESS;
	r = r || find_file(sim_of(k), whole);
	r = verdict.answer ? verdict.answer : r;
	sim_note(sim_of(k), what, r);
	free(what);
	return r;
}

int sim_may_write(struct pcipt_kernel *k, enum pcipt_place at, const char *path)
{
	struct sim *sim = sim_of(k);
	struct sim_verdict verdict;
	char whole[512], *what;
	int r;

	whole_path(at, path, whole, sizeof(whole));
	what = pcipt_format("may-write %s", whole);
	verdict = sim_next(sim, SIM_MAY_WRITE, what);
	r = verdict.answer		      ? verdict.answer :
	    find(sim, whole).kind == NOTHING ? -ENOENT :
					       sim->may_write;
	sim_note(sim, what, r);
	free(what);
	return r;
}

/* ---- writing ---- */

static int write_node(struct sim *sim, const struct node *node, const char *value)
{
	if (node->kind == DRIVER && strcmp(node->name, "bind") == 0)
		return sim_bind(sim, node->driver, value);
	if (node->kind == DRIVER && strcmp(node->name, "unbind") == 0)
		return sim_unbind(sim, node->driver, value);
	if (node->kind == DEVICE && strcmp(node->name, "driver_override") == 0)
		return sim_set_override(node->device, value);
	if (node->kind == DEVICE && strcmp(node->name, "power/control") == 0)
		return sim_set_power(node->device, value);
	return node->kind == NOTHING ? -ENOENT : -EACCES;
}

int sim_write_now(struct sim *sim, const char *path, const char *value)
{
	struct node node = find(sim, path);

	return write_node(sim, &node, value);
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
	r = verdict.happens ? write_node(sim, &node, value) : 0;
	r = verdict.answer ? verdict.answer : r;
	sim_note(sim, what, r);
	free(what);
	return r;
}
