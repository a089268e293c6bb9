/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells what happens to devices and claims, a line an event, until it is interrupted.
 *
 *     monitor [ROOT]
 */
#include <poll.h>
#include <stdio.h>
#include <libpcipt/libpcipt.h>

static int fail(struct pcipt_error *error)
{
	fprintf(stderr, "%s\n", pcipt_error_get_message(error));
	pcipt_error_unref(error);
	return 1;
}

static void show(const struct pcipt_event *event)
{
	const char *claim = pcipt_event_get_claim(event);
	const char *before = pcipt_event_get_before(event);
	const char *after = pcipt_event_get_after(event);
	const char *message = pcipt_event_get_message(event);

	printf("%s %s: %s -> %s%s%s\n", pcipt_event_type_name(pcipt_event_get_type(event)),
	       claim ? claim : pcipt_event_get_address(event), before ? before : "-",
	       after ? after : "-", message ? ", " : "", message ? message : "");
	fflush(stdout);
}

/* One readiness of the descriptor can bring several events. */
static int show_all(struct pcipt_monitor *monitor)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event;

	for (;;) {
		if (pcipt_monitor_next(monitor, &event, &error))
			return fail(error);
		if (!event)
			return 0;
		show(event);
		pcipt_event_unref(event);
	}
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_monitor *monitor = NULL;
	struct pcipt_error *error = NULL;
	struct pollfd fd = { .events = POLLIN };
	int failed = 0;

	if (pcipt_context_new(&ctx, &error) ||
	    (argc > 1 && pcipt_context_set_root(ctx, argv[1], &error)) ||
	    pcipt_monitor_new(ctx, &monitor, &error)) {
		failed = fail(error);
	} else {
		printf("watching\n");
		fflush(stdout);
		fd.fd = pcipt_monitor_fd(monitor);
		while (!failed && poll(&fd, 1, -1) > 0)
			failed = show_all(monitor);
	}
	pcipt_monitor_unref(monitor);
	pcipt_context_unref(ctx);
	return failed;
}
