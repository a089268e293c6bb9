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
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/real.h"

struct answer {
	uint32_t index;
	int32_t result;
};

static void sort3(int *fds)
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

	sort3(keep);
	if (!pcipt_process_isolate(keep, 3, NULL))
		_exit(1);
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
		stuck |= strcmp(real->left_behind[k].path, path) == 0;
	pthread_mutex_unlock(&real->lock);
	return stuck;
}

/* What a reader is stuck on already: another one would only get stuck beside it. */
static void pass_over_stuck(struct real_kernel *real, struct pcipt_read *reads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reads[i].result = pcipt_real_is_stuck(real, reads[i].path) ? -EBUSY : 0;
}

void pcipt_real_part_with(struct real_kernel *real, pid_t pid, const char *stuck_on)
{
	struct left_behind *left;

	if (!stuck_on) {
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
		return;
	}
	pthread_mutex_lock(&real->lock);
	if (pcipt_grow(&real->left_behind, real->n_left_behind)) {
		left = &real->left_behind[real->n_left_behind++];
		left->pid = pid;
		snprintf(left->path, sizeof(left->path), "%s", stuck_on);
	}
	pthread_mutex_unlock(&real->lock);
}

/* Takes answers from one reader; says where it stopped, n when it was through. */
static size_t take_answers(int in, struct pcipt_read *reads, size_t first, size_t n,
			   unsigned int ms)
{
	for (size_t i = first; i < n; i++) {
		struct answer answer;
		int r = pcipt_pipe_receive(in, &answer, sizeof(answer), ms);

		if (r == 1 && answer.index == i && answer.result < (int32_t)reads[i].size) {
			reads[i].result = answer.result;
			if (answer.result > 0)
				r = pcipt_pipe_receive(in, reads[i].buf, (size_t)answer.result, ms);
			if (r == 1 && answer.result >= 0)
				reads[i].buf[answer.result] = '\0';
		}
		if (r != 1) {
			reads[i].result = r < 0 ? r : -EIO;
			return i;
		}
	}
	return n;
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
		size_t stopped;
		int ends[2];
		pid_t pid;

		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		pid = pcipt_process_copy(NULL);
		if (pid == 0)
			read_all(real, at, reads, next, n, ends[1]);
		close(ends[1]);
		stopped = pid < 0 ? n : take_answers(ends[0], reads, next, n, ms);
		close(ends[0]);
		if (pid < 0)
			return pid;
		if (stopped < n && reads[stopped].result != -EBUSY) {
			/* It ended before its time: so would the next one. */
			pcipt_real_part_with(real, pid, NULL);
			for (size_t i = stopped; i < n; i++)
				reads[i].result = -EIO;
			return 0;
		}
		pcipt_real_part_with(real, pid, stopped < n ? reads[stopped].path : NULL);
		next = stopped + 1;
	}
	return 0;
}
