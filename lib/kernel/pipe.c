/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See pipe.h. */
#include "kernel/pipe.h"

#include <errno.h>
#include <poll.h>
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
