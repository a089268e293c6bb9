/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set tree|host ROUNDS ADDRESS...: what the safe set of these devices takes after a context
 * is open, in medians of ms: a snapshot of them and what belongs to them, the set in it,
 * both; and a snapshot of the whole machine. `tree`: /sys is a made one, which is to be
 * taken for this machine's, so that its processes are looked at as they would be there.
 *
 * set floor ROUNDS: the bare loop over every descriptor of every process, by its numbers;
 * nobody can be found who holds a device without it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <libpcipt/libpcipt.h>

#include "kernel/real.h"

#define ROUNDS_MAX 1000
#define DEVICES_MAX 64

static struct pcipt_error *error;

static void check(int r)
{
	if (r < 0) {
		fprintf(stderr, "set: %s\n", pcipt_error_get_message(error));
		exit(1);
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Of this process and those that it started and that have ended. */
static double cpu_ms(void)
{
	static const int whose[] = { RUSAGE_SELF, RUSAGE_CHILDREN };
	double ms = 0;

	for (size_t i = 0; i < 2; i++) {
		struct rusage usage;

		getrusage(whose[i], &usage);
		ms += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
		      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
	}
	return ms;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return values[n / 2];
}

/* What was found is the proof that the work was done. */
static void print_findings(const struct pcipt_set *set)
{
	printf(",\"findings\":[");
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++)
		printf("%s\"%s %s\"", i ? "," : "", pcipt_set_finding_address(set, i),
		       pcipt_set_finding_code(set, i));
	printf("]}\n");
}

static size_t look_at_fds(int proc, const char *pid)
{
	char path[300];
	struct dirent *entry;
	struct statx st;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/fd", pid);
	dir = fdopendir(openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			n += statx(dirfd(dir), entry->d_name, AT_STATX_DONT_SYNC, STATX_TYPE, &st) == 0;
	closedir(dir);
	return n;
}

static int measure_floor(int rounds)
{
	static double times[ROUNDS_MAX];
	size_t processes = 0, descriptors = 0;

	for (int i = 0; i < rounds; i++) {
		double begin = now_ms();
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		processes = descriptors = 0;
		while (proc && (entry = readdir(proc)))
			if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') {
				descriptors += look_at_fds(dirfd(proc), entry->d_name);
				processes++;
			}
		if (proc)
			closedir(proc);
		times[i] = now_ms() - begin;
	}
	printf("{\"floor\":%.3f,\"processes\":%zu,\"descriptors\":%zu}\n",
	       median(times, rounds), processes, descriptors);
	return 0;
}

int main(int argc, char **argv)
{
	static double snapshots[ROUNDS_MAX], sets[ROUNDS_MAX], both[ROUNDS_MAX],
		cpu[ROUNDS_MAX];
	struct pcipt_options *options = NULL;
	struct pcipt_device *devices[DEVICES_MAX];
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_context *ctx = NULL;
	struct pcipt_set *set = NULL;
	struct pcipt_kernel *kernel;
	size_t n = argc > 3 ? (size_t)(argc - 3) : 0;
	int rounds = argc > 3 ? atoi(argv[2]) : 0;
	double begin, cpu_begin;

	if (argc == 3 && strcmp(argv[1], "floor") == 0 && atoi(argv[2]) > 0)
		return measure_floor(atoi(argv[2]) < ROUNDS_MAX ? atoi(argv[2]) : ROUNDS_MAX);
	if (n == 0 || n > DEVICES_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: set tree|host ROUNDS ADDRESS... | floor ROUNDS\n");
		return 2;
	}
	check(pcipt_context_new(&ctx, &error));
	check(pcipt_options_new(&options, &error));
	pcipt_options_set_with_set(options, true);
	check(pcipt_kernel_get(ctx, &kernel, &error));
	if (strcmp(argv[1], "tree") == 0)
		real_kernel(kernel)->real = true;
	for (int i = 0; i < rounds; i++) {
		pcipt_set_unref(set);
		pcipt_snapshot_unref(snap);
		cpu_begin = cpu_ms();
		begin = now_ms();
		check(pcipt_snapshot_new_scoped(ctx, (const char *const *)argv + 3, n, &snap, &error));
		snapshots[i] = now_ms() - begin;
		for (size_t k = 0; k < n; k++)
			check(pcipt_snapshot_find(snap, argv[3 + k], &devices[k], &error));
		check(pcipt_set_new(snap, devices, n, options, &set, &error));
		both[i] = now_ms() - begin;
		sets[i] = both[i] - snapshots[i];
		cpu[i] = cpu_ms() - cpu_begin;
	}
	pcipt_snapshot_unref(snap);
	begin = now_ms();
	check(pcipt_snapshot_new(ctx, &snap, &error));
	printf("{\"scoped\":%.3f,\"set\":%.3f,\"both\":%.3f,\"cpu\":%.3f,\"whole\":%.1f",
	       median(snapshots, rounds), median(sets, rounds), median(both, rounds),
	       median(cpu, rounds), now_ms() - begin);
	printf(",\"best\":%.3f", both[0]); /* they are sorted by now */
	print_findings(set);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return 0;
}
