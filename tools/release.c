/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt release: gives devices back and ends their claim, one claim after the other. */
#include <string.h>

#include "common.h"

/* What the releases together came to: the outcome of the worst, "done" before "unchanged". */
struct total {
	int status;
	const char *result;
};

static const char *outcome_of(const struct pcipt_result *result, int status)
{
	if (result)
		return pcipt_outcome_name(pcipt_result_get_outcome(result));
	return pcipt_outcome_name(status == 0		      ? PCIPT_OUTCOME_DONE :
				  status == EXIT_REFUSED ? PCIPT_OUTCOME_REFUSED :
							   PCIPT_OUTCOME_FAILED);
}

static void add_to_total(struct tool *t, struct total *total, const char *claim, int status,
			 const char *result)
{
	struct json_object *object = json_object_new_object();
	bool graver = worse(status, total->status) == status && status != total->status;

	if (!total->result || graver || (status == 0 && total->status == 0 && result &&
					 strcmp(total->result, "unchanged") == 0))
		total->result = result;
	total->status = worse(total->status, status);
	if (!object)
		return;
	json_object_object_add(object, "claim", json_text(claim));
	json_object_object_add(object, "result", json_text(result));
	json_object_object_add(object, "status", json_object_new_int(status));
	out_append(t, "releases", object);
}

/* Appends the elements of one of the object's arrays to the output's. */
static void append_all(struct tool *t, struct json_object *object, const char *key)
{
	struct json_object *array = NULL;

	if (!json_object_object_get_ex(object, key, &array) ||
	    !json_object_is_type(array, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(array); i++)
		out_append(t, key, json_object_get(json_object_array_get_idx(array, i)));
}

/* The claim's devices as members: what they were to it, and on which driver it had them. */
static void append_members(struct tool *t, const struct pcipt_claim *claim)
{
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++) {
		struct json_object *member = json_object_new_object();
		int role = pcipt_claim_device_role(claim, i);

		if (!member)
			return;
		json_object_object_add(member, "address",
				       json_text(pcipt_claim_device_address(claim, i)));
		json_object_object_add(member, "role", json_text(pcipt_role_name(role)));
		json_object_object_add(member, "action", NULL);
		json_object_object_add(member, "driver",
				       json_text(pcipt_claim_get_driver(claim)));
		out_append(t, "members", member);
	}
}

static void append_result(struct tool *t, const struct pcipt_result *result)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (pcipt_result_to_json(result, &text, &error) != 0) {
		(void)fail(t, error);
		return;
	}
	object = take_json(text);
	append_all(t, object, "devices");
	append_all(t, object, "steps");
	append_all(t, object, "warnings");
}

static void print_result(const struct pcipt_result *result)
{
	for (size_t i = 0; i < pcipt_result_device_count(result); i++) {
		say_change(pcipt_result_device_address(result, i),
			   pcipt_result_device_driver_before(result, i),
			   pcipt_result_device_driver_after(result, i));
		say(stdout, "\n");
	}
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++)
		say_error(stdout, "warning", pcipt_result_warning_at(result, i));
}

static int release_claim(struct tool *t, struct pcipt_claim *claim, struct total *total)
{
	_cleanup_(cleanup_result) struct pcipt_result *result = NULL;
	_cleanup_(cleanup_options) struct pcipt_options *options = NULL;
	const char *name = pcipt_claim_get_name(claim);
	struct pcipt_error *error = NULL;
	int status = make_options(t, &options);

	if (status)
		return status;
	/* Open until the tool ends. */
	pcipt_options_set_cancel_fd(options, hold_signals());
	if (pcipt_claim_release(t->ctx, claim, options, &result, &error) != 0)
		status = fail(t, error);
	add_to_total(t, total, name, status, outcome_of(result, status));
	if (t->out) {
		if (result)
			append_result(t, result);
		return status;
	}
	if (result)
		print_result(result);
	if (status == 0)
		say(stdout, "claim %s is released\n", name);
	else
		say(stdout, "claim %s is still there\n", name);
	return status;
}

static bool has_steps(const struct pcipt_plan *plan, const char *address)
{
	for (size_t i = 0; i < pcipt_plan_step_count(plan); i++) {
		const char *other = pcipt_plan_step_address(plan, i);

		if (other && strcmp(other, address) == 0)
			return true;
	}
	return false;
}

/* One device of a dry run: what it is on, and what it would be on. */
static void tell_future(struct tool *t, const struct picks *picks, const struct pcipt_claim *claim,
			const struct pcipt_plan *plan, size_t i)
{
	const char *address = pcipt_claim_device_address(claim, i);
	struct pcipt_device *device = NULL;
	const char *now, *then, *before = pcipt_claim_device_driver_before(claim, i);
	bool moves = has_steps(plan, address), back;
	struct json_object *object;

	(void)pcipt_snapshot_find(picks->snap, address, &device, NULL);
	now = pcipt_device_get_driver(device);
	then = moves ? before : now;
	back = before && now ? strcmp(before, now) == 0 : before == now;
	if (!t->out) {
		say_change(address, now, then);
		say(stdout, "%s\n", moves ? "" : !device ? "  (gone)" :
				   back ? "  (nothing to do)" : "  (left alone)");
		return;
	}
	object = json_object_new_object();
	if (!object)
		return;
	json_object_object_add(object, "address", json_text(address));
	json_object_object_add(object, "driver_before", json_text(now));
	json_object_object_add(object, "driver_after", json_text(then));
	json_object_object_add(object, "vfio_device", NULL);
	out_append(t, "devices", object);
}

static int plan_claim(struct tool *t, struct picks *picks, struct pcipt_claim *claim)
{
	_cleanup_(cleanup_plan) struct pcipt_plan *plan = NULL;
	_cleanup_(cleanup_json) struct json_object *steps = NULL;
	_cleanup_(cleanup_options) struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;
	int status = picks->snap ? 0 : take_snapshot(t, &picks->snap);

	if (!status)
		status = make_options(t, &options);
	if (status)
		return status;
	if (pcipt_plan_release(picks->snap, claim, options, &plan, &error) != 0)
		return fail(t, error);
	if (!t->out)
		say(stdout, "claim %s would be released\n", pcipt_claim_get_name(claim));
	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++)
		tell_future(t, picks, claim, plan, i);
	for (size_t i = 0; !t->out && i < pcipt_plan_step_count(plan); i++)
		say(stdout, "  %s\n", pcipt_plan_step_shell(plan, i));
	if (!t->out)
		return 0;
	if (pcipt_plan_to_json(plan, &text, &error) != 0)
		return fail(t, error);
	steps = take_json(text);
	for (size_t i = 0; steps && i < json_object_array_length(steps); i++)
		out_append(t, "steps", json_object_get(json_object_array_get_idx(steps, i)));
	return 0;
}

/* Writes the requested devices that weren't selected; an empty text when there are none. */
static char *missing_devices(const struct pick *pick)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file)
		return NULL;
	for (size_t i = 0; i < pcipt_claim_device_count(pick->claim); i++)
		if (!pick->devices[i] &&
		    pcipt_claim_device_role(pick->claim, i) == PCIPT_ROLE_REQUESTED)
			fprintf(file, "%s%s", ftell(file) > 0 ? ", " : "",
				pcipt_claim_device_address(pick->claim, i));
	if (fclose(file) == 0)
		return text;
	free(text);
	return NULL;
}

static int release_pick(struct tool *t, struct picks *picks, const struct pick *pick,
			struct total *total)
{
	const char *name = pcipt_claim_get_name(pick->claim);
	_cleanup_free_ char *missing = missing_devices(pick);
	int status;

	if (!missing)
		return fail_memory(t);
	if (t->out)
		append_members(t, pick->claim);
	if (*missing && !(t->given & OPT_WITH_CLAIM)) {
		status = fail_with(t, PCIPT_E_REFUSED, NULL,
				   "Name them all, release the claim by its name, or accept it "
				   "with --with-claim.",
				   "claim %s was made for %s too, and ends only as a whole", name,
				   missing);
		add_to_total(t, total, name, status, pcipt_outcome_name(PCIPT_OUTCOME_REFUSED));
		return status;
	}
	if (!(t->given & OPT_DRY_RUN))
		return release_claim(t, pick->claim, total);
	status = plan_claim(t, picks, pick->claim);
	add_to_total(t, total, name, status, status ? outcome_of(NULL, status) : NULL);
	return status;
}

int verb_release(struct tool *t)
{
	_cleanup_(clear_picks) struct picks picks = { 0 };
	struct total total = { 0 };
	const struct pick *only = NULL;
	size_t n = 0;
	int status = make_picks(t, &picks);

	/* A selector that can't be one is a slip; what the others mean is in doubt then. */
	if (status != EXIT_USAGE && picks.list) {
		for (size_t i = 0; i < picks.n; i++) {
			if (!picks.claims[i].picked)
				continue;
			only = n++ ? NULL : &picks.claims[i];
			status = worse(status, release_pick(t, &picks, &picks.claims[i], &total));
		}
	}
	if (only)
		out_set_text(t, "claim", pcipt_claim_get_name(only->claim));
	/* An argument that found no claim weighs more than what came of the others. */
	out_set_text(t, "result",
		     status == total.status ? total.result : outcome_of(NULL, status));
	return status;
}
