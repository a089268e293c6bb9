/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper: the process that makes a transaction's writes. Any of them may stay in
 * the kernel for ever (an unbind waits for who holds the device open), in state D where
 * no signal reaches it; the caller must not. It is a copy of the caller (process.h says
 * why what follows is safe in one), never signalled, and can be left behind: then it
 * ends by itself when the kernel lets go, and with it the locks that it holds.
 *
 * A spawned program would be cleaner memory, but has to be installed, found, and of the
 * library's own version, costs several times as much to start (14 to 19 ms against 2 in
 * the test bed), and wouldn't be there for a program that is linked statically.
 *
 * Inside, one lane for each device makes its writes side by side with the others. Lanes
 * are tasks of this process with a stack of their own: as cheap as threads, but without
 * the C library's part of one, since making that takes locks. So they may call nothing
 * that keeps anything in thread-local storage, errno included (raw.h).
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/module.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "kernel/board.h"
#include "kernel/process.h"
#include "kernel/raw.h"

/* Instrumented code may keep its own things in thread-local storage, too. */
#define LANE_CODE __attribute__((no_sanitize("address", "undefined")))

#define LANE_STACK (64 * 1024)

#if PCIPT_RAW_CALLS
#define LANE_FLAGS \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#else
#define LANE_FLAGS 0
#endif

struct lane {
	struct board *board;
	uint32_t number;
};

LANE_CODE static int64_t now_ns(void)
{
	struct timespec t = { 0 };

	pcipt_raw(SYS_clock_gettime, CLOCK_MONOTONIC, &t, 0, 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Without openat2() the way is walked, by code that uses errno: by one lane at a time. */
LANE_CODE static int walk(struct board *board, const char *path, int flags)
{
	int fd;

	while (atomic_exchange(&board->walking, 1))
		pcipt_raw(SYS_sched_yield, 0, 0, 0, 0);
	fd = pcipt_real_open_confined(board->root, path, flags, true);
	atomic_store(&board->walking, 0);
	return fd;
}

LANE_CODE static int open_attribute(struct board *board, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)flags,
				.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT };
	int fd;

	if (!board->confined)
		return (int)pcipt_raw(SYS_openat, board->root, path, flags, 0);
	fd = (int)pcipt_raw(SYS_openat2, board->root, path, &how, sizeof(how));
	return fd == -ENOSYS || fd == -EPERM ? walk(board, path, flags) : fd;
}

LANE_CODE static int32_t write_attribute(struct board *board, const struct slot *slot)
{
	int fd = open_attribute(board, board_text(board, slot->path), O_WRONLY | O_CLOEXEC);
	long n;

	if (fd < 0)
		return fd;
	n = pcipt_raw(SYS_write, fd, board_text(board, slot->value), slot->value_length, 0);
	pcipt_raw(SYS_close, fd, 0, 0, 0);
	return n == (long)slot->value_length ? 0 : n < 0 ? (int32_t)n : -EIO;
}

LANE_CODE static int32_t read_attribute(struct board *board, const struct slot *slot)
{
	int fd = open_attribute(board, board_text(board, slot->path), O_RDONLY | O_CLOEXEC);
	char *buf = (char *)board + slot->buf;
	uint32_t used = 0;
	long n = 0;

	if (fd < 0)
		return fd;
	while (used < slot->size - 1) {
		n = pcipt_raw(SYS_read, fd, buf + used, slot->size - 1 - used, 0);
		if (n <= 0)
			break;
		used += (uint32_t)n;
		if (buf[used - 1] == '\n')
			break;
	}
	pcipt_raw(SYS_close, fd, 0, 0, 0);
	while (used > 0 && buf[used - 1] == '\n')
		used--;
	buf[used] = '\0';
	return n < 0 ? (int32_t)n : (int32_t)used;
}

/* ---- modules ---- */

LANE_CODE static bool ends_with(const char *text, char c)
{
	while (text[0] && text[1])
		text++;
	return *text == c;
}

/* A module that somebody else has loaded meanwhile is loaded. */
LANE_CODE static int32_t insert_module(struct board *board, const struct slot *slot)
{
	const char *path = board_text(board, slot->path);
	/* ".ko", and ".ko.xz", ".ko.gz", ".ko.zst", which the kernel unpacks by itself. */
	int flags = ends_with(path, 'o') ? 0 : MODULE_INIT_COMPRESSED_FILE;
	int fd = (int)pcipt_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	long r;

	if (fd < 0)
		return fd;
	r = pcipt_raw(SYS_finit_module, fd, board_text(board, slot->value), flags, 0);
	pcipt_raw(SYS_close, fd, 0, 0, 0);
	return r == -EEXIST ? 0 : (int32_t)r;
}

/* An "install" line: a process of its own, with nothing of ours but where its lines end. */
LANE_CODE static int32_t run_command(struct board *board, const struct slot *slot)
{
	const char *argv[] = { "sh", "-c", board_text(board, slot->value), NULL };
	static const char *const envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	static const uint64_t no_signals;
	int status = 0;
	long pid = pcipt_raw(SYS_clone, 0, 0, 0, 0), r;

	if (pid == 0) {
		for (int i = 0; i < 3; i++)
			pcipt_raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
		pcipt_raw(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, NULL,
			  sizeof(no_signals));
		pcipt_raw(SYS_execve, "/bin/sh", argv, envp, 0);
		pcipt_raw(SYS_exit_group, 127, 0, 0, 0);
	}
	if (pid < 0)
		return (int32_t)pid;
	do
		r = pcipt_raw(SYS_wait4, pid, &status, __WCLONE, NULL);
	while (r == -EINTR);
	return r < 0 ? (int32_t)r : status == 0 ? 0 : -ECHILD;
}

/* ---- the story in the lock file ---- */

/* Behind `at`; there is room. */
LANE_CODE static char *put_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
	return at;
}

LANE_CODE static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

LANE_CODE static void tell_lock(const struct board *board, const struct slot *slot,
				const char *text, size_t n)
{
	if (board->locks[slot->lane] >= 0)
		pcipt_raw(SYS_write, board->locks[slot->lane], text, n, 0);
}

/* Who finds the lock held sees which write is out; who finds it free, what came of it. */
LANE_CODE static void note_begin(const struct board *board, const struct slot *slot)
{
	const char *note = board_text(board, slot->note);
	size_t n = 0;

	while (note[n])
		n++;
	if (n > 0)
		tell_lock(board, slot, note, n);
}

LANE_CODE static void note_end(const struct board *board, const struct slot *slot)
{
	char text[80], *at = put_text(text, "returned ");

	if (!board_text(board, slot->note)[0])
		return;
	at = put_number(at, (uint64_t)(slot->result < 0 ? -slot->result : 0));
	at = put_text(at, " after ");
	at = put_number(at, (uint64_t)(slot->end_ns - slot->begin_ns) / 1000);
	at = put_text(at, " us\n");
	tell_lock(board, slot, text, (size_t)(at - text));
}

/* ---- lanes ---- */

LANE_CODE static void run_slot(struct board *board, struct slot *slot, uint32_t number)
{
	static const uint64_t one = 1;

	slot->begin_ns = slot->end_ns = now_ns();
	atomic_store(&slot->begun, 1);
	if (number < atomic_load(&board->stop) || atomic_load(&board->quit)) {
		slot->result = -ECANCELED;
	} else {
		note_begin(board, slot);
		slot->result = slot->kind == SLOT_READ	 ? read_attribute(board, slot) :
			       slot->kind == SLOT_INSERT ? insert_module(board, slot) :
			       slot->kind == SLOT_RUN	 ? run_command(board, slot) :
							   write_attribute(board, slot);
		slot->end_ns = now_ns();
		note_end(board, slot);
	}
	atomic_store(&slot->done, 1);
	/* The last one of a batch wakes the caller. */
	if (atomic_fetch_sub(&board->left[slot->batch], 1) == 1)
		pcipt_raw(SYS_write, board->through, &one, sizeof(one), 0);
}

LANE_CODE static int run_lane(void *arg)
{
	const struct lane *lane = arg;
	struct board *board = lane->board;
	uint32_t next = 0;

	for (;;) {
		unsigned int bell = atomic_load(&board->bell);

		for (; next < atomic_load(&board->n_slots); next++)
			if (board->slots[next].lane == lane->number)
				run_slot(board, &board->slots[next], next);
		if (atomic_load(&board->quit))
			return 0;
		pcipt_raw(SYS_futex, &board->bell, FUTEX_WAIT, bell, NULL);
	}
}

static bool start_lanes(struct board *board)
{
	size_t room = board->n_lanes * (LANE_STACK + sizeof(struct lane));
	char *stacks = mmap(NULL, room, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct lane *lanes = (struct lane *)(stacks + (size_t)board->n_lanes * LANE_STACK);

	if (stacks == MAP_FAILED)
		return false;
	for (uint32_t i = 0; i < board->n_lanes; i++) {
		lanes[i] = (struct lane){ board, i };
		if (clone(run_lane, stacks + (size_t)(i + 1) * LANE_STACK, LANE_FLAGS, &lanes[i]) < 0)
			return false;
	}
	return true;
}

static bool is_through(const struct board *board)
{
	for (uint32_t i = 0; i < atomic_load(&board->n_slots); i++)
		if (!atomic_load(&board->slots[i].done))
			return false;
	return true;
}

void pcipt_helper_main(struct board *board, const int *keep, size_t n_keep)
{
	struct pollfd ends[] = { { .fd = board->end, .events = POLLIN },
				 { .fd = board->caller, .events = POLLIN } };

	if (!pcipt_process_isolate(keep, n_keep, board) || !start_lanes(board)) {
		atomic_store(&board->failed, errno ? errno : EIO);
		_exit(1);
	}
	/* Until the caller is through, or gone: killed processes write no farewell. */
	while (poll(ends, 2, -1) <= 0)
		;
	atomic_store(&board->quit, 1);
	atomic_fetch_add(&board->bell, 1);
	pcipt_raw(SYS_futex, &board->bell, FUTEX_WAKE, INT32_MAX, NULL);
	if (is_through(board))
		_exit(0);
	/* This task alone: lanes with a write in the kernel go on, and end by themselves. */
	for (;;)
		pcipt_raw(SYS_exit, 0, 0, 0, 0);
}
