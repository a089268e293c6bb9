/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads that may never return, on a machine that is slow: the process that reads is
 * stopped for a while, as one that doesn't get its turn. That isn't a stuck device.
 */
#include "unit.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/process.h"
#include "kernel/real.h"

/* How long a read may take, and how long the reader is stopped. */
#define WAIT_MS 100
#define STOPPED_MS 700
#define N_READS 60000

static char *root;
static struct pcipt_context *ctx;
static struct pcipt_kernel *k;
static struct pcipt_read reads[N_READS];
static char buf[16];

static void setup(void)
{
	struct pcipt_error *error = NULL;
	char *folder, *file;

	root = test_path("guarded");
	folder = test_format("%s/sys", root);
	file = test_format("%s/driver_override", folder);
	ck_assert_int_eq(mkdir(root, 0755), 0);
	ck_assert_int_eq(mkdir(folder, 0755), 0);
	test_write(file, "odd\n", 4);
	ctx = test_context(root);
	assert_ok(pcipt_kernel_get(ctx, &k, &error), error);
	for (size_t i = 0; i < N_READS; i++)
		reads[i] = (struct pcipt_read){ "driver_override", buf, sizeof(buf), -EIO, false };
	free(folder);
	free(file);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	free(root);
}

/* The parent and the state of a process; false when it's gone. */
static bool look_at(const char *pid, int *parent, char *state)
{
	char *path = test_format("/proc/%s/stat", pid), text[256];
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	const char *end;

	if (file)
		fclose(file);
	free(path);
	text[n] = '\0';
	end = strrchr(text, ')');
	return end && sscanf(end, ") %c %d", state, parent) == 2;
}

/* A child of this process, or 0. */
static pid_t find_child(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	ck_assert_ptr_nonnull(dir);
	while (!found && (entry = readdir(dir))) {
		int parent;
		char state;

		if (*entry->d_name >= '1' && *entry->d_name <= '9' &&
		    look_at(entry->d_name, &parent, &state) && parent == getpid() && state != 'Z')
			found = atoi(entry->d_name);
	}
	closedir(dir);
	return found;
}

struct stopper {
	int after_ms, for_ms; /* for 0: until what it disturbs has come to an end */
	atomic_bool through; /* what it is to disturb */
	bool did;
};

static void *stop_reader(void *arg)
{
	struct stopper *stopper = arg;
	pid_t pid = 0;

	while (!pid && !atomic_load(&stopper->through))
		pid = find_child();
	poll(NULL, 0, stopper->after_ms);
	if (!pid || kill(pid, SIGSTOP) < 0)
		return NULL;
	/* Without end: until the reading has given up. */
	do
		poll(NULL, 0, stopper->for_ms ? stopper->for_ms : 10);
	while (!stopper->for_ms && !atomic_load(&stopper->through));
	stopper->did = !stopper->for_ms || !atomic_load(&stopper->through);
	kill(pid, SIGCONT);
	return NULL;
}

static void read_all(void)
{
	ck_assert_int_eq(k->ops->read_guarded(k, PCIPT_AT_SYS, reads, N_READS, WAIT_MS), 0);
}

static void disturb(struct stopper *stopper, void (*work)(void))
{
	pthread_t thread;

	atomic_store(&stopper->through, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_reader, stopper), 0);
	work();
	atomic_store(&stopper->through, true);
	pthread_join(thread, NULL);
}

/* On a busy machine the one who stops may come too late: then once more, and sooner. */
static void read_and_stop(struct stopper *stopper)
{
	for (int attempt = 0; attempt < 50 && !stopper->did; attempt++) {
		disturb(stopper, read_all);
		stopper->after_ms /= 2;
	}
	ck_assert_msg(stopper->did, "the reader was too fast to be stopped");
}

/* Before it begins, and in the midst of it. */
START_TEST(slow_is_not_stuck)
{
	struct stopper stopper = { .after_ms = _i * 20, .for_ms = STOPPED_MS };

	read_and_stop(&stopper);
	for (size_t i = 0; i < N_READS; i++)
		ck_assert_int_eq(reads[i].result, 3);
	ck_assert_uint_eq(real_kernel(k)->n_left_behind, 0);
}
END_TEST

/* Not for ever, either; and what wasn't read isn't said to be stuck. */
START_TEST(too_slow)
{
	struct stopper stopper = { .after_ms = 20, .for_ms = 0 };

	/* One that was stopped when it had said all has been quick. */
	do {
		disturb(&stopper, read_all);
		stopper.after_ms /= 2;
	} while (reads[N_READS - 1].result == 3);
	ck_assert_int_eq(reads[N_READS - 1].result, -ETIMEDOUT);
	ck_assert(!pcipt_real_is_stuck(real_kernel(k), "driver_override"));
}
END_TEST

/* Whole files, longer than a pipe, and one that isn't there. */
START_TEST(whole_files)
{
	struct pcipt_file files[] = { { .path = "long" }, { .path = "none" }, { .path = "driver_override" },
				      { .path = "empty" }, { .path = "." } };
	char *path = test_format("%s/sys/long", root), *text = malloc(300000);

	for (int i = 0; i < 300000; i++)
		text[i] = (char)('a' + i % 26);
	test_write(path, text, 300000);
	free(path);
	path = test_format("%s/sys/empty", root);
	test_write(path, "", 0);
	k->ops->read_files(k, PCIPT_AT_SYS, files, 5, WAIT_MS);
	ck_assert_int_eq(files[0].result, 300000);
	ck_assert_mem_eq(files[0].text, text, 300000);
	ck_assert_int_eq(files[0].text[300000], '\0');
	ck_assert_int_eq(files[1].result, -ENOENT);
	ck_assert_str_eq(files[2].text, "odd\n");
	ck_assert_int_eq(files[3].result, 0);
	ck_assert_str_eq(files[3].text, "");
	ck_assert_int_eq(files[4].result, -EISDIR);
	for (int i = 0; i < 5; i++)
		free(files[i].text);
	free(path);
	free(text);
	ck_assert_uint_eq(real_kernel(k)->n_left_behind, 0);
}
END_TEST

/* What a copy is stuck on already isn't asked for again. */
START_TEST(stuck_before)
{
	struct pcipt_file files[] = { { .path = "driver_override" }, { .path = "stuck" } };
	pid_t pid = pcipt_process_copy(NULL);

	if (pid == 0)
		for (;;)
			poll(NULL, 0, 1000);
	pcipt_real_part_with(real_kernel(k), pid, "stuck");
	k->ops->read_files(k, PCIPT_AT_SYS, files, 2, WAIT_MS);
	ck_assert_int_eq(files[0].result, -EBUSY);
	ck_assert_int_eq(files[1].result, -EBUSY);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	while (real_kernel(k)->n_left_behind) {
		poll(NULL, 0, 1);
		pcipt_real_reap(real_kernel(k));
	}
	k->ops->read_files(k, PCIPT_AT_SYS, files, 2, WAIT_MS);
	ck_assert_int_eq(files[0].result, 4);
	ck_assert_int_eq(files[1].result, -ENOENT);
	free(files[0].text);
	free(files[1].text);
}
END_TEST

/* One that has said all and doesn't end isn't waited for either. */
START_TEST(end_that_takes_for_ever)
{
	struct real_kernel *real = real_kernel(k);
	double begin = pcipt_now_ms();
	pid_t pid = pcipt_process_copy(NULL);

	if (pid == 0)
		for (;;)
			poll(NULL, 0, 1000);
	ck_assert_int_gt(pid, 0);
	pcipt_real_part_with(real, pid, NULL);
	ck_assert_double_lt(pcipt_now_ms() - begin, 5000);
	ck_assert_uint_eq(real->n_left_behind, 1);
	pcipt_real_reap(real);
	ck_assert_uint_eq(real->n_left_behind, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	while (real->n_left_behind) {
		poll(NULL, 0, 1);
		pcipt_real_reap(real);
	}
	ck_assert_int_eq(waitpid(pid, NULL, __WCLONE), -1);
}
END_TEST

/* ---- disks: here none has a node, and that is their answer ---- */

#define N_DISKS 20000

static struct pcipt_disk disks[N_DISKS], *asked[N_DISKS];
static char names[N_DISKS][24];

static void set_up_disks(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "sd%zu", i);
		disks[i] = (struct pcipt_disk){ .name = names[i], .major = 8, .exclusive = 1, .content = 1,
						.read = i % 2 };
		asked[i] = &disks[i];
	}
}

static void look_at_disks(void)
{
	k->ops->look_at_disks(k, asked, N_DISKS, WAIT_MS, 60000);
}

static size_t count_disks(int result)
{
	size_t n = 0;

	for (size_t i = 0; i < N_DISKS; i++) {
		n += disks[i].exclusive == result;
		ck_assert(!disks[i].read || disks[i].content == disks[i].exclusive);
	}
	return n;
}

/* One that hangs costs its own answer: neither those given before nor those that follow. */
START_TEST(a_disk_that_hangs)
{
	struct stopper stopper = { .after_ms = 20, .for_ms = 0 };

	set_up_disks(N_DISKS);
	for (int attempt = 0; attempt < 50 && count_disks(-ETIMEDOUT) == 0; attempt++) {
		disturb(&stopper, look_at_disks);
		stopper.after_ms = stopper.after_ms * 2 / 3;
	}
	/* On a slow machine the process that goes on may be stopped, too: a disk for each. */
	ck_assert_uint_ge(count_disks(-ETIMEDOUT), 1);
	ck_assert_uint_le(count_disks(-ETIMEDOUT), 4);
	ck_assert_uint_eq(count_disks(-ETIMEDOUT) + count_disks(-ENOENT), N_DISKS);
}
END_TEST

/* Past the end of all nothing more is asked, and nothing waited for. */
START_TEST(no_time_for_disks)
{
	struct stopper stopper = { .after_ms = 5, .for_ms = 0 };
	double begin = pcipt_now_ms();
	pthread_t thread;

	set_up_disks(N_DISKS);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_reader, &stopper), 0);
	k->ops->look_at_disks(k, asked, N_DISKS, 60000, 300);
	atomic_store(&stopper.through, true);
	pthread_join(thread, NULL);
	ck_assert_double_lt(pcipt_now_ms() - begin, 10000);
	ck_assert_uint_eq(count_disks(-ETIMEDOUT) + count_disks(-ENOENT), N_DISKS);
}
END_TEST

/* One that a process is stuck on already isn't asked again; the others are. */
START_TEST(disk_stuck_before)
{
	pid_t pid = pcipt_process_copy(NULL);

	if (pid == 0)
		for (;;)
			poll(NULL, 0, 1000);
	set_up_disks(3);
	pcipt_real_part_with(real_kernel(k), pid, "sd1");
	k->ops->look_at_disks(k, asked, 3, WAIT_MS, WAIT_MS);
	ck_assert_int_eq(disks[0].exclusive, -ENOENT);
	ck_assert_int_eq(disks[1].exclusive, -ETIMEDOUT);
	ck_assert_int_eq(disks[1].content, -ETIMEDOUT);
	ck_assert_int_eq(disks[2].exclusive, -ENOENT);
	ck_assert_uint_eq(real_kernel(k)->n_left_behind, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	k->ops->look_at_disks(k, asked, 0, WAIT_MS, WAIT_MS);
}
END_TEST

Suite *suite_guarded(void)
{
	Suite *suite = suite_create("guarded");
	TCase *tc = tcase_create("readers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, slow_is_not_stuck, 0, 2);
	tcase_add_test(tc, too_slow);
	tcase_add_test(tc, whole_files);
	tcase_add_test(tc, stuck_before);
	tcase_add_test(tc, end_that_takes_for_ever);
	suite_add_tcase(suite, tc);
	tc = tcase_create("disks");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_disk_that_hangs);
	tcase_add_test(tc, no_time_for_disks);
	tcase_add_test(tc, disk_stuck_before);
	suite_add_tcase(suite, tc);
	return suite;
}
