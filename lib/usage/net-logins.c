/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * By which address the caller logged in. Every interface that is up has an IPv6 link-local
 * address, so that alone says nothing; but whoever came in by one (ssh fe80::1%eth0) would
 * cut himself off. What the environment says of it (SSH_CONNECTION) anybody can write; the
 * server is among the caller's forefathers, and the connection is one of its sockets. From
 * within a terminal multiplexer or a service no way leads there, and nothing is known.
 */
#include <errno.h>
#include <stdio.h>

#include "usage/net.h"
#include "usage/tcp.h"

/* More generations than there are. */
#define DEPTH_MAX 32

struct look {
	struct pcipt_inquiry *inquiry;
	struct pcipt_net *net;
	long pid;
	struct pcipt_tcps tcps; /* of the process's network namespace */
	bool read;
};

/* The one before it, 0 where there is none: "4711 (a (name) S 4710 …". */
static long parent_of(struct pcipt_kernel *k, long pid)
{
	char path[64], text[512];
	const char *end;
	long parent;

	snprintf(path, sizeof(path), "proc/%ld/stat", pid);
	if (k->ops->read(k, PCIPT_AT_ROOT, path, text, sizeof(text)) <= 0)
		return 0;
	end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %9ld", &parent) == 1 ? parent : 0;
}

static void add_login(struct look *look, const struct pcipt_tcp *tcp)
{
	struct pcipt_net_login login;

	pcipt_tcp_print_address(&tcp->local, login.local);
	pcipt_tcp_print_address(&tcp->peer, login.peer);
	for (size_t i = 0; i < look->net->n_logins; i++)
		if (strcmp(look->net->logins[i].local, login.local) == 0)
			return;
	if (pcipt_grow(&look->net->logins, look->net->n_logins))
		look->net->logins[look->net->n_logins++] = login;
	else
		look->net->no_memory = true;
}

static void read_table(struct look *look)
{
	int r = pcipt_tcp_read(look->inquiry, look->pid, true, &look->tcps);

	look->read = true;
	/* Without IPv6 there is no table; and a process that has ended kept nobody's login. */
	if (r < 0 && r != -ENOENT && r != -ESRCH && r != -EINVAL)
		look->net->unread_errnum = -r;
}

static int look_at_descriptor(void *data, const char *name)
{
	struct look *look = data;
	struct pcipt_kernel *k = look->inquiry->kernel;
	char path[300], link[64];
	unsigned long inode;

	snprintf(path, sizeof(path), "proc/%ld/fd/%s", look->pid, name);
	if (k->ops->read_link(k, PCIPT_AT_ROOT, path, link, sizeof(link)) <= 0 ||
	    sscanf(link, "socket:[%20lu]", &inode) != 1)
		return 0;
	if (!look->read)
		read_table(look);
	for (size_t i = 0; i < look->tcps.n; i++)
		if (look->tcps.items[i].inode == inode &&
		    IN6_IS_ADDR_LINKLOCAL(&look->tcps.items[i].local))
			add_login(look, &look->tcps.items[i]);
	return 0;
}

void pcipt_net_find_logins(struct pcipt_inquiry *inquiry, struct pcipt_net *net)
{
	struct pcipt_kernel *k = inquiry->kernel;
	char text[32];
	long pid = 0;

	if (k->ops->read_link(k, PCIPT_AT_ROOT, "proc/self", text, sizeof(text)) > 0)
		pid = strtol(text, NULL, 10);
	for (int i = 0; pid > 1 && i < DEPTH_MAX; i++, pid = parent_of(k, pid)) {
		struct look look = { .inquiry = inquiry, .net = net, .pid = pid };
		char path[64];

		snprintf(path, sizeof(path), "proc/%ld/fd", pid);
		k->ops->list(k, PCIPT_AT_ROOT, path, look_at_descriptor, &look);
		net->no_memory |= look.tcps.no_memory;
		free(look.tcps.items);
	}
}
