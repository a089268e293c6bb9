/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A folder that looks like a machine's /sys to a reader: devices, drivers and
 * IOMMU groups with the links that the kernel makes. It doesn't react to writes.
 * Whatever goes wrong here ends the program: a test with a broken tree says nothing.
 */
#ifndef TESTS_UNIT_TREE_H
#define TESTS_UNIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tree;

/* Texts that are NULL get what most devices have; an attribute can be taken away afterwards. */
struct tree_device {
	const char *address;
	const char *parent; /* address of the bridge above */
	const char *below;  /* or the physical path above, "pci0000:00/…/pci10000:e0" */
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_id;
	uint8_t revision;
	const char *driver;
	int group; /* 0 for none */
	const char *numa_node, *driver_override, *power_control; /* "-1", "(null)", "auto" */
	const char *boot_vga, *reset_method;			  /* absent when NULL */
};

/* An empty machine: a PCI bus without devices. The folder must be new. */
struct tree *tree_new(const char *root);
/* Forgets the tree; the folder stays. */
void tree_free(struct tree *tree);
const char *tree_root(const struct tree *tree);

void tree_add(struct tree *tree, const struct tree_device *device);
/* Makes `vf`, which is there already, the PF's index-th virtual function. */
void tree_link_vf(struct tree *tree, const char *pf, const char *vf, unsigned int index);
/* Writes an attribute with a newline behind it; NULL takes it away. */
void tree_set(struct tree *tree, const char *address, const char *name, const char *text);
/* Writes n bytes as they are. */
void tree_set_raw(struct tree *tree, const char *address, const char *name, const void *data,
		  size_t n);
/* Configuration space with nothing but a serial number, of which this is the last byte. */
void tree_set_serial(struct tree *tree, const char *address, uint8_t serial);
/* Replaces a name in a device's folder by a link, a fifo, or nothing. */
void tree_set_link(struct tree *tree, const char *address, const char *name, const char *target);
void tree_set_fifo(struct tree *tree, const char *address, const char *name);
/* The path of a device's folder or attribute (name may be NULL). Freed by the caller. */
char *tree_device_path(const struct tree *tree, const char *address, const char *name);

/* Paths below the root, without a slash in front. */
void tree_folder(struct tree *tree, const char *path);
void tree_file(struct tree *tree, const char *path, const char *text);
void tree_link(struct tree *tree, const char *path, const char *target);
char *tree_path(const struct tree *tree, const char *path);

/* The example that this library was born from: a graphics card and its audio function. */
void tree_add_gpu_pair(struct tree *tree);
/* A network card, 0000:02:00.0, with three virtual functions: 0000:02:10.0, .2 and .4. */
void tree_add_sriov(struct tree *tree);

#endif
