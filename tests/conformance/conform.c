/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * conform SCRIPT: carries the script out on this machine's kernel.
 * conform SCRIPT TRACE: on a simulated one, which is what the trace says that the real one
 * was when the script began.
 *
 * A script has a line for each operation (operations.c); "#" begins a comment. In its head
 * "name gpu 0000:00:03.0" and "driver vfio-pci". The trace has the machine, then a line for
 * each operation: the operation, what came of it, and what changed of which device.
 */
#include <ctype.h>
#include <sys/utsname.h>

#include "base/error.h"
#include "run.h"

static void die(const char *what, const char *which)
{
	fprintf(stderr, "conform: %s %s\n", what, which);
	exit(2);
}

static FILE *must_open(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file)
		die("can't read", path);
	return file;
}

/* The next line that says something; the line's end and comments are gone. */
static char *next_line(FILE *file, char *line, size_t size)
{
	while (fgets(line, (int)size, file)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

static bool take_head(struct run *run, char *line)
{
	struct named *named = &run->names[run->n_names];

	if (sscanf(line, "name %15s %31s", named->name, named->address) == 2) {
		if (++run->n_names == MAX_NAMES)
			die("too many devices:", line);
		return true;
	}
	if (run->n_drivers < ARRAY_SIZE(run->drivers) &&
	    sscanf(line, "driver %31s", run->drivers[run->n_drivers]) == 1) {
		run->n_drivers++;
		return true;
	}
	return false;
}

static void take_operation(struct run *run, char *line)
{
	char none[] = "", *rest = line, *result, *copy = strdup(line);
	const char *verb = strsep(&rest, " ");

	result = operate(run, verb, rest ? rest : none);
	printf("%s: %s", copy, result);
	tell_changes(run);
	putchar('\n');
	fflush(stdout);
	free(result);
	free(copy);
}

/* The machine in a trace ends where its operations begin. */
static void load(struct run *run, const char *trace)
{
	FILE *file = must_open(trace);
	char line[2048];

	run->sim = sim_new();
	while (next_line(file, line, sizeof(line)))
		load_machine(run, line);
	fclose(file);
	run->ctx = sim_context(run->sim);
}

/* "6.12" of "6.12.117+deb12-amd64" */
static void ask_kernel(struct run *run)
{
	struct utsname name;
	unsigned int major, minor;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		die("which kernel is", "this?");
	snprintf(run->kernel, sizeof(run->kernel), "%u.%u", major, minor);
}

int main(int argc, char **argv)
{
	struct pcipt_error *error = NULL;
	struct run run = { .n_names = 0 };
	char line[2048];
	FILE *script;
	bool begun = false;

	if (argc < 2 || argc > 3)
		die("usage: conform SCRIPT", "[TRACE]");
	script = must_open(argv[1]);
	if (argc == 3)
		load(&run, argv[2]);
	else if (pcipt_context_new(&run.ctx, &error) < 0)
		die("no context:", pcipt_error_get_message(error));
	if (!run.sim)
		ask_kernel(&run);
	hear_library(&run);
	if (pcipt_kernel_get(run.ctx, &run.k, &error) < 0)
		die("no kernel:", pcipt_error_get_message(error));
	while (next_line(script, line, sizeof(line))) {
		if (!begun && take_head(&run, line))
			continue;
		if (!begun)
			tell_machine(&run);
		begun = true;
		take_operation(&run, line);
	}
	fclose(script);
	for (size_t i = 0; i < run.n_names; i++)
		free(run.names[i].state);
	pcipt_context_unref(run.ctx);
	sim_free(run.sim);
	return 0;
}
