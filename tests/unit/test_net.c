/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What networks use cards for: from interfaces, addresses and routes as plain data, and
 * the collector on a tree whose kernel answers as the test likes.
 */
#include "failing.h"
#include "netlink-bytes.h"
#include "topology.h"
#include "tree.h"
#include "usage/net-graph.h"
#include "usage/tcp.h"

/* ---- a host in plain data ---- */

#define CARD 2u /* eth0's index; eth1 is 3 */

static struct pcipt_net net;
static struct pcipt_network items[4];
static struct pcipt_networks networks;
static struct pcipt_device device;
static struct pcipt_uses uses;

static void host_end(void)
{
	pcipt_net_clear(&net);
	pcipt_uses_clear(&uses);
}

static struct pcipt_net_link *add_link(uint32_t network, uint32_t index, const char *name,
				       const char *kind)
{
	struct pcipt_net_link *link;

	ck_assert(pcipt_grow(&net.links, net.n_links));
	link = &net.links[net.n_links++];
	*link = (struct pcipt_net_link){
		.network = network, .index = index, .lower_id = -1, .up = true
	};
	snprintf(link->name, sizeof(link->name), "%s", name);
	snprintf(link->kind, sizeof(link->kind), "%s", kind);
	return link;
}

static void host_begin(void)
{
	host_end();
	memset(items, 0, sizeof(items));
	items[1].name = (char *)"network namespace blue";
	items[2].name = (char *)"network namespace red";
	networks = (struct pcipt_networks){ .items = items, .n = 3 };
	strcpy(device.address, "0000:02:00.0");
	add_link(0, 1, "lo", "");
	add_link(0, CARD, "eth0", "");
	add_link(0, 3, "eth1", "");
}

static struct pcipt_net_link *make_on(uint32_t network, uint32_t index, const char *name,
				      const char *kind, uint32_t lower)
{
	struct pcipt_net_link *link = add_link(network, index, name, kind);

	link->lower = lower;
	return link;
}

/* Puts a link of the first namespace under a master. */
static void enslave(uint32_t index, uint32_t master)
{
	for (size_t i = 0; i < net.n_links; i++)
		if (net.links[i].network == 0 && net.links[i].index == index)
			net.links[i].master = master;
}

static void add_address(uint32_t network, uint32_t index, const char *text)
{
	ck_assert(pcipt_grow(&net.addresses, net.n_addresses));
	net.addresses[net.n_addresses] =
		(struct pcipt_net_address){ .network = network, .index = index };
	strcpy(net.addresses[net.n_addresses++].text, text);
}

static void add_route(uint32_t network, uint32_t index, int family, uint32_t table)
{
	ck_assert(pcipt_grow(&net.routes, net.n_routes));
	net.routes[net.n_routes++] = (struct pcipt_net_route){
		.network = network, .index = index, .family = (uint8_t)family, .table = table
	};
}

/* What uses eth0, or whichever interface is at the index. */
static void judge(uint32_t network, uint32_t index)
{
	struct pcipt_net_card card = { .device = &device };

	pcipt_uses_clear(&uses);
	pcipt_net_settle(&net, &networks);
	card.link = pcipt_net_find(&net, network, index);
	ck_assert_uint_ne(card.link, SIZE_MAX);
	pcipt_net_add_uses(&net, &networks, &card, 1, &uses);
	ck_assert(!uses.no_memory);
}

static const struct pcipt_use *use(int kind)
{
	for (size_t i = 0; i < uses.n; i++)
		if ((int)uses.items[i].kind == kind)
			return &uses.items[i];
	return NULL;
}

static void assert_use(int kind, const char *what, const char *evidence)
{
	ck_assert_msg(use(kind) != NULL, "not there: %s", what);
	ck_assert_ptr_eq(use(kind)->device, &device);
	ck_assert_str_eq(use(kind)->what, what);
	ck_assert_str_eq(use(kind)->evidence, evidence);
}

START_TEST(idle)
{
	add_address(0, 3, "192.0.2.1/24");
	add_route(0, 3, AF_INET, 254);
	add_address(1, CARD, "192.0.2.2/24"); /* the same number elsewhere */
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(address)
{
	add_address(0, CARD, "192.0.2.7/24");
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 1);
	assert_use(PCIPT_USE_ADDRESS, "192.0.2.7/24 (eth0)",
		   "the address 192.0.2.7/24 is on eth0 = 0000:02:00.0");
	for (int i = 0; i < 4; i++)
		add_address(0, CARD, "2001:db8::1/64");
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_str_eq(use(PCIPT_USE_ADDRESS)->what, "192.0.2.7/24 (eth0) and 4 more");
	ck_assert_ptr_nonnull(strstr(use(PCIPT_USE_ADDRESS)->evidence, "; and 2 more"));
}
END_TEST

START_TEST(route_up_a_stack)
{
	enslave(CARD, 10);
	add_link(0, 10, "bond0", "bond");
	make_on(0, 11, "bond0.7", "vlan", 10);
	add_link(0, 12, "br0", "bridge");
	enslave(11, 12);
	add_route(0, 12, AF_INET6, 254);
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 2);
	assert_use(PCIPT_USE_ROUTE, "the IPv6 default route (eth0, bond0, bond0.7, br0)",
		   "the IPv6 default route (table main) goes by br0, a bridge over bond0.7, a VLAN "
		   "on bond0, a bond of eth0 = 0000:02:00.0");
	assert_use(PCIPT_USE_ENSLAVED, "the bond bond0 (eth0)",
		   "bond0, a bond of eth0 = 0000:02:00.0");
	ck_assert_str_eq(use(PCIPT_USE_ENSLAVED)->remedy, "Take eth0 out of bond0, then try again");
	judge(0, 3);
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

START_TEST(several_routes)
{
	add_route(0, CARD, AF_INET, 254);
	add_route(0, CARD, AF_INET, 254); /* another metric: told once */
	judge(0, CARD);
	ck_assert_str_eq(use(PCIPT_USE_ROUTE)->what, "the IPv4 default route (eth0)");
	add_route(0, CARD, AF_INET6, 100);
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 1);
	assert_use(PCIPT_USE_ROUTE, "the IPv4 default route (eth0) and 1 more",
		   "the IPv4 default route (table main) goes by eth0 = 0000:02:00.0; "
		   "the IPv6 default route (table 100) goes by eth0 = 0000:02:00.0");
}
END_TEST

START_TEST(next_hops)
{
	struct pcipt_net_hop hops[] = {
		{ 0, 1, CARD, 0 }, { 0, 2, 3, 0 }, { 0, 10, 0, 2 }, { 0, 10, 0, 1 },
		{ 1, 5, CARD, 0 },
	};

	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		ck_assert(pcipt_grow(&net.hops, net.n_hops));
		net.hops[net.n_hops++] = hops[i];
	}
	add_route(0, 0, AF_INET6, 254);
	net.routes[0].hop = 5; /* of another namespace: not ours */
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 0);
	net.routes[0].hop = 10;
	judge(0, CARD);
	ck_assert_ptr_nonnull(use(PCIPT_USE_ROUTE));
}
END_TEST

/* A VLAN counts when it is in use; what is enslaved counts always. */
START_TEST(vlan_in_use)
{
	make_on(0, 10, "eth0.7", "vlan", CARD)->up = false;
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 0);
	add_address(0, 10, "192.0.2.7/24");
	judge(0, CARD);
	assert_use(PCIPT_USE_ENSLAVED, "the VLAN eth0.7 (eth0)",
		   "eth0.7, a VLAN on eth0 = 0000:02:00.0");
	ck_assert_ptr_nonnull(use(PCIPT_USE_ADDRESS));
	net.n_addresses = 0;
	make_on(0, 11, "eth0.7.8", "vlan", 10)->up = false;
	judge(0, CARD);
	ck_assert_ptr_nonnull(use(PCIPT_USE_ENSLAVED));
}
END_TEST

START_TEST(odd_masters)
{
	enslave(CARD, 10);
	add_link(0, 10, "ovs-system", "openvswitch");
	judge(0, CARD);
	assert_use(PCIPT_USE_ENSLAVED, "the Open vSwitch ovs-system (eth0)",
		   "ovs-system, an Open vSwitch with eth0 = 0000:02:00.0");
	strcpy(net.links[3].kind, "never heard of");
	judge(0, CARD);
	assert_use(PCIPT_USE_ENSLAVED, "the interface ovs-system (eth0)",
		   "ovs-system, the master of eth0 = 0000:02:00.0");
}
END_TEST

/* ---- namespaces ---- */

static void know(uint32_t network, int32_t id, uint32_t other)
{
	static struct pcipt_network_id ids[4][4];

	ids[network][items[network].n_ids++] = (struct pcipt_network_id){ id, other };
	items[network].ids = ids[network];
}

START_TEST(macvlan_of_a_container)
{
	struct pcipt_net_link *link = make_on(1, 5, "mv0", "macvlan", CARD);

	link->lower_id = 7;
	link->up = false;
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 0); /* it isn't known where 7 is */
	know(1, 7, 2);
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 0); /* in another container */
	items[1].n_ids = 0;
	know(1, 7, 0);
	judge(0, CARD);
	assert_use(PCIPT_USE_ENSLAVED, "the macvlan mv0 (eth0)",
		   "mv0 (network namespace blue), a macvlan on eth0 = 0000:02:00.0");
}
END_TEST

START_TEST(container_behind_a_bridge)
{
	struct pcipt_net_link *inside;

	enslave(CARD, 10);
	add_link(0, 10, "br0", "bridge");
	make_on(0, 11, "veth1", "veth", 2)->lower_id = 0;
	enslave(11, 10);
	inside = make_on(1, 2, "eth0", "veth", 11);
	inside->lower_id = 0;
	know(0, 0, 1);
	know(1, 0, 0);
	add_route(1, 2, AF_INET, 254);
	judge(0, CARD);
	assert_use(PCIPT_USE_ROUTE, "the IPv4 default route (eth0, br0, eth0)",
		   "the IPv4 default route (table main) goes by eth0 (network namespace blue), the "
		   "other end of veth1 in br0, a bridge over eth0 = 0000:02:00.0");
	add_address(1, 2, "192.0.2.9/24");
	judge(0, CARD);
	/* The container may keep its address. */
	ck_assert_str_eq(use(PCIPT_USE_ADDRESS)->remedy, "Take eth0 out of br0, then try again");
	add_address(0, 10, "192.0.2.1/24");
	judge(0, CARD);
	ck_assert_ptr_null(use(PCIPT_USE_ADDRESS)->remedy);
	judge(0, 3);
	ck_assert_uint_eq(uses.n, 0);
}
END_TEST

/* Of PPPoE only a table in /proc tells what it goes over: here a VLAN, as providers want it. */
START_TEST(pppoe)
{
	static const char table[] = "Id       Address              Device\n"
				    "00000A1B 02:00:00:00:00:01   eth0.7\n"
				    "00000A1C 02:00:00:00:00:01   eth0.7\n";

	make_on(0, 10, "eth0.7", "vlan", CARD);
	add_link(0, 11, "ppp0", "ppp");
	add_link(1, 12, "ppp0", "ppp");
	add_address(0, 11, "203.0.113.9/32");
	add_route(0, 11, AF_INET, 254);
	pcipt_net_read_sessions(&net, 0, table, sizeof(table) - 1);
	ck_assert_uint_eq(net.n_sessions, 1);
	judge(0, CARD);
	assert_use(PCIPT_USE_ROUTE, "the IPv4 default route (eth0, eth0.7, ppp0)",
		   "the IPv4 default route (table main) goes by ppp0, a PPPoE session over eth0.7, "
		   "a VLAN on eth0 = 0000:02:00.0");
	ck_assert_ptr_nonnull(use(PCIPT_USE_ADDRESS));
	judge(0, 10);
	ck_assert_str_eq(use(PCIPT_USE_ENSLAVED)->what, "the PPPoE session ppp0 (eth0.7)");
	ck_assert_str_eq(use(PCIPT_USE_ENSLAVED)->remedy, "End the PPPoE session ppp0, then try again");
	judge(0, 3);
	ck_assert_uint_eq(uses.n, 0);
	ck_assert(!net.damaged);
	pcipt_net_read_sessions(&net, 0, "nonsense", 8);
	ck_assert(net.damaged);
}
END_TEST

/* Its ports don't say that they are: it names them. */
START_TEST(hsr_ring)
{
	struct pcipt_net_link *ring = add_link(0, 10, "hsr0", "hsr");

	ring->ports[0] = 3;
	ring->ports[1] = CARD;
	add_address(0, 10, "192.0.2.7/24");
	judge(0, CARD);
	assert_use(PCIPT_USE_ENSLAVED, "the HSR or PRP ring hsr0 (eth0)",
		   "hsr0, an HSR or PRP ring over eth0 = 0000:02:00.0");
	ck_assert_ptr_nonnull(use(PCIPT_USE_ADDRESS));
}
END_TEST

/* What a VPN makes instead of a default route. */
START_TEST(halves_of_everything)
{
	add_route(0, CARD, AF_INET, 254);
	net.routes[net.n_routes - 1].length = 1;
	add_route(0, CARD, AF_INET, 254);
	net.routes[net.n_routes - 1].length = 1;
	judge(0, CARD);
	assert_use(PCIPT_USE_ROUTE, "an IPv4 route to a half of all addresses (eth0)",
		   "an IPv4 route to a half of all addresses (table main) goes by eth0 = 0000:02:00.0");
	add_route(0, CARD, AF_INET, 254);
	judge(0, CARD);
	ck_assert_str_eq(use(PCIPT_USE_ROUTE)->what,
			 "an IPv4 route to a half of all addresses (eth0) and 1 more");
}
END_TEST

START_TEST(card_in_a_container)
{
	add_link(1, 9, "eth7", "");
	add_address(1, 9, "192.0.2.7/24");
	judge(1, 9);
	assert_use(PCIPT_USE_ADDRESS, "192.0.2.7/24 (eth7)",
		   "the address 192.0.2.7/24 is on eth7 (network namespace blue) = 0000:02:00.0");
}
END_TEST

/* ---- what no kernel says ---- */

START_TEST(circles)
{
	enslave(CARD, 10);
	add_link(0, 10, "a", "bridge")->master = 11;
	add_link(0, 11, "b", "bridge")->master = CARD;
	make_on(0, 12, "self", "vlan", 12);
	make_on(0, 13, "c", "vlan", 14);
	make_on(0, 14, "d", "vlan", 13);
	add_address(0, 11, "192.0.2.1/24");
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 2);
	judge(0, 12);
	judge(0, 13);
	judge(0, 10);
}
END_TEST

/* Far more than fits anywhere: bounded, and at once. */
START_TEST(many)
{
	enslave(CARD, 10);
	add_link(0, 10, "br0", "bridge");
	for (uint32_t i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "v%u", i);
		make_on(0, 100 + i, name, "vlan", i == 0 ? CARD : 99 + i);
		make_on(0, 5000 + i, name, "vlan", CARD);
		add_address(0, 5000 + i, "192.0.2.1/24");
	}
	judge(0, CARD);
	ck_assert_uint_eq(uses.n, 2);
	ck_assert_ptr_nonnull(strstr(use(PCIPT_USE_ADDRESS)->what, "and 1999 more"));
	for (size_t i = 0; i < uses.n; i++)
		ck_assert_uint_lt(strlen(uses.items[i].evidence), 1000);
}
END_TEST

/* Random stacks: what is reached is what a slow search reaches, and no more. */
static bool stands_on(size_t upper, size_t lower)
{
	const struct pcipt_net_link *u = &net.links[upper], *l = &net.links[lower];

	if (upper == lower || u->network != l->network)
		return false;
	if (l->master == u->index)
		return true;
	if (strcmp(u->kind, "veth") != 0 && u->lower == l->index && u->lower_id < 0)
		return true;
	/* The other end of a bridge's port. */
	for (size_t p = 0; p < net.n_links; p++)
		if (strcmp(net.links[p].kind, "veth") == 0 && net.links[p].network == u->network &&
		    net.links[p].master == l->index && net.links[p].lower == u->index)
			return true;
	return false;
}

static size_t count_reached(size_t from, bool *reached)
{
	size_t n = 1, before = 0;

	memset(reached, 0, net.n_links);
	reached[from] = true;
	while (n != before) {
		before = n;
		for (size_t u = 0; u < net.n_links; u++)
			for (size_t l = 0; !reached[u] && l < net.n_links; l++)
				if (reached[l] && stands_on(u, l)) {
					reached[u] = true;
					n++;
				}
	}
	return n;
}

START_TEST(random_stacks)
{
	for (uint32_t turn = 0; turn < 3000; turn++) {
		struct test_random random = test_random_new(turn);
		uint32_t n = 3 + test_random_below(&random, 25);
		bool reached[32];
		struct pcipt_net_graph graph;
		struct pcipt_net_step *steps;
		size_t count;

		host_begin();
		for (uint32_t i = 0; i < n; i++) {
			struct pcipt_net_link *link =
				make_on(test_random_below(&random, 2), 4 + i, "x",
					test_random_once_in(&random, 3) ? "veth" : "vlan",
					test_random_below(&random, n + 6));

			link->master = test_random_once_in(&random, 2) ?
					       test_random_below(&random, n + 6) : 0;
		}
		pcipt_net_settle(&net, &networks);
		ck_assert(pcipt_net_graph_make(&net, &graph));
		for (size_t from = 0; from < net.n_links; from++) {
			ck_assert(pcipt_net_graph_walk(&graph, from, &steps, &count));
			ck_assert_uint_eq(count, count_reached(from, reached));
			for (size_t i = 0; i < count; i++)
				ck_assert(reached[steps[i].link]);
			free(steps);
		}
		pcipt_net_graph_clear(&graph);
	}
}
END_TEST

/* ---- the collector ---- */

static struct pcipt_kernel_ops answering;
static int answer;
static const char *hidden_example;

/* What the kernel says of the first namespace. */
static struct bytes messages;

static int answer_networks(struct pcipt_kernel *k, struct pcipt_networks *out, unsigned int ms)
{
	(void)k, (void)ms;
	if (answer < 0)
		return answer;
	ck_assert(pcipt_grow(&out->items, out->n));
	out->items[out->n++] = (struct pcipt_network){ .result = -answer,
						       .messages = malloc(messages.n + 1),
						       .size = messages.n };
	memcpy(out->items[0].messages, messages.data, messages.n);
	if (hidden_example) {
		out->unseen = -EACCES;
		out->unseen_example = strdup(hidden_example);
	}
	return 0;
}

static bool odd_reads; /* may fail, see failing.h */

static bool is_real(struct pcipt_kernel *k)
{
	(void)k;
	return true;
}

/* The uses of the tree's network card, its kernel answering with `with`. */
static void collect(struct tree *tree, int with)
{
	struct pcipt_snapshot *snap = test_snapshot(tree_root(tree));
	struct pcipt_device *asked = NULL;
	struct pcipt_inquiry inquiry = { .snap = snap, .devices = &asked, .n = 1, .uses = &uses };
	const struct pcipt_kernel_ops *before = snap->kernel->ops;

	pcipt_uses_clear(&uses);
	ck_assert_int_eq(pcipt_snapshot_find(snap, "0000:02:00.0", &asked, NULL), 0);
	answering = *before;
	if (odd_reads)
		failing_wrap(before, &answering);
	answering.is_real = is_real;
	answering.ask_networks = answer_networks;
	answer = with;
	inquiry.kernel = snap->kernel;
	snap->kernel->ops = &answering;
	pcipt_collect_net(&inquiry);
	snap->kernel->ops = before;
	pcipt_snapshot_unref(snap);
	ck_assert(!uses.no_memory);
}

static struct tree *tree_with_card(void)
{
	char *path = test_path("net");
	struct tree *tree = tree_new(path);

	tree_add(tree, &(struct tree_device){ .address = "0000:02:00.0",
					      .vendor = 0x8086,
					      .device = 0x10d3,
					      .class_id = 0x020000,
					      .driver = "e1000e",
					      .group = 3 });
	free(path);
	return tree;
}

static void add_folder(struct tree *tree, const char *name)
{
	char *path = tree_device_path(tree, "0000:02:00.0", name);

	tree_folder(tree, path + strlen(tree_root(tree)) + 1);
	free(path);
}

START_TEST(card_without_interface)
{
	struct tree *tree = tree_with_card();

	collect(tree, -EIO); /* it isn't even asked */
	ck_assert_uint_eq(uses.n, 0);
	tree_free(tree);
}
END_TEST

START_TEST(what_cannot_be_told)
{
	static const struct {
		int answer;
		const char *hidden, *evidence, *remedy;
	} cases[] = {
		{ -EBUSY, NULL, "it doesn't answer", "Try again" },
		{ -EMFILE, NULL, "could not be asked for addresses", "Try again" },
		{ EPERM, NULL, "network namespace could not be asked", "Run as root" },
		{ EAGAIN, NULL, "change faster than they can be read", "Try again" },
		{ E2BIG, NULL, "too many others", "lsns" },
		{ 0, "process 1 (init)", "of process 1 (init) can't be looked at", "Run as root" },
		{ 0, NULL, "that no process and no name leads to", "Find out who" },
	};
	struct tree *tree = tree_with_card();

	add_folder(tree, "net");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		hidden_example = cases[i].hidden;
		collect(tree, cases[i].answer);
		ck_assert_uint_eq(uses.n, 1);
		ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
		ck_assert_msg(strstr(uses.items[0].evidence, cases[i].evidence) != NULL, "%s",
			      uses.items[0].evidence);
		ck_assert_msg(strstr(uses.items[0].remedy, cases[i].remedy) != NULL, "%s",
			      uses.items[0].remedy);
	}
	hidden_example = NULL;
	tree_free(tree);
}
END_TEST

/* The interface's parent is the device itself, or the virtio device below it. */
START_TEST(found_by_its_parent)
{
	static const unsigned char v4[] = { 192, 0, 2, 7 };
	struct tree *tree = tree_with_card();

	add_folder(tree, _i == 0 ? "net" : "virtio3/net");
	if (_i == 1)
		tree_set_link(tree, "0000:02:00.0", "virtio3/subsystem", "../../../bus/virtio");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 9, "eth9");
	bytes_text(&messages, 56, "0000:02:00.1");
	bytes_text(&messages, 57, "pci");
	bytes_link(&messages, 7, "eth7");
	bytes_text(&messages, 56, _i == 0 ? "0000:02:00.0" : "virtio3");
	bytes_text(&messages, 57, _i == 0 ? "pci" : "virtio");
	bytes_address(&messages, AF_INET, 0, 9, 24);
	bytes_attribute(&messages, IFA_LOCAL, v4, 4);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 0);
	bytes_address(&messages, AF_INET, 0, 7, 24);
	bytes_attribute(&messages, IFA_LOCAL, v4, 4);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_str_eq(uses.items[0].what, "192.0.2.7/24 (eth7)");
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

/* ---- the caller's own login ---- */

#define TCP6_HEAD "  sl  local_address remote_address st tx_queue rx_queue tr tm->when retrnsmt uid timeout inode\n"
/* fe80::1 port 22, from fe80::2; the socket's number, and what state it is in. */
#define LOGIN(state_, inode_)                                                                     \
	"   0: 000080FE000000000000000001000000:0016 000080FE000000000000000002000000:D1F2 " state_  \
	" 00000000:00000000 02:000A7A1E 00000000     0        0 " inode_ " 2 0000000000000000 20\n"

/* pcipt (100) of a shell (90) of sshd (80), which has a socket; the first process above. */
static void add_processes(struct tree *tree, const char *tcp6)
{
	tree_link(tree, "proc/self", "100");
	tree_file(tree, "proc/100/stat", "100 (a) S) R 90 1 1");
	tree_link(tree, "proc/100/fd/0", "/dev/pts/0");
	tree_file(tree, "proc/90/stat", "90 (bash) S 80 1 1");
	tree_link(tree, "proc/90/fd/1", "socket:[7]");
	tree_file(tree, "proc/90/net/tcp6", TCP6_HEAD);
	tree_file(tree, "proc/80/stat", "80 (sshd) S 1 1 1");
	tree_link(tree, "proc/80/fd/4", "socket:[777]");
	if (tcp6)
		tree_file(tree, "proc/80/net/tcp6", tcp6);
}

START_TEST(the_callers_own_login)
{
	static const struct {
		const char *tcp6;
		bool own;
	} table[] = { { TCP6_HEAD LOGIN("01", "777"), true },
		      { TCP6_HEAD LOGIN("01", "778"), false }, /* somebody else's */
		      { TCP6_HEAD LOGIN("06", "777"), false }, /* it is closing */
		      { "nonsense\n 0: 1:2 3:4 01 777\n", false },
		      { "", false } };
	static const unsigned char local[16] = { 0xfe, 0x80, [15] = 1 }, other[16] = { 0xfe, 0x80, [15] = 9 };
	struct tree *tree = tree_with_card();

	add_folder(tree, "net");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "eth7");
	bytes_text(&messages, 56, "0000:02:00.0");
	bytes_text(&messages, 57, "pci");
	bytes_address(&messages, AF_INET6, RT_SCOPE_LINK, 7, 64);
	bytes_attribute(&messages, IFA_ADDRESS, other, 16);
	add_processes(tree, table[_i].tcp6);
	collect(tree, 0); /* by another interface */
	ck_assert_uint_eq(uses.n, 0);
	bytes_address(&messages, AF_INET6, RT_SCOPE_LINK, 7, 64);
	bytes_attribute(&messages, IFA_ADDRESS, local, 16);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, table[_i].own);
	if (table[_i].own) {
		ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_ADDRESS);
		ck_assert_str_eq(uses.items[0].what, "your own login from fe80::2 (eth7)");
		ck_assert_str_eq(uses.items[0].evidence, "you are logged in from fe80::2 by the "
							 "address fe80::1 of eth7 = 0000:02:00.0");
	}
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

/* Whether it is there can't be told of a table that can't be read; without IPv6 there is none. */
START_TEST(a_login_that_cannot_be_told)
{
	static const unsigned char local[16] = { 0xfe, 0x80, [15] = 1 };
	struct tree *tree = tree_with_card();

	add_folder(tree, "net");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "eth7");
	bytes_text(&messages, 56, "0000:02:00.0");
	bytes_text(&messages, 57, "pci");
	bytes_address(&messages, AF_INET6, RT_SCOPE_LINK, 7, 64);
	bytes_attribute(&messages, IFA_ADDRESS, local, 16);
	add_processes(tree, NULL);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 0);
	tree_folder(tree, "proc/80/net/tcp6");
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
	ck_assert_ptr_nonnull(strstr(uses.items[0].evidence, "by which interface you are logged in"));
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

/* Forefathers that go round in a circle, or that can't be looked into, end the search. */
START_TEST(odd_forefathers)
{
	static const char *const stats[] = { "100 (a) S 100 1", "100 (a) S 90", "100 a S 90", "", "100 (a) S -1",
					     "100 (a) S 99999999999999999999", ")", "1 (a)) S" };
	static const unsigned char local[16] = { 0xfe, 0x80, [15] = 1 };
	struct tree *tree = tree_with_card();

	add_folder(tree, "net");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "eth7");
	bytes_text(&messages, 56, "0000:02:00.0");
	bytes_text(&messages, 57, "pci");
	bytes_address(&messages, AF_INET6, RT_SCOPE_LINK, 7, 64);
	bytes_attribute(&messages, IFA_ADDRESS, local, 16);
	tree_link(tree, "proc/self", "100");
	tree_file(tree, "proc/100/stat", stats[_i]);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 0);
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

START_TEST(connections)
{
	static const char v4[] = "   1: 0702000A:0801 0102000A:03E8 01 00000000:00000000 00:00000000 00000000 0 0 0 1";
	struct test_random random = test_random_new(12);
	struct pcipt_tcps tcps = { 0 };
	char text[INET6_ADDRSTRLEN];
	struct in6_addr found;

	pcipt_tcp_parse(&tcps, v4);
	pcipt_tcp_parse(&tcps, TCP6_HEAD LOGIN("01", "12"));
	ck_assert_uint_eq(tcps.n, 2);
	pcipt_tcp_print_address(&tcps.items[0].local, text);
	ck_assert_str_eq(text, "10.0.2.7");
	ck_assert(pcipt_tcp_scan_address("10.0.2.1", &found));
	ck_assert_int_eq(memcmp(&found, &tcps.items[0].peer, sizeof(found)), 0);
	ck_assert(pcipt_tcp_scan_address("fe80::2%eth0", &found));
	ck_assert_int_eq(memcmp(&found, &tcps.items[1].peer, sizeof(found)), 0);
	ck_assert(!pcipt_tcp_scan_address("host.example", &found));
	ck_assert(!pcipt_tcp_scan_address("", &found));
	for (int i = 0; i < 20000; i++) {
		char line[] = LOGIN("01", "12");

		for (int n = 0; n < 3; n++)
			line[test_random_below(&random, sizeof(line) - 1)] =
				" \n:0F\xff%"[test_random_below(&random, 7)];
		pcipt_tcp_parse(&tcps, line);
	}
	ck_assert(!tcps.no_memory);
	free(tcps.items);
}
END_TEST

/* A modem's: its parent is a device of a class, so the kernel names no bus. */
START_TEST(found_without_a_bus)
{
	static const unsigned char v4[] = { 192, 0, 2, 7 };
	struct tree *tree = tree_with_card();

	add_folder(tree, "mhi0/wwan/wwan0/net");
	tree_set_link(tree, "0000:02:00.0", "mhi0/wwan/wwan0/subsystem", "../../../class/wwan");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "wwan0");
	bytes_text(&messages, 56, "wwan0");
	bytes_address(&messages, AF_INET, 0, 7, 24);
	bytes_attribute(&messages, IFA_LOCAL, v4, 4);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_str_eq(uses.items[0].what, "192.0.2.7/24 (wwan0)");
	/* Of a bus the kernel would have said so. */
	tree_folder(tree, "sys/bus/wwan");
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

/* Kernels before 5.14 don't tell parents: /sys does, of its own namespace. */
START_TEST(found_by_its_name)
{
	static const unsigned char v4[] = { 192, 0, 2, 7 };
	struct tree *tree = tree_with_card();

	add_folder(tree, "net/eth7");
	tree_set_link(tree, "0000:02:00.0", "net/eth7/subsystem", "../../../../../class/net");
	tree_set(tree, "0000:02:00.0", "net/eth7/ifindex", "7");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "eth7");
	bytes_address(&messages, AF_INET, 0, 7, 24);
	bytes_attribute(&messages, IFA_LOCAL, v4, 4);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_ADDRESS);
	/* Another one of that number isn't it: /sys is of another namespace. */
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "dummy0");
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
	memset(&messages, 0, sizeof(messages));
	tree_free(tree);
}
END_TEST

/* Whichever read fails: its address stands against it, or that it isn't known. */
START_TEST(any_read_may_fail)
{
	static const unsigned char v4[] = { 192, 0, 2, 7 };
	struct tree *tree = tree_with_card();
	const char *folder = _i == 0 ? "net/eth7" : "virtio3/net/eth7";
	char *link = test_format("%s/subsystem", folder), *file = test_format("%s/ifindex", folder);
	size_t total;

	add_folder(tree, folder);
	tree_set_link(tree, "0000:02:00.0", link, "../../../../../class/net");
	tree_set(tree, "0000:02:00.0", file, "7");
	if (_i == 1)
		tree_set_link(tree, "0000:02:00.0", "virtio3/subsystem", "../../../bus/virtio");
	memset(&messages, 0, sizeof(messages));
	bytes_link(&messages, 7, "eth7");
	bytes_address(&messages, AF_INET, 0, 7, 24);
	bytes_attribute(&messages, IFA_LOCAL, v4, 4);
	odd_reads = true;
	failing_begin(0);
	collect(tree, 0);
	total = failing_count();
	ck_assert_uint_gt(total, 4);
	for (size_t i = 0; i <= total; i++) {
		failing_begin(i);
		collect(tree, 0);
		ck_assert_msg(uses.n > 0 && uses.items[0].kind != PCIPT_USE_UNKNOWN_HARMLESS,
			      "the read %zu of %zu failed, and it is safe", i, total);
	}
	odd_reads = false;
	memset(&messages, 0, sizeof(messages));
	free(link);
	free(file);
	tree_free(tree);
}
END_TEST

/* Where not all that hangs below was looked at, the card may be in what was not. */
START_TEST(deeper_than_anything)
{
	struct tree *tree = tree_with_card();
	char path[200] = "d";

	for (int i = 0; i < 60; i++)
		strcat(path, "/d");
	add_folder(tree, path);
	collect(tree, 0);
	ck_assert_uint_eq(uses.n, 1);
	ck_assert_int_eq(uses.items[0].kind, PCIPT_USE_UNKNOWN);
	tree_free(tree);
}
END_TEST

/* How many findings say that addresses weren't recorded; none of them stands against it. */
static size_t count_unrecorded(struct tree *tree)
{
	struct pcipt_snapshot *snap = test_snapshot(tree_root(tree));
	struct pcipt_device *asked = NULL;
	struct pcipt_set *set = NULL;
	size_t n = 0;

	ck_assert_int_eq(pcipt_snapshot_find(snap, "0000:02:00.0", &asked, NULL), 0);
	ck_assert_int_eq(pcipt_set_new(snap, &asked, 1, NULL, &set, NULL), 0);
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++) {
		if (strcmp(pcipt_set_finding_code(set, i), "unreadable") != 0)
			continue;
		ck_assert_int_eq(pcipt_set_finding_severity(set, i), PCIPT_SEVERITY_WARNING);
		n += strstr(pcipt_set_finding_evidence(set, i), "addresses and routes were not") != NULL;
	}
	pcipt_set_unref(set);
	pcipt_snapshot_unref(snap);
	return n;
}

/* A recorded tree: nothing can be changed there, and idle is what /sys says is idle. */
START_TEST(recorded_tree)
{
	struct tree *tree = tree_with_card();

	ck_assert_uint_eq(count_unrecorded(tree), 0);
	add_folder(tree, "net");
	ck_assert_uint_eq(count_unrecorded(tree), 1);
	add_folder(tree, "net/eth0");
	tree_set_link(tree, "0000:02:00.0", "net/eth0/subsystem", "../../../../../class/net");
	ck_assert_uint_eq(count_unrecorded(tree), 1);
	tree_set(tree, "0000:02:00.0", "net/eth0/flags", "0x1003");
	ck_assert_uint_eq(count_unrecorded(tree), 1);
	tree_set(tree, "0000:02:00.0", "net/eth0/flags", "0x1002");
	ck_assert_uint_eq(count_unrecorded(tree), 0);
	tree_set(tree, "0000:02:00.0", "net/eth0/flags", "odd");
	ck_assert_uint_eq(count_unrecorded(tree), 1);
	tree_set(tree, "0000:02:00.0", "net/eth0/flags", "0x1002");
	tree_set_link(tree, "0000:02:00.0", "net/eth0/upper_br0", "../../../../virtual/net/br0");
	ck_assert_uint_eq(count_unrecorded(tree), 1);
	tree_free(tree);
}
END_TEST

Suite *suite_net(void)
{
	Suite *suite = suite_create("net");
	TCase *plain = tcase_create("plain data");
	TCase *collector = tcase_create("collector");

	tcase_add_checked_fixture(plain, host_begin, host_end);
	tcase_add_test(plain, idle);
	tcase_add_test(plain, address);
	tcase_add_test(plain, route_up_a_stack);
	tcase_add_test(plain, several_routes);
	tcase_add_test(plain, next_hops);
	tcase_add_test(plain, vlan_in_use);
	tcase_add_test(plain, odd_masters);
	tcase_add_test(plain, macvlan_of_a_container);
	tcase_add_test(plain, container_behind_a_bridge);
	tcase_add_test(plain, halves_of_everything);
	tcase_add_test(plain, pppoe);
	tcase_add_test(plain, hsr_ring);
	tcase_add_test(plain, card_in_a_container);
	tcase_add_test(plain, circles);
	tcase_add_test(plain, many);
	tcase_add_test(plain, random_stacks);
	tcase_add_checked_fixture(collector, NULL, host_end);
	tcase_add_test(collector, card_without_interface);
	tcase_add_test(collector, what_cannot_be_told);
	tcase_add_loop_test(collector, the_callers_own_login, 0, 5);
	tcase_add_test(collector, a_login_that_cannot_be_told);
	tcase_add_loop_test(collector, odd_forefathers, 0, 8);
	tcase_add_test(collector, connections);
	tcase_add_loop_test(collector, found_by_its_parent, 0, 2);
	tcase_add_test(collector, found_by_its_name);
	tcase_add_test(collector, found_without_a_bus);
	tcase_add_loop_test(collector, any_read_may_fail, 0, 2);
	tcase_add_test(collector, deeper_than_anything);
	tcase_add_test(collector, recorded_tree);
	suite_add_tcase(suite, plain);
	suite_add_tcase(suite, collector);
	return suite;
}
