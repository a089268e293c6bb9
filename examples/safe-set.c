/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which devices must move together with one, and what stands against that? If
 * nothing does, the steps are printed as the shell lines that a person would type.
 * Nothing is changed.
 *
 *     safe-set ADDRESS [ROOT]
 */
#include <stdio.h>
#include <libpcipt/libpcipt.h>

static void print_set(const struct pcipt_set *set)
{
	for (size_t i = 0; i < pcipt_set_member_count(set); i++)
		printf("%s %s %s\n",
		       pcipt_device_get_address(pcipt_set_member_device(set, i)),
		       pcipt_role_name(pcipt_set_member_role(set, i)),
		       pcipt_action_name(pcipt_set_member_action(set, i)));
	for (size_t i = 0; i < pcipt_set_finding_count(set); i++)
		printf("%s %s: %s (%s). %s\n",
		       pcipt_severity_name(pcipt_set_finding_severity(set, i)),
		       pcipt_set_finding_code(set, i), pcipt_set_finding_message(set, i),
		       pcipt_set_finding_evidence(set, i), pcipt_set_finding_remedy(set, i));
}

static int print_plan(struct pcipt_set *set, struct pcipt_error **error)
{
	struct pcipt_plan *plan = NULL;
	int r = pcipt_plan_bind(set, NULL, &plan, error);

	for (size_t i = 0; i < pcipt_plan_step_count(plan); i++)
		printf("%s\n", pcipt_plan_step_shell(plan, i));
	pcipt_plan_unref(plan);
	return r;
}

int main(int argc, char **argv)
{
	struct pcipt_context *ctx = NULL;
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_options *options = NULL;
	struct pcipt_set *set = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_device *device;
	int failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: safe-set ADDRESS [ROOT]\n");
		return 2;
	}
	if (pcipt_context_new(&ctx, &error) ||
	    (argc > 2 && pcipt_context_set_root(ctx, argv[2], &error)) ||
	    /* Only what belongs to the device is read, however big the machine. */
	    pcipt_snapshot_new_scoped(ctx, (const char *const *)&argv[1], 1, &snap, &error) ||
	    pcipt_snapshot_find(snap, argv[1], &device, &error) ||
	    pcipt_options_new(&options, &error)) {
		failed = 1;
	} else {
		pcipt_options_set_with_set(options, true);
		failed = pcipt_set_new(snap, &device, 1, options, &set, &error) != 0;
	}
	if (!failed) {
		print_set(set);
		/* An unsafe set is an answer; only its plan is an error. */
		failed = !pcipt_set_is_safe(set) || print_plan(set, &error);
	}
	if (error)
		fprintf(stderr, "%s\n", pcipt_error_get_message(error));
	pcipt_error_unref(error);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
	pcipt_snapshot_unref(snap);
	pcipt_context_unref(ctx);
	return failed;
}
