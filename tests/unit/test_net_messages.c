/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages: what is read of them, cut anywhere, changed anywhere. */
#include <check.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "netlink-bytes.h"
#include "usage/net.h"

Suite *net_messages_suite(void);

static struct bytes b;
static struct pcipt_net net;

static void begin(void)
{
	memset(&b, 0, sizeof(b));
}

static void end(void)
{
	pcipt_net_clear(&net);
}

/* From memory of that very size. */
static void read_bytes(const void *data, size_t n)
{
	char *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, data, n);
	pcipt_net_clear(&net);
	pcipt_net_read(&net, 0, copy, n);
	pcipt_net_settle(&net, NULL);
	free(copy);
	ck_assert(!net.no_memory);
}

static void read_all(void)
{
	read_bytes(b.data, b.n);
}

/* A VLAN with all that is read of a link. */
static void put_vlan(void)
{
	struct bytes info = { .n = 0 };

	bytes_link(&b, 7, "eth0.7");
	bytes_number(&b, IFLA_LINK, 2);
	bytes_number(&b, IFLA_LINK_NETNSID, 5);
	bytes_number(&b, IFLA_MASTER, 9);
	bytes_put(&info, (struct nlmsghdr[1]){ { 0 } }, sizeof(struct nlmsghdr));
	bytes_text(&info, IFLA_INFO_KIND, "vlan");
	bytes_attribute(&b, IFLA_LINKINFO | NLA_F_NESTED, info.data + sizeof(struct nlmsghdr),
			info.n - sizeof(struct nlmsghdr));
	bytes_text(&b, 56, "0000:02:00.0");
	bytes_text(&b, 57, "pci");
}

START_TEST(a_link)
{
	put_vlan();
	read_all();
	ck_assert(!net.damaged);
	ck_assert_uint_eq(net.n_links, 1);
	ck_assert_str_eq(net.links[0].name, "eth0.7");
	ck_assert_str_eq(net.links[0].kind, "vlan");
	ck_assert_str_eq(net.links[0].bus, "pci");
	ck_assert_str_eq(net.links[0].parent, "0000:02:00.0");
	ck_assert_uint_eq(net.links[0].index, 7);
	ck_assert_uint_eq(net.links[0].lower, 2);
	ck_assert_uint_eq(net.links[0].master, 9);
	ck_assert_int_eq(net.links[0].lower_id, 5);
	ck_assert_uint_eq(net.links[0].lower_network, PCIPT_NET_NOWHERE);
	ck_assert(net.links[0].up);
}
END_TEST

/* A ring's ports stand two levels deep; of another kind those numbers mean something else. */
START_TEST(a_ring)
{
	struct bytes data = { .n = 0 }, info = { .n = 0 };
	const size_t header = sizeof(struct nlmsghdr);

	bytes_put(&data, (struct nlmsghdr[1]){ { 0 } }, header);
	bytes_number(&data, IFLA_HSR_SLAVE1, 3);
	bytes_number(&data, IFLA_HSR_SLAVE2, 4);
	bytes_put(&info, (struct nlmsghdr[1]){ { 0 } }, header);
	bytes_text(&info, IFLA_INFO_KIND, _i == 0 ? "hsr" : "vlan");
	bytes_attribute(&info, IFLA_INFO_DATA | NLA_F_NESTED, data.data + header, data.n - header);
	bytes_link(&b, 7, "hsr0");
	bytes_attribute(&b, IFLA_LINKINFO | NLA_F_NESTED, info.data + header, info.n - header);
	read_all();
	ck_assert(!net.damaged);
	ck_assert_uint_eq(net.links[0].ports[0], _i == 0 ? 3 : 0);
	ck_assert_uint_eq(net.links[0].ports[1], _i == 0 ? 4 : 0);
}
END_TEST

/* Names that are too long, or would move a cursor; a link that is told of twice. */
START_TEST(odd_links)
{
	char name[200];

	memset(name, 'x', sizeof(name));
	name[3] = '\033';
	name[sizeof(name) - 1] = '\0';
	bytes_link(&b, 3, name);
	bytes_link(&b, 2, "eth0");
	bytes_link(&b, 2, "eth0");
	bytes_link(&b, 0, "none");
	bytes_link(&b, -1, "none");
	bytes_link(&b, 4, "");
	read_all();
	ck_assert_uint_eq(net.n_links, 3);
	ck_assert_uint_eq(net.links[0].index, 2);
	ck_assert_uint_eq(strlen(net.links[1].name), sizeof(net.links[1].name) - 1);
	ck_assert_int_eq(net.links[1].name[3], '?');
	ck_assert_uint_eq(pcipt_net_find(&net, 0, 4), 2);
	ck_assert_uint_eq(pcipt_net_find(&net, 1, 4), SIZE_MAX);
	ck_assert_uint_eq(pcipt_net_find(&net, 0, 0), SIZE_MAX);
}
END_TEST

START_TEST(addresses)
{
	static const unsigned char v4[] = { 192, 0, 2, 7 }, peer[] = { 192, 0, 2, 8 };
	static const unsigned char v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };

	bytes_address(&b, AF_INET, RT_SCOPE_UNIVERSE, 2, 24);
	bytes_attribute(&b, IFA_ADDRESS, peer, 4);
	bytes_attribute(&b, IFA_LOCAL, v4, 4);
	bytes_address(&b, AF_INET, RT_SCOPE_LINK, 2, 16);
	bytes_attribute(&b, IFA_LOCAL, v4, 4);
	bytes_address(&b, AF_INET6, RT_SCOPE_UNIVERSE, 3, 64);
	bytes_attribute(&b, IFA_ADDRESS, v6, 16);
	bytes_address(&b, AF_INET6, RT_SCOPE_LINK, 3, 64);
	bytes_attribute(&b, IFA_ADDRESS, v6, 16);
	bytes_address(&b, AF_INET6, RT_SCOPE_UNIVERSE, 3, 64);
	bytes_attribute(&b, IFA_ADDRESS, v4, 4); /* too short for its family */
	bytes_address(&b, 77, RT_SCOPE_UNIVERSE, 3, 64);
	bytes_attribute(&b, IFA_ADDRESS, v6, 16);
	read_all();
	ck_assert_uint_eq(net.n_addresses, 3);
	ck_assert_str_eq(net.addresses[0].text, "192.0.2.7/24");
	ck_assert_str_eq(net.addresses[1].text, "192.0.2.7/16");
	ck_assert_str_eq(net.addresses[2].text, "2001:db8::1/64");
	ck_assert_uint_eq(net.addresses[2].index, 3);
}
END_TEST

START_TEST(routes)
{
	struct rtnexthop ways[] = { { .rtnh_len = 8, .rtnh_ifindex = 4 },
				    { .rtnh_len = 8, .rtnh_ifindex = 5 } };

	bytes_route(&b, AF_INET, 0, RTN_UNICAST);
	bytes_number(&b, RTA_OIF, 2);
	bytes_route(&b, AF_INET6, 3, RTN_UNICAST);
	bytes_number(&b, RTA_OIF, 3);
	bytes_number(&b, RTA_TABLE, 1000);
	bytes_route(&b, AF_INET, 0, RTN_UNICAST);
	bytes_attribute(&b, RTA_MULTIPATH, ways, sizeof(ways));
	bytes_route(&b, AF_INET, 0, RTN_BLACKHOLE);
	bytes_route(&b, AF_INET, 8, RTN_UNICAST);
	bytes_number(&b, RTA_OIF, 2);
	bytes_route(&b, AF_MPLS, 0, RTN_UNICAST);
	bytes_number(&b, RTA_OIF, 2);
	read_all();
	ck_assert_uint_eq(net.n_routes, 4);
	ck_assert_uint_eq(net.routes[0].index, 2);
	ck_assert_uint_eq(net.routes[0].table, 254);
	ck_assert_uint_eq(net.routes[1].table, 1000);
	ck_assert_uint_eq(net.routes[2].index, 4);
	ck_assert_uint_eq(net.routes[3].index, 5);
}
END_TEST

START_TEST(next_hops)
{
	struct nhmsg body = { .nh_family = AF_INET };
	struct nexthop_grp group[] = { { .id = 1 }, { .id = 2 } };

	for (uint32_t i = 1; i <= 2; i++) {
		bytes_message(&b, RTM_NEWNEXTHOP, &body, sizeof(body));
		bytes_number(&b, NHA_ID, i);
		bytes_number(&b, NHA_OIF, i + 1);
	}
	bytes_message(&b, RTM_NEWNEXTHOP, &body, sizeof(body));
	bytes_number(&b, NHA_ID, 10);
	bytes_attribute(&b, NHA_GROUP, group, sizeof(group));
	bytes_route(&b, AF_INET, 0, RTN_UNICAST);
	bytes_number(&b, RTA_NH_ID, 10);
	read_all();
	ck_assert_uint_eq(net.n_routes, 3);
	ck_assert_uint_eq(net.routes[1].index + net.routes[2].index, 5);
}
END_TEST

START_TEST(damage)
{
	struct rtnexthop way = { .rtnh_len = 4, .rtnh_ifindex = 4 };
	static const uint32_t lengths[] = { 0, 1, 15, 17, 1000, 0x7fffffff, 0x80000000, 0xffffffff };
	char body = 0;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		begin();
		bytes_link(&b, 2, "eth0");
		((struct nlmsghdr *)(void *)b.data)->nlmsg_len = lengths[i];
		read_all();
		ck_assert_msg(net.damaged, "a length of %u", lengths[i]);
	}
	begin();
	bytes_route(&b, AF_INET, 0, RTN_UNICAST);
	bytes_attribute(&b, RTA_MULTIPATH, &way, sizeof(way));
	read_all();
	ck_assert(net.damaged && net.n_routes == 0);
	for (int type = RTM_NEWLINK; type < RTM_NEWNEXTHOP + 2; type++) {
		begin();
		bytes_message(&b, type, &body, 1);
		read_all();
		ck_assert_uint_eq(net.n_links + net.n_addresses + net.n_routes + net.n_hops, 0);
	}
}
END_TEST

static void put_everything(void)
{
	static const unsigned char v6[16] = { 0x20, 0x01 };
	struct rtnexthop ways[] = { { .rtnh_len = 8, .rtnh_ifindex = 4 } };
	struct nexthop_grp group[] = { { .id = 1 } };
	struct nhmsg hop = { 0 };

	begin();
	put_vlan();
	bytes_address(&b, AF_INET6, 0, 3, 64);
	bytes_attribute(&b, IFA_ADDRESS, v6, 16);
	bytes_route(&b, AF_INET, 0, RTN_UNICAST);
	bytes_attribute(&b, RTA_MULTIPATH, ways, sizeof(ways));
	bytes_message(&b, RTM_NEWNEXTHOP, &hop, sizeof(hop));
	bytes_number(&b, NHA_ID, 1);
	bytes_attribute(&b, NHA_GROUP, group, sizeof(group));
}

START_TEST(cut_anywhere)
{
	put_everything();
	for (size_t n = 0; n < b.n; n++)
		read_bytes(b.data, n);
	read_all();
	ck_assert(!net.damaged);
}
END_TEST

/* Each byte in turn gets values that lengths and types dislike. */
START_TEST(changed_anywhere)
{
	static const unsigned char values[] = { 0, 1, 3, 4, 0x7f, 0x80, 0xff };

	put_everything();
	for (size_t i = 0; i < b.n; i++) {
		for (size_t v = 0; v < sizeof(values); v++) {
			char was = b.data[i];

			b.data[i] = (char)values[v];
			read_all();
			b.data[i] = was;
		}
	}
}
END_TEST

Suite *net_messages_suite(void)
{
	Suite *suite = suite_create("net_messages");
	TCase *tcase = tcase_create("messages");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, a_link);
	tcase_add_loop_test(tcase, a_ring, 0, 2);
	tcase_add_test(tcase, odd_links);
	tcase_add_test(tcase, addresses);
	tcase_add_test(tcase, routes);
	tcase_add_test(tcase, next_hops);
	tcase_add_test(tcase, damage);
	tcase_add_test(tcase, cut_anywhere);
	tcase_add_test(tcase, changed_anywhere);
	suite_add_tcase(suite, tcase);
	return suite;
}
