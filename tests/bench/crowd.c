/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * crowd MOUNTS FOLDER PROCESSES DESCRIPTORS MAPPINGS: what makes a host busy. Mounts so
 * often below the folder, then starts processes with so many descriptors and private
 * mappings of files each, says "ready", and keeps them until its input ends. To be run in
 * namespaces of its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void make_mounts(int n, const char *folder)
{
	char path[512];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		if (mkdir(path, 0755) < 0 || mount("crowd", path, "tmpfs", 0, "size=4k,mode=755") < 0)
			fail(path);
	}
}

/* What daemons have: files, sockets, pipes, anonymous files. */
static void open_some(int n)
{
	for (int i = 3; i < n; i++) {
		int ends[2] = { -1, -1 };

		if (i % 4 == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
			close(ends[1]);
		else if (i % 4 == 1)
			eventfd(0, 0);
		else
			ends[0] = open(i % 4 == 2 ? "/dev/null" : "/proc/self/exe", O_RDONLY);
	}
}

static void be_one(int descriptors, int mappings)
{
	int fd = open("/proc/self/exe", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Every second one: those side by side would become one mapping. */
	for (int i = 0; i < mappings; i++)
		if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			fail("mmap");
	close(fd);
	open_some(descriptors);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	char c;

	if (argc != 6) {
		fprintf(stderr, "usage: crowd MOUNTS FOLDER PROCESSES DESCRIPTORS MAPPINGS\n");
		return 2;
	}
	make_mounts(atoi(argv[1]), argv[2]);
	for (int i = atoi(argv[3]); i > 0; i--) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			be_one(atoi(argv[4]), atoi(argv[5]));
	}
	sleep(1);
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
