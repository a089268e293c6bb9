/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt recover: finishes binds and releases that were interrupted. */
#include "common.h"

static void print_actions(const struct pcipt_report *report)
{
	size_t n = pcipt_report_action_count(report);

	for (size_t i = 0; i < n; i++)
		say(stdout, "%s: %s -> %s (%s)\n    %s\n", pcipt_report_action_claim(report, i),
		    pcipt_report_action_from(report, i), pcipt_report_action_to(report, i),
		    pcipt_report_action_reason(report, i),
		    pcipt_report_action_message(report, i));
	if (n == 0)
		say(stdout, "nothing was interrupted\n");
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

int verb_recover(struct tool *t)
{
	_cleanup_(cleanup_options) struct pcipt_options *options = NULL;
	_cleanup_(cleanup_report) struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;
	int status = make_change_options(t, &options);

	if (status)
		return status;
	if (pcipt_recover(t->ctx, options, &report, &error) != 0)
		status = fail(t, error);
	if (!report)
		return status;
	if (t->out)
		return worse(status, merge_report(t, report));
	print_actions(report);
	return status;
}
