/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program that links the library may rely on: loading it, making a context
 * and reading a machine prints nothing, ends nothing, and leaves signals, children,
 * descriptors, environment, folder and umask as they were. The library is loaded
 * while we watch, so that its constructors count too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpcipt/libpcipt.h>

#include "unit/tree.h"

static volatile sig_atomic_t child_signals;
static const char *stage = "the beginning";

#define CHECK(what, ...)                                                                          \
	do {                                                                                      \
		if (!(what)) {                                                                    \
			dprintf(report, "after %s: ", stage);                                     \
			dprintf(report, __VA_ARGS__);                                             \
			dprintf(report, "\n");                                                    \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

/* Where faults are told: stdout and stderr are being watched. */
static int report = -1;
static int watched = -1;

/* The calls that are looked up in the library, once it is loaded. */
static struct {
	__typeof__(pcipt_context_new) *context_new;
	__typeof__(pcipt_context_unref) *context_unref;
	__typeof__(pcipt_context_set_root) *context_set_root;
	__typeof__(pcipt_snapshot_new) *snapshot_new;
	__typeof__(pcipt_snapshot_unref) *snapshot_unref;
	__typeof__(pcipt_snapshot_to_json) *snapshot_to_json;
	__typeof__(pcipt_snapshot_device_at) *snapshot_device_at;
	__typeof__(pcipt_device_get_driver_override) *device_get_driver_override;
	__typeof__(pcipt_set_new) *set_new;
	__typeof__(pcipt_set_unref) *set_unref;
	__typeof__(pcipt_claim_list) *claim_list;
	__typeof__(pcipt_claim_list_unref) *claim_list_unref;
	__typeof__(pcipt_error_unref) *error_unref;
	__typeof__(pcipt_free) *free;
} lib;

static void *load(void)
{
	void *handle = dlopen(getenv("PCIPT_LIBRARY"), RTLD_NOW | RTLD_LOCAL);

	CHECK(handle, "can't be loaded: %s", dlerror());
#define LOAD(name)                                                                                \
	lib.name = (__typeof__(lib.name))dlsym(handle, "pcipt_" #name);                           \
	CHECK(lib.name, "pcipt_" #name " is missing")
	LOAD(context_new);
	LOAD(context_unref);
	LOAD(context_set_root);
	LOAD(snapshot_new);
	LOAD(snapshot_unref);
	LOAD(snapshot_to_json);
	LOAD(snapshot_device_at);
	LOAD(device_get_driver_override);
	LOAD(set_new);
	LOAD(set_unref);
	LOAD(claim_list);
	LOAD(claim_list_unref);
	LOAD(error_unref);
	LOAD(free);
#undef LOAD
	return handle;
}

/* ---- what a process is ---- */

#define MAX_FDS 256

struct state {
	struct sigaction actions[NSIG];
	sigset_t blocked;
	char folder[4096];
	mode_t mask;
	char *environment;
	bool open[MAX_FDS], inherited[MAX_FDS];
	off_t output;
};

static char *join_environment(void)
{
	char *all = NULL;
	size_t n;
	FILE *file = open_memstream(&all, &n);

	for (char **e = environ; *e; e++)
		fprintf(file, "%s\n", *e);
	fclose(file);
	return all;
}

static void take_descriptors(struct state *state)
{
	for (int fd = 0; fd < MAX_FDS; fd++) {
		int flags = fcntl(fd, F_GETFD);

		state->open[fd] = flags >= 0;
		state->inherited[fd] = flags >= 0 && !(flags & FD_CLOEXEC);
	}
}

static void take_state(struct state *state)
{
	memset(state, 0, sizeof(*state));
	for (int s = 1; s < NSIG; s++)
		sigaction(s, NULL, &state->actions[s]);
	sigprocmask(SIG_BLOCK, NULL, &state->blocked);
	CHECK(getcwd(state->folder, sizeof(state->folder)), "no current folder");
	state->mask = umask(0);
	umask(state->mask);
	state->environment = join_environment();
	take_descriptors(state);
	state->output = lseek(watched, 0, SEEK_END);
}

static void check_signals(const struct state *before, const struct state *now)
{
	for (int s = 1; s < NSIG; s++) {
		CHECK(before->actions[s].sa_handler == now->actions[s].sa_handler &&
			      before->actions[s].sa_flags == now->actions[s].sa_flags,
		      "the handler of signal %d is another", s);
		CHECK(sigismember(&before->blocked, s) == sigismember(&now->blocked, s),
		      "signal %d is blocked or not as before", s);
	}
	CHECK(child_signals == 0, "SIGCHLD came %d times", (int)child_signals);
}

/* A call that waits, so that a child which is about to end is found as well. */
static void check_children(void)
{
	int r = waitpid(-1, NULL, __WALL);

	CHECK(r < 0 && errno == ECHILD, "the program has a child that it doesn't know (%d)", r);
}

/* `all_closed`: nothing of the library's may be open any more. */
static void check_state(const struct state *before, const char *now_at, bool all_closed)
{
	struct state now;

	stage = now_at;
	fflush(stdout);
	fflush(stderr);
	check_children();
	take_state(&now);
	check_signals(before, &now);
	CHECK(strcmp(before->folder, now.folder) == 0, "the current folder is %s", now.folder);
	CHECK(before->mask == now.mask, "the umask is %o", now.mask);
	CHECK(strcmp(before->environment, now.environment) == 0, "the environment changed");
	CHECK(before->output == now.output, "something was printed");
	for (int fd = 0; fd < MAX_FDS; fd++) {
		CHECK(before->inherited[fd] == now.inherited[fd],
		      "descriptor %d isn't close-on-exec", fd);
		CHECK(!before->open[fd] || now.open[fd], "descriptor %d was closed", fd);
		CHECK(!all_closed || before->open[fd] == now.open[fd], "descriptor %d is open", fd);
	}
	free(now.environment);
}

/* ---- the use of the library ---- */

static void read_machine(const struct state *before, const char *root)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_set *set = NULL;
	struct pcipt_device *device;
	char *json = NULL;

	CHECK(lib.context_new(&ctx, NULL) == 0 && lib.context_set_root(ctx, root, NULL) == 0,
	      "no context");
	check_state(before, "pcipt_context_new", true);
	CHECK(lib.snapshot_new(ctx, &snap, NULL) == 0, "no snapshot");
	check_state(before, "pcipt_snapshot_new", false);
	device = lib.snapshot_device_at(snap, 1);
	CHECK(strcmp(lib.device_get_driver_override(device), "some-driver") == 0, "no override");
	check_state(before, "pcipt_device_get_driver_override", false);
	CHECK(lib.snapshot_to_json(snap, 0, &json, NULL) == 0, "no JSON");
	lib.free(json);
	check_state(before, "pcipt_snapshot_to_json", false);
	CHECK(lib.set_new(snap, &device, 1, NULL, &set, NULL) == 0, "no set");
	lib.set_unref(set);
	CHECK(lib.claim_list(ctx, &claims, NULL) == 0, "no list of claims");
	lib.claim_list_unref(claims);
	check_state(before, "pcipt_set_new and pcipt_claim_list", false);
	lib.snapshot_unref(snap);
	lib.context_unref(ctx);
	check_state(before, "the last unref", true);
}

static void read_nothing(const struct state *before, const char *root)
{
	struct pcipt_error *error = NULL;
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;

	CHECK(lib.context_new(&ctx, NULL) == 0 && lib.context_set_root(ctx, root, NULL) == 0,
	      "no context");
	CHECK(lib.snapshot_new(ctx, &snap, &error) < 0 && error && !snap, "a snapshot of nothing");
	lib.error_unref(error);
	lib.context_unref(ctx);
	check_state(before, "a failure", true);
}

static void count_child(int signal)
{
	(void)signal;
	child_signals++;
}

/*
 * The whole story, in a process of its own. `reaper`: orphans become this
 * process's children, as in a container's first process.
 */
static void tell(const char *root, const char *output, bool reaper)
{
	struct sigaction action = { .sa_handler = count_child };
	struct state before;
	void *handle;

	report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
	watched = open(output, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	CHECK(watched >= 0 && dup2(watched, STDOUT_FILENO) >= 0 && dup2(watched, STDERR_FILENO) >= 0,
	      "output can't be watched");
	sigaction(SIGCHLD, &action, NULL);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, reaper ? 1 : 0) == 0, "no subreaper");
	umask(027);
	take_state(&before);
	handle = load();
	check_state(&before, "loading", true);
	read_machine(&before, root);
	read_nothing(&before, output);
	read_nothing(&before, "/nowhere/at/all");
	CHECK(dlclose(handle) == 0 && dlopen(getenv("PCIPT_LIBRARY"), RTLD_NOW | RTLD_NOLOAD),
	      "the library can be unloaded under a running helper");
	free(before.environment);
}

static int run(const char *root, const char *output, bool reaper)
{
	int status = 0, ends[2];
	char done = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return 99;
	if (pid == 0) {
		close(ends[0]);
		tell(root, output, reaper);
		/* Without this byte the library ended the program, with whatever status. */
		_exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
	}
	close(ends[1]);
	while (read(ends[0], &done, 1) < 0 && errno == EINTR)
		;
	close(ends[0]);
	waitpid(pid, &status, 0);
	if (status == 0 && done == 'x')
		return 0;
	fprintf(stderr, "the program %s%s\n", done ? "failed" : "ended before its time",
		reaper ? ", as the reaper of orphans" : "");
	return 1;
}

int main(void)
{
	const char *where = getenv("TMPDIR");
	char folder[4096], root[4200], output[4200], command[4300];
	struct tree *tree;
	int r;

	if (!getenv("PCIPT_LIBRARY")) {
		fprintf(stderr, "PCIPT_LIBRARY must name the library\n");
		return 99;
	}
	snprintf(folder, sizeof(folder), "%s/pcipt-quiet-XXXXXX", where && *where ? where : "/tmp");
	if (!mkdtemp(folder))
		return 99;
	snprintf(root, sizeof(root), "%s/root", folder);
	snprintf(output, sizeof(output), "%s/output", folder);
	tree = tree_new(root);
	tree_add_gpu_pair(tree);
	tree_set(tree, "0000:01:00.0", "driver_override", "some-driver");
	tree_free(tree);
	r = run(root, output, false);
	if (r == 0)
		r = run(root, output, true);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		r = 99;
	return r;
}
