/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks every network namespace what is in it. Only a process can enter a namespace
 * without the threads of the program that linked us noticing, and an answer waits for
 * a lock that a stuck driver may hold for ever: so a copy of this process asks, which
 * can be left behind (process.h). It only sorts out; what the messages say is read
 * where memory may be taken.
 */
#include "kernel/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "kernel/pipe.h"
#include "kernel/process.h"

/* The kernel's parts of an answer are no longer than 32 KiB (netlink_dump()). */
#define BUFFER_SIZE 65536
/* A machine with ten thousand interfaces answers with 20 MB. */
#define ANSWERS_MAX ((size_t)256 * 1024 * 1024)
/* How often to ask again where the tables changed meanwhile. */
#define ATTEMPTS 3
#define IDS_MAX 4096
/* What a copy that is left behind is said to wait for: the lock of all of this. */
#define STUCK_ON "netlink"

enum frame_kind {
	FRAME_MESSAGES, /* as many bytes as `size` says follow */
	FRAME_ID,	/* `value` is how the namespace knows the one with the index `size` */
	FRAME_END,	/* `value` is the result */
};

struct frame {
	uint32_t network, kind;
	int32_t value;
	uint32_t size;
};

/* What the copy works with: all of it is there before. */
struct asking {
	const struct pcipt_namespace *namespaces;
	size_t n;
	int out;
	size_t now; /* the namespace that is asked */
	int socket;
	uint32_t sequence;
	bool interrupted, too_many_ids;
	/* The ids of other namespaces that links of this one lead to. */
	int32_t ids[IDS_MAX];
	size_t n_ids;
	char buffer[BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* ---- in the copy ---- */

static void send_frame(const struct asking *asking, enum frame_kind kind, int32_t value,
		       uint32_t size)
{
	struct frame frame = { (uint32_t)asking->now, kind, value, size };

	pcipt_pipe_send(asking->out, &frame, sizeof(frame));
}

/* Remembers which other namespace a link leads to. */
static void note_id(struct asking *asking, const struct nlmsghdr *message)
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
		if (asking->n_ids < IDS_MAX)
			asking->ids[asking->n_ids++] = id;
		else
			asking->too_many_ids = true;
	}
}

/* Of routes there may be a million: only those to everywhere are kept, and to halves of it. */
static bool is_wanted(struct asking *asking, const struct nlmsghdr *message)
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

static ssize_t receive(struct asking *asking)
{
	struct sockaddr_nl from;
	socklen_t size;
	ssize_t n;

	do {
		size = sizeof(from);
		n = recvfrom(asking->socket, asking->buffer, BUFFER_SIZE, MSG_TRUNC,
			     (struct sockaddr *)&from, &size);
		/* Only the kernel's own word counts. */
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return n > BUFFER_SIZE ? -EMSGSIZE : n;
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
static int judge(struct asking *asking, const struct nlmsghdr *message, bool *wanted)
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
static int pass_on(struct asking *asking, size_t n)
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
	if (kept > 0) {
		send_frame(asking, FRAME_MESSAGES, 0, (uint32_t)kept);
		pcipt_pipe_send(asking->out, asking->buffer, kept);
	}
	return r;
}

static int ask(struct asking *asking, void *request)
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
static int dump(struct asking *asking, void *request)
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

static int dump_links(struct asking *asking)
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

static int dump_addresses(struct asking *asking)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETADDR } };

	return dump(asking, &request);
}

/* Of all tables. The type is a filter where the kernel knows strict checking (4.20). */
static int dump_routes(struct asking *asking, unsigned char family)
{
	struct {
		struct nlmsghdr header;
		struct rtmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETROUTE },
		      .body = { .rtm_family = family, .rtm_type = RTN_UNICAST } };

	return dump(asking, &request);
}

/* Objects that routes refer to (Linux 5.3); an older kernel has none. */
static int dump_next_hops(struct asking *asking)
{
	struct {
		struct nlmsghdr header;
		struct nhmsg body;
	} request = { .header = { .nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNEXTHOP } };
	int r = dump(asking, &request);

	return r == -EOPNOTSUPP || r == -EINVAL ? 0 : r;
}

/* How the namespace that is asked knows another one: its id (-1 for not at all). */
static int ask_id(struct asking *asking, int fd, int32_t *id)
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
static int find_ids(struct asking *asking)
{
	int32_t id;
	int r = 0;

	for (size_t i = 0; r == 0 && asking->n_ids > 0 && i < asking->n; i++) {
		if (asking->namespaces[i].fd < 0 || i == asking->now)
			continue;
		r = ask_id(asking, asking->namespaces[i].fd, &id);
		for (size_t k = 0; r == 0 && id >= 0 && k < asking->n_ids; k++)
			if (asking->ids[k] == id) {
				send_frame(asking, FRAME_ID, id, (uint32_t)i);
				asking->ids[k] = asking->ids[--asking->n_ids];
			}
	}
	return r;
}

static int open_socket(struct asking *asking)
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

static int ask_all(struct asking *asking)
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
		r = asking->too_many_ids ? -E2BIG : find_ids(asking);
	if (asking->socket >= 0)
		close(asking->socket);
	/* Not EINTR, which is a signal's: the tables are busy, and may be asked again. */
	return r == 0 && asking->interrupted ? -EAGAIN : r;
}

/* Each namespace in turn. The first is our own already. */
static void run(struct asking *asking)
{
	for (asking->now = 0; asking->now < asking->n; asking->now++) {
		int r = 0;

		asking->interrupted = asking->too_many_ids = false;
		asking->n_ids = 0;
		if (asking->now > 0)
			r = setns(asking->namespaces[asking->now].fd, CLONE_NEWNET) < 0 ? -errno : 0;
		send_frame(asking, FRAME_END, r == 0 ? ask_all(asking) : r, 0);
	}
}

/* ---- in the caller ---- */

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static pid_t start(struct asking *asking)
{
	int keep[PCIPT_NETWORKS_MAX + 1];
	pid_t pid;

	for (size_t i = 0; i < asking->n; i++)
		keep[i] = asking->namespaces[i].fd;
	keep[asking->n] = asking->out;
	qsort(keep, asking->n + 1, sizeof(*keep), compare_fds);
	pid = pcipt_process_copy(NULL);
	if (pid != 0)
		return pid;
	if (pcipt_process_isolate(keep, asking->n + 1, NULL))
		run(asking);
	_exit(0);
}

/* The messages that follow a frame, behind those that are there. */
static int take_messages(int in, struct pcipt_network *network, size_t size, size_t *total,
			 unsigned int ms)
{
	*total += size;
	if (*total > ANSWERS_MAX)
		return -EFBIG;
	if (network->room - network->size < size) {
		size_t room = (network->size + size) * 2;
		char *more = realloc(network->messages, room);

		if (!more)
			return -ENOMEM;
		network->messages = more;
		network->room = room;
	}
	network->size += size;
	return pcipt_pipe_receive(in, network->messages + network->size - size, size, ms);
}

static int take_id(struct pcipt_network *network, const struct frame *frame)
{
	if (!pcipt_grow(&network->ids, network->n_ids))
		return -ENOMEM;
	network->ids[network->n_ids++] = (struct pcipt_network_id){ frame->value, frame->size };
	return 1;
}

/* Takes the answers of all: 1, 0 when the copy ended before its time, or -errno. */
static int take_answers(int in, struct pcipt_networks *networks, unsigned int ms)
{
	size_t ended = 0, total = 0;
	struct frame frame;
	int r = 1;

	while (r == 1 && ended < networks->n) {
		r = pcipt_pipe_receive(in, &frame, sizeof(frame), ms);
		if (r != 1)
			break;
		if (frame.network >= networks->n || frame.size > BUFFER_SIZE)
			return -EBADMSG;
		if (frame.kind == FRAME_MESSAGES) {
			r = take_messages(in, &networks->items[frame.network], frame.size, &total, ms);
		} else if (frame.kind == FRAME_ID) {
			r = take_id(&networks->items[frame.network], &frame);
		} else {
			networks->items[frame.network].result = frame.value;
			ended++;
		}
	}
	return r;
}

/* What one copy finds out; -EAGAIN when the tables changed under its hands. */
static int ask_once(struct real_kernel *real, struct asking *asking,
		    struct pcipt_networks *networks, unsigned int ms)
{
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	asking->out = ends[1];
	pid = start(asking);
	close(ends[1]);
	r = pid < 0 ? pid : take_answers(ends[0], networks, ms);
	close(ends[0]);
	if (pid < 0)
		return r;
	pcipt_real_part_with(real, pid, r == 1 || r == 0 ? NULL : STUCK_ON);
	if (r != 1)
		return r == 0 ? -EIO : r;
	for (size_t i = 0; i < networks->n; i++)
		if (networks->items[i].result == -EAGAIN)
			return -EAGAIN;
	return 0;
}

/* Forgets what was answered, so that the same can be asked again. */
static void forget(struct pcipt_networks *networks)
{
	for (size_t i = 0; i < networks->n; i++) {
		networks->items[i].size = 0;
		networks->items[i].n_ids = 0;
		free(networks->items[i].ids);
		networks->items[i].ids = NULL;
		networks->items[i].result = -EIO;
	}
}

int pcipt_real_ask_networks(struct pcipt_kernel *k, struct pcipt_networks *networks,
			    unsigned int ms)
{
	struct real_kernel *real = real_kernel(k);
	struct pcipt_namespace namespaces[PCIPT_NETWORKS_MAX];
	_cleanup_free_ struct asking *asking = malloc(sizeof(*asking));
	int r;

	/* The namespaces of this machine say nothing about a recorded one. */
	if (!real->real)
		return -EOPNOTSUPP;
	if (!asking)
		return -ENOMEM;
	pcipt_real_reap(real);
	if (pcipt_real_is_stuck(real, STUCK_ON))
		return -EBUSY;
	r = pcipt_namespaces_find(real, networks, namespaces);
	memset(asking, 0, offsetof(struct asking, ids));
	asking->namespaces = namespaces;
	asking->n = networks->n;
	for (int i = 0; r == 0 && i < ATTEMPTS; i++) {
		forget(networks);
		r = ask_once(real, asking, networks, ms);
		if (r != -EAGAIN)
			break;
		/* The last attempt counts: which of them it was that changed is told there. */
		r = 0;
	}
	for (size_t i = 0; i < networks->n; i++)
		pcipt_closep(&namespaces[i].fd);
	return r;
}

void pcipt_networks_clear(struct pcipt_networks *networks)
{
	for (size_t i = 0; i < networks->n; i++) {
		free(networks->items[i].name);
		free(networks->items[i].messages);
		free(networks->items[i].ids);
	}
	free(networks->items);
	free(networks->unseen_example);
	memset(networks, 0, sizeof(*networks));
}
