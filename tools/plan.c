/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pcipt plan, and bind --dry-run: what would be done, and what stands against it. */
#include <string.h>

#include "common.h"

void clear_request(struct request *request)
{
	(void)pcipt_set_unref(request->set);
	(void)pcipt_options_unref(request->options);
	(void)pcipt_snapshot_unref(request->snap);
}

static int add_allow(struct tool *t, struct pcipt_options *options, const char *word)
{
	const char *at = strchr(word, '@');
	_cleanup_free_ char *code = at ? strndup(word, (size_t)(at - word)) : strdup(word);
	struct pcipt_error *error = NULL;

	if (!code)
		return fail_memory(t);
	if (pcipt_options_add_allow(options, code, at ? at + 1 : NULL, &error) != 0)
		return fail(t, error);
	return 0;
}

int make_options(struct tool *t, struct pcipt_options **out)
{
	_cleanup_(cleanup_options) struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;
	int status = 0;

	if (pcipt_options_new(&options, &error) != 0)
		return fail(t, error);
	pcipt_options_set_with_set(options, (t->given & OPT_WITH_SET) != 0);
	pcipt_options_set_persistent(options, (t->given & OPT_PERSISTENT) != 0);
	pcipt_options_set_with_companions(options, (t->given & OPT_WITH_COMPANIONS) != 0);
	if (t->driver && pcipt_options_set_driver(options, t->driver, &error) != 0)
		return fail(t, error);
	if (t->name && pcipt_options_set_name(options, t->name, &error) != 0)
		return fail(t, error);
	if (t->owner && pcipt_options_set_owner(options, t->owner, &error) != 0)
		return fail(t, error);
	for (size_t i = 0; i < t->n_allow && !status; i++)
		status = add_allow(t, options, t->allow[i]);
	if (!status)
		*out = steal(options);
	return status;
}

static int merge_set(struct tool *t, const struct pcipt_set *set)
{
	_cleanup_(cleanup_json) struct json_object *object = NULL;
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (!t->out)
		return 0;
	if (pcipt_set_to_json(set, &text, &error) != 0)
		return fail(t, error);
	object = take_json(text);
	if (!object)
		return fail_memory(t);
	out_merge(t, object);
	return 0;
}

int make_request(struct tool *t, struct request *request)
{
	_cleanup_free_ struct pcipt_device **devices = NULL;
	struct pcipt_error *error = NULL;
	size_t n = 0;
	int status = make_options(t, &request->options);

	if (!status)
		status = take_scoped_snapshot(t, &request->snap);
	if (!status)
		status = select_devices(t, request->snap, &devices, &n);
	if (status)
		return status;
	if (pcipt_set_new(request->snap, devices, n, request->options, &request->set, &error) != 0)
		return fail(t, error);
	return merge_set(t, request->set);
}

/* The findings about a device, so that the tree shows where each of them stands. */
static void print_codes(const struct pcipt_set *set, const char *address, const char *stem)
{
	bool any = false;

	for (size_t i = 0; i < pcipt_set_finding_count(set); i++) {
		const char *about = pcipt_set_finding_address(set, i);

		if (!about || strcmp(about, address) != 0)
			continue;
		say(stdout, "%s%s %s%s", any ? ", " : stem,
		    pcipt_severity_name(pcipt_set_finding_severity(set, i)),
		    pcipt_set_finding_code(set, i),
		    pcipt_set_finding_is_allowed(set, i) ? " (allowed)" : "");
		any = true;
	}
	if (any)
		say(stdout, "\n");
}

/* "VGA compatible controller: NVIDIA Corporation GA104", as far as there are names. */
static void print_names(struct pcipt_device *device, const char *stem)
{
	const char *class_name = pcipt_device_get_class_name(device);
	const char *vendor = pcipt_device_get_vendor_name(device);
	const char *name = pcipt_device_get_device_name(device);

	if (class_name || name)
		say(stdout, "%s%s%s%s%s%s\n", stem, class_name ? class_name : "",
		    class_name && name ? ": " : "", name && vendor ? vendor : "",
		    name && vendor ? " " : "", name ? name : "");
}

static void print_member(const struct pcipt_set *set, size_t i, bool last)
{
	struct pcipt_device *device = pcipt_set_member_device(set, i);
	const char *now = pcipt_device_get_driver(device), *stem = last ? "      " : "|     ";
	int action = pcipt_set_member_action(set, i);
	char ids[12];

	say(stdout, "%s %-12s  %-9s  %-13s  %-4s  %s", last ? "`--" : "|--",
	    pcipt_device_get_address(device), ids_text(device, ids),
	    pcipt_role_name(pcipt_set_member_role(set, i)), pcipt_action_name(action),
	    now ? now : "none");
	if (action == PCIPT_ACTION_BIND)
		say(stdout, " -> %s", pcipt_set_get_driver(set));
	say(stdout, "\n");
	print_names(device, stem);
	print_codes(set, pcipt_device_get_address(device), stem);
}

static bool is_in(const struct pcipt_set *set, size_t i, const struct pcipt_group *group)
{
	return pcipt_device_get_group(pcipt_set_member_device(set, i)) == group;
}

/* Members are ordered by address, so those of one group needn't stand together. */
static void print_members(const struct pcipt_set *set)
{
	size_t n = pcipt_set_member_count(set);

	for (size_t i = 0; i < n; i++) {
		struct pcipt_group *group = pcipt_device_get_group(pcipt_set_member_device(set, i));
		size_t last = i;
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = is_in(set, j, group);
		if (seen)
			continue;
		for (size_t j = i; j < n; j++)
			last = is_in(set, j, group) ? j : last;
		if (group)
			say(stdout, "IOMMU group %d (%s)\n", pcipt_group_get_number(group),
			    pcipt_group_get_type(group) ? pcipt_group_get_type(group) :
							  "type unknown");
		else
			say(stdout, "without an IOMMU group\n");
		for (size_t j = i; j < n; j++)
			if (is_in(set, j, group))
				print_member(set, j, j == last);
	}
}

/* What belongs to the set's devices or is reset with them, and stays where it is. */
static void print_companions(const struct pcipt_set *set)
{
	for (size_t i = 0; i < pcipt_set_companion_count(set); i++) {
		const struct pcipt_device *device = pcipt_set_companion_device(set, i);
		const char *now = pcipt_device_get_driver(device);
		char ids[12];

		if (i == 0)
			say(stdout, "not in the set (--with-companions takes them too)\n");
		say(stdout, "  %-12s  %-9s  %-13s  stays on %s\n",
		    pcipt_device_get_address(device), ids_text(device, ids),
		    pcipt_role_name(pcipt_set_companion_role(set, i)), now ? now : "no driver");
	}
}

static bool stands_against(const struct pcipt_set *set, size_t i)
{
	return pcipt_set_finding_severity(set, i) != PCIPT_SEVERITY_WARNING &&
	       !pcipt_set_finding_is_allowed(set, i);
}

static size_t print_findings(const struct pcipt_set *set)
{
	size_t n = pcipt_set_finding_count(set), against = 0;

	if (n > 0)
		say(stdout, "findings\n");
	for (size_t i = 0; i < n; i++) {
		const char *address = pcipt_set_finding_address(set, i);
		const char *evidence = pcipt_set_finding_evidence(set, i);
		const char *remedy = pcipt_set_finding_remedy(set, i);

		against += stands_against(set, i);
		say(stdout, "  %s: %s%s%s%s\n      %s\n",
		    pcipt_severity_name(pcipt_set_finding_severity(set, i)),
		    pcipt_set_finding_code(set, i), address ? " " : "", address ? address : "",
		    pcipt_set_finding_is_allowed(set, i) ? " (allowed)" : "",
		    pcipt_set_finding_message(set, i));
		if (evidence)
			say(stdout, "      seen: %s\n", evidence);
		if (remedy)
			say(stdout, "      do:   %s\n", remedy);
	}
	return against;
}

static void print_steps(const struct pcipt_plan *plan)
{
	size_t n = pcipt_plan_step_count(plan);

	say(stdout, n ? "steps\n" : "steps: none, everything is as it should be already\n");
	for (size_t i = 0; i < n; i++)
		say(stdout, "  %s\n", pcipt_plan_step_shell(plan, i));
}

static int tell_plan(struct tool *t, const struct pcipt_plan *plan)
{
	struct pcipt_error *error = NULL;
	char *text = NULL;

	if (!t->out) {
		print_steps(plan);
		return 0;
	}
	if (pcipt_plan_to_json(plan, &text, &error) != 0)
		return fail(t, error);
	out_set(t, "steps", take_json(text));
	return 0;
}

static void tell_claim(struct tool *t, const struct pcipt_set *set)
{
	_cleanup_(cleanup_claims) struct pcipt_claim_list *claims = try_claims(t);
	const char *claim = NULL;

	for (size_t i = 0; i < pcipt_set_member_count(set) && !claim; i++)
		if (pcipt_set_member_role(set, i) == PCIPT_ROLE_REQUESTED)
			claim = claim_of(claims,
					 pcipt_device_get_address(pcipt_set_member_device(set, i)));
	if (claim)
		out_set_text(t, "claim", claim);
	if (claim && !t->out)
		say(stdout, "claim %s holds it already\n", claim);
}

int verb_plan(struct tool *t)
{
	_cleanup_(clear_request) struct request request = { 0 };
	_cleanup_(cleanup_plan) struct pcipt_plan *plan = NULL;
	struct pcipt_error *error = NULL;
	size_t against = 0;
	int status = make_request(t, &request);

	if (status)
		return status;
	if (!t->out) {
		print_members(request.set);
		print_companions(request.set);
		against = print_findings(request.set);
	}
	tell_claim(t, request.set);
	if (pcipt_plan_bind(request.set, request.options, &plan, &error) == 0) {
		status = tell_plan(t, plan);
	} else if (t->out || pcipt_error_get_code(error) != PCIPT_E_REFUSED) {
		status = fail(t, error);
	} else {
		/* The tree has said it all; a person needn't be told again on stderr. */
		(void)pcipt_error_unref(error);
		status = EXIT_REFUSED;
	}
	if (status == 0 && !t->out)
		say(stdout, "safe\n");
	if (status == EXIT_REFUSED && !t->out)
		say(stdout, "not safe: %zu finding%s stand%s against it\n", against,
		    against == 1 ? "" : "s", against == 1 ? "s" : "");
	return status;
}
