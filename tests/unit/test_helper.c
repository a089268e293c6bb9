/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper as a process: what it inherits, what it does to the program, what is left of
 * it when the caller is gone. Files of a folder stand for attributes; a full pipe is a
 * write that doesn't return.
 */
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/raw.h"
#include "kernel/real.h"

/* Milliseconds in which a helper has begun its jobs, on a busy machine too. */
#define SOON 1000

static char *root, *locks_folder;
static struct pcipt_context *ctx;
static struct pcipt_kernel *k;

static void setup(void)
{
	struct pcipt_error *error = NULL;
	char *sys;

	root = test_path("root");
	sys = test_format("%s/sys", root);
	locks_folder = test_format("%s/run/libpcipt/locks", root);
	ck_assert_int_eq(mkdir(root, 0755), 0);
	ck_assert_int_eq(mkdir(sys, 0755), 0);
	ctx = test_context(root);
	assert_ok(pcipt_kernel_get(ctx, &k, &error), error);
	real_kernel(k)->pretend = true;
	free(sys);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	free(locks_folder);
	free(root);
}

static char *below(const char *name)
{
	return test_format("%s/sys/%s", root, name);
}

static void make_file(const char *name, const char *text)
{
	char *path = below(name);

	test_write(path, text, strlen(text));
	free(path);
}

static void assert_file(const char *name, const char *expected)
{
	char *path = below(name), *text = test_read(path, NULL);

	ck_assert_str_eq(text, expected);
	free(text);
	free(path);
}

/* A pipe that is full: writing to it doesn't return until drain() or close(). The reading end. */
static int make_blocking(const char *name)
{
	char *path = below(name), page[4096] = { 0 };
	int in, out;

	ck_assert(mkfifo(path, 0600) == 0 || errno == EEXIST);
	in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	out = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert(in >= 0 && out >= 0);
	while (write(out, page, sizeof(page)) > 0)
		;
	close(out);
	free(path);
	return in;
}

static void drain(int in)
{
	char page[4096];

	while (read(in, page, sizeof(page)) > 0)
		;
}

static struct pcipt_job write_job(size_t lane, const char *path, const char *value)
{
	return (struct pcipt_job){ .kind = PCIPT_JOB_WRITE, .lane = lane, .path = path,
				   .value = value };
}

static struct pcipt_wait for_ms(double ms)
{
	return (struct pcipt_wait){ .deadline = pcipt_now_ms() + ms, .cancel_fd = -1 };
}

static struct pcipt_writer *start(size_t lanes, const int *locks, size_t n)
{
	struct pcipt_writer *writer = NULL;

	ck_assert_int_eq(k->ops->writer_start(k, lanes, locks, n, &writer), 0);
	return writer;
}

static void run(struct pcipt_writer *writer, struct pcipt_job *jobs, size_t n, double ms)
{
	struct pcipt_wait wait = for_ms(ms);

	k->ops->writer_run(writer, jobs, n, &wait);
}

static int lock(const char *name)
{
	char holder[512];

	return k->ops->lock(k, locks_folder, name, "text\n", holder, sizeof(holder));
}

/* Waits up to five seconds for another process to let go. */
static int lock_soon(const char *name)
{
	for (int i = 0; i < 500; i++) {
		int fd = lock(name);

		if (fd != -EAGAIN)
			return fd;
		usleep(10000);
	}
	return -EAGAIN;
}

/* ---- jobs ---- */

START_TEST(writes_and_reads)
{
	struct pcipt_writer *writer = start(2, NULL, 0);
	char buf[64];
	struct pcipt_job jobs[] = {
		write_job(0, "/sys/a", "one"),
		write_job(1, "/sys/b", ""),
		write_job(0, "/sys/missing", "x"),
		{ .kind = PCIPT_JOB_READ, .lane = 1, .path = "/sys/c", .buf = buf,
		  .size = sizeof(buf) },
	};

	make_file("a", "");
	make_file("b", "");
	make_file("c", "text\n");
	run(writer, jobs, 4, 5000);
	ck_assert_int_eq(jobs[0].result, 0);
	ck_assert_int_eq(jobs[1].result, 0);
	ck_assert_int_eq(jobs[2].result, -ENOENT);
	ck_assert_int_eq(jobs[3].result, 4);
	ck_assert_str_eq(buf, "text");
	assert_file("a", "one\n");
	assert_file("b", "\n");
	ck_assert(!k->ops->writer_end(writer));
}
END_TEST

/* Jobs of a lane in their order, whatever the other lane does. */
START_TEST(keeps_the_order)
{
	struct pcipt_writer *writer = start(2, NULL, 0);
	char *path = below("pipe"), text[256] = "", expected[256] = "";
	struct pcipt_job jobs[20];
	char numbers[20][16];
	int in;

	ck_assert(mkfifo(path, 0600) == 0 || errno == EEXIST);
	in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	make_file("a", "");
	for (size_t i = 0; i < 20; i++) {
		snprintf(numbers[i], sizeof(numbers[i]), "%zu", i);
		jobs[i] = write_job(i % 2, i % 2 ? "/sys/a" : "/sys/pipe", numbers[i]);
		if (i % 2 == 0)
			sprintf(expected + strlen(expected), "%zu\n", i);
	}
	run(writer, jobs, 20, 5000);
	ck_assert_int_gt(read(in, text, sizeof(text) - 1), 0);
	ck_assert_str_eq(text, expected);
	ck_assert(!k->ops->writer_end(writer));
	close(in);
	free(path);
}
END_TEST

/* More than it has room for is refused, not written over. */
START_TEST(runs_out_of_room)
{
	struct pcipt_writer *writer = start(1, NULL, 0);
	size_t refused = 0;

	make_file("a", "");
	for (int i = 0; i < 300; i++) {
		struct pcipt_job job = write_job(0, "/sys/a", "x");

		run(writer, &job, 1, 5000);
		ck_assert(job.result == 0 || job.result == -ENOBUFS);
		refused += job.result < 0;
	}
	ck_assert_uint_gt(refused, 0);
	ck_assert(!k->ops->writer_end(writer));
}
END_TEST

START_TEST(nothing_outside_the_root)
{
	struct pcipt_writer *writer = start(1, NULL, 0);
	char *path = below("out"), *outside = test_path("outside"), *text;
	struct pcipt_job job = write_job(0, "/sys/out", "x");

	test_write(outside, "", 0);
	ck_assert_int_eq(symlink(outside, path), 0);
	run(writer, &job, 1, 5000);
	ck_assert_int_eq(job.result, -ENOENT);
	text = test_read(outside, NULL);
	ck_assert_str_eq(text, "");
	ck_assert(!k->ops->writer_end(writer));
	free(path);
	free(outside);
	free(text);
}
END_TEST

/* Without the mark that says "this is the kernel" nothing is written at all. */
START_TEST(not_a_kernel)
{
	struct pcipt_writer *writer = start(1, NULL, 0);
	struct pcipt_job job = write_job(0, "/sys/a", "x");

	make_file("a", "");
	real_kernel(k)->pretend = false;
	run(writer, &job, 1, 5000);
	ck_assert_int_eq(job.result, -EPERM);
	assert_file("a", "");
	ck_assert(!k->ops->writer_end(writer));
}
END_TEST

/* ---- writes that don't return ---- */

START_TEST(others_go_on)
{
	int in = make_blocking("pipe"), held = lock("0000:01:00.0");
	struct pcipt_writer *writer = start(3, &held, 1);
	struct pcipt_job jobs[] = { write_job(0, "/sys/pipe", "x"), write_job(1, "/sys/a", "1"),
				    write_job(0, "/sys/b", "behind"), write_job(2, "/sys/c", "2") };
	struct pcipt_job next[] = { write_job(0, "/sys/b", "x"), write_job(1, "/sys/a", "3") };
	double begin = pcipt_now_ms();

	make_file("a", "");
	make_file("b", "");
	make_file("c", "");
	run(writer, jobs, 4, SOON);
	ck_assert(pcipt_now_ms() - begin < SOON + 1000);
	ck_assert_int_eq(jobs[0].result, -EINPROGRESS);
	ck_assert_int_eq(jobs[1].result, 0);
	ck_assert_int_eq(jobs[2].result, -ECANCELED);
	ck_assert_int_eq(jobs[3].result, 0);
	run(writer, next, 2, 5000);
	ck_assert_int_eq(next[0].result, -EINPROGRESS);
	ck_assert_int_eq(next[1].result, 0);
	ck_assert(k->ops->writer_end(writer));
	k->ops->unlock(k, held, true);
	ck_assert_int_eq(lock("0000:01:00.0"), -EAGAIN);
	/* The kernel lets go: the helper ends by itself, and does nothing else before. */
	drain(in);
	held = lock_soon("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	assert_file("b", "");
	k->ops->unlock(k, held, false);
	close(in);
}
END_TEST

START_TEST(the_lock_tells_the_story)
{
	int in = make_blocking("pipe"), held = lock("0000:01:00.0");
	struct pcipt_writer *writer = start(1, &held, 1);
	struct pcipt_job jobs[] = { write_job(0, "/sys/a", "x\x1b[31m"),
				    write_job(0, "/sys/missing", "y"),
				    write_job(0, "/sys/pipe", "z") };
	char *path = test_format("%s/0000:01:00.0", locks_folder), *text;

	make_file("a", "");
	run(writer, jobs, 3, SOON);
	text = test_read(path, NULL);
	ck_assert_ptr_nonnull(strstr(text, "text\nwrite /sys/a x?[31m\nreturned 0 after "));
	ck_assert_ptr_nonnull(strstr(text, "write /sys/missing y\nreturned 2 after "));
	ck_assert_ptr_nonnull(strstr(text, "\nwrite /sys/pipe z\n"));
	ck_assert_str_eq(strstr(text, "write /sys/pipe"), "write /sys/pipe z\n");
	ck_assert(k->ops->writer_end(writer));
	k->ops->unlock(k, held, true);
	close(in); /* EPIPE */
	held = lock_soon("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	k->ops->unlock(k, held, false);
	free(text);
	free(path);
}
END_TEST

/* Another thread cancels: what is out is waited for, what is behind it isn't begun. */
struct canceller {
	int cancel, pipe;
	unsigned int after_us;
};

static void *cancel_soon(void *data)
{
	const struct canceller *canceller = data;
	uint64_t one = 1;

	usleep(canceller->after_us);
	ck_assert_int_eq(write(canceller->cancel, &one, sizeof(one)), sizeof(one));
	usleep(100000);
	drain(canceller->pipe);
	return NULL;
}

/* What became of a write that blocks for a while, and of one behind it. */
static void cancel_after(unsigned int us, struct pcipt_job jobs[2])
{
	struct canceller canceller = { eventfd(0, EFD_CLOEXEC), make_blocking("pipe"), us };
	struct pcipt_writer *writer = start(1, NULL, 0);
	struct pcipt_wait wait = for_ms(10000);
	pthread_t thread;

	jobs[0] = write_job(0, "/sys/pipe", "x");
	jobs[1] = write_job(0, "/sys/a", "1");
	wait.cancel_fd = canceller.cancel;
	ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &canceller), 0);
	k->ops->writer_run(writer, jobs, 2, &wait);
	pthread_join(thread, NULL);
	ck_assert(!k->ops->writer_end(writer));
	close(canceller.cancel);
	close(canceller.pipe);
}

START_TEST(cancelled)
{
	struct pcipt_job jobs[2];

	make_file("a", "");
	/* On a busy machine nothing may have begun yet: then it is cancelled later. */
	for (unsigned int us = 100000; us < 10000000; us *= 2) {
		cancel_after(us, jobs);
		ck_assert_int_eq(jobs[1].result, -ECANCELED);
		if (jobs[0].result != -ECANCELED)
			break;
	}
	ck_assert_int_eq(jobs[0].result, 0);
	assert_file("a", "");
}
END_TEST

/* No time at all: nothing begins. A little, and some grace: what had begun is waited for. */
static void *drain_soon(void *data)
{
	usleep((SOON + 300) * 1000);
	drain(*(int *)data);
	return NULL;
}

START_TEST(grace)
{
	int in = make_blocking("pipe");
	struct pcipt_writer *writer = start(2, NULL, 0);
	struct pcipt_job jobs[] = { write_job(0, "/sys/pipe", "x"), write_job(0, "/sys/a", "1") };
	struct pcipt_wait wait;
	pthread_t thread;

	make_file("a", "");
	wait = for_ms(-1);
	k->ops->writer_run(writer, jobs, 2, &wait);
	ck_assert_int_eq(jobs[0].result, -ECANCELED);
	wait = for_ms(SOON);
	wait.grace = 10000;
	ck_assert_int_eq(pthread_create(&thread, NULL, drain_soon, &in), 0);
	k->ops->writer_run(writer, jobs, 2, &wait);
	pthread_join(thread, NULL);
	ck_assert_int_eq(jobs[0].result, 0);
	ck_assert_int_eq(jobs[1].result, -ECANCELED);
	ck_assert(!k->ops->writer_end(writer));
	assert_file("a", "");
	close(in);
}
END_TEST

/* The program becomes another one in the middle of it: the helper goes home. */
START_TEST(caller_executes_another)
{
	int held, ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		held = lock("0000:01:00.0");
		start(2, &held, 1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		execl("/bin/sleep", "sleep", "20", NULL);
		_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	held = lock_soon("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	k->ops->unlock(k, held, false);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* ---- what it is to the program ---- */

static pid_t child_of_ours(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while ((entry = readdir(proc))) {
		char path[300], text[512] = "";
		int fd, parent = 0;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		fd = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ?
			     open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 &&
		    sscanf(strrchr(text, ')') + 1, " %*c %d", &parent) == 1 &&
		    parent == (int)getpid())
			found = (pid_t)atoi(entry->d_name);
		if (fd >= 0)
			close(fd);
	}
	closedir(proc);
	return found;
}

static volatile sig_atomic_t children;

static void count_child(int number)
{
	(void)number;
	children++;
}

static size_t count_fds(pid_t pid)
{
	char *path = test_format("/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	free(path);
	return n;
}

static size_t count_shared(pid_t pid)
{
	char *path = test_format("/proc/%d/maps", (int)pid), *text = test_read(path, NULL);
	size_t n = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		char permissions[5] = "";

		line += *line == '\n';
		if (sscanf(line, "%*s %4s", permissions) == 1)
			n += permissions[3] == 's';
	}
	free(text);
	free(path);
	return n;
}

START_TEST(inherits_nothing)
{
	int held[] = { lock("a"), lock("b"), lock("c") }, extra[20], in = make_blocking("pipe");
	void *shared = mmap(NULL, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pcipt_job job = write_job(0, "/sys/pipe", "x");
	struct pcipt_writer *writer;
	pid_t pid;

	signal(SIGCHLD, count_child);
	for (int i = 0; i < 20; i++)
		extra[i] = dup(0); /* not close-on-exec, as programs do */
	writer = start(2, held, 3);
	run(writer, &job, 1, SOON);
	ck_assert_int_eq(job.result, -EINPROGRESS);
	pid = child_of_ours();
	ck_assert_int_gt(pid, 0);
	/* The root, the caller's pidfd, two bells, the locks, and the lane's attribute. */
	ck_assert_uint_eq(count_fds(pid), 4 + 3 + PCIPT_RAW_CALLS);
	ck_assert_uint_eq(count_shared(pid), 1);
	ck_assert_int_eq(getsid(pid), pid);
	/* Nobody's wait finds it, and no signal told of it. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	drain(in);
	k->ops->writer_end(writer);
	for (int i = 0; i < 20; i++)
		close(extra[i]);
	for (int i = 0; i < 3; i++)
		k->ops->unlock(k, held[i], false);
	ck_assert_int_eq(children, 0);
	munmap(shared, 8192);
	close(in);
}
END_TEST

/* Somebody ends the helper: that is told, and there is another one for the undo. */
START_TEST(killed)
{
	int in = make_blocking("pipe");
	struct pcipt_writer *writer = start(2, NULL, 0);
	struct pcipt_job jobs[] = { write_job(0, "/sys/pipe", "x"), write_job(1, "/sys/a", "1") };

	make_file("a", "");
	run(writer, jobs, 2, SOON);
	ck_assert_int_eq(jobs[1].result, 0);
	kill(child_of_ours(), SIGKILL);
	run(writer, jobs + 1, 1, 5000);
	ck_assert(jobs[1].result == 0 || jobs[1].result == -EOWNERDEAD);
	run(writer, jobs + 1, 1, 5000);
	ck_assert_int_eq(jobs[1].result, 0);
	k->ops->writer_end(writer);
	close(in);
}
END_TEST

/* Stopped, with all of its tasks. */
static void stop(pid_t pid)
{
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, NULL, __WALL | WUNTRACED), pid);
}

/* Slow is not stuck: one can wait for it once more. */
START_TEST(slow)
{
	int in = make_blocking("pipe");
	struct pcipt_writer *writer = start(2, NULL, 0);
	struct pcipt_job job = write_job(0, "/sys/pipe", "x");

	/* On a busy machine the lane may not even get its turn. */
	do
		run(writer, &job, 1, 50);
	while (job.result == -ECANCELED);
	ck_assert_int_eq(job.result, -EINPROGRESS);
	ck_assert(!k->ops->writer_busy(writer, 1, pcipt_now_ms() + 5000));
	ck_assert(k->ops->writer_busy(writer, 0, pcipt_now_ms() + 50));
	drain(in);
	ck_assert(!k->ops->writer_busy(writer, 0, pcipt_now_ms() + 5000));
	run(writer, &job, 1, 5000);
	ck_assert_int_eq(job.result, 0);
	ck_assert(!k->ops->writer_end(writer));
	close(in);
}
END_TEST

/* A job that was not begun in time is in nobody's way: the next one of its lane is done. */
START_TEST(not_begun_in_time)
{
	int held = lock("0000:01:00.0");
	struct pcipt_writer *writer = start(1, &held, 1);
	struct pcipt_job late = write_job(0, "/sys/a", "late"), next = write_job(0, "/sys/a", "next");
	pid_t pid = child_of_ours();

	make_file("a", "");
	stop(pid);
	run(writer, &late, 1, 100);
	ck_assert_int_eq(late.result, -ECANCELED);
	kill(pid, SIGCONT);
	run(writer, &next, 1, 5000);
	ck_assert_int_eq(next.result, 0);
	assert_file("a", "next\n");
	/* And with no time at all nothing is even said. */
	run(writer, &late, 1, 0);
	ck_assert_int_eq(late.result, -ECANCELED);
	usleep(20000);
	assert_file("a", "next\n");
	ck_assert(!k->ops->writer_end(writer));
	k->ops->unlock(k, held, false);
}
END_TEST

/* Whatever the moment at which time is up, the lane can be used afterwards. */
START_TEST(time_is_up_at_any_moment)
{
	make_file("a", "");
	for (int i = 0; i < 100; i++) {
		struct pcipt_writer *writer = start(1, NULL, 0);
		struct pcipt_job job = write_job(0, "/sys/a", "1");

		run(writer, &job, 1, 0.01 * (i % 10));
		if (job.result == -ECANCELED) {
			run(writer, &job, 1, 5000);
			ck_assert_int_eq(job.result, 0);
		}
		k->ops->writer_end(writer);
	}
}
END_TEST

/* There is no other helper to be had: each try says so, until there is. */
START_TEST(no_other_helper)
{
	struct pcipt_writer *writer = start(2, NULL, 0);
	struct pcipt_job job = write_job(1, "/sys/a", "1");
	struct rlimit before, none;

	make_file("a", "");
	run(writer, &job, 1, 5000);
	ck_assert_int_eq(job.result, 0);
	kill(child_of_ours(), SIGKILL);
	run(writer, &job, 1, 5000);
	ck_assert(job.result == 0 || job.result == -EOWNERDEAD);
	if (job.result == 0)
		run(writer, &job, 1, 5000);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (int i = 0; i < 3; i++) {
		run(writer, &job, 1, 5000);
		ck_assert_int_eq(job.result, -EMFILE);
	}
	if (_i) {
		ck_assert(!k->ops->writer_end(writer));
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		return;
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	run(writer, &job, 1, 5000);
	ck_assert_int_eq(job.result, 0);
	ck_assert(!k->ops->writer_end(writer));
}
END_TEST

/* A helper that doesn't end though it has nothing to do (an NFS that doesn't answer). */
START_TEST(end_is_not_waited_for)
{
	struct pcipt_writer *writer = start(2, NULL, 0);
	pid_t pid = child_of_ours();
	double begin;

	kill(pid, SIGSTOP);
	begin = pcipt_now_ms();
	ck_assert(!k->ops->writer_end(writer));
	ck_assert(pcipt_now_ms() - begin < 3000);
	kill(pid, SIGCONT);
	/* A later call takes leave of it. */
	for (int i = 0; i < 500 && child_of_ours(); i++) {
		usleep(10000);
		pcipt_real_reap(real_kernel(k));
	}
	ck_assert_int_eq(child_of_ours(), 0);
}
END_TEST

/* ---- the caller goes first ---- */

static void be_killed(int in, int ready)
{
	int held = lock("0000:01:00.0");
	struct pcipt_writer *writer = start(2, &held, 1);
	struct pcipt_job jobs[] = { write_job(0, "/sys/pipe", "x"), write_job(0, "/sys/a", "1") };

	close(in);
	if (write(ready, "", 1) != 1)
		_exit(1);
	run(writer, jobs, 2, 60000);
	_exit(1);
}

START_TEST(caller_is_killed)
{
	int in = make_blocking("pipe"), ready[2], held;
	char c;
	pid_t pid;

	make_file("a", "");
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		be_killed(in, ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	usleep(200000);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	/* Its helper holds the lock until the kernel lets go, and then does no more. */
	usleep(100000);
	ck_assert_int_eq(lock("0000:01:00.0"), -EAGAIN);
	drain(in);
	held = lock_soon("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	assert_file("a", "");
	k->ops->unlock(k, held, false);
	close(in);
}
END_TEST

/* An idle helper ends with its caller. */
START_TEST(caller_is_killed_while_idle)
{
	int held, ready[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		held = lock("0000:01:00.0");
		start(2, &held, 1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	held = lock_soon("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	k->ops->unlock(k, held, false);
}
END_TEST

/* A process that the program forked in between has the files open: the lock goes all the same. */
START_TEST(a_fork_keeps_no_lock)
{
	int held = lock("0000:01:00.0");
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(lock("0000:01:00.0"), -EAGAIN);
	k->ops->unlock(k, held, false);
	held = lock("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	k->ops->unlock(k, held, false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

/* Many at once, from many threads, with memory being allocated all the while. */
static atomic_bool enough;

static void *allocate(void *data)
{
	(void)data;
	while (!atomic_load(&enough))
		free(malloc(4711));
	return NULL;
}

static void *use_helpers(void *data)
{
	for (int i = 0; i < 20; i++) {
		struct pcipt_writer *writer = start(4, NULL, 0);
		struct pcipt_job jobs[4];

		for (size_t lane = 0; lane < 4; lane++)
			jobs[lane] = write_job(lane, data, "x");
		run(writer, jobs, 4, 20000);
		for (size_t lane = 0; lane < 4; lane++)
			ck_assert_int_eq(jobs[lane].result, 0);
		ck_assert(!k->ops->writer_end(writer));
	}
	return NULL;
}

START_TEST(in_a_program_with_threads)
{
	pthread_t users[4], allocators[2];

	make_file("a", "");
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&allocators[i], NULL, allocate, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&users[i], NULL, use_helpers, (void *)"/sys/a"),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(users[i], NULL);
	atomic_store(&enough, true);
	for (int i = 0; i < 2; i++)
		pthread_join(allocators[i], NULL);
}
END_TEST

/* ---- lock files ---- */

START_TEST(lock_is_exclusive)
{
	int held = lock("0000:01:00.0"), again;
	char holder[64] = "";

	ck_assert_int_ge(held, 0);
	ck_assert_int_eq(k->ops->lock(k, locks_folder, "0000:01:00.0", "other\n", holder,
				      sizeof(holder)), -EAGAIN);
	ck_assert_str_eq(holder, "text\n");
	again = lock("0000:01:00.1");
	ck_assert_int_ge(again, 0);
	k->ops->unlock(k, again, false);
	k->ops->unlock(k, held, false);
	held = lock("0000:01:00.0");
	ck_assert_int_ge(held, 0);
	k->ops->unlock(k, held, false);
}
END_TEST

static void as_link(const char *path)
{
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
}

static void as_folder(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void as_fifo(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void readable_by_others(const char *path)
{
	test_write(path, "", 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
}

static void of_somebody_else(const char *path)
{
	test_write(path, "", 0);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(chown(path, 12345, 12345), 0);
}

static void folder_open_to_others(const char *path)
{
	(void)path;
	ck_assert_int_eq(chmod(locks_folder, 0755), 0);
}

START_TEST(lock_that_others_could_have_made)
{
	static void (*const makers[])(const char *) = { as_link, as_folder, as_fifo,
							readable_by_others,
							folder_open_to_others, of_somebody_else };
	char *path = test_format("%s/bad", locks_folder);
	int held = lock("good");

	k->ops->unlock(k, held, false);
	if (makers[_i] == of_somebody_else && geteuid() != 0) {
		free(path);
		return;
	}
	makers[_i](path);
	ck_assert_int_eq(lock("bad"), -EBADMSG);
	free(path);
}
END_TEST

/* A full /run has no room to say who holds it; it is held all the same. */
START_TEST(lock_without_room)
{
	struct rlimit before, none;
	char holder[64] = "x";
	int held;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	held = lock("0000:01:00.0");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_ge(held, 0);
	ck_assert_int_eq(k->ops->lock(k, locks_folder, "0000:01:00.0", "other\n", holder,
				      sizeof(holder)), -EAGAIN);
	ck_assert_str_eq(holder, "");
	k->ops->unlock(k, held, false);
}
END_TEST

/* Somebody cleared the folder while the lock was held: the name stands for another file now. */
START_TEST(lock_of_a_cleared_folder)
{
	int held = lock("0000:01:00.0"), again;
	char *path = test_format("%s/0000:01:00.0", locks_folder);
	struct stat st;

	ck_assert_int_eq(unlink(path), 0);
	again = lock("0000:01:00.0");
	ck_assert_int_ge(again, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(locks_folder, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0700);
	k->ops->unlock(k, held, false);
	ck_assert_int_eq(lock("0000:01:00.0"), -EAGAIN);
	k->ops->unlock(k, again, false);
	free(path);
}
END_TEST

Suite *suite_helper(void)
{
	Suite *suite = suite_create("helper");
	TCase *tc = tcase_create("process");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, writes_and_reads);
	tcase_add_test(tc, keeps_the_order);
	tcase_add_test(tc, runs_out_of_room);
	tcase_add_test(tc, nothing_outside_the_root);
	tcase_add_test(tc, not_a_kernel);
	tcase_add_test(tc, others_go_on);
	tcase_add_test(tc, the_lock_tells_the_story);
	tcase_add_test(tc, cancelled);
	tcase_add_test(tc, inherits_nothing);
	tcase_add_test(tc, grace);
	tcase_add_test(tc, caller_executes_another);
	tcase_add_test(tc, killed);
	tcase_add_test(tc, end_is_not_waited_for);
	tcase_add_test(tc, slow);
	tcase_add_test(tc, not_begun_in_time);
	tcase_add_test(tc, time_is_up_at_any_moment);
	tcase_add_loop_test(tc, no_other_helper, 0, 2);
	tcase_add_test(tc, caller_is_killed);
	tcase_add_test(tc, caller_is_killed_while_idle);
	tcase_add_test(tc, a_fork_keeps_no_lock);
	tcase_add_test(tc, in_a_program_with_threads);
	tcase_add_test(tc, lock_is_exclusive);
	tcase_add_loop_test(tc, lock_that_others_could_have_made, 0, 6);
	tcase_add_test(tc, lock_without_room);
	tcase_add_test(tc, lock_of_a_cleared_folder);
	suite_add_tcase(suite, tc);
	return suite;
}
