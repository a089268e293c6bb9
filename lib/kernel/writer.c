/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's side of the helper: makes it, gives it jobs, waits no longer than it wants to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kernel/board.h"
#include "kernel/process.h"

/* What the jobs of one lane need at most: texts of up to a page, a few times. */
#define LANE_SLOTS 32
#define LANE_TEXT (64 * 1024)

struct pcipt_writer {
	struct real_kernel *real;
	struct board *board;
	size_t board_size;
	int *locks; /* the lanes' locks, then others */
	size_t n_lanes, n_locks;
	pid_t pid;
	int pidfd, through, caller;
	int ends[2]; /* a pipe whose end tells the helper to go home, also when this program execs */
	bool dead; /* there is no helper: not yet, or not any more */
	uint32_t batch;
};

/* The slots that a job became: one, or for a module one for each that has to be loaded. */
struct range {
	uint32_t first, n;
	bool told;
};

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The descriptors that the helper keeps, ascending; NULL without memory. */
static int *list_kept(const struct pcipt_writer *w, size_t *n)
{
	int *keep = calloc(w->n_locks + 4, sizeof(*keep));

	if (!keep)
		return NULL;
	*n = 4;
	keep[0] = w->board->root;
	keep[1] = w->through;
	keep[2] = w->ends[0];
	keep[3] = w->caller;
	for (size_t i = 0; i < w->n_locks; i++)
		keep[(*n)++] = w->locks[i];
	qsort(keep, *n, sizeof(*keep), compare_fds);
	return keep;
}

static struct board *make_board(struct pcipt_writer *w)
{
	size_t slots = (w->n_lanes + 1) * LANE_SLOTS;
	struct board *board;

	w->board_size = sizeof(*board) + slots * sizeof(board->slots[0]) +
			(w->n_lanes + 1) * LANE_TEXT;
	board = mmap(NULL, w->board_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	board->size = w->board_size;
	board->max_slots = (uint32_t)slots;
	/* An empty text is at hand at the end, which is zero. */
	board->used = sizeof(*board) + slots * sizeof(board->slots[0]) + 1;
	board->root = w->real->folder[PCIPT_AT_ROOT];
	board->confined = !w->real->at_slash;
	board->through = w->through;
	board->end = w->ends[0];
	board->caller = w->caller;
	board->n_lanes = (uint32_t)w->n_lanes;
	board->locks = w->locks;
	return board;
}

static int launch(struct pcipt_writer *w)
{
	_cleanup_free_ int *keep = NULL;
	size_t n_keep;

	w->batch = 0;
	w->through = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->caller = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (w->through < 0 || w->caller < 0 || pipe2(w->ends, O_CLOEXEC) < 0)
		return -errno;
	w->board = make_board(w);
	keep = w->board ? list_kept(w, &n_keep) : NULL;
	if (!keep)
		return -ENOMEM;
	w->pid = pcipt_process_copy(&w->pidfd);
	if (w->pid == 0)
		pcipt_helper_main(w->board, keep, n_keep);
	pcipt_closep(&w->ends[0]);
	w->ends[0] = -1;
	if (w->pid < 0)
		return w->pid;
	w->dead = false;
	return 0;
}

/* What the helper was made with goes; the helper itself has its own. */
static void forget(struct pcipt_writer *w)
{
	pcipt_closep(&w->pidfd);
	pcipt_closep(&w->through);
	pcipt_closep(&w->ends[0]);
	pcipt_closep(&w->ends[1]);
	pcipt_closep(&w->caller);
	w->pidfd = w->through = w->ends[0] = w->ends[1] = w->caller = -1;
	if (w->board)
		munmap(w->board, w->board_size);
	w->board = NULL;
}

static void writer_free(struct pcipt_writer *w)
{
	forget(w);
	free(w->locks);
	free(w);
}

int pcipt_real_writer_start(struct pcipt_kernel *k, size_t n_lanes, const int *locks,
			    size_t n_locks, struct pcipt_writer **out)
{
	struct pcipt_writer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->real = real_kernel(k);
	w->pidfd = w->through = w->ends[0] = w->ends[1] = w->caller = -1;
	w->dead = true;
	w->n_lanes = n_lanes ? n_lanes : 1;
	/* A lane without a lock of its own has none. */
	w->n_locks = n_locks > w->n_lanes ? n_locks : w->n_lanes;
	w->locks = calloc(w->n_locks, sizeof(*w->locks));
	pcipt_real_reap(w->real);
	for (size_t i = 0; w->locks && i < w->n_locks; i++)
		w->locks[i] = i < n_locks ? locks[i] : -1;
	r = w->locks ? launch(w) : -ENOMEM;
	if (r < 0)
		writer_free(w);
	else
		*out = w;
	return r;
}

/* ---- handing jobs over ---- */

/* A text's place on the board; 0 when there is no room. */
static uint32_t put(struct board *board, const char *text, size_t n)
{
	size_t at = board->used;

	/* One zero byte stays behind the last text. */
	if (n + 2 > board->size - at)
		return 0;
	if (text)
		memcpy((char *)board + at, text, n);
	board->used = at + n + 1;
	return (uint32_t)at;
}

static uint32_t put_format(struct board *board, const char *fmt, const char *a, const char *b)
{
	_cleanup_free_ char *text = pcipt_format(fmt, a, b);

	return text ? put(board, text, strlen(text)) : 0;
}

/* What the lock file says of a job: one line, whatever others wrote into the texts. */
static uint32_t put_note(struct board *board, const char *what, const char *path,
			 const char *value)
{
	_cleanup_free_ char *text = pcipt_format("%s %.300s %.300s", what, path, value);

	if (!text)
		return 0;
	pcipt_text_neutralise(text);
	return put_format(board, "%s\n%s", text, "");
}

/* A new slot on a lane, not yet seen by anybody; NULL when there is no room. */
static struct slot *add_slot(struct pcipt_writer *w, struct range *range, size_t lane, int kind,
			     const char *path)
{
	struct board *board = w->board;
	uint32_t at = range->first + range->n;
	struct slot *slot = &board->slots[at];

	if (at >= board->max_slots || lane >= w->n_lanes)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	slot->kind = (uint32_t)kind;
	slot->lane = (uint32_t)lane;
	slot->batch = w->batch;
	slot->value = slot->note = (uint32_t)board->size - 1;
	/* Below the root; a module's path is whole already. */
	slot->path = put(board, path, strlen(path));
	range->n++;
	return slot->path ? slot : NULL;
}

/* An empty write does nothing; a newline clears driver_override. */
static int add_write(struct pcipt_writer *w, struct range *range, const struct pcipt_job *job)
{
	struct slot *slot = add_slot(w, range, job->lane, SLOT_WRITE, job->path + 1);

	if (!slot)
		return -ENOBUFS;
	slot->value = put_format(w->board, "%s\n%s", job->value, "");
	slot->value_length = (uint32_t)strlen(job->value) + 1;
	slot->note = put_note(w->board, "write", job->path, job->value);
	return slot->value && slot->note ? 0 : -ENOBUFS;
}

static int add_read(struct pcipt_writer *w, struct range *range, const struct pcipt_job *job)
{
	struct slot *slot = add_slot(w, range, job->lane, SLOT_READ, job->path + 1);

	if (!slot)
		return -ENOBUFS;
	slot->buf = put(w->board, NULL, job->size);
	slot->size = (uint32_t)job->size;
	return slot->buf ? 0 : -ENOBUFS;
}

struct loading {
	struct pcipt_writer *w;
	struct range *range;
	size_t lane;
};

static int add_load(void *data, const char *path, const char *command, const char *options)
{
	struct loading *loading = data;
	struct pcipt_writer *w = loading->w;
	struct slot *slot = add_slot(w, loading->range, loading->lane,
				     command ? SLOT_RUN : SLOT_INSERT, path);

	if (!slot)
		return -ENOBUFS;
	slot->value = command ? put_format(w->board, "%s%s", command, "") :
				put_format(w->board, "%s%s", options, "");
	slot->note = put_note(w->board, command ? "run" : "load", path, command ? command : "");
	return slot->value && slot->note ? 0 : -ENOBUFS;
}

static int add_job(struct pcipt_writer *w, struct range *range, const struct pcipt_job *job)
{
	struct loading loading = { w, range, job->lane };

	switch (job->kind) {
	case PCIPT_JOB_WRITE:
		/* Only the kernel itself is written to. */
		return w->real->real || w->real->pretend ? add_write(w, range, job) : -EPERM;
	case PCIPT_JOB_READ:
		return add_read(w, range, job);
	case PCIPT_JOB_LOAD:
		return pcipt_real_module_needs(w->real, job->value, add_load, &loading);
	default:
		return -EINVAL;
	}
}

/* Whether a slot's work is, or may yet be, done: those that were left out are only passed over. */
static bool is_out(const struct pcipt_writer *w, uint32_t at)
{
	const struct slot *slot = &w->board->slots[at];

	return !atomic_load(&slot->done) &&
	       (atomic_load(&slot->begun) || at >= atomic_load(&w->board->stop));
}

static bool lane_is_busy(const struct pcipt_writer *w, size_t lane)
{
	for (uint32_t i = 0; i < atomic_load(&w->board->n_slots); i++)
		if (w->board->slots[i].lane == lane && is_out(w, i))
			return true;
	return false;
}

static void tell(const struct pcipt_wait *wait, const struct pcipt_job *job)
{
	if (wait->tell)
		wait->tell(wait->data, job);
}

/* Writes the jobs on the board and rings. Those that can't be handed over have their result. */
static void hand_over(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
		      size_t n, const struct pcipt_wait *wait)
{
	struct board *board = w->board;
	uint32_t first = atomic_load(&board->n_slots), end = first;

	for (size_t i = 0; i < n; i++) {
		bool busy = lane_is_busy(w, jobs[i].lane);
		int r;

		ranges[i] = (struct range){ .first = end, .told = busy };
		jobs[i].result = -EINPROGRESS;
		jobs[i].ms = 0;
		if (busy)
			continue;
		r = add_job(w, &ranges[i], &jobs[i]);
		if (r < 0) {
			ranges[i].n = 0;
			ranges[i].told = true;
			jobs[i].result = r;
		}
		end = ranges[i].first + ranges[i].n;
		tell(wait, &jobs[i]);
	}
	atomic_store(&board->left[w->batch], end - first);
	atomic_store(&board->n_slots, end);
	atomic_fetch_add(&board->bell, 1);
	syscall(SYS_futex, &board->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- waiting ---- */

/* A module that a driver would rather have, but doesn't need, may be missing. */
static ssize_t load_result(struct pcipt_writer *w, const struct pcipt_job *job, ssize_t result)
{
	int r;

	if (result == -ECANCELED)
		return result;
	r = pcipt_real_module_loaded(w->real, job->driver ? job->driver : job->value);
	return result < 0 && r < 0 ? result : r;
}

/* A job's result, when all of its slots are through. */
static bool take_result(struct pcipt_writer *w, struct pcipt_job *job, const struct range *range)
{
	const struct slot *slots = &w->board->slots[range->first];
	ssize_t result = 0;

	for (uint32_t i = 0; i < range->n; i++) {
		if (!atomic_load(&slots[i].done))
			return false;
		if (result >= 0)
			result = slots[i].result;
	}
	if (range->n)
		job->ms = (double)(slots[range->n - 1].end_ns - slots[0].begin_ns) / 1e6;
	job->result = result;
	if (job->kind == PCIPT_JOB_READ && result >= 0)
		memcpy(job->buf, board_text(w->board, slots[0].buf), (size_t)result + 1);
	if (job->kind == PCIPT_JOB_LOAD)
		job->result = load_result(w, job, result);
	return true;
}

/* How many jobs have not returned. */
static size_t collect(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
		      size_t n, const struct pcipt_wait *wait)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		if (ranges[i].told)
			continue;
		ranges[i].told = take_result(w, &jobs[i], &ranges[i]);
		if (ranges[i].told)
			tell(wait, &jobs[i]);
		else
			out++;
	}
	return out;
}

/* Somebody ended the helper: what it had not told is unknown. */
static void give_up(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
		    size_t n, const struct pcipt_wait *wait)
{
	int failed = atomic_load(&w->board->failed);

	w->dead = true;
	collect(w, jobs, ranges, n, wait);
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].told)
			continue;
		jobs[i].result = failed ? -failed : -EOWNERDEAD;
		tell(wait, &jobs[i]);
	}
	pcipt_real_part_with(w->real, w->pid, NULL);
}

/* The wait's deadline in milliseconds from now, as poll() takes it. */
static int time_left(double deadline)
{
	double left = deadline - pcipt_now_ms();

	return left <= 0 ? 0 : left > 3600000 ? 3600000 : (int)left + 1;
}

/* Time is up. */
static void leave_out(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
		      size_t n, const struct pcipt_wait *wait)
{
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].told)
			continue;
		jobs[i].result = -ECANCELED;
		/* A lane says that it begins before it looks whether it may. */
		for (uint32_t k = ranges[i].first; k < ranges[i].first + ranges[i].n; k++) {
			if (!is_out(w, k))
				continue;
			jobs[i].result = -EINPROGRESS;
			jobs[i].ms = pcipt_now_ms() - (double)w->board->slots[k].begin_ns / 1e6;
		}
		if (jobs[i].result == -ECANCELED)
			tell(wait, &jobs[i]);
	}
}

/* Until the deadline, which isn't always that of the wait. False when the helper is gone. */
static bool wait_for(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
		     size_t n, const struct pcipt_wait *wait, double deadline)
{
	struct pollfd fds[] = { { .fd = w->through, .events = POLLIN },
				{ .fd = w->pidfd, .events = POLLIN },
				{ .fd = wait->cancel_fd, .events = POLLIN } };
	uint64_t rung;

	while (collect(w, jobs, ranges, n, wait) > 0) {
		int left = time_left(deadline), ready;

		if (left == 0)
			break;
		/* Jobs are told one by one only where somebody listens. */
		ready = poll(fds, 3, wait->tell && left > 20 ? 20 : left);
		if (ready <= 0)
			continue;
		if (fds[0].revents && read(w->through, &rung, sizeof(rung)) < 0 && errno != EAGAIN)
			break;
		if (fds[2].revents) {
			atomic_store(&w->board->stop, atomic_load(&w->board->n_slots));
			fds[2].fd = -1;
		}
		if (fds[1].revents) {
			give_up(w, jobs, ranges, n, wait);
			return false;
		}
	}
	return true;
}

/* What has begun mostly returns soon; what hasn't must not begin. */
static void wait_for_all(struct pcipt_writer *w, struct pcipt_job *jobs, struct range *ranges,
			 size_t n, const struct pcipt_wait *wait)
{
	struct pcipt_wait rest = *wait;

	if (!wait_for(w, jobs, ranges, n, wait, wait->deadline))
		return;
	atomic_store(&w->board->stop, atomic_load(&w->board->n_slots));
	rest.cancel_fd = -1;
	if (wait_for(w, jobs, ranges, n, &rest, wait->deadline + wait->grace))
		leave_out(w, jobs, ranges, n, wait);
}

/* Too late to begin anything: a lane that is rung would begin before it could be stopped. */
static void begin_none(struct pcipt_writer *w, struct pcipt_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		jobs[i].result = lane_is_busy(w, jobs[i].lane) ? -EINPROGRESS : -ECANCELED;
}

static void fail_all(struct pcipt_job *jobs, size_t n, int result)
{
	for (size_t i = 0; i < n; i++)
		jobs[i].result = result;
}

void pcipt_real_writer_run(struct pcipt_writer *w, struct pcipt_job *jobs, size_t n,
			   const struct pcipt_wait *wait)
{
	_cleanup_free_ struct range *ranges = calloc(n + 1, sizeof(*ranges));
	int r = ranges ? 0 : -ENOMEM;

	/* There is always one to be had: an undo needs it most when somebody killed the first. */
	if (r == 0 && w->dead) {
		forget(w);
		r = launch(w);
	}
	if (r == 0 && w->batch + 1 == BOARD_BATCHES)
		r = -ENOBUFS;
	if (r < 0) {
		fail_all(jobs, n, r);
		return;
	}
	/* Too late, or not wanted any more: then nothing begins. */
	if (time_left(wait->deadline) == 0 || pcipt_real_wait(&w->real->base, wait->cancel_fd, -1)) {
		begin_none(w, jobs, n);
		return;
	}
	w->batch++;
	hand_over(w, jobs, ranges, n, wait);
	wait_for_all(w, jobs, ranges, n, wait);
}

/* Between two looks at a lane: the bell is rung for whole batches. */
#define LOOK_MS 10

bool pcipt_real_writer_busy(struct pcipt_writer *w, size_t lane, double deadline)
{
	struct pollfd end = { .fd = w->pidfd, .events = POLLIN };

	while (!w->dead && lane_is_busy(w, lane)) {
		int left = time_left(deadline);

		if (left == 0)
			return true;
		/* What has ended has nothing out. */
		if (poll(&end, 1, left < LOOK_MS ? left : LOOK_MS) > 0) {
			w->dead = true;
			pcipt_real_part_with(w->real, w->pid, NULL);
		}
	}
	return false;
}

/* A read that doesn't return changes nothing: it can be left behind without its lock. */
static bool anything_out(const struct pcipt_writer *w)
{
	for (uint32_t i = 0; i < atomic_load(&w->board->n_slots); i++)
		if (w->board->slots[i].kind != SLOT_READ && is_out(w, i))
			return true;
	return false;
}

bool pcipt_real_writer_end(struct pcipt_writer *w)
{
	bool left = false, busy = false;

	if (!w->dead && w->board) {
		left = anything_out(w);
		for (size_t i = 0; i < w->n_lanes; i++)
			busy |= lane_is_busy(w, i);
		pcipt_closep(&w->ends[1]);
		w->ends[1] = -1;
		pcipt_real_part_with(w->real, w->pid, busy ? "" : NULL);
	}
	writer_free(w);
	return left;
}
