/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads rtnetlink's messages, through libmnl, the only file that knows it. Lengths are
 * checked before libmnl sees a message: it takes one of more than 2 GiB for a short one.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>

#include "usage/net.h"

/* Since Linux 5.14; the names stand in headers of that age. */
#define PARENT_DEV_NAME 56
#define PARENT_DEV_BUS_NAME 57

/* The attribute's text, cut where it is longer than the room; fit to be printed. */
static void take_text(const struct nlattr *a, char *buf, size_t size)
{
	size_t n = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

	n = n < size ? n : size - 1;
	memcpy(buf, mnl_attr_get_payload(a), n);
	buf[n] = '\0';
	pcipt_text_neutralise(buf);
}

static uint32_t number(const struct nlattr *a)
{
	return mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

/* The message's fixed part, or NULL when it is shorter than that. */
static const void *body_of(struct pcipt_net *net, const struct nlmsghdr *message, size_t size)
{
	if (mnl_nlmsg_get_payload_len(message) >= size)
		return mnl_nlmsg_get_payload(message);
	net->damaged = true;
	return NULL;
}

#define ADD(net, items, n, ...)                                                                   \
	do {                                                                                      \
		if (pcipt_grow(&(net)->items, (net)->n))                                          \
			(net)->items[(net)->n++] = __VA_ARGS__;                                   \
		else                                                                              \
			(net)->no_memory = true;                                                  \
	} while (0)

/* ---- links ---- */

static void read_kind(const struct nlattr *info, struct pcipt_net_link *link)
{
	const struct nlattr *a, *data = NULL;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			take_text(a, link->kind, sizeof(link->kind));
		else if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
	}
	if (!data || strcmp(link->kind, "hsr") != 0)
		return;
	mnl_attr_for_each_nested(a, data)
		if (mnl_attr_get_type(a) == IFLA_HSR_SLAVE1 || mnl_attr_get_type(a) == IFLA_HSR_SLAVE2)
			link->ports[mnl_attr_get_type(a) == IFLA_HSR_SLAVE2] = number(a);
}

static void read_link(struct pcipt_net *net, uint32_t network, const struct nlmsghdr *message)
{
	const struct ifinfomsg *body = body_of(net, message, sizeof(*body));
	struct pcipt_net_link link = { .network = network, .lower_id = -1 };
	const struct nlattr *a;

	/* Bridges tell of their ports in messages of their own family: not asked for. */
	if (!body || body->ifi_family != AF_UNSPEC || body->ifi_index <= 0)
		return;
	link.index = (uint32_t)body->ifi_index;
	link.up = (body->ifi_flags & IFF_UP) != 0;
	mnl_attr_for_each(a, message, sizeof(*body)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME: take_text(a, link.name, sizeof(link.name)); break;
		case IFLA_MASTER: link.master = number(a); break;
		case IFLA_LINK: link.lower = number(a); break;
		case IFLA_LINK_NETNSID: link.lower_id = (int32_t)number(a); break;
		case IFLA_LINKINFO: read_kind(a, &link); break;
		case PARENT_DEV_NAME: take_text(a, link.parent, sizeof(link.parent)); break;
		case PARENT_DEV_BUS_NAME: take_text(a, link.bus, sizeof(link.bus)); break;
		default: break;
		}
	}
	ADD(net, links, n_links, link);
}

/* ---- addresses ---- */

static void read_address(struct pcipt_net *net, uint32_t network, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *body = body_of(net, message, sizeof(*body));
	struct pcipt_net_address address = { .network = network };
	const struct nlattr *a, *best = NULL;
	char text[INET6_ADDRSTRLEN];
	size_t size;

	if (!body)
		return;
	size = body->ifa_family == AF_INET ? 4 : body->ifa_family == AF_INET6 ? 16 : SIZE_MAX;
	address.index = body->ifa_index;
	/* On a point-to-point link IFA_ADDRESS is the other side's. */
	mnl_attr_for_each(a, message, sizeof(*body)) {
		bool own = mnl_attr_get_type(a) == IFA_LOCAL;

		if ((own || (mnl_attr_get_type(a) == IFA_ADDRESS && !best)) &&
		    mnl_attr_get_payload_len(a) >= size)
			best = a;
	}
	if (!best || !inet_ntop(body->ifa_family, mnl_attr_get_payload(best), text, sizeof(text)))
		return;
	/* Every interface that is up has an IPv6 link-local one: alone it is no use. */
	if (body->ifa_family == AF_INET6 && body->ifa_scope == RT_SCOPE_LINK) {
		snprintf(address.text, sizeof(address.text), "%s", text);
		ADD(net, locals, n_locals, address);
		return;
	}
	snprintf(address.text, sizeof(address.text), "%s/%u", text, body->ifa_prefixlen);
	ADD(net, addresses, n_addresses, address);
}

/* ---- routes ---- */

/* A route over several ways: one entry for each. */
static void read_ways(struct pcipt_net *net, struct pcipt_net_route *route, const struct nlattr *ways)
{
	const char *p = mnl_attr_get_payload(ways);
	size_t left = mnl_attr_get_payload_len(ways);
	struct rtnexthop way;

	while (left >= sizeof(way)) {
		size_t step;

		memcpy(&way, p, sizeof(way));
		step = NLMSG_ALIGN((size_t)way.rtnh_len);
		if (way.rtnh_len < sizeof(way) || way.rtnh_len > left) {
			net->damaged = true;
			return;
		}
		route->index = (uint32_t)way.rtnh_ifindex;
		ADD(net, routes, n_routes, *route);
		step = step < left ? step : left;
		p += step;
		left -= step;
	}
}

/* Whether it leads to everywhere, or is a half of what does (::/1, 2000::/3). */
static bool is_default(const struct rtmsg *body)
{
	return body->rtm_type == RTN_UNICAST &&
	       ((body->rtm_family == AF_INET && body->rtm_dst_len <= 1) ||
		(body->rtm_family == AF_INET6 && body->rtm_dst_len <= 3));
}

static void read_route(struct pcipt_net *net, uint32_t network, const struct nlmsghdr *message)
{
	const struct rtmsg *body = body_of(net, message, sizeof(*body));
	struct pcipt_net_route route = { .network = network };
	const struct nlattr *a, *ways = NULL;

	if (!body || !is_default(body))
		return;
	route.family = body->rtm_family;
	route.length = body->rtm_dst_len;
	route.table = body->rtm_table;
	mnl_attr_for_each(a, message, sizeof(*body)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_TABLE: route.table = number(a); break;
		case RTA_OIF: route.index = number(a); break;
		case RTA_NH_ID: route.hop = number(a); break;
		case RTA_MULTIPATH: ways = a; break;
		default: break;
		}
	}
	if (ways)
		read_ways(net, &route, ways);
	else
		ADD(net, routes, n_routes, route);
}

/* ---- next hops ---- */

static void read_group(struct pcipt_net *net, struct pcipt_net_hop *hop, const struct nlattr *group)
{
	const char *p = mnl_attr_get_payload(group);
	struct nexthop_grp member;

	for (size_t left = mnl_attr_get_payload_len(group); left >= sizeof(member);
	     left -= sizeof(member), p += sizeof(member)) {
		memcpy(&member, p, sizeof(member));
		hop->member = member.id;
		ADD(net, hops, n_hops, *hop);
	}
}

static void read_hop(struct pcipt_net *net, uint32_t network, const struct nlmsghdr *message)
{
	struct pcipt_net_hop hop = { .network = network };
	const struct nlattr *a, *group = NULL;

	if (!body_of(net, message, sizeof(struct nhmsg)))
		return;
	mnl_attr_for_each(a, message, sizeof(struct nhmsg)) {
		switch (mnl_attr_get_type(a)) {
		case NHA_ID: hop.id = number(a); break;
		case NHA_OIF: hop.index = number(a); break;
		case NHA_GROUP: group = a; break;
		default: break;
		}
	}
	if (group)
		read_group(net, &hop, group);
	else
		ADD(net, hops, n_hops, hop);
}

void pcipt_net_read(struct pcipt_net *net, uint32_t network, const void *messages, size_t size)
{
	const char *p = messages;
	size_t step;

	for (; size >= sizeof(struct nlmsghdr); p += step, size -= step) {
		const struct nlmsghdr *message = (const void *)p;

		step = MNL_ALIGN((size_t)message->nlmsg_len);
		/* libmnl reads to the aligned end. */
		if (message->nlmsg_len < sizeof(*message) || step > size) {
			net->damaged = true;
			return;
		}
		switch (message->nlmsg_type) {
		case RTM_NEWLINK: read_link(net, network, message); break;
		case RTM_NEWADDR: read_address(net, network, message); break;
		case RTM_NEWROUTE: read_route(net, network, message); break;
		case RTM_NEWNEXTHOP: read_hop(net, network, message); break;
		default: break;
		}
	}
	net->damaged |= size > 0;
}
