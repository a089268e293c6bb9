/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes rtnetlink messages, one behind another, as the kernel would send them. */
#ifndef TESTS_UNIT_NETLINK_BYTES_H
#define TESTS_UNIT_NETLINK_BYTES_H

#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
	char data[16384] __attribute__((aligned(8)));
	size_t n, message; /* where the last message begins */
};

static inline void bytes_put(struct bytes *b, const void *data, size_t n)
{
	if (b->n + NLMSG_ALIGN(n) > sizeof(b->data))
		abort();
	memset(b->data + b->n, 0, NLMSG_ALIGN(n));
	memcpy(b->data + b->n, data, n);
	b->n += NLMSG_ALIGN(n);
	((struct nlmsghdr *)(void *)(b->data + b->message))->nlmsg_len = (uint32_t)(b->n - b->message);
}

static inline void bytes_message(struct bytes *b, int type, const void *body, size_t n)
{
	struct nlmsghdr header = { .nlmsg_type = (uint16_t)type };

	b->message = b->n;
	bytes_put(b, &header, sizeof(header));
	bytes_put(b, body, n);
}

static inline void bytes_attribute(struct bytes *b, int type, const void *data, size_t n)
{
	struct rtattr header = { (unsigned short)RTA_LENGTH(n), (unsigned short)type };

	bytes_put(b, &header, sizeof(header));
	bytes_put(b, data, n);
}

static inline void bytes_text(struct bytes *b, int type, const char *text)
{
	bytes_attribute(b, type, text, strlen(text) + 1);
}

static inline void bytes_number(struct bytes *b, int type, uint32_t number)
{
	bytes_attribute(b, type, &number, sizeof(number));
}

static inline void bytes_link(struct bytes *b, int index, const char *name)
{
	struct ifinfomsg body = { .ifi_index = index, .ifi_flags = 1 };

	bytes_message(b, RTM_NEWLINK, &body, sizeof(body));
	bytes_text(b, IFLA_IFNAME, name);
}

static inline void bytes_address(struct bytes *b, int family, int scope, int index, int length)
{
	struct ifaddrmsg body = { .ifa_family = (uint8_t)family, .ifa_prefixlen = (uint8_t)length,
				  .ifa_scope = (uint8_t)scope, .ifa_index = (uint32_t)index };

	bytes_message(b, RTM_NEWADDR, &body, sizeof(body));
}

static inline void bytes_route(struct bytes *b, int family, int length, int type)
{
	struct rtmsg body = { .rtm_family = (uint8_t)family, .rtm_dst_len = (uint8_t)length,
			      .rtm_table = 254, .rtm_type = (uint8_t)type };

	bytes_message(b, RTM_NEWROUTE, &body, sizeof(body));
}

#endif
