/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interfaces, addresses and default routes of all network namespaces as plain data, and
 * what they say of the network cards below. Pure but for net.c.
 */
#ifndef PCIPT_USAGE_NET_H
#define PCIPT_USAGE_NET_H

#include <netinet/in.h>

#include "kernel/networks.h"
#include "usage/uses.h"

#define PCIPT_NET_NOWHERE UINT32_MAX

struct pcipt_net_link {
	uint32_t network; /* the namespace, by its number in struct pcipt_networks */
	uint32_t index;
	uint32_t master; /* an index in the same namespace; 0 for none */
	/* What a VLAN, a macvlan or the like is on, or a veth's other end; 0 for none. */
	uint32_t lower;
	int32_t lower_id;	/* the namespace that this is in, as ours knows it; -1 is ours */
	uint32_t lower_network; /* the same as a number, or NOWHERE */
	uint32_t ports[2];	/* those of an HSR or PRP ring, which don't call it a master */
	bool up;
	char name[32], kind[32];   /* "bond0.7", "vlan" */
	char bus[32], parent[128]; /* the device's: "pci", "0000:02:00.0"; empty for none */
	/* The first of its addresses and routes, counted from 1; 0 for none. Only when settled. */
	size_t address, route;
};

struct pcipt_net_address {
	uint32_t network, index;
	char text[64]; /* "192.0.2.7/24" */
	size_t next;   /* of the same interface, counted from 1 */
};

/* A default route, once for each way it goes. */
struct pcipt_net_route {
	uint32_t network, index; /* where it goes out; 0 where `hop` says it */
	uint32_t table, hop;
	uint8_t family;
	uint8_t length; /* of the prefix: not 0 for a half or a quarter of everything */
	size_t next;	/* by the same interface, counted from 1 */
};

/* A next hop: an object that routes refer to. A group has one of these for each member. */
struct pcipt_net_hop {
	uint32_t network, id;
	uint32_t index;	 /* where it goes out, or 0 */
	uint32_t member; /* of a group: another next hop's id, or 0 */
};

/* An interface that PPPoE sessions go over. */
struct pcipt_net_session {
	uint32_t network;
	char name[32];
};

/* By which link-local address the caller logged in, and from where. */
struct pcipt_net_login {
	char local[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
};

struct pcipt_net {
	struct pcipt_net_link *links;
	struct pcipt_net_address *addresses;
	struct pcipt_net_address *locals; /* IPv6 link-local ones, without their length */
	struct pcipt_net_route *routes;
	struct pcipt_net_hop *hops;
	struct pcipt_net_session *sessions;
	struct pcipt_net_login *logins;
	size_t n_links, n_addresses, n_locals, n_routes, n_hops, n_sessions, n_logins;
	int unread_errnum; /* why a table in which the caller's login may be can't be read; or 0 */
	bool no_memory;
	bool damaged; /* a message contradicts itself: what it says is left out */
};

/* net-messages.c: adds what a namespace's messages say. They may be anything. */
void pcipt_net_read(struct pcipt_net *net, uint32_t network, const void *messages, size_t size);
/* Adds the sessions of a namespace, as /proc/net/pppoe tells them. */
void pcipt_net_read_sessions(struct pcipt_net *net, uint32_t network, const char *text, size_t size);
/* net-logins.c: adds by which of the link-local addresses the caller logged in. */
void pcipt_net_find_logins(struct pcipt_inquiry *inquiry, struct pcipt_net *net);
/*
 * When all are read: sorts, and finds what ids and next hops stand for. `networks` may
 * be NULL where there is one namespace alone.
 */
void pcipt_net_settle(struct pcipt_net *net, const struct pcipt_networks *networks);
void pcipt_net_clear(struct pcipt_net *net);
/* The link's place among the links, or SIZE_MAX. Only when settled. */
size_t pcipt_net_find(const struct pcipt_net *net, uint32_t network, uint32_t index);

/* A network interface of a device, by its place among the links. */
struct pcipt_net_card {
	struct pcipt_device *device;
	size_t link;
};

/* net-uses.c: what uses these interfaces, at most one use of each kind for each. */
void pcipt_net_add_uses(const struct pcipt_net *net, const struct pcipt_networks *networks,
			const struct pcipt_net_card *cards, size_t n, struct pcipt_uses *uses);

/* net.c: the collector. */
void pcipt_collect_net(struct pcipt_inquiry *inquiry);

#endif
