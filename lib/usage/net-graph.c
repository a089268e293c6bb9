/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See net-graph.h. */
#include "usage/net-graph.h"

/* The kernel stacks eight at most in one namespace (MAX_NEST_DEV); veths lead into more. */
#define DEPTH_MAX 32

static bool is_veth(const struct pcipt_net_link *link)
{
	return strcmp(link->kind, "veth") == 0;
}

static bool add(struct pcipt_net_graph *graph, struct pcipt_net_edge edge)
{
	if (edge.from == SIZE_MAX || edge.to == SIZE_MAX || edge.from == edge.to)
		return true;
	if (!pcipt_grow(&graph->edges, graph->n_edges))
		return false;
	graph->edges[graph->n_edges++] = edge;
	return true;
}

/* What one link says: its master, what it is made on, where its other end is. */
static bool add_edges(struct pcipt_net_graph *graph, size_t i)
{
	const struct pcipt_net *net = graph->net;
	const struct pcipt_net_link *link = &net->links[i];
	size_t master = pcipt_net_find(net, link->network, link->master);
	size_t lower = pcipt_net_find(net, link->lower_network, link->lower);

	if (!add(graph, (struct pcipt_net_edge){ i, master, i, PCIPT_NET_MEMBER }))
		return false;
	for (size_t k = 0; k < ARRAY_SIZE(link->ports); k++)
		if (!add(graph, (struct pcipt_net_edge){
					pcipt_net_find(net, link->network, link->ports[k]), i, i,
					PCIPT_NET_MEMBER }))
			return false;
	if (!is_veth(link))
		return add(graph, (struct pcipt_net_edge){ lower, i, i, PCIPT_NET_BELOW });
	/* What leaves a bridge by a card came in by another port: by a veth from a container. */
	return master == SIZE_MAX ||
	       add(graph, (struct pcipt_net_edge){ master, lower, i, PCIPT_NET_PORT });
}

static bool is_session_on(const struct pcipt_net_session *session, const struct pcipt_net_link *link)
{
	return session->network == link->network && strcmp(session->name, link->name) == 0;
}

/*
 * Which of a namespace's PPP interfaces a session makes isn't told: each one may be it.
 */
static bool add_sessions(struct pcipt_net_graph *graph, size_t session)
{
	const struct pcipt_net *net = graph->net;

	for (size_t from = 0; from < net->n_links; from++) {
		if (!is_session_on(&net->sessions[session], &net->links[from]))
			continue;
		for (size_t to = 0; to < net->n_links; to++)
			if (net->links[to].network == net->links[from].network &&
			    strcmp(net->links[to].kind, "ppp") == 0 &&
			    !add(graph, (struct pcipt_net_edge){ from, to, from, PCIPT_NET_SESSION }))
				return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct pcipt_net_edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

bool pcipt_net_graph_make(const struct pcipt_net *net, struct pcipt_net_graph *graph)
{
	*graph = (struct pcipt_net_graph){ .net = net };
	for (size_t i = 0; i < net->n_links; i++)
		if (!add_edges(graph, i)) {
			pcipt_net_graph_clear(graph);
			return false;
		}
	for (size_t i = 0; i < net->n_sessions; i++)
		if (!add_sessions(graph, i)) {
			pcipt_net_graph_clear(graph);
			return false;
		}
	if (graph->n_edges > 1)
		qsort(graph->edges, graph->n_edges, sizeof(*graph->edges), compare);
	return true;
}

void pcipt_net_graph_clear(struct pcipt_net_graph *graph)
{
	free(graph->edges);
	*graph = (struct pcipt_net_graph){ 0 };
}

/* The first edge that begins at the link or behind it. */
static size_t first_edge(const struct pcipt_net_graph *graph, size_t link)
{
	size_t low = 0, high = graph->n_edges;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (graph->edges[middle].from < link)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool pcipt_net_graph_walk(const struct pcipt_net_graph *graph, size_t link,
			  struct pcipt_net_step **steps, size_t *n)
{
	_cleanup_free_ struct pcipt_net_step *found =
		calloc(graph->net->n_links + 1, sizeof(*found));
	_cleanup_free_ bool *seen = calloc(graph->net->n_links + 1, sizeof(*seen));
	size_t count = 1;

	if (!found || !seen)
		return false;
	found[0].link = link;
	seen[link] = true;
	for (size_t i = 0; i < count; i++) {
		for (size_t e = first_edge(graph, found[i].link);
		     found[i].depth < DEPTH_MAX && e < graph->n_edges &&
		     graph->edges[e].from == found[i].link;
		     e++) {
			const struct pcipt_net_edge *edge = &graph->edges[e];

			if (seen[edge->to])
				continue;
			seen[edge->to] = true;
			found[count++] = (struct pcipt_net_step){ edge->to, edge, i,
								  found[i].depth + 1 };
		}
	}
	*steps = steal(&found);
	*n = count;
	return true;
}
