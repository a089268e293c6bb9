/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The nodes in /dev through which processes use a device. */
#ifndef PCIPT_USAGE_NODES_H
#define PCIPT_USAGE_NODES_H

#include "inventory/inventory.h"

/* A node and whose it is; the path and the name live as long as the list. */
struct pcipt_device_node {
	struct pcipt_device *device; /* NULL for one that only tells what a process does */
	char *path;
	bool disk; /* of a disk or a partition of one */
};

struct pcipt_nodes {
	struct pcipt_node *nodes; /* as the seam takes them */
	struct pcipt_device_node *owners;
	size_t n;
	bool no_memory;
	bool cut; /* more hangs below a device than is ever listed */
};

/* The text of a descriptor of a device behind a VFIO group. */
#define PCIPT_VFIO_FILE "anon_inode:[vfio-device]"

/* Adds the nodes of a device as it is bound now; none when nobody could have it open. */
void pcipt_nodes_add(struct pcipt_nodes *nodes, struct pcipt_device *device);
/*
 * Where VFIO groups are among them: adds what tells of devices behind groups, and of
 * every VFIO group, whosever it is.
 */
void pcipt_nodes_add_vfio(struct pcipt_nodes *nodes);
void pcipt_nodes_clear(struct pcipt_nodes *nodes);

#endif
