/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds a device open. */
#ifndef PCIPT_USAGE_HOLDERS_H
#define PCIPT_USAGE_HOLDERS_H

#include "usage/nodes.h"
#include "usage/uses.h"

/*
 * Adds a use for each process that has one of the devices open or mapped, as they are
 * bound now: PCIPT_USE_HELD, for disks PCIPT_USE_DISK_OPEN. What could not be looked at is
 * PCIPT_USE_UNKNOWN. Looks at every process of the host, but only where one of the devices
 * has a node that somebody may have open (pins.c). Never opens a node: a VFIO group opens
 * but once, so a try would make its real user fail. Until the deadline, on the kernel's
 * clock (0: for the context's timeout from now); whom there was no time for is unknown.
 */
void pcipt_holders_find(struct pcipt_snapshot *snap, struct pcipt_device *const *devices, size_t n,
			double deadline, struct pcipt_uses *uses);
/*
 * The same for one device by nodes that were taken down before: its driver may have taken
 * them away already, and wait all the same for who has them open.
 */
void pcipt_holders_of(struct pcipt_device *device, const struct pcipt_nodes *nodes,
		      double deadline, struct pcipt_uses *uses);
/* The same as a collector. */
void pcipt_collect_holders(struct pcipt_inquiry *inquiry);

#endif
