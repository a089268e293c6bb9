/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a bind to vfio-pci and its release cost, beside the writes themselves: one after
 * the other as a shell makes them, and side by side as fast as the kernel takes them.
 * Runs as root on devices that nobody needs (tests/bench/transaction-vm).
 *
 * usage: transaction ROUNDS ADDRESS…
 * Prints one JSON object for each number of devices, times in milliseconds, medians.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpcipt/libpcipt.h>

#define ROUNDS_MAX 100
#define DEVICES_MAX 64

static char **addresses;
static char *natives[DEVICES_MAX];

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void fail(const char *what, struct pcipt_error *error)
{
	fprintf(stderr, "%s: %s\n", what, error ? pcipt_error_get_message(error) : strerror(errno));
	exit(1);
}

/* ---- the writes themselves ---- */

static void write_to(const char *folder, const char *name, const char *file, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/%s/%s/%s", folder, name, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path, NULL);
	close(fd);
}

static void bind_by_hand(size_t i)
{
	write_to("devices", addresses[i], "driver_override", "vfio-pci\n");
	write_to("drivers", natives[i], "unbind", addresses[i]);
	write_to("drivers", "vfio-pci", "bind", addresses[i]);
}

static void release_by_hand(size_t i)
{
	write_to("devices", addresses[i], "driver_override", natives[i]);
	write_to("drivers", "vfio-pci", "unbind", addresses[i]);
	write_to("drivers", natives[i], "bind", addresses[i]);
	write_to("devices", addresses[i], "driver_override", "\n");
	write_to("devices", addresses[i], "power/control", "auto\n");
}

static void *by_thread(void *data)
{
	size_t i = (size_t)(char **)data - (size_t)addresses;

	bind_by_hand(i / sizeof(*addresses));
	release_by_hand(i / sizeof(*addresses));
	return NULL;
}

static double side_by_side(size_t n)
{
	pthread_t threads[DEVICES_MAX];
	double begin = now_ms();

	for (size_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, by_thread, &addresses[i]) != 0)
			fail("pthread_create", NULL);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return now_ms() - begin;
}

/* The sum, and in *slowest what the slowest device took. */
static double one_by_one(size_t n, double *slowest)
{
	double begin = now_ms();

	*slowest = 0;
	for (size_t i = 0; i < n; i++) {
		double own = now_ms();

		bind_by_hand(i);
		release_by_hand(i);
		own = now_ms() - own;
		if (own > *slowest)
			*slowest = own;
	}
	return now_ms() - begin;
}

static double process_start(void)
{
	char *argv[] = { (char *)"true", NULL };
	double begin = now_ms();
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL) != 0)
		fail("/bin/true", NULL);
	waitpid(pid, NULL, 0);
	return now_ms() - begin;
}

/* ---- the library ---- */

static struct pcipt_set *make_set(struct pcipt_context *ctx, size_t n)
{
	struct pcipt_device *devices[DEVICES_MAX];
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set = NULL;

	if (pcipt_snapshot_new_scoped(ctx, (const char *const *)addresses, n, &snap, &error) < 0)
		fail("snapshot", error);
	for (size_t i = 0; i < n; i++)
		if (pcipt_snapshot_find(snap, addresses[i], &devices[i], &error) < 0)
			fail(addresses[i], error);
	if (pcipt_set_new(snap, devices, n, NULL, &set, &error) < 0)
		fail("set", error);
	pcipt_snapshot_unref(snap);
	return set;
}

static double by_library(struct pcipt_context *ctx, struct pcipt_set *set, double *bind_ms)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	double begin = now_ms(), end;

	if (pcipt_bind(ctx, set, NULL, &claim, &error) < 0)
		fail("bind", error);
	*bind_ms = now_ms() - begin;
	if (pcipt_release(ctx, claim, NULL, &error) < 0)
		fail("release", error);
	end = now_ms();
	pcipt_claim_unref(claim);
	return end - begin;
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* All of them in turn, so that a busy moment of the machine hits each alike. */
static void measure(struct pcipt_context *ctx, size_t n, size_t rounds)
{
	static double library[ROUNDS_MAX], binds[ROUNDS_MAX], hand[ROUNDS_MAX], own[ROUNDS_MAX],
		parallel[ROUNDS_MAX], starts[ROUNDS_MAX];
	double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN), allowed, start, slowest, beside;

	for (size_t i = 0; i < rounds; i++) {
		struct pcipt_set *set = make_set(ctx, n);

		hand[i] = one_by_one(n, &own[i]);
		library[i] = by_library(ctx, set, &binds[i]);
		parallel[i] = side_by_side(n);
		starts[i] = process_start();
		pcipt_set_unref(set);
	}
	slowest = median(own, rounds);
	beside = median(parallel, rounds);
	start = median(starts, rounds);
	/* Bind and release are a transaction each. */
	allowed = (double)n <= cpus ? 1.15 * slowest + 2 * (start + 3) : 1.15 * beside;
	printf("{\"devices\":%zu,\"rounds\":%zu,\"library\":%.1f,\"bind\":%.1f,\"one_by_one\":%.1f,"
	       "\"slowest_device\":%.1f,\"side_by_side\":%.1f,\"process_start\":%.1f,"
	       "\"allowed\":%.1f}\n",
	       n, rounds, median(library, rounds), median(binds, rounds), median(hand, rounds),
	       slowest, beside, start, allowed);
	fflush(stdout);
}

static char *native_of(const char *address)
{
	char path[128], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		fail(path, NULL);
	link[n] = '\0';
	return strdup(strrchr(link, '/') + 1);
}

int main(int argc, char **argv)
{
	static const size_t numbers[] = { 1, 2, 8, 32 };
	struct pcipt_context *ctx = NULL;
	struct pcipt_error *error = NULL;
	size_t count = (size_t)(argc > 2 ? argc - 2 : 0), rounds;

	if (count == 0 || count > DEVICES_MAX) {
		fprintf(stderr, "usage: transaction ROUNDS ADDRESS...\n");
		return 2;
	}
	rounds = (size_t)atoi(argv[1]);
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	addresses = argv + 2;
	for (size_t i = 0; i < count; i++)
		natives[i] = native_of(addresses[i]);
	if (pcipt_context_new(&ctx, &error) < 0)
		fail("context", error);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && numbers[i] <= count; i++)
		measure(ctx, numbers[i], rounds);
	pcipt_context_unref(ctx);
	return 0;
}
