/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See pipe.h. */
#include "kernel/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

void pcipt_pipe_send(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			_exit(1);
		p += w;
		n -= (size_t)w;
	}
}

int pcipt_pipe_receive(int fd, void *data, size_t n, unsigned int ms)
{
	double deadline = pcipt_now_ms() + ms;
	char *p = data;

	while (n > 0) {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		double left = deadline - pcipt_now_ms();
		int ready = poll(&poller, 1, left > 0 ? (int)left + 1 : 0);
		ssize_t r;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready < 0 ? -errno : -EBUSY;
		r = read(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? -errno : 0;
		p += r;
		n -= (size_t)r;
	}
	return 1;
}

/* A process that is found asleep so many times in a row, so far apart, is stuck. */
#define SAMPLES 5
#define SAMPLE_MS 20

/*
 * Whether a process waits for something in the kernel: for a lock in state D, or in S where
 * the lock's owner lets signals through. One that waits for its turn to run, or was stopped
 * by somebody, does not. Where that can't be told it doesn't either: it gets more time.
 */
static bool is_asleep(pid_t pid)
{
	char path[32], text[128];
	const char *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* "4711 (name) D 1 …"; a name may hold anything. */
	end = strrchr(text, ')');
	return end && end[1] == ' ' && (end[2] == 'D' || end[2] == 'S');
}

/* By the clock alone a loaded machine looks like a stuck device. */
int pcipt_pipe_await(int in, pid_t pid, unsigned int ms)
{
	struct pollfd poller = { .fd = in, .events = POLLIN };
	double begin = pcipt_now_ms();
	int asleep = 0;

	for (;;) {
		double left = begin + ms - pcipt_now_ms();
		int ready = poll(&poller, 1, left > 0 ? (int)left + 1 : SAMPLE_MS);

		if (ready > 0)
			return 1;
		if (ready < 0 && errno != EINTR)
			return -errno;
		left = begin + ms - pcipt_now_ms();
		if (left > 0)
			continue;
		asleep = is_asleep(pid) ? asleep + 1 : 0;
		if (asleep == SAMPLES)
			return -EBUSY;
		if (left < -PCIPT_PATIENCE_MS)
			return -ETIMEDOUT;
	}
}
