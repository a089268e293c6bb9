/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One lock for each device concerned, so that a device that hangs blocks nobody but those
 * who want it: all members of the groups touched, and the PF of a VF. Taken in ascending
 * order, so that two who want the same can't wait for each other. The form of the files
 * is told in doc/runtime-folder.md.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "transaction/transaction.h"

/* Between two tries, at first and at most, in milliseconds. */
#define TRY_AFTER 1
#define TRY_AFTER_MAX 50

/* ---- which ones ---- */

static int add(struct pcipt_transaction *t, struct pcipt_address at)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (pcipt_address_key(t->held[i].at) == pcipt_address_key(at))
			return 0;
	if (!pcipt_grow(&t->held, t->n_held))
		return -ENOMEM;
	t->held[t->n_held++] = (struct pcipt_held){ at, -1 };
	return 0;
}

static int add_related(struct pcipt_transaction *t, const struct pcipt_snapshot *snap,
		       struct pcipt_address at)
{
	struct pcipt_device *device = pcipt_snapshot_at(snap, at);
	struct pcipt_device *pf = pcipt_device_get_physfn(device);
	struct pcipt_group *group = pcipt_device_get_group(device);
	int r = pf ? add(t, pf->at) : 0;

	for (size_t i = 0; r == 0 && i < pcipt_group_device_count(group); i++) {
		struct pcipt_device *member = pcipt_group_device_at(group, i);

		if (!pcipt_device_is_bridge(member))
			r = add(t, member->at);
	}
	return r;
}

/*
 * The plan's devices come first, in its order: lanes of the helper find theirs by index.
 * Groups are those that the plan was made of; whether they still are is asked under the
 * locks.
 */
static int list(struct pcipt_transaction *t, struct pcipt_error **error)
{
	const struct pcipt_snapshot *snap = t->plan->snap;
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->plan->n_devices; i++)
		r = add(t, t->plan->devices[i].at);
	for (size_t i = 0; r == 0 && i < t->plan->n_devices; i++)
		r = add_related(t, snap, t->plan->devices[i].at);
	return r < 0 ? pcipt_fail_memory(error) : 0;
}

static int compare_held(const void *a, const void *b)
{
	uint64_t left = pcipt_address_key((*(struct pcipt_held *const *)a)->at);
	uint64_t right = pcipt_address_key((*(struct pcipt_held *const *)b)->at);

	return left < right ? -1 : left > right;
}

/* ---- who we are ---- */

static char *link_of(struct pcipt_kernel *k, const char *path, const char *unknown)
{
	char text[64];

	return strdup(k->ops->read_link(k, PCIPT_AT_ROOT, path, text, sizeof(text)) > 0 ? text :
											 unknown);
}

/* What stands in our lock files. */
static char *describe_us(struct pcipt_kernel *k)
{
	_cleanup_free_ char *pid = link_of(k, "proc/self", "unknown");
	_cleanup_free_ char *space = link_of(k, "proc/self/ns/pid", "unknown");
	char command[64] = "unknown", since[32] = "unknown";
	time_t now = time(NULL);
	struct tm tm;

	if (!pid || !space)
		return NULL;
	if (k->ops->read(k, PCIPT_AT_ROOT, "proc/self/comm", command, sizeof(command)) <= 0)
		strcpy(command, "unknown");
	pcipt_text_neutralise(command);
	if (gmtime_r(&now, &tm))
		strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return pcipt_format("libpcipt-lock/1\npid %s\npid-namespace %s\ncommand %s\nsince %s\n",
			    pid, space, command, since);
}

/* ---- who is in our way ---- */

/* The rest of the line that begins with a word; a new string, or NULL when there is none. */
static char *line_of(const char *text, const char *word)
{
	size_t n = strlen(word);
	char *copy = NULL;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, n) != 0 || line[n] != ' ')
			continue;
		free(copy);
		copy = strndup(line + n + 1, strcspn(line + n + 1, "\n"));
	}
	return copy;
}

/* The write that the holder's helper has not returned from, or NULL. */
static char *outstanding(const char *text)
{
	const char *last = strrchr(text, '\n');

	/* The last line tells: a write that has returned has a line behind it. */
	while (last && last > text && last[-1] != '\n')
		last--;
	return last && strncmp(last, "write ", 6) == 0 ? line_of(last, "write") : NULL;
}

static int fail_locked(struct pcipt_address at, const char *holder, struct pcipt_error **error)
{
	_cleanup_free_ char *pid = line_of(holder, "pid"), *command = line_of(holder, "command");
	_cleanup_free_ char *since = line_of(holder, "since"), *write = outstanding(holder);
	_cleanup_free_ char *space = line_of(holder, "pid-namespace");
	char address[PCIPT_ADDRESS_SIZE];

	pcipt_address_print(at, address);
	return pcipt_fail(error, PCIPT_E_LOCKED,
			  &(struct pcipt_error_facts){
				  .step = "lock",
				  .address = address,
				  .remedy = write ? "Have whoever holds the device open let go of it, "
						    "then retry" :
						    "Wait until that process is through, then retry" },
			  "%s is locked by the process %s (%s) of %s since %s%s%s", address,
			  pid ? pid : "unknown", command ? command : "unknown",
			  space ? space : "an unknown pid namespace",
			  since ? since : "an unknown time",
			  write ? "; the kernel has not returned from its write " : "",
			  write ? write : "");
}

static int fail_lock(const char *folder, struct pcipt_address at, int r,
		     struct pcipt_error **error)
{
	char address[PCIPT_ADDRESS_SIZE];
	_cleanup_free_ char *path = NULL;

	pcipt_address_print(at, address);
	path = pcipt_format("%s/%s", folder, address);
	return pcipt_fail(error,
			  r == -EACCES || r == -EROFS || r == -EPERM ? PCIPT_E_PERMISSION :
			  r == -EBADMSG				     ? PCIPT_E_DAMAGED :
								       PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "lock",
				  .address = address,
				  .path = path,
				  .errnum = r == -EBADMSG ? 0 : -r,
				  .remedy = r == -EBADMSG ?
						    "Look into it; the folder has to be root's with mode "
						    "0700, the file a plain one with 0600" :
					    r == -ENOSPC ? "Make room there, then try again" :
							   "Run as root, with the runtime folder "
							   "writable" },
			  "the lock of %s can't be used: %s", address,
			  r == -EBADMSG ? "it or its folder isn't root's alone" :
					  pcipt_errno_text(-r));
}

/* ---- taking them ---- */

static int fail_cancelled(struct pcipt_error **error)
{
	return pcipt_fail(error, PCIPT_E_CANCELLED, &(struct pcipt_error_facts){ .step = "lock" },
			  "cancelled while waiting for a lock; nothing was touched");
}

static int take(struct pcipt_transaction *t, struct pcipt_held *held, const char *folder,
		const char *text, struct pcipt_error **error)
{
	int cancel = t->options ? t->options->cancel_fd : -1;
	struct pcipt_kernel *k = t->kernel;
	char name[PCIPT_ADDRESS_SIZE], holder[1024];
	double pause = TRY_AFTER;

	pcipt_address_print(held->at, name);
	for (;;) {
		double left = t->lock_deadline - k->ops->now(k);

		held->lock = k->ops->lock(k, folder, name, text, holder, sizeof(holder));
		if (held->lock >= 0)
			return 0;
		if (held->lock != -EAGAIN)
			return fail_lock(folder, held->at, held->lock, error);
		if (left <= 0)
			return fail_locked(held->at, holder, error);
		t->waited = true;
		if (k->ops->wait(k, cancel, pause < left ? pause : left) == 1)
			return fail_cancelled(error);
		pause = pause * 2 < TRY_AFTER_MAX ? pause * 2 : TRY_AFTER_MAX;
	}
}

int pcipt_transaction_lock(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ char *folder = pcipt_format("%s/locks", t->ctx->runtime_dir);
	_cleanup_free_ char *text = describe_us(t->kernel);
	_cleanup_free_ struct pcipt_held **order = NULL;
	int r = list(t, error);

	if (r < 0)
		return r;
	order = calloc(t->n_held + 1, sizeof(struct pcipt_held *));
	if (!folder || !text || !order)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->n_held; i++)
		order[i] = &t->held[i];
	qsort(order, t->n_held, sizeof(*order), compare_held);
	for (size_t i = 0; r == 0 && i < t->n_held; i++)
		r = take(t, order[i], folder, text, error);
	return r;
}

void pcipt_transaction_unlock(struct pcipt_transaction *t, bool left_behind)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (t->held[i].lock >= 0)
			t->kernel->ops->unlock(t->kernel, t->held[i].lock, left_behind);
	free(t->held);
	t->held = NULL;
	t->n_held = 0;
}
