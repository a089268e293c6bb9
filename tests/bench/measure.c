/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * measure PROGRAM [ARGUMENT…]: runs it once and prints, as the last line on its
 * own stdout, what the kernel says of it. The program's stdout goes before that
 * only when it is asked for with -o, else to /dev/null.
 *
 * A program of its own because a child begins with the peak memory of the process
 * that started it: an interpreter's would hide that of a small program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	int shown = argc > 1 && strcmp(argv[1], "-o") == 0, status, fd;
	char **program = argv + 1 + shown;
	struct rusage usage;
	double began;
	pid_t pid;

	if (argc < 2 + shown) {
		fprintf(stderr, "usage: measure [-o] PROGRAM [ARGUMENT…]\n");
		return 2;
	}
	began = now_ms();
	pid = fork();
	if (pid == 0) {
		fd = shown ? -1 : open("/dev/null", O_WRONLY);
		if (fd >= 0)
			dup2(fd, 1);
		execvp(program[0], program);
		fprintf(stderr, "measure: %s: %s\n", program[0], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
		perror("measure");
		return 1;
	}
	printf("wall=%.3f cpu=%.3f peak=%ld status=%d\n", now_ms() - began,
	       ms(usage.ru_utime) + ms(usage.ru_stime), usage.ru_maxrss,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
