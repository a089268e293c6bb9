/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which interface stands on which: bonds, bridges, VLANs, into other namespaces. Pure. */
#ifndef PCIPT_USAGE_NET_GRAPH_H
#define PCIPT_USAGE_NET_GRAPH_H

#include "usage/net.h"

enum pcipt_net_how {
	PCIPT_NET_MEMBER, /* `from` has `to` for a master */
	PCIPT_NET_BELOW,  /* `to` is made on `from`, as a VLAN is */
	PCIPT_NET_SESSION, /* `to` is what PPPoE makes of a session over `from` */
	PCIPT_NET_PORT,	  /* `through`, a port of the bridge `from`, has `to` for its other end */
};

/* From the lower interface to the upper one; all three are places among the links. */
struct pcipt_net_edge {
	size_t from, to, through;
	enum pcipt_net_how how;
};

struct pcipt_net_graph {
	const struct pcipt_net *net;
	struct pcipt_net_edge *edges; /* ordered by `from` */
	size_t n_edges;
};

/* An interface that stands on the one asked for, directly or not. */
struct pcipt_net_step {
	size_t link;
	const struct pcipt_net_edge *edge; /* how it was come to; NULL for the one asked for */
	size_t before;			   /* the step that it was come from */
	size_t depth;
};

/* False without memory. The links must be settled, and outlive the graph. */
bool pcipt_net_graph_make(const struct pcipt_net *net, struct pcipt_net_graph *graph);
void pcipt_net_graph_clear(struct pcipt_net_graph *graph);
/*
 * All that stands on a link, the nearest first, the link itself as the first step; each
 * is there once, so circles end. False without memory.
 */
bool pcipt_net_graph_walk(const struct pcipt_net_graph *graph, size_t link,
			  struct pcipt_net_step **steps, size_t *n);

#endif
