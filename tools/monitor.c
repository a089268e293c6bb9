/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcipt monitor: tells what happens, a line an event, until it is ended. What comes without
 * a word of the kernel's (a node that is gone, a device that can't be woken) is looked for now
 * and then: seldom, as each look costs a snapshot.
 */
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define LOOK_MS 60000
/* After so many failures in a row, a second apart, there is nothing to wait for any more. */
#define FAILURES_MAX 30
#define RETRY_MS 1000

struct watch {
	struct tool *tool;
	struct pcipt_monitor *monitor;
	int failures; /* in a row */
};

static void print_event(const struct pcipt_event *event)
{
	const char *address = pcipt_event_get_address(event);
	const char *claim = pcipt_event_get_claim(event);
	const char *before = pcipt_event_get_before(event);
	const char *after = pcipt_event_get_after(event);
	const char *message = pcipt_event_get_message(event);
	const char *none = pcipt_event_get_type(event) == PCIPT_EVENT_CLAIM_CHANGED ? "not there" :
										      "no driver";

	say(stdout, "%-14s", pcipt_event_type_name(pcipt_event_get_type(event)));
	if (claim)
		say(stdout, "  claim %s", claim);
	if (address && !message)
		say(stdout, "  %s", address);
	if (before || after)
		say(stdout, "  %s -> %s", before ? before : none, after ? after : none);
	if (message)
		say(stdout, "  %s", message);
	say(stdout, "\n");
}

/* One object a line, each with what every output of --json has. */
static int print_event_json(struct tool *t, const struct pcipt_event *event)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_event_to_json(event, &text, &error) != 0)
		return fail(t, error);
	object = take_json(text);
	if (!object)
		return fail_memory(t);
	json_object_object_add(object, "schema", json_text("libpcipt/1"));
	json_object_object_add(object, "error", NULL);
	return print_json(object) ? fail_memory(t) : 0;
}

/*
 * What can't be read now (no memory, a folder in a wrong state) may be readable again: it is
 * told once, and tried again, since who watches wants to hear of what comes after.
 */
static int bear(struct watch *w, struct pcipt_error *error)
{
	if (++w->failures >= FAILURES_MAX)
		return fail(w->tool, error);
	if (w->failures == 1)
		say_error(stderr, "pcipt: the watch is disturbed and goes on", error);
	(void)pcipt_error_unref(error);
	(void)poll(NULL, 0, RETRY_MS);
	return 0;
}

static int tell_all(struct watch *w)
{
	struct pcipt_event *event = NULL;
	struct pcipt_error *error = NULL;
	struct tool *t = w->tool;
	int status = 0;

	while (!status) {
		if (pcipt_monitor_next(w->monitor, &event, &error) != 0)
			return bear(w, error);
		w->failures = 0;
		if (!event)
			break;
		if (t->out)
			status = print_event_json(t, event);
		else
			print_event(event);
		event = pcipt_event_unref(event);
		/* Whoever reads us through a pipe wants to know now, not when the next one was looked into. */
		if (fflush(stdout) != 0)
			status = worse(status, EXIT_FAILED);
	}
	return status;
}

/* Milliseconds between two looks; -1 for never. */
static int read_look(struct tool *t, int *every_ms)
{
	uint32_t ms = LOOK_MS;

	*every_ms = -1;
	if (t->look && strcmp(t->look, "0") == 0)
		return 0;
	if (t->look && !parse_seconds(t->look, &ms))
		return fail_with(t, PCIPT_E_INVALID, NULL,
				 "Give a number of seconds from 0.001 to 4000000, or 0 for never.",
				 "\"%s\" is no time", t->look);
	*every_ms = ms < INT_MAX ? (int)ms : INT_MAX;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int look(struct watch *w)
{
	struct pcipt_error *error = NULL;

	return pcipt_monitor_look(w->monitor, &error) != 0 ? bear(w, error) : tell_all(w);
}

static int watch(struct watch *w, int every_ms)
{
	/* A pipe that nobody reads any more is an error condition of ours. */
	struct pollfd fds[] = { { .fd = pcipt_monitor_fd(w->monitor), .events = POLLIN },
				{ .fd = STDOUT_FILENO } };
	int64_t next = now_ms() + every_ms;
	int status = 0;

	while (!status && !(fds[1].revents & (POLLERR | POLLNVAL))) {
		/* A machine on which much happens is looked at as often as any other. */
		int64_t left = every_ms < 0 ? -1 : next - now_ms();

		if (every_ms >= 0 && left <= 0) {
			status = look(w);
			next = now_ms() + every_ms;
		} else if (poll(fds, 2, (int)left) > 0 && fds[0].revents) {
			status = tell_all(w);
		}
	}
	return status;
}

int verb_monitor(struct tool *t)
{
	struct watch w = { .tool = t };
	struct pcipt_error *error = NULL;
	int every_ms, status = read_look(t, &every_ms);

	if (status)
		return status;
	if (pcipt_monitor_new(t->ctx, &w.monitor, &error) != 0)
		return fail(t, error);
	status = watch(&w, every_ms);
	pcipt_monitor_unref(w.monitor);
	return status;
}
