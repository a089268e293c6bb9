/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See process.h. */
#include "kernel/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

pid_t pcipt_process_copy(int *pidfd)
{
	unsigned long flags = pidfd ? CLONE_PIDFD : 0;
	sigset_t all, before;
	int saved;
	pid_t pid;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
#ifdef __s390__
	pid = (pid_t)syscall(SYS_clone, NULL, flags, pidfd, NULL, NULL);
#else
	pid = (pid_t)syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL);
#endif
	if (pid == 0)
		return 0;
	saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -saved : pid;
}

static bool close_others(const int *keep, size_t n)
{
	unsigned int from = 0;

	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned int)keep[i] > from &&
		    syscall(SYS_close_range, from, (unsigned int)keep[i] - 1, 0u) < 0)
			return false;
		from = (unsigned int)keep[i] + 1;
	}
	return syscall(SYS_close_range, from, ~0u, 0u) == 0;
}

/* One line of /proc/self/maps so far: "start-end perm …". */
struct line {
	uintptr_t start, end;
	unsigned int field, column;
	bool shared;
};

/* A line's next character; true when the line is whole. */
static bool read_line(struct line *line, char c)
{
	int digit = pcipt_hex_digit(c);

	if (c == '\n')
		return true;
	if (c == '-' && line->field == 0)
		line->field = 1;
	else if (c == ' ' && line->field < 3)
		line->field++;
	else if (line->field == 0 && digit >= 0)
		line->start = line->start << 4 | (uintptr_t)digit;
	else if (line->field == 1 && digit >= 0)
		line->end = line->end << 4 | (uintptr_t)digit;
	else if (line->field == 2 && ++line->column == 4)
		line->shared = c == 's';
	return false;
}

/* A mapping that may stay: not shared, wanted, or the one that we stand on. */
static bool may_stay(const struct line *line, const void *keep)
{
	uintptr_t here = (uintptr_t)&line;

	return !line->shared || line->start == (uintptr_t)keep ||
	       (line->start <= here && here < line->end);
}

/* The kernel goes on listing behind the last address told, so unmapping on the way is fine. */
static bool unmap_shared(const void *keep)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct line line = { 0 };
	bool ok = fd >= 0;
	char text[4096];
	ssize_t n = 0;

	while (ok && (n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (!read_line(&line, text[i]))
				continue;
			ok &= may_stay(&line, keep) ||
			      munmap((void *)line.start, line.end - line.start) == 0;
			line = (struct line){ 0 };
		}
	if (fd >= 0)
		close(fd);
	return ok && n == 0;
}

bool pcipt_process_isolate(const int *keep, size_t n, const void *shared)
{
	if (!close_others(keep, n) || !unmap_shared(shared))
		return false;
	setsid();
	/* A file system of the program's must not stay busy. */
	return chdir("/") == 0;
}
