/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What finding network namespaces, asking them, and taking their answers share. */
#ifndef PCIPT_KERNEL_NETLINK_H
#define PCIPT_KERNEL_NETLINK_H

#include <linux/netlink.h>
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

/* The kernel's parts of an answer are no longer than 32 KiB (netlink_dump()). */
#define PCIPT_NETLINK_BUFFER 65536
#define PCIPT_NETLINK_IDS 4096

enum pcipt_frame_kind {
	PCIPT_FRAME_MESSAGES, /* as many bytes as `size` says follow, or none as a sign of life */
	PCIPT_FRAME_SESSIONS, /* the same, of /proc/net/pppoe */
	PCIPT_FRAME_ID,	      /* `value` is how the namespace knows the one with the index `size` */
	PCIPT_FRAME_END,      /* `value` is the result */
};

struct pcipt_frame {
	uint32_t network, kind;
	int32_t value;
	uint32_t size;
};

/* What the copy works with: all of it is there before. */
struct pcipt_asking {
	const struct pcipt_namespace *namespaces;
	size_t n;
	int out;
	size_t now; /* the namespace that is asked */
	int socket;
	uint32_t sequence;
	bool interrupted, too_many_ids;
	/* The ids of other namespaces that links of this one lead to. */
	int32_t ids[PCIPT_NETLINK_IDS];
	size_t n_ids;
	char buffer[PCIPT_NETLINK_BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* netlink-copy.c: in a copy of the process, asks each namespace and sends what it answers. */
void pcipt_netlink_ask_all(struct pcipt_asking *asking);

#endif
