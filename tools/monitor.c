/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt monitor: tells what happens, a line an event, until it is ended. */
#include <poll.h>
#include <unistd.h>

#include "common.h"

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

static int tell_all(struct tool *t, struct pcipt_monitor *monitor)
{
	struct pcipt_event *event = NULL;
	struct pcipt_error *error = NULL;
	int status = 0;

	while (!status) {
		if (pcipt_monitor_next(monitor, &event, &error) != 0)
			return fail(t, error);
		if (!event)
			break;
		if (t->out)
			status = print_event_json(t, event);
		else
			print_event(event);
		event = pcipt_event_unref(event);
	}
	/* Whoever reads us through a pipe wants to know now. */
	return fflush(stdout) == 0 || status ? status : EXIT_FAILED;
}

int verb_monitor(struct tool *t)
{
	struct pcipt_monitor *monitor = NULL;
	struct pcipt_error *error = NULL;
	/* A pipe that nobody reads any more is an error condition of ours. */
	struct pollfd fds[] = { { .events = POLLIN }, { .fd = STDOUT_FILENO } };
	int status = 0;

	if (pcipt_monitor_new(t->ctx, &monitor, &error) != 0)
		return fail(t, error);
	fds[0].fd = pcipt_monitor_fd(monitor);
	while (!status && !(fds[1].revents & (POLLERR | POLLNVAL)))
		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			status = tell_all(t, monitor);
	pcipt_monitor_unref(monitor);
	return status;
}
