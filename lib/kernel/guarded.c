/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads that may never return. Linux 6.1 takes the device's lock to answer
 * driver_override, and an unbind that waits for a user holds that lock for ever;
 * the reader then sits in state D, where no signal reaches it. So a process of
 * its own reads, and where it gets stuck it is left behind: it ends by itself
 * when the kernel lets go.
 *
 * The process is a copy of this one (process.h says why that is safe). One that got
 * stuck is remembered and reaped by a later call.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/real.h"

struct answer {
	uint32_t index;
	int32_t result;
};

/* What a reader says first, as a result: from now on it reads. */
#define BEGUN INT32_MIN

void pcipt_real_sort3(int *fds)
{
	for (int i = 0; i < 3; i++) {
		int a = i % 2, low = fds[a] < fds[a + 1] ? fds[a] : fds[a + 1];

		fds[a + 1] += fds[a] - low;
		fds[a] = low;
	}
}

/* The reading process: answers in order, until all is read or it gets stuck. */
static void read_all(struct real_kernel *real, enum pcipt_place at,
		     struct pcipt_read *reads, size_t first, size_t n, int out)
{
	int keep[] = { real->folder[real->at_slash ? at : PCIPT_AT_ROOT], real->folder[at], out };

	pcipt_real_sort3(keep);
	if (!pcipt_process_isolate(keep, 3, NULL))
		_exit(1);
	pcipt_pipe_send(out, &(struct answer){ (uint32_t)first, BEGUN }, sizeof(struct answer));
	for (size_t i = first; i < n; i++) {
		int fd = reads[i].result < 0 ?
				 (int)reads[i].result :
				 pcipt_real_open(real, at, reads[i].path, O_RDONLY | O_NOFOLLOW);
		struct answer answer = { (uint32_t)i, fd < 0 ? fd : 0 };

		if (fd >= 0) {
			answer.result = (int32_t)pcipt_real_read_fd(fd, reads[i].buf, reads[i].size);
			close(fd);
		}
		pcipt_pipe_send(out, &answer, sizeof(answer));
		if (answer.result > 0)
			pcipt_pipe_send(out, reads[i].buf, (size_t)answer.result);
	}
	_exit(0);
}

void pcipt_real_reap(struct real_kernel *real)
{
	size_t kept = 0;

	pthread_mutex_lock(&real->lock);
	for (size_t i = 0; i < real->n_left_behind; i++)
		if (waitpid(real->left_behind[i].pid, NULL, __WCLONE | WNOHANG) == 0)
			real->left_behind[kept++] = real->left_behind[i];
	real->n_left_behind = kept;
	pthread_mutex_unlock(&real->lock);
}

bool pcipt_real_is_stuck(struct real_kernel *real, const char *path)
{
	bool stuck = false;

	pthread_mutex_lock(&real->lock);
	for (size_t k = 0; k < real->n_left_behind; k++)
		stuck |= strncmp(real->left_behind[k].path, path,
				 sizeof(real->left_behind[k].path) - 1) == 0;
	pthread_mutex_unlock(&real->lock);
	return stuck;
}

/* What a reader is stuck on already: another one would only get stuck beside it. */
static void pass_over_stuck(struct real_kernel *real, struct pcipt_read *reads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reads[i].result = pcipt_real_is_stuck(real, reads[i].path) ? -EBUSY : 0;
}

/* How long a process may take to end that has said all. */
#define END_MS 1000

/* Waits for a process to end: true when it has. */
static bool await_end(pid_t pid)
{
	double deadline = pcipt_now_ms() + END_MS;
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0u);
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	pid_t r;

	while ((r = waitpid(pid, NULL, __WCLONE | WNOHANG)) == 0) {
		double left = deadline - pcipt_now_ms();

		if (left <= 0)
			return false;
		/* Without that call (Linux 5.3) look again from time to time. */
		poll(&poller, 1, fd < 0 ? 1 : (int)left + 1);
	}
	return true;
}

void pcipt_real_part_with(struct real_kernel *real, pid_t pid, const char *stuck_on)
{
	struct left_behind *left;

	/* Even the end can take for ever: the last close of a disk that is dying. */
	if (!stuck_on && await_end(pid))
		return;
	pthread_mutex_lock(&real->lock);
	if (pcipt_grow(&real->left_behind, real->n_left_behind)) {
		left = &real->left_behind[real->n_left_behind++];
		left->pid = pid;
		snprintf(left->path, sizeof(left->path), "%s", stuck_on ? stuck_on : "");
	}
	pthread_mutex_unlock(&real->lock);
}

/* An answer that has begun: the device has had its say, so what is slow now isn't its fault. */
static int receive(int in, void *data, size_t n)
{
	int r = pcipt_pipe_receive(in, data, n, PCIPT_PATIENCE_MS);

	return r == -EBUSY ? -ETIMEDOUT : r;
}

/* One read's answer: 1, 0 when the reader ended before its time, or as pcipt_pipe_await(). */
static int take_answer(int in, pid_t pid, struct pcipt_read *read, size_t i, unsigned int ms)
{
	struct answer answer;
	int r = pcipt_pipe_await(in, pid, ms);

	if (r == 1)
		r = receive(in, &answer, sizeof(answer));
	if (r != 1)
		return r;
	if (answer.index != i || answer.result >= (int32_t)read->size)
		return 0;
	if (answer.result > 0)
		r = receive(in, read->buf, (size_t)answer.result);
	if (r == 1) {
		read->result = answer.result;
		if (answer.result >= 0)
			read->buf[answer.result] = '\0';
	}
	return r;
}

/* Takes answers from one reader; says where it stopped and why, n when it was through. */
static size_t take_answers(int in, pid_t pid, struct pcipt_read *reads, size_t first, size_t n,
			   unsigned int ms, int *why)
{
	struct answer begun;

	/* Until it has begun, nothing that is slow is the device's fault. */
	*why = pcipt_pipe_await(in, pid, PCIPT_PATIENCE_MS);
	*why = *why == 1 ? receive(in, &begun, sizeof(begun)) : *why == -EBUSY ? -ETIMEDOUT : *why;
	if (*why != 1)
		return first;
	for (size_t i = first; i < n; i++) {
		*why = take_answer(in, pid, &reads[i], i, ms);
		if (*why != 1)
			return i;
	}
	return n;
}

/* Reads until all is read or a reader is stuck: on what, n when on nothing. */
static int read_some(struct real_kernel *real, enum pcipt_place at, struct pcipt_read *reads,
		     size_t first, size_t n, unsigned int ms, size_t *stopped)
{
	int ends[2], why;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = pcipt_process_copy(NULL);
	if (pid == 0)
		read_all(real, at, reads, first, n, ends[1]);
	close(ends[1]);
	*stopped = pid < 0 ? n : take_answers(ends[0], pid, reads, first, n, ms, &why);
	close(ends[0]);
	if (pid < 0)
		return pid;
	if (*stopped == n || why != -EBUSY)
		pcipt_real_part_with(real, pid, *stopped == n || why == 0 ? NULL : "");
	else
		pcipt_real_part_with(real, pid, reads[*stopped].path);
	if (*stopped == n)
		return 0;
	reads[*stopped].result = -EBUSY;
	/* It ended before its time, or the machine doesn't get to it: so would the next one. */
	for (size_t i = *stopped; why != -EBUSY && i < n; i++)
		reads[i].result = why == -ETIMEDOUT ? why : -EIO;
	*stopped = why == -EBUSY ? *stopped : n;
	return 0;
}

int pcipt_real_read_guarded(struct pcipt_kernel *k, enum pcipt_place at,
			    struct pcipt_read *reads, size_t n, unsigned int ms)
{
	struct real_kernel *real = real_kernel(k);
	size_t next = 0;

	if (real->folder[at] < 0)
		return -ENOENT;
	pcipt_real_reap(real);
	pass_over_stuck(real, reads, n);
	/* One reader as a rule; one more for each device that it gets stuck on. */
	while (next < n) {
		size_t stopped = n;
		int r = read_some(real, at, reads, next, n, ms, &stopped);

		if (r < 0)
			return r;
		next = stopped + 1;
	}
	return 0;
}
