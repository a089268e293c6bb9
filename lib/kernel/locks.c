/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock files: flock() on files of a folder that is ours alone, since reading a file is
 * enough to lock it. They are never removed: two who hold "the" lock on two files of one
 * name would both be right. The helper holds the same open file, and so the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "kernel/real.h"

/* Ours, and nobody else's in any way. */
static bool is_private(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 077);
}

static int open_folder(struct pcipt_kernel *k, const char *folder)
{
	_cleanup_close_ int fd = pcipt_real_open_or_make_folder(k, folder, 0700);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return is_private(&st) ? steal_fd(&fd) : -EBADMSG;
}

static int open_lock(int folder, const char *name, struct stat *st)
{
	_cleanup_close_ int fd = openat(folder, name,
					O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC |
						O_NONBLOCK | O_NOCTTY,
					0600);

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO || errno == EISDIR ? -EBADMSG : -errno;
	if (fstat(fd, st) < 0)
		return -errno;
	return S_ISREG(st->st_mode) && is_private(st) ? steal_fd(&fd) : -EBADMSG;
}

/* Whether the name still stands for what was locked: somebody may have cleared the folder. */
static bool is_current(int folder, const char *name, const struct stat *locked)
{
	struct stat named;

	return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       locked->st_ino == named.st_ino && locked->st_dev == named.st_dev;
}

static int tell_holder(int fd, char *holder, size_t size)
{
	ssize_t n = pread(fd, holder, size - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	return -EAGAIN;
}

/* What holds is the lock. The text only says who we are, and a full /run has no room for it. */
static void tell_others(int fd, const char *text)
{
	size_t n = strlen(text);

	if (ftruncate(fd, 0) < 0 || write(fd, text, n) != (ssize_t)n)
		return;
}

int pcipt_real_lock(struct pcipt_kernel *k, const char *folder, const char *name,
		    const char *text, char *holder, size_t size)
{
	_cleanup_close_ int dir = open_folder(k, folder);

	if (dir < 0)
		return dir;
	for (int attempt = 0; attempt < 10; attempt++) {
		struct stat st;
		_cleanup_close_ int fd = open_lock(dir, name, &st);

		if (fd < 0)
			return fd;
		while (flock(fd, LOCK_EX | LOCK_NB) < 0)
			if (errno != EINTR)
				return errno == EWOULDBLOCK ? tell_holder(fd, holder, size) :
							      -errno;
		if (!is_current(dir, name, &st))
			continue;
		tell_others(fd, text);
		return steal_fd(&fd);
	}
	*holder = '\0';
	return -EAGAIN;
}

void pcipt_real_unlock(struct pcipt_kernel *k, int lock, bool left_behind)
{
	(void)k;
	/* Let go by name: a process that the program forked meanwhile has the file open, too. */
	if (!left_behind)
		flock(lock, LOCK_UN);
	close(lock);
}

double pcipt_real_now(struct pcipt_kernel *k)
{
	(void)k;
	return pcipt_now_ms();
}

int pcipt_real_wait(struct pcipt_kernel *k, int fd, double ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	(void)k;
	return poll(&poller, fd >= 0, ms < 0 ? 0 : (int)ms + 1) > 0;
}
