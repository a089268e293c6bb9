/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real watch: the kernel's own messages about devices (not udev's, which aren't sent
 * where no udevd runs, and come later), and inotify on folders, in one epoll descriptor.
 * A folder that isn't there yet is waited for in those above it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "kernel/real.h"
#include "kernel/watch.h"

/* The kernel's multicast group; udev's is 2. */
#define GROUP_KERNEL 1
/* Room for a storm: 10,000 devices that come at once. */
#define RECEIVE_BUFFER (16 * 1024 * 1024)

/* What comes and goes in a folder. */
#define IN_NAMES (IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM)

struct real_watch {
	struct pcipt_watch base;
	struct real_kernel *real;
	int epoll, messages, files;
	char **folders;
	int *watches; /* of each folder itself, -1 while it isn't there */
	size_t n_folders;
};

static struct real_watch *real_watch(struct pcipt_watch *watch)
{
	return (struct real_watch *)watch;
}

static int watch_fd(struct pcipt_watch *watch)
{
	return real_watch(watch)->epoll;
}

/* ---- folders ---- */

/*
 * Watches the folder and those above it, as far as they are there: from the top, so that
 * one that appears after it was looked for is seen by the watch above it.
 */
static int arm(struct real_watch *w, const char *folder, int *watch)
{
	_cleanup_free_ char *path = strdup(folder);
	size_t length = strlen(folder), root = strlen(w->real->root);
	bool below = !w->real->at_slash && strncmp(folder, w->real->root, root) == 0;

	*watch = -1;
	if (!path)
		return -ENOMEM;
	for (size_t n = below ? root : 1; n <= length; n++) {
		_cleanup_close_ int fd = -1;
		char link[32];
		int r;

		if (folder[n] != '\0' && folder[n] != '/')
			continue;
		path[n] = '\0';
		fd = pcipt_real_open_path(w->real, path, O_PATH | O_DIRECTORY);
		path[n] = folder[n];
		if (fd < 0)
			return 0;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		r = inotify_add_watch(w->files, link,
				      (n < length ? IN_NAMES : IN_NAMES | IN_CLOSE_WRITE) |
					      IN_ONLYDIR | IN_MASK_ADD);
		if (r < 0)
			return -errno;
		if (n == length)
			*watch = r;
	}
	return 0;
}

static int arm_all(struct real_watch *w)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->n_folders; i++)
		r = arm(w, w->folders[i], &w->watches[i]);
	return r;
}

/* Whether a name stands in the path of one of the folders: that one has come, or has gone. */
static bool is_on_the_way(const struct real_watch *w, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < w->n_folders; i++)
		for (const char *p = strchr(w->folders[i], '/'); p; p = strchr(p + 1, '/'))
			if (strncmp(p + 1, name, length) == 0 &&
			    (p[1 + length] == '\0' || p[1 + length] == '/'))
				return true;
	return false;
}

/*
 * What one event is about. What others do in the folders above, in /run for example, is none
 * of it: they are much used.
 */
static void take_file_event(const struct real_watch *w, const struct inotify_event *event,
			    bool *changed, bool *rearm)
{
	for (size_t i = 0; i < w->n_folders; i++)
		*changed |= event->wd == w->watches[i];
	*rearm |= event->mask & (IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW) ||
		  (event->len > 0 && is_on_the_way(w, event->name));
}

/* Takes all that has come: 1 when something has changed in a folder or with it, 0, or -errno. */
static int drain_files(struct real_watch *w)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool changed = false, rearm = false;
	ssize_t n;

	while ((n = read(w->files, buf, sizeof(buf))) > 0)
		for (const char *p = buf; p < buf + n;) {
			const struct inotify_event *event = (const void *)p;

			take_file_event(w, event, &changed, &rearm);
			p += sizeof(*event) + event->len;
		}
	if (rearm) {
		int r = arm_all(w);

		if (r < 0)
			return r;
	}
	return changed || rearm;
}

/* ---- messages ---- */

/* One message: 1 when it is about a PCI device, 0 when none is left, -errno; -EAGAIN for another. */
static int receive(struct real_watch *w, struct pcipt_watch_event *event)
{
	char message[8192];
	struct sockaddr_nl from = { 0 };
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(w->messages, message, sizeof(message), 0, (struct sockaddr *)&from,
			     &size);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	/* Anybody may send to us; the kernel's own number is 0. */
	if (from.nl_pid != 0 || !pcipt_uevent_parse(message, (size_t)n, event))
		return -EAGAIN;
	return 1;
}

static int watch_next(struct pcipt_watch *watch, struct pcipt_watch_event *event)
{
	struct real_watch *w = real_watch(watch);
	int r;

	event->what = PCIPT_WATCHED_NOTHING;
	if (w->messages >= 0) {
		do {
			r = receive(w, event);
		} while (r == -EAGAIN);
		if (r == -ENOBUFS)
			event->what = PCIPT_WATCHED_LOST;
		else if (r < 0)
			return r;
		if (r != 0)
			return 0;
	}
	r = drain_files(w);
	if (r > 0)
		event->what = PCIPT_WATCHED_FILES;
	return r < 0 ? r : 0;
}

/* ---- opening and closing ---- */

static void watch_destroy(struct pcipt_watch *watch)
{
	struct real_watch *w = real_watch(watch);

	pcipt_closep(&w->epoll);
	pcipt_closep(&w->messages);
	pcipt_closep(&w->files);
	for (size_t i = 0; i < w->n_folders; i++)
		free(w->folders[i]);
	free(w->folders);
	free(w->watches);
	pcipt_kernel_unref(&w->real->base);
	free(w);
}

static const struct pcipt_watch_ops ops = { watch_fd, watch_next, watch_destroy };

/* A recorded tree has no events: those of this machine are about other devices. */
static int open_messages(struct real_watch *w)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL };
	int size = RECEIVE_BUFFER;

	if (!w->real->real)
		return 0;
	w->messages = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     NETLINK_KOBJECT_UEVENT);
	if (w->messages < 0 ||
	    bind(w->messages, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	/* As much as we may; an overflow is told, so less is no fault. */
	if (setsockopt(w->messages, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(w->messages, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

static int add_to_epoll(struct real_watch *w, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int open_all(struct real_watch *w, const char *const *folders, size_t n)
{
	int r;

	w->folders = calloc(n + 1, sizeof(*w->folders));
	w->watches = calloc(n + 1, sizeof(*w->watches));
	if (!w->folders || !w->watches)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		w->watches[i] = -1;
		w->folders[i] = strdup(folders[i]);
		if (!w->folders[i])
			return -ENOMEM;
		w->n_folders++;
	}
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->files = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->epoll < 0 || w->files < 0)
		return -errno;
	r = open_messages(w);
	if (r == 0)
		r = arm_all(w);
	if (r == 0)
		r = add_to_epoll(w, w->messages);
	return r == 0 ? add_to_epoll(w, w->files) : r;
}

int pcipt_real_watch(struct pcipt_kernel *k, const char *const *folders, size_t n,
		     struct pcipt_watch **watch)
{
	struct real_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->base.ops = &ops;
	w->epoll = w->messages = w->files = -1;
	w->real = real_kernel(pcipt_kernel_ref(k));
	r = open_all(w, folders, n);
	if (r < 0) {
		watch_destroy(&w->base);
		return r;
	}
	*watch = &w->base;
	return 0;
}
