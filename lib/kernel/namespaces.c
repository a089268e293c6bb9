/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds every network namespace that can be seen: the caller's own, those that have a
 * name below /run, and those of processes. What only a descriptor or a socket keeps
 * alive can't be found by anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "kernel/netlink.h"

/* Where programs keep the names of namespaces: iproute2 and most container engines, Docker. */
static const char *const name_folders[] = { "run/netns", "run/docker/netns" };

struct search {
	struct real_kernel *real;
	struct pcipt_networks *networks;
	struct pcipt_namespace *namespaces;
	size_t n;
	int folder; /* the one that is listed */
	int r;
};

static void note_unseen(struct search *search, int errnum, char *example)
{
	if (!search->networks->unseen) {
		search->networks->unseen = -errnum;
		search->networks->unseen_example = steal(&example);
	}
	free(example);
}

static bool is_known(const struct search *search, ino_t inode)
{
	for (size_t i = 0; i < search->n; i++)
		if (search->namespaces[i].inode == inode)
			return true;
	return false;
}

/* Takes over the name. Its descriptor may be -1: our own needs no entering. */
static void add(struct search *search, int fd, ino_t inode, char *name)
{
	struct pcipt_networks *networks = search->networks;

	if ((!name && networks->n > 0) || !pcipt_grow(&networks->items, networks->n)) {
		if (fd >= 0)
			close(fd);
		free(name);
		search->r = -ENOMEM;
		return;
	}
	networks->items[networks->n++] = (struct pcipt_network){ .name = name, .result = -EIO };
	search->namespaces[search->n++] = (struct pcipt_namespace){ fd, inode };
}

/* "net:[4026531840]" */
static ino_t inode_of_link(const char *text)
{
	unsigned long long inode;

	return sscanf(text, "net:[%20llu]", &inode) == 1 ? (ino_t)inode : 0;
}

static void add_own(struct search *search)
{
	_cleanup_close_ int proc = pcipt_real_open(search->real, PCIPT_AT_ROOT, "proc",
						   O_PATH | O_DIRECTORY);
	char text[64];
	ssize_t n = proc < 0 ? -1 :
			       readlinkat(proc, "thread-self/ns/net", text, sizeof(text) - 1);
	int fd = -1;

	/* Without /proc it can be asked all the same, only not be told from others. */
	if (n > 0) {
		text[n] = '\0';
		fd = openat(proc, "thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	add(search, fd, n > 0 ? inode_of_link(text) : 0, NULL);
}

static bool is_full(struct search *search)
{
	if (search->n < PCIPT_NETWORKS_MAX)
		return false;
	note_unseen(search, E2BIG, NULL);
	return true;
}

static int visit_name(void *data, const char *name)
{
	struct search *search = data;
	_cleanup_close_ int fd = openat(search->folder, name,
					O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0 && errno != ENOENT)
		note_unseen(search, errno, pcipt_format("%s", name));
	/* A name that nothing is mounted on stands for no namespace. */
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0 ||
	    is_known(search, st.st_ino) || is_full(search))
		return 0;
	add(search, steal_fd(&fd), st.st_ino, pcipt_format("network namespace %s", name));
	return search->r;
}

static void list(struct search *search, pcipt_list_fn visit)
{
	int fd = fcntl(search->folder, F_DUPFD_CLOEXEC, 0);
	int r = fd < 0 ? -errno : search->r;

	if (r == 0)
		r = pcipt_real_list_fd(fd, visit, search);
	else if (fd >= 0)
		close(fd);
	search->r = r < 0 ? r : 0;
}

static void add_named(struct search *search)
{
	for (size_t i = 0; i < ARRAY_SIZE(name_folders); i++) {
		_cleanup_close_ int fd = pcipt_real_open(search->real, PCIPT_AT_ROOT,
							 name_folders[i], O_RDONLY | O_DIRECTORY);

		if (fd < 0) {
			if (fd != -ENOENT)
				note_unseen(search, -fd, pcipt_format("/%s", name_folders[i]));
			continue;
		}
		search->folder = fd;
		list(search, visit_name);
	}
}

/* "process 4711 (qemu-system-x86)" */
static char *describe_process(int proc, const char *pid)
{
	_cleanup_close_ int fd = -1;
	char path[64], comm[64];

	snprintf(path, sizeof(path), "%.20s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pcipt_real_read_fd(fd, comm, sizeof(comm)) <= 0)
		return pcipt_format("process %s", pid);
	return pcipt_format("process %s (%s)", pid, comm);
}

/* A process may end at any moment: what it had is then somebody else's, or gone. */
static bool has_ended(int errnum)
{
	return errnum == ENOENT || errnum == ESRCH;
}

static int visit_process(void *data, const char *name)
{
	struct search *search = data;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *who = NULL;
	char path[64], text[64];
	struct stat st;
	ssize_t n;

	if (*name < '1' || *name > '9' || strlen(name) > 20)
		return 0;
	snprintf(path, sizeof(path), "%s/ns/net", name);
	n = readlinkat(search->folder, path, text, sizeof(text) - 1);
	if (n < 0) {
		if (!has_ended(errno) && !search->networks->unseen)
			note_unseen(search, errno, describe_process(search->folder, name));
		return 0;
	}
	text[n] = '\0';
	if (is_known(search, inode_of_link(text)) || is_full(search))
		return 0;
	/* From here on the descriptor keeps it, whatever becomes of the process. */
	fd = openat(search->folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		if (!has_ended(errno))
			note_unseen(search, errno, describe_process(search->folder, name));
		return 0;
	}
	if (is_known(search, st.st_ino))
		return 0;
	who = describe_process(search->folder, name);
	add(search, steal_fd(&fd), st.st_ino,
	    who ? pcipt_format("network namespace of %s", who) : NULL);
	return search->r;
}

static void add_of_processes(struct search *search)
{
	_cleanup_close_ int proc = pcipt_real_open(search->real, PCIPT_AT_ROOT, "proc",
						   O_RDONLY | O_DIRECTORY);
	struct statfs fs;

	/* Links of a real one lead to namespaces only; another one could lead anywhere. */
	if (proc < 0 || fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC) {
		note_unseen(search, proc < 0 ? -proc : ENOENT, strdup("/proc"));
		return;
	}
	search->folder = proc;
	list(search, visit_process);
}

int pcipt_namespaces_find(struct real_kernel *real, struct pcipt_networks *networks,
			  struct pcipt_namespace *namespaces)
{
	struct search search = { real, networks, namespaces, 0, -1, 0 };

	add_own(&search);
	add_named(&search);
	add_of_processes(&search);
	return search.r;
}
