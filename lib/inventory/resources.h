/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device's BARs and ROM, out of the text of its `resource` attribute: a line each,
 * "0xSTART 0xEND 0xFLAGS" (sysfs-bus-pci; drivers/pci/pci-sysfs.c, resource_show). A
 * pure function, no I/O, no allocation.
 *
 * The first six lines are the BARs, the seventh is the ROM; what follows (BARs of VFs,
 * windows of a bridge) is not looked at.
 */
#ifndef PCIPT_INVENTORY_RESOURCES_H
#define PCIPT_INVENTORY_RESOURCES_H

#include "base/util.h"

#define PCIPT_N_BARS 6

/* When `present` isn't 1 the other members are zero. */
struct pcipt_resource {
	int8_t present; /* 1, 0 where there is none, -1 where the text doesn't say */
	bool io; /* I/O ports; else memory */
	bool is_64bit, prefetchable; /* memory only */
	bool assigned; /* else `start` is no address yet */
	bool shadow; /* a ROM's copy in RAM, made by the firmware: not the device's own */
	uint64_t start; /* as the host's CPU sees it */
	uint64_t size; /* bytes, at least 1 */
};

struct pcipt_resources {
	bool damaged; /* a line wasn't as it should be; it counts as unknown */
	/*
	 * The second half of a 64-bit BAR is absent: BAR n and n + 1 are given as n.
	 */
	struct pcipt_resource bars[PCIPT_N_BARS];
	struct pcipt_resource rom;
};

/* Fills the whole of *resources. The text needs no NUL; it may be NULL when length is 0. */
void pcipt_resources_parse(const char *text, size_t length, struct pcipt_resources *resources);

#endif
