/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt bind: takes devices from the host, as one claim. */
#include "common.h"

static void print_devices(const struct pcipt_result *result)
{
	for (size_t i = 0; i < pcipt_result_device_count(result); i++) {
		const char *node = pcipt_result_device_vfio_device(result, i);

		say_change(pcipt_result_device_address(result, i),
			   pcipt_result_device_driver_before(result, i),
			   pcipt_result_device_driver_after(result, i));
		say(stdout, "%s%s\n", node ? "  open " : "", node ? node : "");
	}
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++)
		say_error(stdout, "warning", pcipt_result_warning_at(result, i));
}

/* Whether the machine was touched: only then is there something to tell beside the error. */
static bool was_touched(const struct pcipt_result *result)
{
	int outcome = result ? pcipt_result_get_outcome(result) : PCIPT_OUTCOME_FAILED;

	return outcome == PCIPT_OUTCOME_ROLLED_BACK || outcome == PCIPT_OUTCOME_STUCK ||
	       outcome == PCIPT_OUTCOME_ROLLBACK_INCOMPLETE;
}

static void print_failed(const struct pcipt_claim *claim, const struct pcipt_result *result)
{
	if (!was_touched(result))
		return;
	print_devices(result);
	if (pcipt_result_get_outcome(result) == PCIPT_OUTCOME_ROLLED_BACK)
		say(stdout, "undone: every device is as it was\n");
	else
		say(stdout, "%s: not every device is as it was\n",
		    pcipt_outcome_name(pcipt_result_get_outcome(result)));
	if (claim)
		say(stdout, "the devices stay in claim %s\n", pcipt_claim_get_name(claim));
}

static void print_bound(const struct pcipt_claim *claim, const struct pcipt_result *result)
{
	const char *name = pcipt_claim_get_name(claim);

	if (result)
		print_devices(result);
	if (result && pcipt_result_get_outcome(result) == PCIPT_OUTCOME_UNCHANGED)
		say(stdout, "claim %s has them already; nothing was changed\n", name);
	else
		say(stdout, "claim %s; give back with: pcipt release %s\n", name, name);
}

static int merge_result(struct tool *t, const struct pcipt_result *result)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_result_to_json(result, &text, &error) != 0)
		return fail(t, error);
	object = take_json(text);
	if (!object)
		return fail_memory(t);
	out_merge(t, object);
	return 0;
}

/* A claim whose devices could not all be put back stays, but the failed call doesn't return it. */
static struct pcipt_claim *find_left_claim(struct tool *t, const struct pcipt_set *set)
{
	struct pcipt_claim *claim = NULL;

	for (size_t i = 0; i < pcipt_set_member_count(set) && !claim; i++) {
		const struct pcipt_device *device = pcipt_set_member_device(set, i);

		if (pcipt_set_member_role(set, i) == PCIPT_ROLE_REQUESTED)
			(void)pcipt_claim_find(t->ctx, pcipt_device_get_address(device), &claim,
					       NULL);
	}
	return claim;
}

static int do_bind(struct tool *t)
{
	_cleanup_(clear_request) struct request request = { 0 };
	_cleanup_(cleanup_claim) struct pcipt_claim *claim = NULL;
	_cleanup_(cleanup_result) struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	int status = make_request(t, &request), failed;

	if (status)
		return status;
	pcipt_options_set_cancel_fd(request.options, hold_signals());
	/* An unsafe set too: the library asks for permission first, then for safety. */
	failed = pcipt_claim_bind(t->ctx, request.set, request.options, &claim, &result, &error);
	if (failed)
		status = fail(t, error);
	if ((failed == PCIPT_E_ROLLBACK_INCOMPLETE || failed == PCIPT_E_STUCK) && !claim)
		claim = find_left_claim(t, request.set);
	if (!t->out) {
		if (failed)
			print_failed(claim, result);
		else
			print_bound(claim, result);
		return status;
	}
	/* What stood against it was a claim that had been interrupted, and is finished now. */
	if (!failed && !pcipt_set_is_safe(request.set))
		out_set(t, "findings", json_object_new_array());
	if (claim)
		out_set_text(t, "claim", pcipt_claim_get_name(claim));
	if (result)
		status = worse(status, merge_result(t, result));
	return status;
}

int verb_bind(struct tool *t)
{
	struct json_object *result = NULL;
	int status;

	if (t->given & OPT_DRY_RUN)
		return verb_plan(t);
	status = do_bind(t);
	if (t->out && (!json_object_object_get_ex(t->out, "result", &result) || !result))
		out_set_text(t, "result", pcipt_outcome_name(status == 0 ? PCIPT_OUTCOME_DONE :
							     status == EXIT_REFUSED ?
								     PCIPT_OUTCOME_REFUSED :
								     PCIPT_OUTCOME_FAILED));
	return status;
}
