/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a bind to vfio-pci and its release cost, beside the writes themselves: one after
 * the other as a shell makes them, and side by side as fast as the kernel takes them.
 * Runs as root on devices that nobody needs (tests/bench/transaction-vm).
 *
 * usage: transaction ROUNDS [PEER…] ADDRESS…
 * Prints one JSON object for each number of devices, times in milliseconds, medians. With
 * peers (driverctl, dpdk, libvirt; --udev and a running libvirtd are the caller's business)
 * these take eight devices in the same rounds, by their own commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
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

/*
 * How many processors there are in truth: a machine that is emulated by one thread has one,
 * whatever it says. By how much longer all of them take to count than one does.
 */
static void *count(void *data)
{
	for (volatile unsigned int i = 0; i < 20000000; i++)
		;
	return data;
}

static double count_with(long n)
{
	pthread_t threads[DEVICES_MAX];
	double begin = now_ms();

	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, count, NULL) != 0)
			fail("pthread_create", NULL);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return now_ms() - begin;
}

static long true_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	double at_once;

	n = n > DEVICES_MAX ? DEVICES_MAX : n;
	at_once = (double)n * count_with(1) / count_with(n);
	return at_once < 1.5 ? 1 : (long)(at_once + 0.5);
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

/* ---- other programs ---- */

#define PEER_DEVICES 8

/*
 * How each takes a device and gives it back. Those that take several in one call get them
 * so (dpdk-devbind.py; virsh, as commands of one program); driverctl is called for each.
 */
static const struct peer {
	const char *name, *program;
} peers[] = {
	{ "driverctl", "driverctl" },
	{ "dpdk", "dpdk-devbind.py" },
	{ "libvirt", "virsh" },
};

#define N_PEERS (sizeof(peers) / sizeof(*peers))

extern char **environ;

static void run(char **argv)
{
	int status = 0;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		fail(argv[0], NULL);
	waitpid(pid, &status, 0);
}

static void run_driverctl(bool bind)
{
	for (size_t i = 0; i < PEER_DEVICES; i++) {
		char *argv[] = { (char *)"driverctl", (char *)"--nosave",
				 (char *)(bind ? "set-override" : "unset-override"), addresses[i],
				 bind ? (char *)"vfio-pci" : NULL, NULL };

		run(argv);
	}
}

static void run_dpdk(bool bind)
{
	char *argv[PEER_DEVICES + 4] = { (char *)"dpdk-devbind.py", (char *)"-b",
					 bind ? (char *)"vfio-pci" : natives[0] };

	memcpy(argv + 3, addresses, PEER_DEVICES * sizeof(*argv));
	run(argv);
}

static void run_libvirt(bool bind)
{
	char commands[1024] = "", *argv[] = { (char *)"virsh", (char *)"-q", commands, NULL };

	for (size_t i = 0; i < PEER_DEVICES; i++) {
		char *name = commands + strlen(commands);

		name += sprintf(name, "nodedev-%s ", bind ? "detach" : "reattach");
		sprintf(name, "pci_%s;", addresses[i]);
		for (; *name; name++)
			*name = *name == ':' || *name == '.' ? '_' : *name;
	}
	run(argv);
}

static char *native_of(const char *address);

/* What udev still does for the one before is none of the next one's time. */
static void settle(void)
{
	char *argv[] = { (char *)"udevadm", (char *)"settle", NULL };

	run(argv);
}

/* What it took, or less than 0 where not all devices are where they should be after it. */
static double by_peer(size_t which, bool bind)
{
	void (*const runs[])(bool) = { run_driverctl, run_dpdk, run_libvirt };
	double begin, took;
	bool there = true;

	settle();
	begin = now_ms();
	runs[which](bind);
	took = now_ms() - begin;
	for (size_t i = 0; i < PEER_DEVICES; i++) {
		char *driver = native_of(addresses[i]);

		there &= strcmp(driver, bind ? "vfio-pci" : natives[i]) == 0;
		free(driver);
	}
	return there ? took : -1;
}

static void compare_with(struct pcipt_context *ctx, size_t rounds, const bool *wanted)
{
	static double library[ROUNDS_MAX], hand[ROUNDS_MAX], parallel[ROUNDS_MAX],
		took[N_PEERS][ROUNDS_MAX];
	bool failed[N_PEERS] = { false };
	double best = 0, own, unused;

	for (size_t i = 0; i < rounds; i++) {
		struct pcipt_set *set = make_set(ctx, PEER_DEVICES);

		settle();
		library[i] = by_library(ctx, set, &unused);
		pcipt_set_unref(set);
		settle();
		hand[i] = one_by_one(PEER_DEVICES, &unused);
		settle();
		parallel[i] = side_by_side(PEER_DEVICES);
		for (size_t p = 0; p < N_PEERS; p++) {
			double bind = wanted[p] ? by_peer(p, true) : 0;
			double back = wanted[p] ? by_peer(p, false) : 0;

			failed[p] |= bind < 0 || back < 0;
			took[p][i] = bind + back;
		}
	}
	own = median(library, rounds);
	printf("{\"devices\":%d,\"rounds\":%zu,\"library\":%.1f,\"one_by_one\":%.1f,"
	       "\"side_by_side\":%.1f}\n",
	       PEER_DEVICES, rounds, own, median(hand, rounds), median(parallel, rounds));
	for (size_t p = 0; p < N_PEERS; p++) {
		double ms = median(took[p], rounds);

		if (!wanted[p])
			continue;
		printf("{\"devices\":%d,\"peer\":\"%s\",\"worked\":%s,\"ms\":%.1f,\"library\":%.1f,"
		       "\"times_as_long\":%.1f}\n",
		       PEER_DEVICES, peers[p].program, failed[p] ? "false" : "true", ms, own,
		       ms / own);
		if (!failed[p] && (best == 0 || ms < best))
			best = ms;
	}
	if (best > 0)
		printf("{\"devices\":%d,\"best_peer\":%.1f,\"library\":%.1f,\"times_as_fast\":%.1f,"
		       "\"floor_times_as_fast\":%.1f,\"wanted\":5}\n",
		       PEER_DEVICES, best, own, best / own, best / median(parallel, rounds));
	fflush(stdout);
}

/* All of them in turn, so that a busy moment of the machine hits each alike. */
static void measure(struct pcipt_context *ctx, size_t n, size_t rounds, double cpus)
{
	static double library[ROUNDS_MAX], binds[ROUNDS_MAX], hand[ROUNDS_MAX], own[ROUNDS_MAX],
		parallel[ROUNDS_MAX], starts[ROUNDS_MAX];
	double allowed, start, slowest, beside;

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
	printf("{\"devices\":%zu,\"rounds\":%zu,\"processors\":%.0f,\"library\":%.1f,\"bind\":%.1f,\"one_by_one\":%.1f,"
	       "\"slowest_device\":%.1f,\"side_by_side\":%.1f,\"process_start\":%.1f,"
	       "\"allowed\":%.1f}\n",
	       n, rounds, cpus, median(library, rounds), median(binds, rounds), median(hand, rounds),
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
		return strdup("none");
	link[n] = '\0';
	return strdup(strrchr(link, '/') + 1);
}

/* Takes the peers' names from the front. */
static int take_peers(int argc, char **argv, bool *wanted)
{
	int n = 0;

	for (; n < argc; n++) {
		size_t p = 0;

		while (p < N_PEERS && strcmp(peers[p].name, argv[n]) != 0)
			p++;
		if (p == N_PEERS)
			break;
		wanted[p] = true;
	}
	return n;
}

int main(int argc, char **argv)
{
	static const size_t numbers[] = { 1, 2, 8, 32 };
	bool wanted[N_PEERS] = { false };
	int n_peers = argc > 2 ? take_peers(argc - 2, argv + 2, wanted) : 0;
	size_t count = (size_t)(argc > 2 ? argc - 2 - n_peers : 0), rounds;
	struct pcipt_context *ctx = NULL;
	struct pcipt_error *error = NULL;
	double cpus;

	if (count == 0 || count > DEVICES_MAX || (n_peers > 0 && count < PEER_DEVICES)) {
		fprintf(stderr, "usage: transaction ROUNDS [PEER...] ADDRESS...\n");
		return 2;
	}
	rounds = (size_t)atoi(argv[1]);
	rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
	addresses = argv + 2 + n_peers;
	for (size_t i = 0; i < count; i++)
		natives[i] = native_of(addresses[i]);
	if (pcipt_context_new(&ctx, &error) < 0)
		fail("context", error);
	cpus = (double)true_processors();
	if (n_peers > 0)
		compare_with(ctx, rounds, wanted);
	for (size_t i = 0; n_peers == 0 && i < sizeof(numbers) / sizeof(*numbers) && numbers[i] <= count; i++)
		measure(ctx, numbers[i], rounds, cpus);
	pcipt_context_unref(ctx);
	return 0;
}
