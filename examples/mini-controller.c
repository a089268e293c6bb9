/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wants a device, with all that must move with it, for as long as it runs: takes it,
 * and whenever something happens, or a claim waits for its next attempt, leads the claims
 * to where they can be. The claim stays when it is interrupted, and the next boot too.
 *
 *     mini-controller NAME ADDRESS [ROOT]
 */
#include <poll.h>
#include <stdio.h>
#include <libpcipt/libpcipt.h>

/* How often it looks even if nothing happens, in milliseconds. */
#define AGAIN_MS 5000

/* Says what went wrong and what to do, frees the error; 1, for the exit status. */
static int fail(struct pcipt_error *error)
{
	const char *remedy = pcipt_error_get_remedy(error);

	fprintf(stderr, "%s: %s\n", pcipt_error_get_name(error), pcipt_error_get_message(error));
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
	pcipt_error_unref(error);
	return 1;
}

/* The claim of this name: the one that is there, or a new one. */
static int want(struct pcipt_context *ctx, const char *name, const char *address)
{
	struct pcipt_options *options = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device;
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set = NULL;
	int r = pcipt_claim_find(ctx, name, &claim, &error);

	if (r == PCIPT_E_NO_CLAIM) {
		error = pcipt_error_unref(error);
		r = pcipt_options_new(&options, &error);
		pcipt_options_set_with_set(options, true);
		pcipt_options_set_persistent(options, true);
		if (r || (r = pcipt_options_set_name(options, name, &error)) ||
		    (r = pcipt_snapshot_new(ctx, &snap, &error)) ||
		    (r = pcipt_snapshot_find(snap, address, &device, &error)) ||
		    (r = pcipt_set_new(snap, &device, 1, options, &set, &error)))
			;
		else
			r = pcipt_bind(ctx, set, options, &claim, &error);
	}
	pcipt_set_unref(set);
	pcipt_snapshot_unref(snap);
	pcipt_options_unref(options);
	pcipt_claim_unref(claim);
	return r ? fail(error) : 0;
}

/* What can't be had now is no failure: the claim waits, and says what for. */
static int reconcile(struct pcipt_context *ctx)
{
	struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;
	int r = pcipt_reconcile(ctx, NULL, &report, &error);

	for (size_t i = 0; i < pcipt_report_action_count(report); i++)
		printf("%s: %s -> %s, %s\n", pcipt_report_action_claim(report, i),
		       pcipt_report_action_from(report, i), pcipt_report_action_to(report, i),
		       pcipt_report_action_message(report, i));
	fflush(stdout);
	pcipt_report_unref(report);
	return r ? fail(error) : 0;
}

/* Events only say that there is something to look at. */
static int take_events(struct pcipt_monitor *monitor)
{
	struct pcipt_error *error = NULL;
	struct pcipt_event *event;

	do {
		if (pcipt_monitor_next(monitor, &event, &error))
			return fail(error);
		pcipt_event_unref(event);
	} while (event);
	return 0;
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_monitor *monitor = NULL;
	struct pcipt_error *error = NULL;
	struct pollfd fd = { .events = POLLIN };
	int failed = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: mini-controller NAME ADDRESS [ROOT]\n");
		return 2;
	}
	/* It watches first: what happens from now on is not missed. */
	if (pcipt_context_new(&ctx, &error) ||
	    (argc > 3 && pcipt_context_set_root(ctx, argv[3], &error)) ||
	    pcipt_monitor_new(ctx, &monitor, &error))
		failed = fail(error);
	failed = failed || want(ctx, argv[1], argv[2]);
	fd.fd = pcipt_monitor_fd(monitor);
	while (!failed && !(failed = reconcile(ctx)) && poll(&fd, 1, AGAIN_MS) >= 0)
		failed = take_events(monitor);
	pcipt_monitor_unref(monitor);
	pcipt_context_unref(ctx);
	return failed;
}
