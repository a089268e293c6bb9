/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt recover and reconcile: lead claims to where they can be. */
#include "common.h"

static void print_actions(const struct tool *t, const struct pcipt_report *report)
{
	size_t n = pcipt_report_action_count(report);

	for (size_t i = 0; i < n; i++)
		say(stdout, "%s: %s -> %s (%s)\n    %s\n", pcipt_report_action_claim(report, i),
		    pcipt_report_action_from(report, i), pcipt_report_action_to(report, i),
		    pcipt_report_action_reason(report, i),
		    pcipt_report_action_message(report, i));
	if (n == 0 && !(t->given & OPT_BOOT))
		say(stdout, "nothing to do\n");
}

static int merge_report(struct tool *t, const struct pcipt_report *report)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_report_to_json(report, &text, &error) != 0)
		return fail(t, error);
	object = take_json(text);
	if (!object)
		return fail_memory(t);
	out_merge(t, object);
	return 0;
}

static int run(struct tool *t, int (*lead)(struct pcipt_context *ctx, const struct pcipt_options *options,
					   struct pcipt_report **report, struct pcipt_error **error))
{
	_cleanup_(cleanup_options) struct pcipt_options *options = NULL;
	_cleanup_(cleanup_report) struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;
	int status = make_change_options(t, &options);

	if (status)
		return status;
	/* Whoever asks by hand wants it tried now. */
	pcipt_options_set_now(options, true);
	if (lead(t->ctx, options, &report, &error) != 0)
		status = fail(t, error);
	if (!report)
		return status;
	if (t->out)
		return worse(status, merge_report(t, report));
	print_actions(t, report);
	return status;
}

int verb_recover(struct tool *t)
{
	return run(t, pcipt_recover);
}

int verb_reconcile(struct tool *t)
{
	return run(t, pcipt_reconcile);
}
