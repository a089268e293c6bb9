/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See tree.h. */
#include "tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char *root;
	/* Where each device is, below sys/devices. */
	struct {
		char *address, *path;
	} devices[256];
	size_t n;
};

static void check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fake tree: %s: %s\n", what, strerror(errno));
	abort();
}

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	check(vasprintf(&s, fmt, ap) >= 0, fmt);
	va_end(ap);
	return s;
}

static void make_folders(const char *path)
{
	char *copy = strdup(path);

	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		check(mkdir(copy, 0755) == 0 || errno == EEXIST, copy);
		*p = '/';
	}
	check(mkdir(copy, 0755) == 0 || errno == EEXIST, copy);
	free(copy);
}

static void make_parent(const char *path)
{
	char *copy = strdup(path);

	*strrchr(copy, '/') = '\0';
	make_folders(copy);
	free(copy);
}

static void write_bytes(const char *path, const void *data, size_t n)
{
	FILE *file;

	make_parent(path);
	unlink(path);
	file = fopen(path, "we");
	check(file && fwrite(data, 1, n, file) == n && fclose(file) == 0, path);
}

static void write_line(const char *path, const char *text)
{
	char *line = format("%s\n", text);

	write_bytes(path, line, strlen(line));
	free(line);
}

static void make_link(const char *path, const char *target)
{
	make_parent(path);
	unlink(path);
	check(symlink(target, path) == 0, path);
}

struct tree *tree_new(const char *root)
{
	struct tree *tree = calloc(1, sizeof(*tree));

	check(tree != NULL, root);
	tree->root = strdup(root);
	tree_folder(tree, "sys/bus/pci/devices");
	tree_folder(tree, "sys/bus/pci/drivers");
	tree_folder(tree, "sys/devices");
	tree_folder(tree, "sys/class");
	tree_folder(tree, "sys/kernel/iommu_groups");
	return tree;
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->devices[i].address);
		free(tree->devices[i].path);
	}
	free(tree->root);
	free(tree);
}

const char *tree_root(const struct tree *tree)
{
	return tree->root;
}

char *tree_path(const struct tree *tree, const char *path)
{
	return format("%s/%s", tree->root, path);
}

void tree_folder(struct tree *tree, const char *path)
{
	char *whole = tree_path(tree, path);

	make_folders(whole);
	free(whole);
}

void tree_file(struct tree *tree, const char *path, const char *text)
{
	char *whole = tree_path(tree, path);

	write_line(whole, text);
	free(whole);
}

void tree_link(struct tree *tree, const char *path, const char *target)
{
	char *whole = tree_path(tree, path);

	make_link(whole, target);
	free(whole);
}

static const char *physical(const struct tree *tree, const char *address)
{
	for (size_t i = 0; i < tree->n; i++)
		if (strcmp(tree->devices[i].address, address) == 0)
			return tree->devices[i].path;
	check(false, address);
	return NULL;
}

char *tree_device_path(const struct tree *tree, const char *address, const char *name)
{
	return format("%s/sys/devices/%s%s%s", tree->root, physical(tree, address), name ? "/" : "",
		      name ? name : "");
}

void tree_set_raw(struct tree *tree, const char *address, const char *name, const void *data,
		  size_t n)
{
	char *path = tree_device_path(tree, address, name);

	write_bytes(path, data, n);
	free(path);
}

void tree_set(struct tree *tree, const char *address, const char *name, const char *text)
{
	char *path = tree_device_path(tree, address, name);

	if (text)
		write_line(path, text);
	else
		check(unlink(path) == 0 || errno == ENOENT, path);
	free(path);
}

void tree_set_link(struct tree *tree, const char *address, const char *name, const char *target)
{
	char *path = tree_device_path(tree, address, name);

	make_link(path, target);
	free(path);
}

void tree_set_fifo(struct tree *tree, const char *address, const char *name)
{
	char *path = tree_device_path(tree, address, name);

	unlink(path);
	check(mkfifo(path, 0644) == 0, path);
	free(path);
}

/* "../" as often as it takes to come from a device's folder to sys/, then the rest. */
static char *up_to_sys(const char *path, const char *rest)
{
	char *link = strdup("../../");

	for (const char *p = path; *p; p++)
		if (*p == '/') {
			char *longer = format("../%s", link);

			free(link);
			link = longer;
		}
	path = link;
	link = format("%s%s", path, rest);
	free((char *)path);
	return link;
}

/* A link in the device's folder to a place below sys/, and one back from there. */
static void link_both(struct tree *tree, const char *address, const char *name, const char *place,
		      const char *back)
{
	const char *path = physical(tree, address);
	char *target = up_to_sys(path, place);
	char *there = format("sys/%s%s/%s", place, back, address);
	char *here;

	tree_set_link(tree, address, name, target);
	free(target);
	/* bus/pci/drivers/NAME and kernel/iommu_groups/N/devices both lie four names deep. */
	here = format("../../../../devices/%s", path);
	tree_link(tree, there, here);
	free(here);
	free(there);
}

static void set_ids(struct tree *tree, const struct tree_device *d)
{
	const struct {
		const char *name;
		unsigned int digits, value;
	} ids[] = {
		{ "vendor", 4, d->vendor },
		{ "device", 4, d->device },
		{ "subsystem_vendor", 4, d->subsystem_vendor },
		{ "subsystem_device", 4, d->subsystem_device },
		{ "class", 6, d->class_id },
		{ "revision", 2, d->revision },
	};
	char *text;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		text = format("0x%0*x", (int)ids[i].digits, ids[i].value);
		tree_set(tree, d->address, ids[i].name, text);
		free(text);
	}
	text = format("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", d->vendor, d->device,
		      d->subsystem_vendor, d->subsystem_device, d->class_id >> 16,
		      d->class_id >> 8 & 0xff, d->class_id & 0xff);
	tree_set(tree, d->address, "modalias", text);
	free(text);
}

static void set_links(struct tree *tree, const struct tree_device *d)
{
	char *place, *path;

	if (d->driver) {
		place = format("bus/pci/drivers/%s", d->driver);
		link_both(tree, d->address, "driver", place, "");
		free(place);
	}
	if (d->group) {
		place = format("kernel/iommu_groups/%d", d->group);
		link_both(tree, d->address, "iommu_group", place, "/devices");
		free(place);
		path = format("sys/kernel/iommu_groups/%d/type", d->group);
		tree_file(tree, path, "DMA-FQ");
		free(path);
	}
}

static void note(struct tree *tree, const struct tree_device *d)
{
	char *path;

	check(tree->n < sizeof(tree->devices) / sizeof(*tree->devices), "too many devices");
	if (d->parent || d->below)
		path = format("%s/%s", d->below ? d->below : physical(tree, d->parent), d->address);
	else
		path = format("pci%.*s/%s", (int)strcspn(d->address, ".") - 3, d->address,
			      d->address);
	tree->devices[tree->n].address = strdup(d->address);
	tree->devices[tree->n++].path = path;
}

void tree_add(struct tree *tree, const struct tree_device *d)
{
	char *link, *target;

	note(tree, d);
	set_ids(tree, d);
	tree_set(tree, d->address, "numa_node", d->numa_node ? d->numa_node : "-1");
	tree_set(tree, d->address, "driver_override",
		 d->driver_override ? d->driver_override : "(null)");
	tree_set(tree, d->address, "power/control", d->power_control ? d->power_control : "auto");
	tree_set(tree, d->address, "boot_vga", d->boot_vga);
	tree_set(tree, d->address, "reset_method", d->reset_method);
	set_links(tree, d);
	link = format("sys/bus/pci/devices/%s", d->address);
	target = format("../../../devices/%s", physical(tree, d->address));
	tree_link(tree, link, target);
	free(link);
	free(target);
}

void tree_link_vf(struct tree *tree, const char *pf, const char *vf, unsigned int index)
{
	char *name = format("virtfn%u", index);
	char *target = format("../%s", vf);

	tree_set_link(tree, pf, name, target);
	free(target);
	target = format("../%s", pf);
	tree_set_link(tree, vf, "physfn", target);
	free(target);
	free(name);
}

void tree_set_serial(struct tree *tree, const char *address, uint8_t serial)
{
	uint8_t config[4096] = { 0 };

	memcpy(config + 0x100, (uint8_t[]){ 0x03, 0, 0x01, 0, serial }, 5);
	tree_set_raw(tree, address, "config", config, sizeof(config));
}

void tree_add_gpu_pair(struct tree *tree)
{
	tree_add(tree, &(struct tree_device){ .address = "0000:00:01.0",
					      .vendor = 0x8086,
					      .device = 0x4c01,
					      .class_id = 0x060400,
					      .driver = "pcieport",
					      .group = 1 });
	tree_add(tree, &(struct tree_device){ .address = "0000:01:00.0",
					      .parent = "0000:00:01.0",
					      .vendor = 0x10de,
					      .device = 0x2484,
					      .subsystem_vendor = 0x1458,
					      .subsystem_device = 0x404c,
					      .class_id = 0x030000,
					      .revision = 0xa1,
					      .driver = "nouveau",
					      .group = 2,
					      .numa_node = "0",
					      .boot_vga = "0",
					      .reset_method = "flr bus" });
	tree_add(tree, &(struct tree_device){ .address = "0000:01:00.1",
					      .parent = "0000:00:01.0",
					      .vendor = 0x10de,
					      .device = 0x228b,
					      .subsystem_vendor = 0x1458,
					      .subsystem_device = 0x404c,
					      .class_id = 0x040300,
					      .revision = 0xa1,
					      .driver = "snd_hda_intel",
					      .group = 2,
					      .numa_node = "0",
					      .reset_method = "bus" });
}

void tree_add_sriov(struct tree *tree)
{
	tree_add(tree, &(struct tree_device){ .address = "0000:00:02.0",
					      .class_id = 0x060400,
					      .driver = "pcieport" });
	tree_add(tree, &(struct tree_device){ .address = "0000:02:00.0",
					      .parent = "0000:00:02.0",
					      .vendor = 0x8086,
					      .device = 0x10c9,
					      .class_id = 0x020000,
					      .driver = "igb",
					      .group = 20 });
	for (unsigned int i = 0; i < 3; i++) {
		char *address = format("0000:02:10.%u", i * 2);

		tree_add(tree, &(struct tree_device){ .address = address,
						      .parent = "0000:00:02.0",
						      .vendor = 0x8086,
						      .device = 0x10ca,
						      .class_id = 0x020000,
						      .driver = "igbvf",
						      .group = 21 + (int)i });
		tree_link_vf(tree, "0000:02:00.0", address, i);
		free(address);
	}
}
