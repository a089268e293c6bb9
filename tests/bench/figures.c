/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See figures.h. */
#include "figures.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct {
	uint64_t wall, cpu;
	size_t resident, heap;
} before, after;

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Without stdio: its buffer would count. */
static size_t resident_bytes(void)
{
	char text[128] = "";
	unsigned long size, resident = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (fd >= 0)
		close(fd);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

void figures_begin(void)
{
	before.heap = heap_bytes();
	before.resident = resident_bytes();
	before.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	before.wall = clock_ns(CLOCK_MONOTONIC);
}

void figures_end(void)
{
	after.wall = clock_ns(CLOCK_MONOTONIC);
	after.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	after.resident = resident_bytes();
	after.heap = heap_bytes();
}

void figures_print(const struct found *found)
{
	printf("wall_ns=%llu cpu_ns=%llu resident=%lld heap=%lld\n",
	       (unsigned long long)(after.wall - before.wall),
	       (unsigned long long)(after.cpu - before.cpu),
	       (long long)after.resident - (long long)before.resident,
	       (long long)after.heap - (long long)before.heap);
	printf("devices=%zu ids=%zu drivers=%zu groups=%zu revisions=%zu nodes=%zu resets=%zu "
	       "displays=%zu vfs=%zu\n", found->devices, found->ids, found->drivers, found->groups,
	       found->revisions, found->nodes, found->resets, found->displays, found->vfs);
}

void figures_fail(const char *what)
{
	perror(what);
	exit(1);
}
