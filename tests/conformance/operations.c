/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a script: each is one operation of the seam. */
#include <errno.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "run.h"

#define READ_MS 500

char *words(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	return text;
}

char *result_word(ssize_t r)
{
	return strdup(r < 0 ? pcipt_errno_name((int)-r) : "ok");
}

static const struct named *device_of(struct run *run, const char *name)
{
	const struct named *named = find_name(run, name, strlen(name));

	if (!named) {
		fprintf(stderr, "conform: there is no device %s\n", name);
		exit(2);
	}
	return named;
}

/* ---- reading ---- */

static char *read_word(struct run *run, const char *text, bool guarded)
{
	char path[MAX_PATH], buf[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_read read = { path, buf, sizeof(buf), 0, false };

	resolve(run, text, path, sizeof(path));
	if (guarded)
		run->k->ops->read_guarded(run->k, PCIPT_AT_SYS, &read, 1, READ_MS);
	else
		read.result = run->k->ops->read(run->k, PCIPT_AT_SYS, path, buf, sizeof(buf));
	if (read.result < 0)
		return result_word(read.result);
	buf[strnlen(buf, 60)] = '\0';
	return unresolve(run, buf);
}

static char *read_link_word(struct run *run, const char *text)
{
	char path[MAX_PATH], buf[PCIPT_ATTRIBUTE_MAX];
	ssize_t n;

	resolve(run, text, path, sizeof(path));
	n = run->k->ops->read_link(run->k, PCIPT_AT_SYS, path, buf, sizeof(buf));
	return n < 0 ? result_word(n) : unresolve(run, buf);
}

struct names {
	char *names[64];
	size_t n;
};

static int keep_name(void *data, const char *name)
{
	struct names *names = data;

	if (names->n < ARRAY_SIZE(names->names))
		names->names[names->n++] = strdup(name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *list_word(struct run *run, const char *text)
{
	struct names found = { .n = 0 };
	char path[MAX_PATH], *all = NULL;
	size_t size;
	FILE *out;
	int r;

	resolve(run, text, path, sizeof(path));
	r = run->k->ops->list(run->k, PCIPT_AT_SYS, path, keep_name, &found);
	if (r < 0)
		return result_word(r);
	out = open_memstream(&all, &size);
	qsort(found.names, found.n, sizeof(*found.names), compare_names);
	for (size_t i = 0; i < found.n; i++) {
		char *name = unresolve(run, found.names[i]);

		fprintf(out, "%s%s", i ? " " : "", name);
		free(name);
		free(found.names[i]);
	}
	fclose(out);
	return all;
}

static char *ask(struct run *run, const char *text, bool writable)
{
	char path[MAX_PATH];
	int r;

	resolve(run, text, path, sizeof(path));
	if (writable)
		return result_word(run->k->ops->may_write(run->k, PCIPT_AT_SYS, path));
	r = run->k->ops->exists(run->k, PCIPT_AT_SYS, path);
	return r < 0 ? result_word(r) : strdup(r ? "yes" : "no");
}

static char *module_word(struct run *run, const char *name)
{
	static const char *const states[] = { "absent", "loadable", "ready" };
	int state = run->k->ops->module_state(run->k, name);

	return state < 0 ? result_word(state) : strdup(states[state]);
}

/* ---- what is done to the kernel from outside of the library ---- */

static char *unload(struct run *run, const char *module)
{
	int status = 0;
	pid_t pid;

	if (run->sim)
		return result_word(sim_unload(run->sim, module));
	pid = fork();
	if (pid == 0) {
		execlp("modprobe", "modprobe", "-r", module, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? strdup("ok") :
									  strdup("failed");
}

/* From now on the attribute is as on a full disk; or it is itself again. */
static char *cover(struct run *run, const char *text, bool full)
{
	char path[MAX_PATH], whole[MAX_PATH + 8];
	int r;

	resolve(run, text, path, sizeof(path));
	snprintf(whole, sizeof(whole), "/sys/%s", path);
	if (run->sim)
		sim_cover(run->sim, whole, full);
	r = run->sim ? 0 :
	    full     ? mount("/dev/full", whole, NULL, MS_BIND, NULL) :
		       umount(whole);
	return result_word(r < 0 ? -errno : 0);
}

/* ---- nvme's probe goes on after bind has answered ---- */

static int is_settling(void *data, const char *name)
{
	struct run *run = ((void **)data)[0];
	char path[MAX_PATH], state[32];

	snprintf(path, sizeof(path), "%s/%.32s/state", ((char **)data)[1], name);
	if (run->k->ops->read(run->k, PCIPT_AT_SYS, path, state, sizeof(state)) <= 0)
		return 0;
	return strcmp(state, "new") == 0 || strcmp(state, "connecting") == 0 ||
	       strcmp(state, "resetting") == 0;
}

static bool settle(struct run *run, const char *name)
{
	char path[MAX_PATH];
	void *data[] = { run, path };

	snprintf(path, sizeof(path), "bus/pci/devices/%s/nvme", device_of(run, name)->address);
	for (int i = 0; i < 300; i++) {
		if (run->k->ops->list(run->k, PCIPT_AT_SYS, path, is_settling, data) != 1)
			return true;
		run->k->ops->wait(run->k, -1, 50);
	}
	return false;
}

/* "settled bind nvme gpu": what is told is how it is when the probe has come to its end. */
static char *settled(struct run *run, char *rest)
{
	const char *name = strrchr(rest, ' ') + 1;
	const char *verb = strsep(&rest, " ");
	char *result = operate(run, verb, rest);

	if (!settle(run, *name == '@' ? name + 1 : name))
		printf("(still at it) ");
	return result;
}

/* ---- all of them ---- */

/* "bind DRIVER DEVICE" */
static char *write_driver(struct run *run, const char *verb, char *rest)
{
	const char *driver = strsep(&rest, " ");
	char path[MAX_PATH];
	char *value = words("@%s", rest ? rest : ""), *result;

	snprintf(path, sizeof(path), "drivers/%s/%s", driver, verb);
	result = do_write(run, path, value);
	free(value);
	return result;
}

static char *hold(struct run *run, const char *name)
{
	int r = hold_device(run, device_of(run, name)->address);

	run->n_held += r == 0;
	return result_word(r);
}

char *operate(struct run *run, const char *verb, char *rest)
{
	if (strcmp(verb, "read") == 0 || strcmp(verb, "guarded") == 0)
		return read_word(run, rest, *verb == 'g');
	if (strcmp(verb, "link") == 0)
		return read_link_word(run, rest);
	if (strcmp(verb, "list") == 0)
		return list_word(run, rest);
	if (strcmp(verb, "exists") == 0 || strcmp(verb, "may-write") == 0)
		return ask(run, rest, *verb == 'm');
	if (strcmp(verb, "module") == 0)
		return module_word(run, rest);
	if (strcmp(verb, "load") == 0)
		return do_load(run, rest);
	if (strcmp(verb, "unload") == 0)
		return unload(run, rest);
	if (strcmp(verb, "write") == 0) {
		const char *path = strsep(&rest, " ");

		return do_write(run, path, rest ? rest : "");
	}
	if (strcmp(verb, "bind") == 0 || strcmp(verb, "unbind") == 0)
		return write_driver(run, verb, rest);
	if (strcmp(verb, "hold") == 0)
		return hold(run, rest);
	if (strcmp(verb, "let-go") == 0)
		return let_go(run, device_of(run, rest)->address);
	if (strcmp(verb, "settled") == 0)
		return settled(run, rest);
	if (strcmp(verb, "state") == 0)
		return state_of(run, device_of(run, rest));
	if (strcmp(verb, "full") == 0 || strcmp(verb, "mend") == 0)
		return cover(run, rest, *verb == 'f');
	if (strcmp(verb, "library-bind") == 0)
		return library_bind(run, rest);
	if (strcmp(verb, "library-release") == 0)
		return library_release(run, rest);
	fprintf(stderr, "conform: what is %s?\n", verb);
	exit(2);
}
