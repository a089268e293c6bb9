/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host does with a network card, in words. */
#include <net/if.h>
#include <netinet/in.h>

#include "usage/net-graph.h"
#include "usage/tcp.h"

/* How many of a kind are spelled out. */
#define SPELLED_OUT 3

/* How a kind of interface is called, and how it is with what it stands on. */
static const struct {
	const char *kind, *article, *noun, *with;
} words[] = {
	{ "bond", "a", "bond", "of" },
	{ "team", "a", "team", "of" },
	{ "bridge", "a", "bridge", "over" },
	{ "vrf", "a", "VRF", "with" },
	{ "hsr", "an", "HSR or PRP ring", "over" },
	{ "openvswitch", "an", "Open vSwitch", "with" },
	{ "vlan", "a", "VLAN", "on" },
	{ "macvlan", "a", "macvlan", "on" },
	{ "macvtap", "a", "macvtap", "on" },
	{ "ipvlan", "an", "ipvlan", "on" },
	{ "ipvtap", "an", "ipvtap", "on" },
	{ "ppp", "a", "PPPoE session", "over" },
	{ "macsec", "a", "MACsec interface", "on" },
};

#define N_WORDS ARRAY_SIZE(words)

static size_t words_of(const struct pcipt_net_link *link)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (strcmp(words[i].kind, link->kind) == 0)
			return i;
	return N_WORDS;
}

/* Items of one kind about one interface, folded into one use. */
struct fold {
	char *what, *evidence; /* of the first, and of all that are spelled out */
	size_t n;
};

struct scene {
	const struct pcipt_net *net;
	const struct pcipt_networks *networks;
	struct pcipt_net_graph graph;
	const struct pcipt_net_card *card;
	struct pcipt_net_step *steps;
	size_t n_steps;
	struct pcipt_uses *uses;
};

static const struct pcipt_net_link *link_of(const struct scene *scene, size_t step)
{
	return &scene->net->links[scene->steps[step].link];
}

/* "eth0", and in another namespace than the caller's own "eth0 (network namespace blue)". */
static char *print_link(const struct scene *scene, size_t i)
{
	const struct pcipt_net_link *link = &scene->net->links[i];
	const struct pcipt_networks *networks = scene->networks;

	if (link->network == 0 || link->network >= networks->n ||
	    !networks->items[link->network].name)
		return strdup(link->name);
	return pcipt_format("%s (%s)", link->name, networks->items[link->network].name);
}

/* What a step is to the one before it: "a bond of ", "the other end of veth1 in ". */
static char *print_relation(const struct scene *scene, const struct pcipt_net_step *step)
{
	const struct pcipt_net_link *link = &scene->net->links[step->link];
	size_t w = words_of(link);
	_cleanup_free_ char *port = NULL;

	if (step->edge->how == PCIPT_NET_PORT) {
		port = print_link(scene, step->edge->through);
		return port ? pcipt_format("the other end of %s in", port) : NULL;
	}
	if (w < N_WORDS)
		return pcipt_format("%s %s %s", words[w].article, words[w].noun, words[w].with);
	return strdup(step->edge->how == PCIPT_NET_MEMBER ? "the master of" :
							    "an interface on");
}

/* "br0, a bridge over bond0, a bond of eth1 = 0000:02:00.0" */
static char *print_chain(const struct scene *scene, size_t step)
{
	_cleanup_free_ char *name = print_link(scene, scene->steps[step].link);
	_cleanup_free_ char *relation = NULL, *rest = NULL;

	if (!name)
		return NULL;
	if (step == 0)
		return pcipt_format("%s = %s", name, scene->card->device->address);
	relation = print_relation(scene, &scene->steps[step]);
	rest = print_chain(scene, scene->steps[step].before);
	return relation && rest ? pcipt_format("%s, %s %s", name, relation, rest) : NULL;
}

/* "eth1, bond0, br0": the way up, by names alone. */
static char *print_way(const struct scene *scene, size_t step)
{
	_cleanup_free_ char *rest = NULL;

	if (step == 0)
		return strdup(link_of(scene, 0)->name);
	rest = print_way(scene, scene->steps[step].before);
	return rest ? pcipt_format("%s, %s", rest, link_of(scene, step)->name) : NULL;
}

/* ---- folding ---- */

/* One more of a kind: what it is, and how it is known. Takes both over. */
static void add(struct scene *scene, struct fold *fold, char *what, char *evidence)
{
	char *more = NULL;

	if (!what || !evidence)
		scene->uses->no_memory = true;
	if (what && evidence && ++fold->n == 1) {
		fold->what = steal(&what);
		fold->evidence = steal(&evidence);
	} else if (what && evidence && fold->n <= SPELLED_OUT) {
		more = pcipt_format("%s; %s", fold->evidence, evidence);
		if (more) {
			free(fold->evidence);
			fold->evidence = more;
		}
		scene->uses->no_memory |= !more;
	}
	free(what);
	free(evidence);
}

static void tell(struct scene *scene, enum pcipt_use_kind kind, struct fold *fold, char *remedy)
{
	char *what, *evidence;

	if (fold->n == 0) {
		free(remedy);
		return;
	}
	what = fold->n == 1 ? steal(&fold->what) :
			      pcipt_format("%s and %zu more", fold->what, fold->n - 1);
	evidence = fold->n <= SPELLED_OUT ?
			   steal(&fold->evidence) :
			   pcipt_format("%s; and %zu more", fold->evidence, fold->n - SPELLED_OUT);
	pcipt_uses_add(scene->uses, scene->card->device, kind, what, evidence, remedy);
	free(fold->what);
	free(fold->evidence);
}

static char *print_remedy(const struct scene *scene, size_t step)
{
	const struct pcipt_net_link *upper = link_of(scene, step);

	if (scene->steps[step].edge->how == PCIPT_NET_SESSION)
		return pcipt_format("End the PPPoE session %s, then try again", upper->name);
	return scene->steps[step].edge->how == PCIPT_NET_MEMBER ?
		       pcipt_format("Take %s out of %s, then try again", link_of(scene, 0)->name,
				    upper->name) :
		       pcipt_format("Remove %s from %s, or set it down and take its addresses off, "
				    "then try again",
				    upper->name, link_of(scene, 0)->name);
}

/* ---- addresses ---- */

/* The step on the card itself by which another one is come to. */
static size_t first_step(const struct scene *scene, size_t step)
{
	while (scene->steps[step].depth > 1)
		step = scene->steps[step].before;
	return step;
}

/* Somebody else's, who only shares a bridge with the card: the other ends of its ports. */
static bool is_behind_port(const struct scene *scene, size_t step)
{
	for (; step != 0; step = scene->steps[step].before)
		if (scene->steps[step].edge->how == PCIPT_NET_PORT)
			return true;
	return false;
}

/* What lives on the network by this address lives on the card. */
static void add_way(struct scene *scene, const struct pcipt_net_link *link, const char *text)
{
	struct pcipt_ways *ways = &scene->uses->ways;
	struct pcipt_way way = { .device = scene->card->device };
	const char *slash = strchr(text, '/');

	if (!slash || !pcipt_tcp_scan_address(text, &way.address))
		return;
	way.length = (unsigned int)strtoul(slash + 1, NULL, 10);
	way.length += IN6_IS_ADDR_V4MAPPED(&way.address) ? 96 : 0;
	way.length = way.length < 128 ? way.length : 128;
	memcpy(way.link, link->name, sizeof(way.link));
	if (pcipt_grow(&ways->items, ways->n))
		ways->items[ways->n++] = way;
	else
		scene->uses->no_memory = true;
}

/* A link-local address is of use to him who logged in by it. */
static void add_logins(struct scene *scene, struct fold *fold, size_t s)
{
	const struct pcipt_net *net = scene->net;
	const struct pcipt_net_link *link = link_of(scene, s);

	for (size_t i = 0; i < net->n_locals * net->n_logins; i++) {
		const struct pcipt_net_address *address = &net->locals[i / net->n_logins];
		const struct pcipt_net_login *login = &net->logins[i % net->n_logins];
		_cleanup_free_ char *chain = NULL;

		if (address->network != link->network || address->index != link->index ||
		    strcmp(address->text, login->local) != 0)
			continue;
		chain = print_chain(scene, s);
		add(scene, fold, pcipt_format("your own login from %s (%s)", login->peer, link->name),
		    chain ? pcipt_format("you are logged in from %s by the address %s of %s",
					 login->peer, login->local, chain) : NULL);
	}
}

static void find_addresses(struct scene *scene)
{
	struct fold fold = { 0 };
	size_t ports = 0, first = 0;

	for (size_t s = 0; s < scene->n_steps; s++) {
		const struct pcipt_net_link *link = link_of(scene, s);

		for (size_t i = link->address; i > 0; i = scene->net->addresses[i - 1].next) {
			const char *text = scene->net->addresses[i - 1].text;
			_cleanup_free_ char *chain = print_chain(scene, s);

			add(scene, &fold, pcipt_format("%s (%s)", text, link->name),
			    chain ? pcipt_format("the address %s is on %s", text, chain) : NULL);
			if (is_behind_port(scene, s) && ports++ == 0)
				first = first_step(scene, s);
			else if (!is_behind_port(scene, s))
				add_way(scene, link, text);
		}
		if (!is_behind_port(scene, s))
			add_logins(scene, &fold, s);
	}
	/* A container need not lose its address: the card leaves the bridge. */
	tell(scene, PCIPT_USE_ADDRESS, &fold,
	     ports > 0 && ports == fold.n ? print_remedy(scene, first) : NULL);
}

/* ---- routes ---- */

static char *print_table(const struct pcipt_net_route *route)
{
	switch (route->table) {
	case 255: return strdup("local");
	case 254: return strdup("main");
	case 253: return strdup("default");
	default: return pcipt_format("%u", route->table);
	}
}

static bool is_same_route(const struct pcipt_net_route *a, const struct pcipt_net_route *b)
{
	return a->network == b->network && a->index == b->index && a->family == b->family &&
	       a->table == b->table && a->length == b->length;
}

/* A table that has several of one family by the same interface is told once. */
static bool was_told(const struct pcipt_net *net, const struct pcipt_net_link *link, size_t route)
{
	for (size_t i = link->route; i != route; i = net->routes[i - 1].next)
		if (is_same_route(&net->routes[i - 1], &net->routes[route - 1]))
			return true;
	return false;
}

/* "the IPv4 default route"; or a part of one, as VPNs make them. */
static char *print_route(const struct pcipt_net_route *route)
{
	static const char *const parts[] = { "a half", "a quarter", "an eighth" };
	const char *family = route->family == AF_INET6 ? "IPv6" : "IPv4";

	if (route->length == 0 || route->length > ARRAY_SIZE(parts))
		return pcipt_format("the %s default route", family);
	return pcipt_format("an %s route to %s of all addresses", family, parts[route->length - 1]);
}

static void add_route(struct scene *scene, struct fold *fold, size_t step,
		      const struct pcipt_net_route *route)
{
	_cleanup_free_ char *chain = print_chain(scene, step), *way = print_way(scene, step);
	_cleanup_free_ char *table = print_table(route), *what = print_route(route);

	add(scene, fold, way && what ? pcipt_format("%s (%s)", what, way) : NULL,
	    chain && table && what ?
		    pcipt_format("%s (table %s) goes by %s", what, table, chain) :
		    NULL);
}

static void find_routes(struct scene *scene)
{
	struct fold fold = { 0 };

	for (size_t s = 0; s < scene->n_steps; s++) {
		const struct pcipt_net_link *link = link_of(scene, s);

		for (size_t i = link->route; i > 0; i = scene->net->routes[i - 1].next)
			if (!was_told(scene->net, link, i))
				add_route(scene, &fold, s, &scene->net->routes[i - 1]);
	}
	tell(scene, PCIPT_USE_ROUTE, &fold, NULL);
}

/* ---- masters, and what is made on it ---- */

/*
 * A VLAN or the like that nobody uses vanishes with its card and nobody misses it. In
 * use: up, with an address or a route, below something else, or given to a container.
 */
static bool is_used(const struct scene *scene, size_t step)
{
	const struct pcipt_net_link *link = link_of(scene, step);

	if (link->up || link->network != link_of(scene, 0)->network ||
	    link->address > 0 || link->route > 0)
		return true;
	for (size_t i = 1; i < scene->n_steps; i++)
		if (scene->steps[i].before == step)
			return true;
	return false;
}

static void find_uppers(struct scene *scene)
{
	struct fold fold = { 0 };
	char *remedy = NULL;

	for (size_t s = 1; s < scene->n_steps && scene->steps[s].depth == 1; s++) {
		const struct pcipt_net_link *link = link_of(scene, s);
		size_t w = words_of(link);

		if (scene->steps[s].edge->how != PCIPT_NET_MEMBER && !is_used(scene, s))
			continue;
		if (fold.n == 0)
			remedy = print_remedy(scene, s);
		add(scene, &fold,
		    pcipt_format("the %s %s (%s)", w < N_WORDS ? words[w].noun : "interface",
				 link->name, link_of(scene, 0)->name),
		    print_chain(scene, s));
	}
	/* One remedy can't speak of several. */
	if (fold.n > 1)
		free(steal(&remedy));
	tell(scene, PCIPT_USE_ENSLAVED, &fold, remedy);
}

void pcipt_net_add_uses(const struct pcipt_net *net, const struct pcipt_networks *networks,
			const struct pcipt_net_card *cards, size_t n, struct pcipt_uses *uses)
{
	struct scene scene = { .net = net, .networks = networks, .uses = uses };

	if (!pcipt_net_graph_make(net, &scene.graph)) {
		uses->no_memory = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		scene.card = &cards[i];
		if (pcipt_net_graph_walk(&scene.graph, cards[i].link, &scene.steps,
					 &scene.n_steps)) {
			find_addresses(&scene);
			find_routes(&scene);
			find_uppers(&scene);
		} else {
			uses->no_memory = true;
		}
		free(steal(&scene.steps));
	}
	pcipt_net_graph_clear(&scene.graph);
}
