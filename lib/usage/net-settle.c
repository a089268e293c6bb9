/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What messages refer to by number: namespaces by ids, interfaces by next hops. */
#include "usage/net.h"

static int compare_numbers(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_links(const void *a, const void *b)
{
	const struct pcipt_net_link *x = a, *y = b;
	int r = compare_numbers(x->network, y->network);

	return r ? r : compare_numbers(x->index, y->index);
}

size_t pcipt_net_find(const struct pcipt_net *net, uint32_t network, uint32_t index)
{
	const struct pcipt_net_link key = { .network = network, .index = index };
	const struct pcipt_net_link *found =
		net->n_links && index ? bsearch(&key, net->links, net->n_links, sizeof(key),
						compare_links) :
					NULL;

	return found ? (size_t)(found - net->links) : SIZE_MAX;
}

/* The namespace that one knows by an id; NOWHERE when it could not be seen. */
static uint32_t find_network(const struct pcipt_networks *networks, uint32_t from, int32_t id)
{
	if (id < 0)
		return from;
	for (size_t i = 0; networks && from < networks->n && i < networks->items[from].n_ids; i++)
		if (networks->items[from].ids[i].id == id)
			return networks->items[from].ids[i].network;
	return PCIPT_NET_NOWHERE;
}

static void add_route(struct pcipt_net *net, const struct pcipt_net_route *route, uint32_t index)
{
	struct pcipt_net_route copy = *route;

	if (!index)
		return;
	copy.index = index;
	if (pcipt_grow(&net->routes, net->n_routes))
		net->routes[net->n_routes++] = copy;
	else
		net->no_memory = true;
}

/* A route by a next hop's id gets its ways: the hop's own, or those of a group's members. */
static void follow_hops(struct pcipt_net *net, struct pcipt_net_route route)
{
	for (size_t i = 0; i < net->n_hops; i++) {
		const struct pcipt_net_hop *hop = &net->hops[i];

		if (hop->network != route.network || hop->id != route.hop)
			continue;
		add_route(net, &route, hop->index);
		for (size_t k = 0; hop->member && k < net->n_hops; k++)
			if (net->hops[k].network == hop->network && net->hops[k].id == hop->member)
				add_route(net, &route, net->hops[k].index);
	}
}

/* Each interface gets a list of what it has, in the order in which that was told. */
static void hand_out(struct pcipt_net *net)
{
	for (size_t i = 0; i < net->n_links; i++)
		net->links[i].address = net->links[i].route = 0;
	for (size_t i = net->n_addresses; i > 0; i--) {
		struct pcipt_net_address *a = &net->addresses[i - 1];
		size_t link = pcipt_net_find(net, a->network, a->index);

		if (link == SIZE_MAX)
			continue;
		a->next = net->links[link].address;
		net->links[link].address = i;
	}
	for (size_t i = net->n_routes; i > 0; i--) {
		struct pcipt_net_route *r = &net->routes[i - 1];
		size_t link = pcipt_net_find(net, r->network, r->index);

		if (link == SIZE_MAX)
			continue;
		r->next = net->links[link].route;
		net->links[link].route = i;
	}
}

void pcipt_net_settle(struct pcipt_net *net, const struct pcipt_networks *networks)
{
	size_t n = net->n_routes, kept = 0;

	for (size_t i = 0; i < net->n_links; i++) {
		struct pcipt_net_link *link = &net->links[i];

		link->lower_network = find_network(networks, link->network, link->lower_id);
	}
	if (net->n_links > 1)
		qsort(net->links, net->n_links, sizeof(*net->links), compare_links);
	/* A link that was told of twice counts once. */
	for (size_t i = 0; i < net->n_links; i++)
		if (i == 0 || compare_links(&net->links[i], &net->links[kept - 1]) != 0)
			net->links[kept++] = net->links[i];
	net->n_links = kept;
	/* Kernels mostly tell both the id and the ways; by sysctl the id alone. */
	for (size_t i = 0; i < n; i++)
		if (net->routes[i].hop && !net->routes[i].index)
			follow_hops(net, net->routes[i]);
	hand_out(net);
}

void pcipt_net_clear(struct pcipt_net *net)
{
	free(net->links);
	free(net->addresses);
	free(net->routes);
	free(net->hops);
	free(net->sessions);
	free(net->locals);
	free(net->logins);
	memset(net, 0, sizeof(*net));
}
