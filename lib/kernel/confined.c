/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening a path that must not lead out of a folder. openat2() does it in one call
 * (Linux 5.6); where it isn't to be had (older kernels, seccomp filters of older
 * container runtimes answer ENOSYS or EPERM) the way is walked name by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "kernel/real.h"

/* As many links as the kernel follows itself (path_resolution(7)). */
#define LINKS_MAX 40

struct walk {
	int folder;
	bool follow;
	int links;
	char done[PATH_MAX]; /* the way so far: no link in it, no ".." */
	char rest[PATH_MAX];
};

/* The first name of the rest, taken off it: 1, 0 at the end, or -errno. */
static int next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t skip = strspn(walk->rest, "/"), n = strcspn(walk->rest + skip, "/");

	if (n == 0)
		return 0;
	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, walk->rest + skip, n);
	name[n] = '\0';
	memmove(walk->rest, walk->rest + skip + n, strlen(walk->rest + skip + n) + 1);
	return 1;
}

/* Puts a link's text before what is left of the way; an absolute one begins at the folder. */
static int follow_link(struct walk *walk, int link)
{
	char text[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (!walk->follow || ++walk->links > LINKS_MAX)
		return -ELOOP;
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", text, walk->rest) >= sizeof(rest))
		return -ENAMETOOLONG;
	strcpy(walk->rest, rest);
	if (text[0] == '/')
		walk->done[0] = '\0';
	return 0;
}

static int step(struct walk *walk, const char *name, bool keep_last_link)
{
	_cleanup_close_ int fd = -1;
	size_t n = strlen(walk->done);
	struct stat st;
	char *slash;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		/* Above the folder is the folder, as above "/" is "/". */
		slash = strrchr(walk->done, '/');
		*(slash ? slash : walk->done) = '\0';
		return walk->follow ? 0 : -EXDEV;
	}
	if ((size_t)snprintf(walk->done + n, sizeof(walk->done) - n, "%s%s", n ? "/" : "", name) >=
	    sizeof(walk->done) - n)
		return -ENAMETOOLONG;
	fd = openat(walk->folder, walk->done, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode) || (keep_last_link && !walk->rest[strspn(walk->rest, "/")]))
		return 0;
	walk->done[n] = '\0';
	return follow_link(walk, fd);
}

static int open_by_walking(int folder, const char *path, int flags, bool follow)
{
	struct walk walk = { .folder = folder, .follow = follow };
	char name[NAME_MAX + 1];
	int r, fd;

	if ((size_t)snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= sizeof(walk.rest))
		return -ENAMETOOLONG;
	while ((r = next_name(&walk, name)) > 0) {
		r = step(&walk, name, flags & O_NOFOLLOW);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	fd = openat(folder, walk.done[0] ? walk.done : ".", flags | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int pcipt_real_open_confined(int folder, const char *path, int flags, bool follow)
{
	struct open_how how = {
		.flags = (uint64_t)flags,
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (follow ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS),
	};
	int fd;

	do
		fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_walking(folder, path, flags, follow);
	return fd < 0 ? -errno : fd;
}
