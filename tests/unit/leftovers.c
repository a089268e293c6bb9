/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Helpers and readers are in sessions of their own, so that nothing that Check signals
 * reaches them; a test that is aborted leaves them stopped or waiting for a pipe.
 */
#include "leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* One that has just been told to end needs a moment. */
#define MOMENT_MS 5000

void leftovers_adopt(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Whether any child is still there. */
static bool reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
		;
	return pid == 0;
}

/* "4711 (name) T": a process that runs, or could, and whose parent we are; false for others. */
static bool is_ours(const char *pid, char *text, size_t size)
{
	char path[64];
	FILE *file;
	char *end;
	int parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	text[fread(text, 1, size - 1, file)] = '\0';
	fclose(file);
	end = strrchr(text, ')');
	if (!end || sscanf(end, ") %*c %d", &parent) != 1 || parent != getpid() || end[2] == 'Z')
		return false;
	end[3] = '\0';
	return true;
}

static int end_all(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char text[128];
	int n = 0;

	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name) ||
		    !is_ours(entry->d_name, text, sizeof(text)))
			continue;
		fprintf(stderr, "left by a test, and ended: process %s\n", text);
		kill(atoi(entry->d_name), SIGKILL);
		n++;
	}
	if (dir)
		closedir(dir);
	return n;
}

int leftovers_end(void)
{
	int n = 0;

	for (int ms = 0; reap(); ms += 10) {
		if (ms >= MOMENT_MS)
			n += end_all();
		usleep(10000);
	}
	return n;
}
