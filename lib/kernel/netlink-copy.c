/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks every network namespace what is in it, in a copy of the process (netlink.c): no
 * memory is taken here. It only sorts out; what the messages say is read elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kernel/netlink.h"
#include "kernel/pipe.h"

static void send_frame(const struct pcipt_asking *asking, enum pcipt_frame_kind kind, int32_t value,
		       uint32_t size)
{
	struct pcipt_frame frame = { (uint32_t)asking->now, kind, value, size };

	pcipt_pipe_send(asking->out, &frame, sizeof(frame));
}

/* Remembers which other namespace a link leads to. */
static void note_id(struct pcipt_asking *asking, const struct nlmsghdr *message)
{
	const struct rtattr *a = IFLA_RTA(NLMSG_DATA(message));
	int left = (int)message->nlmsg_len - (int)NLMSG_SPACE(sizeof(struct ifinfomsg));
	int32_t id;

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type != IFLA_LINK_NETNSID || RTA_PAYLOAD(a) < sizeof(id))
			continue;
		memcpy(&id, RTA_DATA(a), sizeof(id));
		/* Not all have one: where the other one has gone or can't be told. */
		if (id < 0)
			return;
		for (size_t i = 0; i < asking->n_ids; i++)
			if (asking->ids[i] == id)
				return;
		if (asking->n_ids < PCIPT_NETLINK_IDS)
			asking->ids[asking->n_ids++] = id;
		else
			asking->too_many_ids = true;
	}
}

/* Of routes there may be a million: only those to everywhere are kept, and to halves of it. */
static bool is_wanted(struct pcipt_asking *asking, const struct nlmsghdr *message)
{
	const struct rtmsg *route = NLMSG_DATA(message);

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		note_id(asking, message);
		return true;
	case RTM_NEWADDR:
	case RTM_NEWNEXTHOP:
		return true;
	case RTM_NEWROUTE:
		return message->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) && route->rtm_dst_len <= 3;
	default:
		return false;
	}
}

static ssize_t receive(struct pcipt_asking *asking)
{
	struct sockaddr_nl from;
	socklen_t size;
	ssize_t n;

	do {
		size = sizeof(from);
		n = recvfrom(asking->socket, asking->buffer, PCIPT_NETLINK_BUFFER, MSG_TRUNC,
			     (struct sockaddr *)&from, &size);
		/* Only the kernel's own word counts. */
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return n > PCIPT_NETLINK_BUFFER ? -EMSGSIZE : n;
}

/* The number behind an error's or an end's header: 0 or -errno. */
static int number_of(const struct nlmsghdr *message)
{
	int number = 0;

	if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(number)))
		memcpy(&number, NLMSG_DATA(message), sizeof(number));
	return number;
}

/* What one message is for: 1 when it ends the answer, -errno when it says no, else 0. */
static int judge(struct pcipt_asking *asking, const struct nlmsghdr *message, bool *wanted)
{
	*wanted = false;
	if (message->nlmsg_seq != asking->sequence)
		return 0;
	asking->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
		return number_of(message) < 0 ? number_of(message) : 1;
	*wanted = is_wanted(asking, message);
	return 0;
}

/* Passes on what is wanted of one part of an answer: 1 when it was the last, or -errno. */
static int pass_on(struct pcipt_asking *asking, size_t n)
{
	size_t kept = 0, next;
	int r = 0;

	for (size_t at = 0; r == 0 && n - at >= sizeof(struct nlmsghdr); at = next) {
		struct nlmsghdr *message = (void *)(asking->buffer + at);
		bool wanted;

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > n - at)
			return -EBADMSG;
		next = at + NLMSG_ALIGN(message->nlmsg_len);
		next = next < n ? next : n;
		r = judge(asking, message, &wanted);
		if (wanted) {
			memmove(asking->buffer + kept, message, next - at);
			kept += next - at;
		}
	}
	/* Messages begin aligned; the buffer's own size is. */
	while (kept % NLMSG_ALIGNTO != 0)
		asking->buffer[kept++] = 0;
	/* Of nothing, too: a million routes that nobody wants are still an answer. */
	send_frame(asking, PCIPT_FRAME_MESSAGES, 0, (uint32_t)kept);
	pcipt_pipe_send(asking->out, asking->buffer, kept);
	return r;
}

static int ask(struct pcipt_asking *asking, void *request)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct nlmsghdr *header = request;

	header->nlmsg_flags |= NLM_F_REQUEST;
	header->nlmsg_seq = ++asking->sequence;
	return sendto(asking->socket, request, header->nlmsg_len, 0, (const void *)&kernel,
		      sizeof(kernel)) < 0 ?
		       -errno :
		       0;
}

/* One question, to the end of its answer. */
static int dump(struct pcipt_asking *asking, void *request)
{
	int r;

	((struct nlmsghdr *)request)->nlmsg_flags = NLM_F_DUMP;
	r = ask(asking, request);
	while (r == 0) {
		ssize_t n = receive(asking);

		r = n < 0 ? (int)n : pass_on(asking, (size_t)n);
	}
	return r < 0 ? r : 0;
}

static int dump_links(struct pcipt_asking *asking)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
		struct rtattr attribute;
		uint32_t mask;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETLINK },
		      .attribute = { RTA_LENGTH(sizeof(uint32_t)), IFLA_EXT_MASK },
		      .mask = RTEXT_FILTER_SKIP_STATS };

	return dump(asking, &request);
}

static int dump_addresses(struct pcipt_asking *asking)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETADDR } };

	return dump(asking, &request);
}

/* Of all tables. The type is a filter where the kernel knows strict checking (4.20). */
static int dump_routes(struct pcipt_asking *asking, unsigned char family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETROUTE },
		      .body = { .rtm_family = family, .rtm_type = RTN_UNICAST } };

	return dump(asking, &request);
}

/* Objects that routes refer to (Linux 5.3); an older kernel has none. */
static int dump_next_hops(struct pcipt_asking *asking)
{
	struct {
		struct nlmsghdr header;
		struct nhmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNEXTHOP } };
	int r = dump(asking, &request);

	return r == -EOPNOTSUPP || r == -EINVAL ? 0 : r;
}

/* How the namespace that is asked knows another one: its id (-1 for not at all). */
static int ask_id(struct pcipt_asking *asking, int fd, int32_t *id)
{
	struct {
		struct nlmsghdr header;
		char body[NLMSG_ALIGN(sizeof(struct rtgenmsg))];
		struct rtattr attribute;
		int32_t fd;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNSID },
		      .attribute = { RTA_LENGTH(sizeof(int32_t)), NETNSA_FD },
		      .fd = fd };
	const struct nlmsghdr *message = (void *)asking->buffer;
	const struct rtattr *a = (void *)(asking->buffer + NLMSG_SPACE(sizeof(struct rtgenmsg)));
	int r = ask(asking, &request), left;

	*id = -1;
	r = r < 0 ? r : (int)receive(asking);
	if (r < 0)
		return r;
	if ((size_t)r < sizeof(*message) || message->nlmsg_len > (size_t)r ||
	    message->nlmsg_seq != asking->sequence || message->nlmsg_type != RTM_NEWNSID)
		return (size_t)r >= sizeof(*message) && message->nlmsg_type == NLMSG_ERROR ?
			       number_of(message) :
			       -EBADMSG;
	left = r - (int)NLMSG_SPACE(sizeof(struct rtgenmsg));
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == NETNSA_NSID && RTA_PAYLOAD(a) >= sizeof(*id))
			memcpy(id, RTA_DATA(a), sizeof(*id));
	return 0;
}

/* Until it is known where all links lead; the first asked is where most do. */
static int find_ids(struct pcipt_asking *asking)
{
	int32_t id;
	int r = 0;

	for (size_t i = 0; r == 0 && asking->n_ids > 0 && i < asking->n; i++) {
		if (asking->namespaces[i].fd < 0 || i == asking->now)
			continue;
		r = ask_id(asking, asking->namespaces[i].fd, &id);
		for (size_t k = 0; r == 0 && id >= 0 && k < asking->n_ids; k++)
			if (asking->ids[k] == id) {
				send_frame(asking, PCIPT_FRAME_ID, id, (uint32_t)i);
				asking->ids[k] = asking->ids[--asking->n_ids];
			}
	}
	return r;
}

static int open_socket(struct pcipt_asking *asking)
{
	const struct timeval wait = { .tv_sec = 10 };
	const int on = 1;

	asking->socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (asking->socket < 0)
		return -errno;
	setsockopt(asking->socket, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(asking->socket, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return 0;
}

/*
 * PPPoE is told by no netlink. What is "self" in /proc is this copy, which is in that
 * namespace; the file is there while the module is.
 */
static int send_sessions(struct pcipt_asking *asking)
{
	int fd = open("/proc/self/net/pppoe", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : 0;

	while (fd >= 0 && (n = read(fd, asking->buffer, PCIPT_NETLINK_BUFFER)) > 0) {
		send_frame(asking, PCIPT_FRAME_SESSIONS, 0, (uint32_t)n);
		pcipt_pipe_send(asking->out, asking->buffer, (size_t)n);
	}
	n = n < 0 && fd >= 0 ? -errno : n;
	if (fd >= 0)
		close(fd);
	return n == -ENOENT ? 0 : (int)n;
}

static int ask_one(struct pcipt_asking *asking)
{
	int r = open_socket(asking);

	if (r == 0)
		r = dump_links(asking);
	if (r == 0)
		r = dump_addresses(asking);
	if (r == 0)
		r = dump_next_hops(asking);
	if (r == 0)
		r = dump_routes(asking, AF_INET);
	if (r == 0)
		r = dump_routes(asking, AF_INET6);
	if (r == 0)
		r = send_sessions(asking);
	if (r == 0)
		r = asking->too_many_ids ? -E2BIG : find_ids(asking);
	if (asking->socket >= 0)
		close(asking->socket);
	/* Not EINTR, which is a signal's: the tables are busy, and may be asked again. */
	return r == 0 && asking->interrupted ? -EAGAIN : r;
}

void pcipt_netlink_ask_all(struct pcipt_asking *asking)
{
	asking->now = 0;
	/* A sign that it has begun. */
	send_frame(asking, PCIPT_FRAME_MESSAGES, 0, 0);
	for (; asking->now < asking->n; asking->now++) {
		int r = 0;

		asking->interrupted = asking->too_many_ids = false;
		asking->n_ids = 0;
		/* The first is our own already. */
		if (asking->now > 0)
			r = setns(asking->namespaces[asking->now].fd, CLONE_NEWNET) < 0 ? -errno : 0;
		send_frame(asking, PCIPT_FRAME_END, r == 0 ? ask_one(asking) : r, 0);
	}
}
