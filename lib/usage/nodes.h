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
	/* The module that is held by whoever has it open; PCIPT_PIN_DRIVER, or NULL: not known. */
	const char *pin;
};

#define PCIPT_PIN_DRIVER "" /* that of the device's driver */
#define PCIPT_PIN_NVME "nvme_core"
#define PCIPT_PIN_VFIO "vfio"

struct pcipt_nodes {
	struct pcipt_node *nodes; /* as the seam takes them */
	struct pcipt_device_node *owners;
	size_t n;
	/* Whose driver doesn't say which node is its, and why not. */
	struct pcipt_device **unsaid;
	size_t n_unsaid;
	int unsaid_errnum;
	bool no_memory;
	bool cut; /* more hangs below a device than is ever listed */
};

/* The text of a descriptor of a device behind a VFIO group. */
#define PCIPT_VFIO_FILE "anon_inode:[vfio-device]"

/*
 * Adds the nodes of a device as it is bound now; none when nobody could have it open. What
 * may not answer is waited for so many ms.
 */
void pcipt_nodes_add(struct pcipt_nodes *nodes, struct pcipt_device *device, unsigned int ms);
/*
 * Where VFIO groups are among them: adds what tells of devices behind groups, and of
 * every VFIO group, whosever it is.
 */
void pcipt_nodes_add_vfio(struct pcipt_nodes *nodes);
/* pins.c: the module that is held by whoever has a class device open, or NULL. */
const char *pcipt_pin_of(const struct pcipt_device *device, const char *subsystem,
			 const char *name, const char *path);
/* Drops those that nobody can have open, since nobody holds their module. */
void pcipt_nodes_drop_unopened(struct pcipt_nodes *nodes, struct pcipt_kernel *k);
/* Adds copies of a device's nodes, or of all that are a device's (NULL). */
void pcipt_nodes_copy(struct pcipt_nodes *to, const struct pcipt_nodes *from,
		      const struct pcipt_device *device);
void pcipt_nodes_clear(struct pcipt_nodes *nodes);

#endif
