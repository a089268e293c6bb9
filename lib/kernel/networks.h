/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the network namespaces of this machine answered, each for itself. */
#ifndef PCIPT_KERNEL_NETWORKS_H
#define PCIPT_KERNEL_NETWORKS_H

#include <stddef.h>
#include <stdint.h>

/* Namespaces know each other by numbers of their own (rtnetlink's nsid). */
struct pcipt_network_id {
	int32_t id;
	uint32_t network; /* its index */
};

struct pcipt_network {
	char *name; /* "network namespace blue"; NULL for the caller's own */
	int result; /* 0, or -errno: why it could not be asked, or not to the end */
	/*
	 * Netlink messages, one behind another: links, addresses, next hops, and those
	 * routes that are (or may be halves of) a default route. Of a kernel that is real
	 * they come from the kernel alone.
	 */
	char *messages;
	size_t size, room;
	struct pcipt_network_id *ids;
	size_t n_ids;
	/* PPPoE sessions, as /proc/net/pppoe tells them; NULL for none. */
	char *sessions;
	size_t sessions_size, sessions_room;
};

struct pcipt_networks {
	struct pcipt_network *items; /* the caller's own is the first */
	size_t n;
	/* Of those that could not even be looked for: why (-errno), and one example. */
	int unseen;
	char *unseen_example; /* "process 4711"; NULL where there is none to name */
};

void pcipt_networks_clear(struct pcipt_networks *networks);

#endif
