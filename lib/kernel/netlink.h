/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What finding network namespaces and asking them share. */
#ifndef PCIPT_KERNEL_NETLINK_H
#define PCIPT_KERNEL_NETLINK_H

#include <sys/types.h>

#include "kernel/networks.h"
#include "kernel/real.h"

/* Each costs a descriptor, and programs have about a thousand. */
#define PCIPT_NETWORKS_MAX 500

struct pcipt_namespace {
	int fd; /* -1 where it couldn't be had */
	ino_t inode;
};

/*
 * namespaces.c: fills both with the same number of entries; `namespaces` has room for
 * PCIPT_NETWORKS_MAX, and its descriptors are the caller's, also on failure. A link
 * that says "no" is noted in `networks`; only memory or a listing can fail.
 */
int pcipt_namespaces_find(struct real_kernel *real, struct pcipt_networks *networks,
			  struct pcipt_namespace *namespaces);

#endif
