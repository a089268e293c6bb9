/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scenario in C: trace ROOT [ADDRESS]. trace.py and trace.go do the same and print the same. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <libpcipt/libpcipt.h>

static struct pcipt_error *error;

/* One line for a call: its error, or "ok". */
static int told(const char *what, int code)
{
	char *json = code ? pcipt_error_to_json(error) : NULL;

	printf("%s: %s\n", what, code ? json : "ok");
	pcipt_free(json);
	error = pcipt_error_unref(error);
	return code;
}

static void print(const char *what, char *json)
{
	printf("%s: %s\n", what, json);
	pcipt_free(json);
}

static void list(struct pcipt_snapshot *snap)
{
	char *json = NULL;

	if (!told("list", pcipt_snapshot_to_json(snap, 0, &json, &error)))
		print("devices", json);
	if (!told("list", pcipt_snapshot_to_json(snap, PCIPT_JSON_FULL, &json, &error)))
		print("everything", json);
	for (size_t i = 0; i < pcipt_snapshot_group_count(snap); i++) {
		struct pcipt_group *group = pcipt_snapshot_group_at(snap, i);
		const char *type = pcipt_group_get_type(group);

		printf("group %d %s %d:", pcipt_group_get_number(group), type ? type : "-",
		       pcipt_group_viability(group));
		for (size_t n = 0; n < pcipt_group_device_count(group); n++)
			printf(" %s", pcipt_device_get_address(pcipt_group_device_at(group, n)));
		for (size_t n = 0; n < pcipt_group_reserved_region_count(group); n++)
			printf(" [%s]", pcipt_group_reserved_region_at(group, n));
		printf("\n");
	}
	for (size_t i = 0; i < pcipt_snapshot_problem_count(snap); i++)
		print("problem", pcipt_error_to_json(pcipt_snapshot_problem_at(snap, i)));
}

static struct pcipt_set *judge(struct pcipt_snapshot *snap, struct pcipt_device *device,
			       const struct pcipt_options *options)
{
	struct pcipt_set *set = NULL;
	char *json = NULL;

	if (told("set", pcipt_set_new(snap, &device, 1, options, &set, &error)))
		return NULL;
	printf("safe: %d, driver: %s\n", pcipt_set_is_safe(set), pcipt_set_get_driver(set));
	for (size_t i = 0; i < pcipt_set_member_count(set); i++)
		printf("member %s %s %s\n",
		       pcipt_device_get_address(pcipt_set_member_device(set, i)),
		       pcipt_role_name(pcipt_set_member_role(set, i)),
		       pcipt_action_name(pcipt_set_member_action(set, i)));
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++) {
		const char *address = pcipt_set_finding_address(set, i);

		printf("finding %s %s %s %d | %s | %s | %s\n", pcipt_set_finding_code(set, i),
		       pcipt_severity_name(pcipt_set_finding_severity(set, i)),
		       address ? address : "-", pcipt_set_finding_is_allowed(set, i),
		       pcipt_set_finding_message(set, i), pcipt_set_finding_evidence(set, i),
		       pcipt_set_finding_remedy(set, i));
	}
	if (!told("set", pcipt_set_to_json(set, &json, &error)))
		print("set", json);
	return set;
}

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

static struct pcipt_plan *tell_plan(struct pcipt_plan *plan)
{
	char *json = NULL;

	for (size_t i = 0; i < pcipt_plan_step_count(plan); i++)
		printf("step %s %s %s %s | %s\n", pcipt_op_name(pcipt_plan_step_op(plan, i)),
		       or_dash(pcipt_plan_step_address(plan, i)),
		       or_dash(pcipt_plan_step_path(plan, i)),
		       or_dash(pcipt_plan_step_value(plan, i)), pcipt_plan_step_shell(plan, i));
	if (!told("plan", pcipt_plan_to_json(plan, &json, &error)))
		print("plan", json);
	return plan;
}

/* The steps of different devices are made side by side: in order are those of one. */
static void tell_steps(struct pcipt_result *result, const char *address)
{
	for (size_t i = 0; i < pcipt_result_step_count(result); i++)
		if (strcmp(or_dash(pcipt_result_step_address(result, i)), address) == 0)
			printf("did %s %s %s %s %d %d\n",
			       pcipt_op_name(pcipt_result_step_op(result, i)), address,
			       or_dash(pcipt_result_step_path(result, i)),
			       or_dash(pcipt_result_step_value(result, i)),
			       pcipt_result_step_errno(result, i),
			       pcipt_result_step_is_undo(result, i));
}

static void tell_result(struct pcipt_result *result)
{
	printf("outcome: %s\n", result ? pcipt_outcome_name(pcipt_result_get_outcome(result)) : "-");
	for (size_t i = 0; i < pcipt_result_device_count(result); i++) {
		const char *address = pcipt_result_device_address(result, i);

		printf("device %s %s %s %s\n", address,
		       or_dash(pcipt_result_device_driver_before(result, i)),
		       or_dash(pcipt_result_device_driver_after(result, i)),
		       or_dash(pcipt_result_device_vfio_device(result, i)));
		tell_steps(result, address);
	}
	tell_steps(result, "-");
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++)
		print("warning", pcipt_error_to_json(pcipt_result_warning_at(result, i)));
	pcipt_result_unref(result);
}

static void apply(struct pcipt_context *ctx, struct pcipt_plan *plan)
{
	struct pcipt_result *result = NULL;

	(void)told("apply", pcipt_apply(ctx, plan, NULL, &result, &error));
	tell_result(result);
}

/* What somebody else is told who wants a device of a claim. */
static void not_his(struct pcipt_snapshot *snap, const char *address)
{
	struct pcipt_options *options = NULL;
	struct pcipt_device *device = NULL;

	(void)told("options", pcipt_options_new(&options, &error));
	(void)told("options", pcipt_options_set_owner(options, "somebody else", &error));
	if (!told("find", pcipt_snapshot_find(snap, address, &device, &error)))
		pcipt_set_unref(judge(snap, device, options));
	pcipt_options_unref(options);
}

/* Where the machine is real: its devices go back by a plan, then the claim ends. */
static void give_back(struct pcipt_context *ctx, struct pcipt_claim *claim)
{
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_plan *plan = NULL;
	struct pcipt_result *result = NULL;

	for (size_t i = 0; i < pcipt_claim_device_count(claim); i++)
		printf("claimed %s %s %s %s %s\n", pcipt_claim_device_address(claim, i),
		       pcipt_claim_device_identity(claim, i),
		       pcipt_role_name(pcipt_claim_device_role(claim, i)),
		       or_dash(pcipt_claim_device_driver_before(claim, i)),
		       or_dash(pcipt_claim_device_override_before(claim, i)));
	if (!told("snapshot", pcipt_snapshot_new(ctx, &snap, &error))) {
		not_his(snap, pcipt_claim_device_address(claim, 0));
		if (!told("plan", pcipt_plan_release(snap, claim, NULL, &plan, &error)))
			apply(ctx, tell_plan(plan));
	}
	(void)told("release", pcipt_claim_release(ctx, claim, NULL, &result, &error));
	tell_result(result);
	pcipt_plan_unref(plan);
	pcipt_snapshot_unref(snap);
}

static void act(struct pcipt_context *ctx, struct pcipt_set *set)
{
	struct pcipt_plan *plan = NULL;
	struct pcipt_result *result = NULL;
	struct pcipt_claim *claim = NULL;
	bool planned = !told("plan", pcipt_plan_bind(set, NULL, &plan, &error)), bound;

	if (planned)
		tell_plan(plan);
	bound = !told("bind", pcipt_claim_bind(ctx, set, NULL, &claim, &result, &error));
	tell_result(result);
	/* Where it is bound already, and where it can't be. */
	if (planned)
		apply(ctx, plan);
	if (bound)
		give_back(ctx, claim);
	pcipt_claim_unref(claim);
	pcipt_plan_unref(plan);
}

static void find(struct pcipt_snapshot *snap)
{
	static const char *const selectors[] = { "", "nonsense", "0000:99:00.0", "group=2",
						 "1af4:1009", "class=ffffff", "slot=pci0000:00" };

	for (size_t i = 0; i < sizeof(selectors) / sizeof(*selectors); i++) {
		struct pcipt_device **devices = NULL, *device = NULL;
		size_t n = 0;

		(void)told(selectors[i], pcipt_snapshot_find(snap, selectors[i], &device, &error));
		(void)told(selectors[i],
			   pcipt_snapshot_find_all(snap, selectors[i], &devices, &n, &error));
		for (size_t k = 0; k < n; k++)
			printf("found %s\n", pcipt_device_get_address(devices[k]));
		pcipt_free(devices);
	}
}

static void compare(struct pcipt_snapshot *snap, const char *identity)
{
	struct pcipt_device *device = NULL;
	char *facts = NULL;
	int verdict;

	if (told("compare", pcipt_identity_compare(snap, identity, NULL, &verdict, &device, &facts,
						   &error)))
		return;
	printf("%s %s: %s\n", pcipt_verdict_name(verdict),
	       device ? pcipt_device_get_address(device) : "-", facts);
	pcipt_free(facts);
}

static void pair(struct pcipt_context *ctx, struct pcipt_snapshot *snap, const char *address)
{
	struct pcipt_options *options = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_set *half, *whole, *allowed;

	if (told("find", pcipt_snapshot_find(snap, address, &device, &error)))
		return;
	compare(snap, pcipt_device_get_identity(device));
	half = judge(snap, device, NULL);
	act(ctx, half);
	(void)told("options", pcipt_options_new(&options, &error));
	pcipt_options_set_with_set(options, true);
	whole = judge(snap, device, options);
	for (size_t i = 0; i < pcipt_set_finding_count(whole); i++)
		if (pcipt_set_finding_severity(whole, i) == PCIPT_SEVERITY_BLOCKER)
			(void)pcipt_options_add_allow(options, pcipt_set_finding_code(whole, i),
						      pcipt_set_finding_address(whole, i), NULL);
	allowed = judge(snap, device, options);
	act(ctx, allowed);
	pcipt_set_unref(half);
	pcipt_set_unref(whole);
	pcipt_set_unref(allowed);
	pcipt_options_unref(options);
}

static void tell_report(struct pcipt_report *report, int failed)
{
	char *json = NULL;

	for (size_t i = 0; i < pcipt_report_action_count(report); i++)
		printf("action %s %s %s %s %s\n", pcipt_report_action_claim(report, i),
		       pcipt_report_action_from(report, i), pcipt_report_action_to(report, i),
		       pcipt_report_action_reason(report, i),
		       pcipt_report_action_message(report, i));
	if (!failed && !told("report", pcipt_report_to_json(report, &json, &error)))
		print("report", json);
	pcipt_report_unref(report);
}

static void tell_claims(struct pcipt_context *ctx, struct pcipt_claim_list *claims)
{
	struct pcipt_options *options = NULL;
	struct pcipt_report *report = NULL;
	char *json = NULL;
	int r;

	for (size_t i = 0; i < pcipt_claim_list_count(claims); i++) {
		struct pcipt_claim *claim = pcipt_claim_list_at(claims, i);

		printf("claim %s %s %s %s %s %u %d\n", pcipt_claim_get_name(claim),
		       pcipt_claim_state_name(pcipt_claim_get_state(claim)),
		       or_dash(pcipt_claim_get_reason(claim)),
		       or_dash(pcipt_claim_get_message(claim)),
		       or_dash(pcipt_claim_get_deadline(claim)), pcipt_claim_get_attempts(claim),
		       pcipt_claim_is_persistent(claim));
		if (!told("claim", pcipt_claim_to_json(claim, &json, &error)))
			print("claim", json);
	}
	r = told("recover", pcipt_recover(ctx, NULL, &report, &error));
	tell_report(report, r);
	report = NULL;
	if (pcipt_options_new(&options, NULL))
		return;
	pcipt_options_set_now(options, true);
	r = told("reconcile", pcipt_reconcile(ctx, options, &report, &error));
	tell_report(report, r);
	pcipt_options_unref(options);
}

/* What a monitor tells of a claim that ends. */
static void follow(struct pcipt_context *ctx, struct pcipt_claim *claim)
{
	struct pcipt_monitor *monitor = NULL;
	struct pcipt_event *event = NULL;
	char *json = NULL, path[4096];

	if (told("monitor", pcipt_monitor_new(ctx, &monitor, &error)))
		return;
	(void)told("forget", pcipt_claim_forget(ctx, claim, &error));
	snprintf(path, sizeof(path), "%s/claims/%s.json", pcipt_context_get_runtime_dir(ctx),
		 pcipt_claim_get_name(claim));
	(void)remove(path);
	while (!told("next", pcipt_monitor_next(monitor, &event, &error)) && event) {
		printf("event %s %s %s %s %s %s %s\n",
		       pcipt_event_type_name(pcipt_event_get_type(event)),
		       or_dash(pcipt_event_get_address(event)), or_dash(pcipt_event_get_claim(event)),
		       or_dash(pcipt_event_get_before(event)), or_dash(pcipt_event_get_after(event)),
		       or_dash(pcipt_event_get_reason(event)),
		       or_dash(pcipt_event_get_message(event)));
		if (!told("event", pcipt_event_to_json(event, &json, &error)))
			print("event", json);
		event = pcipt_event_unref(event);
	}
	pcipt_monitor_unref(monitor);
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_claim *claim = NULL;

	if (argc < 2 || pcipt_context_new(&ctx, NULL) || pcipt_context_set_root(ctx, argv[1], NULL))
		return 2;
	if (!told("snapshot", pcipt_snapshot_new(ctx, &snap, &error))) {
		list(snap);
		find(snap);
		compare(snap, "nonsense");
		compare(snap, "8086:dead:1af4:1100:00@pci0000:00/00.0");
		if (argc > 2)
			pair(ctx, snap, argv[2]);
	}
	if (!told("claims", pcipt_claim_list(ctx, &claims, &error))) {
		printf("%zu claims, %zu problems\n", pcipt_claim_list_count(claims),
		       pcipt_claim_list_problem_count(claims));
		tell_claims(ctx, claims);
	}
	if (!told("claim", pcipt_claim_find(ctx, "desktop", &claim, &error)))
		follow(ctx, claim);
	pcipt_claim_unref(claim);
	pcipt_claim_list_unref(claims);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return 0;
}
