/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks every network namespace what is in it. Only a process can enter a namespace
 * without the threads of the program that linked us noticing, and an answer waits for
 * a lock that a stuck driver may hold for ever: so a copy of this process asks, which
 * can be left behind (process.h, netlink-copy.c).
 */
#include "kernel/netlink.h"

#include <errno.h>
#include <fcntl.h>

#include "kernel/pipe.h"
#include "kernel/process.h"

/* A machine with ten thousand interfaces answers with 20 MB. */
#define ANSWERS_MAX ((size_t)256 * 1024 * 1024)
/* How often to ask again where the tables changed meanwhile. */
#define ATTEMPTS 3
/* What a copy that is left behind is said to wait for: the lock of all of this. */
#define STUCK_ON "netlink"

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static pid_t start(struct pcipt_asking *asking)
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
		pcipt_netlink_ask_all(asking);
	_exit(0);
}

/* The bytes that follow a frame, behind those that are there. */
static int take_bytes(int in, char **bytes, size_t *used, size_t *room, size_t size, size_t *total)
{
	if (size == 0)
		return 1;
	*total += size;
	if (*total > ANSWERS_MAX)
		return -EFBIG;
	if (*room - *used < size) {
		char *more = realloc(*bytes, (*used + size) * 2);

		if (!more)
			return -ENOMEM;
		*bytes = more;
		*room = (*used + size) * 2;
	}
	*used += size;
	return pcipt_pipe_receive(in, *bytes + *used - size, size, PCIPT_PATIENCE_MS);
}

static int take_id(struct pcipt_network *network, const struct pcipt_frame *frame)
{
	if (!pcipt_grow(&network->ids, network->n_ids))
		return -ENOMEM;
	network->ids[network->n_ids++] = (struct pcipt_network_id){ frame->value, frame->size };
	return 1;
}

/* Takes the answers of all: 1, 0 when the copy ended before its time, or -errno. */
static int take_answers(int in, pid_t pid, struct pcipt_networks *networks, unsigned int ms)
{
	/* Until it has begun, nothing that is slow is the namespaces' fault. */
	int r = pcipt_pipe_await(in, pid, PCIPT_PATIENCE_MS);
	size_t ended = 0, total = 0;
	struct pcipt_network *network;
	struct pcipt_frame frame;

	while (r == 1 && ended < networks->n) {
		r = pcipt_pipe_await(in, pid, ms);
		if (r == 1)
			r = pcipt_pipe_receive(in, &frame, sizeof(frame), PCIPT_PATIENCE_MS);
		if (r != 1)
			break;
		if (frame.network >= networks->n || frame.size > PCIPT_NETLINK_BUFFER)
			return -EBADMSG;
		network = &networks->items[frame.network];
		if (frame.kind == PCIPT_FRAME_MESSAGES) {
			r = take_bytes(in, &network->messages, &network->size, &network->room,
				       frame.size, &total);
		} else if (frame.kind == PCIPT_FRAME_SESSIONS) {
			r = take_bytes(in, &network->sessions, &network->sessions_size,
				       &network->sessions_room, frame.size, &total);
		} else if (frame.kind == PCIPT_FRAME_ID) {
			r = take_id(network, &frame);
		} else {
			network->result = frame.value;
			ended++;
		}
	}
	return r;
}

/* What one copy finds out; -EAGAIN when the tables changed under its hands. */
static int ask_once(struct real_kernel *real, struct pcipt_asking *asking,
		    struct pcipt_networks *networks, unsigned int ms)
{
	int ends[2], r;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	asking->out = ends[1];
	pid = start(asking);
	close(ends[1]);
	r = pid < 0 ? pid : take_answers(ends[0], pid, networks, ms);
	close(ends[0]);
	if (pid < 0)
		return r;
	pcipt_real_part_with(real, pid, r == 1 || r == 0 ? NULL : r == -EBUSY ? STUCK_ON : "");
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
		networks->items[i].sessions_size = 0;
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
	_cleanup_free_ struct pcipt_asking *asking = malloc(sizeof(*asking));
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
	memset(asking, 0, offsetof(struct pcipt_asking, ids));
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
		free(networks->items[i].sessions);
		free(networks->items[i].ids);
	}
	free(networks->items);
	free(networks->unseen_example);
	memset(networks, 0, sizeof(*networks));
}
