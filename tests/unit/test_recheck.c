/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the host began to use after the set was judged: looked at again under the locks, and
 * refused before the first write.
 */
#include <errno.h>

#include "machine.h"

static struct sim *sim;
static struct pcipt_context *ctx;

static void setup(void)
{
	sim = machine_new();
	sim_add_node(sim, GPU, "drm", "card0", "226:0");
	sim_add_node(sim, AUDIO, "sound", "controlC0", "116:2");
	sim_add_node(sim, NIC, "block", "nvme0n1", "259:0");
	ctx = sim_context(sim);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
}

static void open_somewhere(const char *numbers, bool block)
{
	sim_hold(sim, &(struct sim_holder){ .pid = 4711, .command = "late", .numbers = numbers,
					    .block = block });
}

static void assert_untouched(struct pcipt_error *error, const char *code)
{
	ck_assert_int_eq(pcipt_error_get_code(error), PCIPT_E_REFUSED);
	ck_assert_msg(strstr(pcipt_error_get_message(error), code) != NULL, "%s",
		      pcipt_error_get_message(error));
	ck_assert_uint_eq(sim_log_matches(sim, "write /sys"), 0);
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, AUDIO, "snd_hda_intel");
	assert_driver(sim, NIC, "e1000e");
	pcipt_error_unref(error);
}

START_TEST(opened_after_the_plan)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	open_somewhere("116:2", false);
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, &result, &error), PCIPT_E_REFUSED);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_REFUSED);
	assert_untouched(error, "held-open");
	pcipt_result_unref(result);
	/* Nothing is left locked or noted: when it is free, the same plan does. */
	sim_end_holders(sim);
	error = NULL;
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	assert_driver(sim, AUDIO, "vfio-pci");
	pcipt_plan_unref(plan);
}
END_TEST

START_TEST(a_disk_opened_after_the_plan)
{
	struct pcipt_plan *plan = machine_plan(ctx, NIC);
	struct pcipt_error *error = NULL;

	open_somewhere("259:0", true);
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_REFUSED);
	assert_untouched(error, "block-open");
	pcipt_plan_unref(plan);
}
END_TEST

/* The two-call way: the claim that had begun is gone, and its name free. */
START_TEST(opened_after_the_set)
{
	struct pcipt_set *set = machine_set(ctx, GPU);
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	open_somewhere("226:0", false);
	ck_assert_int_eq(pcipt_bind(ctx, set, NULL, &claim, &error), PCIPT_E_REFUSED);
	ck_assert_ptr_null(claim);
	assert_untouched(error, "held-open");
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	sim_end_holders(sim);
	error = NULL;
	assert_ok(pcipt_bind(ctx, set, NULL, &claim, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
}
END_TEST

/* Whoever was allowed to have it open then may have it open now. */
START_TEST(what_was_allowed_is_allowed)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_set *set;

	pcipt_options_set_with_set(options, true);
	assert_ok(pcipt_options_add_allow(options, "held-open", NULL, &error), error);
	set = machine_set_with(ctx, GPU, options);
	pcipt_options_unref(options);
	open_somewhere("226:0", false);
	assert_ok(pcipt_bind(ctx, set, NULL, &claim, &error), error);
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
}
END_TEST

/* A process that can't be looked into any more may be the one. */
START_TEST(not_known_any_more)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_hold(sim, &(struct sim_holder){ .pid = 4711, .errnum = EACCES });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_REFUSED);
	assert_untouched(error, "unreadable");
	pcipt_plan_unref(plan);
}
END_TEST

Suite *suite_recheck(void)
{
	Suite *suite = suite_create("recheck");
	TCase *tc = tcase_create("recheck");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, opened_after_the_plan);
	tcase_add_test(tc, a_disk_opened_after_the_plan);
	tcase_add_test(tc, opened_after_the_set);
	tcase_add_test(tc, what_was_allowed_is_allowed);
	tcase_add_test(tc, not_known_any_more);
	suite_add_tcase(suite, tc);
	return suite;
}
