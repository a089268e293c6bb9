/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What several verbs need of the library, with failures told. */
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "common.h"

struct json_object *json_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

void out_set(struct tool *t, const char *key, struct json_object *value)
{
	if (!t->out || json_object_object_add(t->out, key, value) != 0)
		json_object_put(value);
}

void out_set_text(struct tool *t, const char *key, const char *value)
{
	out_set(t, key, json_text(value));
}

void out_append(struct tool *t, const char *key, struct json_object *value)
{
	struct json_object *array = NULL;

	if (!t->out || !json_object_object_get_ex(t->out, key, &array) ||
	    !json_object_is_type(array, json_type_array) ||
	    json_object_array_add(array, value) != 0)
		json_object_put(value);
}

struct json_object *take_json(char *text)
{
	struct json_object *object = text ? json_tokener_parse(text) : NULL;

	pcipt_free(text);
	return object;
}

void out_merge(struct tool *t, struct json_object *object)
{
	json_object_object_foreach(object, key, value)
		if (t->out && json_object_object_get_ex(t->out, key, NULL))
			out_set(t, key, json_object_get(value));
}

static void print_log(void *data, int level, const char *line)
{
	static const char *const names[] = { "", "error", "warning", "info", "debug" };

	(void)data;
	say(stderr, "pcipt: %s: %s\n", names[level >= 0 && level < 4 ? level : 4], line);
}

bool parse_seconds(const char *text, uint32_t *ms)
{
	char *end = NULL;
	double seconds = text[0] >= '0' && text[0] <= '9' ? strtod(text, &end) : 0;

	if (!end || *end || !(seconds >= 0.001 && seconds <= 4000000))
		return false;
	*ms = (uint32_t)(seconds * 1000);
	return true;
}

int open_context(struct tool *t)
{
	uint32_t timeout_ms = 0;
	struct pcipt_error *error = NULL;

	if (pcipt_context_new(&t->ctx, &error) != 0)
		return fail(t, error);
	if (t->verbose > 0)
		pcipt_context_set_log(t->ctx, print_log, NULL,
				      t->verbose > 1 ? PCIPT_LOG_DEBUG : PCIPT_LOG_INFO);
	if (t->timeout && !parse_seconds(t->timeout, &timeout_ms))
		return fail_with(t, PCIPT_E_INVALID, NULL,
				 "Give a number of seconds from 0.001 to 4000000.",
				 "\"%s\" is no time", t->timeout);
	pcipt_context_set_timeout_ms(t->ctx, timeout_ms);
	if (t->root && !*t->root)
		return fail_with(t, PCIPT_E_INVALID, NULL, "Give a folder that has sys/ below it.",
				 "--root is empty");
	if (t->root && pcipt_context_set_root(t->ctx, t->root, &error) != 0)
		return fail(t, error);
	return 0;
}

int take_snapshot(struct tool *t, struct pcipt_snapshot **snap)
{
	struct pcipt_error *error = NULL;

	return pcipt_snapshot_new(t->ctx, snap, &error) != 0 ? fail(t, error) : 0;
}

int take_scoped_snapshot(struct tool *t, struct pcipt_snapshot **snap)
{
	_cleanup_(cleanup_error) struct pcipt_error *error = NULL;

	if (pcipt_snapshot_new_scoped(t->ctx, (const char *const *)t->args, t->n_args, snap,
				      &error) == 0)
		return 0;
	/* Not all are addresses: other selectors need to see everything. */
	return take_snapshot(t, snap);
}

struct pcipt_claim_list *try_claims(struct tool *t)
{
	struct pcipt_claim_list *list = NULL;
	_cleanup_(cleanup_error) struct pcipt_error *error = NULL;

	if (pcipt_claim_list(t->ctx, &list, &error) == 0)
		return list;
	if (t->verbose > 0)
		say_error(stderr, "pcipt: claims aren't shown", error);
	return NULL;
}

const char *claim_of(const struct pcipt_claim_list *list, const char *address)
{
	size_t n = list ? pcipt_claim_list_count(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct pcipt_claim *claim = pcipt_claim_list_at(list, i);

		for (size_t j = 0; j < pcipt_claim_device_count(claim); j++)
			if (strcmp(pcipt_claim_device_address(claim, j), address) == 0)
				return pcipt_claim_get_name(claim);
	}
	return NULL;
}

static bool holds(struct pcipt_device *const *devices, size_t n, const struct pcipt_device *device)
{
	for (size_t i = 0; i < n; i++)
		if (devices[i] == device)
			return true;
	return false;
}

int select_devices(struct tool *t, struct pcipt_snapshot *snap, struct pcipt_device ***devices,
		   size_t *n)
{
	_cleanup_free_ struct pcipt_device **all =
		calloc(pcipt_snapshot_device_count(snap) + 1, sizeof(struct pcipt_device *));
	int status = 0;

	if (!all)
		return fail_memory(t);
	*n = 0;
	/* All arguments are looked at, so that a slip in the last is told with one in the first. */
	for (size_t i = 0; i < t->n_args; i++) {
		struct pcipt_device **found = NULL;
		struct pcipt_error *error = NULL;
		size_t n_found = 0;

		if (pcipt_snapshot_find_all(snap, t->args[i], &found, &n_found, &error) != 0) {
			status = worse(status, fail(t, error));
			continue;
		}
		for (size_t j = 0; j < n_found; j++)
			if (!holds(all, *n, found[j]))
				all[(*n)++] = found[j];
		pcipt_free(found);
	}
	if (!status)
		*devices = steal(all);
	return status;
}

struct json_object *device_json(struct tool *t, struct pcipt_device *device, uint32_t flags,
				const struct pcipt_claim_list *claims)
{
	const char *claim = claim_of(claims, pcipt_device_get_address(device));
	struct pcipt_error *error = NULL;
	struct json_object *object;
	char *text = NULL;

	if (pcipt_device_to_json(device, flags, &text, &error) != 0) {
		(void)fail(t, error);
		return NULL;
	}
	object = take_json(text);
	if (!object)
		(void)fail_memory(t);
	else if (claim)
		json_object_object_add(object, "claim", json_text(claim));
	return object;
}

const char *ids_text(const struct pcipt_device *device, char text[12])
{
	int32_t vendor = pcipt_device_get_vendor_id(device);
	int32_t id = pcipt_device_get_device_id(device);

	if (vendor < 0 || id < 0)
		return "-";
	(void)snprintf(text, 12, "%04x:%04x", vendor & 0xffff, id & 0xffff);
	return text;
}

void tell_problem(struct tool *t, const struct pcipt_error *problem)
{
	if (t->out)
		out_append(t, "problems", take_json(pcipt_error_to_json(problem)));
	else
		say_error(stderr, "pcipt: problem", problem);
}

void tell_problems(struct tool *t, const struct pcipt_snapshot *snap,
		   struct pcipt_device *const *devices, size_t n)
{
	size_t count = pcipt_snapshot_problem_count(snap), told = 0;

	for (size_t i = 0; i < count; i++) {
		const struct pcipt_error *problem = pcipt_snapshot_problem_at(snap, i);
		const char *address = pcipt_error_get_address(problem);
		bool ours = !devices || !address;

		for (size_t j = 0; !ours && j < n; j++)
			ours = strcmp(address, pcipt_device_get_address(devices[j])) == 0;
		if (!ours)
			continue;
		told++;
		if (t->out || t->verbose > 0)
			tell_problem(t, problem);
	}
	if (told && !t->out && t->verbose == 0)
		say(stderr, "pcipt: %zu fact%s could not be read (-v tells which)\n", told,
		    told == 1 ? "" : "s");
}

void say_change(const char *address, const char *before, const char *after)
{
	before = before ? before : "none";
	after = after ? after : "none";
	say(stdout, "%-12s  %s", address, before);
	if (strcmp(before, after) != 0)
		say(stdout, " -> %s", after);
}

int hold_signals(void)
{
	sigset_t set, ending;

	/*
	 * A signal that ended the tool between two writes would leave devices half way. What
	 * was pending ends the tool when all is done or undone.
	 */
	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGINT);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigaddset(&ending, SIGHUP);
	set = ending;
	(void)sigaddset(&set, SIGQUIT);
	(void)sigaddset(&set, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	/* Nor must it end because whoever reads the log has gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &ending, SFD_CLOEXEC);
}

int make_change_options(struct tool *t, struct pcipt_options **options)
{
	struct pcipt_error *error = NULL;

	if (pcipt_options_new(options, &error) != 0)
		return fail(t, error);
	/* Open until the tool ends. */
	pcipt_options_set_cancel_fd(*options, hold_signals());
	return 0;
}
