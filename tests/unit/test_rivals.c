/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two records that name the same device: a copy made by hand, a backup brought back. Both are told,
 * nothing goes to and fro between them, and each can be ended.
 */
#include "machine.h"

#include "usage/record.h"

#define RUN_DIR "/run/libpcipt/claims"
#define STATE_DIR "/var/lib/libpcipt/claims"

static const int states[] = { PCIPT_CLAIM_BINDING, PCIPT_CLAIM_BOUND,	PCIPT_CLAIM_RELEASING,
			      PCIPT_CLAIM_PENDING, PCIPT_CLAIM_WAITING, PCIPT_CLAIM_STUCK };
#define N_STATES 6

static struct sim *sim;
static struct pcipt_context *ctx;

static void setup(void)
{
	sim = machine_new();
	ctx = sim_context(sim);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
}

/* Writes the claim's record anew: under that name, in that folder, as if in that state. */
static void copy_record(const char *of, const char *name, const char *folder, int state)
{
	char *from = test_format("%s.json", of), *file = test_format("%s.json", name), *text;
	struct pcipt_error *error = NULL;
	struct pcipt_record record;

	assert_ok(pcipt_record_parse(sim_record(sim, from), strlen(sim_record(sim, from)), &record,
				     &error),
		  error);
	free(record.name);
	record.name = strdup(name);
	record.state = state;
	/* Due at once: nothing is put off. */
	record.deadline_ms = state == PCIPT_CLAIM_BOUND ? -1 : 0;
	if (state == PCIPT_CLAIM_WAITING || state == PCIPT_CLAIM_STUCK) {
		record.reason = strdup("free");
		record.message = strdup("it was in use");
	}
	text = pcipt_record_print(&record);
	sim_put_record(sim, folder, file, text);
	free(text);
	pcipt_record_clear(&record);
	free(file);
	free(from);
}

static struct pcipt_report *reconcile(void)
{
	struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_reconcile(ctx, NULL, &report, &error), error);
	return report;
}

static const char *find_line(const struct pcipt_report *report, const char *claim)
{
	for (size_t i = 0; i < pcipt_report_action_count(report); i++)
		if (strcmp(pcipt_report_action_claim(report, i), claim) == 0 &&
		    strcmp(pcipt_report_action_reason(report, i), "claimed") == 0)
			return pcipt_report_action_message(report, i);
	return NULL;
}

static struct pcipt_claim_list *list(size_t n, size_t n_problems)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_count(claims), n);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), n_problems);
	return claims;
}

static void release(const char *name)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_find(ctx, name, &claim, &error), error);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	pcipt_claim_unref(claim);
}

/* Who asks hears of both, of the device, and what to do; reconciling tells the same and does nothing. */
START_TEST(told_and_left)
{
	struct pcipt_claim_list *claims;
	struct pcipt_report *report;
	const struct pcipt_error *problem;

	machine_bind(ctx, GPU, "vm", false);
	copy_record("vm", "copy", _i ? STATE_DIR : RUN_DIR, PCIPT_CLAIM_BOUND);
	claims = list(2, 1);
	problem = pcipt_claim_list_problem_at(claims, 0);
	ck_assert_int_eq(pcipt_error_get_code(problem), PCIPT_E_CLAIMED);
	ck_assert_str_eq(pcipt_error_get_message(problem), GPU " is in two claims, copy and vm");
	ck_assert_str_eq(pcipt_error_get_address(problem), GPU);
	ck_assert_str_eq(pcipt_error_get_path(problem), RUN_DIR "/vm.json");
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_remedy(problem), "pcipt forget vm"));
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_remedy(problem), "pcipt forget copy"));
	pcipt_claim_list_unref(claims);
	for (int i = 0; i < 2; i++) {
		sim_log_clear(sim);
		report = reconcile();
		ck_assert_uint_eq(pcipt_report_action_count(report), 1);
		ck_assert_ptr_nonnull(strstr(find_line(report, "vm"), "copy and vm. End the one"));
		ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
		ck_assert_uint_eq(sim_log_matches(sim, "record-write vm"), 0);
		ck_assert_uint_eq(sim_log_matches(sim, "record-write copy"), 0);
		pcipt_report_unref(report);
	}
}
END_TEST

/* The first release ends its claim alone, and says where the devices are; the second gives them back. */
START_TEST(ended_one_after_the_other)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	machine_bind(ctx, GPU, "vm", false);
	copy_record("vm", "copy", RUN_DIR, PCIPT_CLAIM_BOUND);
	assert_ok(pcipt_claim_find(ctx, _i ? "copy" : "vm", &claim, &error), error);
	assert_ok(pcipt_claim_release(ctx, claim, NULL, &result, &error), error);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_DONE);
	ck_assert_uint_eq(pcipt_result_warning_count(result), 2);
	ck_assert_int_eq(pcipt_error_get_code(pcipt_result_warning_at(result, 0)), PCIPT_E_CLAIMED);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(pcipt_result_warning_at(result, 0)),
				     _i ? "claim vm as well" : "claim copy as well"));
	pcipt_result_unref(result);
	pcipt_claim_unref(claim);
	assert_driver(sim, GPU, "vfio-pci");
	assert_driver(sim, AUDIO, "vfio-pci");
	pcipt_claim_list_unref(list(1, 0));
	release(_i ? "vm" : "copy");
	assert_driver(sim, GPU, "nouveau");
	assert_driver(sim, AUDIO, "snd_hda_intel");
	pcipt_claim_list_unref(list(0, 0));
}
END_TEST

/* Copied into the other folder, so that both have one name, and one id. */
START_TEST(of_one_name)
{
	struct pcipt_claim_list *claims;
	struct pcipt_report *report;
	const struct pcipt_error *problem;

	machine_bind(ctx, GPU, "vm", false);
	copy_record("vm", "vm", STATE_DIR, PCIPT_CLAIM_BOUND);
	claims = list(2, 1);
	problem = pcipt_claim_list_problem_at(claims, 0);
	ck_assert_str_eq(pcipt_error_get_message(problem),
			 GPU " is in two records of the claim vm, one of this boot and " STATE_DIR
			     "/vm.json");
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(problem));
	pcipt_claim_list_unref(claims);
	report = reconcile();
	ck_assert_uint_eq(pcipt_report_action_count(report), 1);
	ck_assert_ptr_nonnull(find_line(report, "vm"));
	pcipt_report_unref(report);
	/* That of this boot comes first. */
	release("vm");
	assert_driver(sim, GPU, "vfio-pci");
	claims = list(1, 0);
	ck_assert(pcipt_claim_is_persistent(pcipt_claim_list_at(claims, 0)));
	pcipt_claim_list_unref(claims);
	release("vm");
	assert_driver(sim, GPU, "nouveau");
	pcipt_claim_list_unref(list(0, 0));
}
END_TEST

/* Whatever either says, it comes to rest: no kernel write from the third time on; then all can be ended. */
START_TEST(comes_to_rest)
{
	static const char *const names[] = { "copy", "zcopy" };
	static const char *const files[] = { "copy.json", "zcopy.json" };
	struct pcipt_report *report;

	for (int twin = 0; twin < 2; twin++) {
		char *state;

		machine_bind(ctx, GPU, "vm", true);
		copy_record("vm", names[twin], STATE_DIR, states[_i % N_STATES]);
		copy_record("vm", "vm", STATE_DIR, states[_i / N_STATES]);
		for (int i = 0; i < 2; i++)
			pcipt_report_unref(reconcile());
		state = sim_state(sim);
		sim_log_clear(sim);
		for (int i = 0; i < 3; i++) {
			report = reconcile();
			ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
			assert_state(sim, state, "once more");
			ck_assert(!sim_record(sim, "vm.json") || !sim_record(sim, files[twin]) ||
				  find_line(report, twin ? "zcopy" : "vm"));
			pcipt_report_unref(report);
		}
		free(state);
		if (sim_record(sim, "vm.json"))
			release("vm");
		if (sim_record(sim, files[twin]))
			release(names[twin]);
		assert_driver(sim, GPU, "nouveau");
		assert_driver(sim, AUDIO, "snd_hda_intel");
		pcipt_claim_list_unref(list(0, 0));
	}
}
END_TEST

Suite *suite_rivals(void)
{
	Suite *suite = suite_create("rivals");
	TCase *tc = tcase_create("rivals");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, told_and_left, 0, 2);
	tcase_add_loop_test(tc, ended_one_after_the_other, 0, 2);
	tcase_add_test(tc, of_one_name);
	tcase_add_loop_test(tc, comes_to_rest, 0, N_STATES * N_STATES);
	suite_add_tcase(suite, tc);
	return suite;
}
