/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The case that this project was born from, step by step. Two functions of one card, each
 * wanted by somebody else, one of whom knows nothing of the other's claim; the controller
 * is started anew at each point, records are deleted by hand, the power is cut. A claim is
 * never "in progress" past its deadline, and what stands in the way is always said: which
 * device, why, and what to do.
 */
#include "machine.h"

#include <errno.h>

#include "usage/record.h"

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

/* The controller is started anew: it knows nothing but what lies on the disk. */
static void restart(void)
{
	pcipt_context_unref(ctx);
	ctx = sim_context(sim);
}

/* Records of claims: what else lies on the disk (the boot's list) holds nothing. */
static size_t count_claims(void)
{
	struct pcipt_claim_list *list = NULL;
	struct pcipt_error *error = NULL;
	size_t n;

	assert_ok(pcipt_claim_list(ctx, &list, &error), error);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(list), 0);
	n = pcipt_claim_list_count(list);
	pcipt_claim_list_unref(list);
	return n;
}

/* Which device, why, and what to do. */
static void assert_explains(const struct pcipt_error *error)
{
	const char *text = pcipt_error_get_message(error), *address = pcipt_error_get_address(error);

	ck_assert_ptr_nonnull(text);
	ck_assert_msg(address || strstr(text, "0000:"), "names no device: %s", text);
	ck_assert_msg(pcipt_error_get_remedy(error) && *pcipt_error_get_remedy(error),
		      "says nothing to do: %s", text);
}

static int want(const char *address, const char *name, const char *owner, struct pcipt_error **error)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_snapshot *snap = NULL;
	struct pcipt_device *device = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set = NULL;
	int r;

	pcipt_options_set_persistent(options, true);
	ck_assert_int_eq(pcipt_options_set_name(options, name, NULL), 0);
	ck_assert_int_eq(pcipt_options_set_owner(options, owner, NULL), 0);
	r = pcipt_snapshot_new(ctx, &snap, error);
	if (r == 0)
		r = pcipt_snapshot_find(snap, address, &device, error);
	if (r == 0)
		r = pcipt_set_new(snap, &device, 1, options, &set, error);
	if (r == 0)
		r = pcipt_bind(ctx, set, options, &claim, error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_snapshot_unref(snap);
	pcipt_options_unref(options);
	return r;
}

static int give_back(const char *name, const char *owner, struct pcipt_error **error)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_claim *claim = NULL;
	int r = pcipt_claim_find(ctx, name, &claim, error);

	ck_assert_int_eq(pcipt_options_set_owner(options, owner, NULL), 0);
	if (r == 0)
		r = pcipt_release(ctx, claim, options, error);
	pcipt_claim_unref(claim);
	pcipt_options_unref(options);
	return r;
}

/* What is in progress has a deadline to come; what waits says why. */
static void assert_nothing_hangs(const char *when)
{
	struct pcipt_error *error = NULL;
	struct pcipt_records records;

	assert_ok(pcipt_records_read(ctx, &records, &error), error);
	for (size_t i = 0; i < records.n; i++) {
		const struct pcipt_record *r = &records.items[i];

		ck_assert_msg(r->state == PCIPT_CLAIM_BOUND || r->deadline_ms > pcipt_boot_ms(),
			      "%s: %s is %s past its deadline", when, r->name,
			      pcipt_claim_state_name(r->state));
		ck_assert_msg((r->state != PCIPT_CLAIM_WAITING && r->state != PCIPT_CLAIM_STUCK) ||
				      (r->reason && r->message && strstr(r->message, "0000:") &&
				       strstr(r->message, ". ")),
			      "%s: %s doesn't say what it waits for: %s", when, r->name,
			      r->message ? r->message : "nothing");
	}
	pcipt_records_clear(&records);
}

static void pass_deadlines(void)
{
	struct pcipt_error *error = NULL;
	struct pcipt_records records;

	assert_ok(pcipt_records_read(ctx, &records, &error), error);
	for (size_t i = 0; i < records.n; i++) {
		struct pcipt_record *r = &records.items[i];
		char *file = test_format("%s.json", r->name), *text;

		r->deadline_ms = r->state == PCIPT_CLAIM_BOUND ? -1 : 0;
		text = pcipt_record_print(r);
		sim_put_record(sim, sim_record_folder(sim, file), file, text);
		free(text);
		free(file);
	}
	pcipt_records_clear(&records);
}

/* The controller is started anew, finds deadlines that are past, and reconciles. */
static void come_back(const char *when)
{
	struct pcipt_error *error = NULL;

	restart();
	pass_deadlines();
	pcipt_reconcile(ctx, NULL, NULL, &error);
	pcipt_error_unref(error);
	assert_nothing_hangs(when);
}

static void assert_all_native(const char *when)
{
	char *state = sim_state(sim);

	ck_assert_msg(!strstr(state, "vfio-pci"), "%s: %s", when, state);
	ck_assert_msg(strstr(state, "driver nouveau, override none") &&
			      strstr(state, "driver snd_hda_intel, override none"),
		      "%s: %s", when, state);
	free(state);
}

static void end_all(const char *when)
{
	struct pcipt_claim_list *list = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_list(ctx, &list, &error), error);
	for (size_t i = 0; i < pcipt_claim_list_count(list); i++) {
		int r = pcipt_release(ctx, pcipt_claim_list_at(list, i), NULL, &error);

		ck_assert_msg(r == 0, "%s: %s", when, pcipt_error_get_message(error));
	}
	pcipt_claim_list_unref(list);
	assert_all_native(when);
	ck_assert_uint_eq(count_claims(), 0);
}

/* ---- the story ---- */

START_TEST(two_who_want_one_card)
{
	struct pcipt_error *error = NULL;

	/* The first interface claims the display; the sound goes with it. */
	assert_ok(want(GPU, "gpu-vm1", "first interface", &error), error);
	/* The second one claims the sound, and knows nothing of the first: it is told whose it is. */
	restart();
	ck_assert_int_eq(want(AUDIO, "audio-vm2", "second interface", &error), PCIPT_E_REFUSED);
	assert_explains(error);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "gpu-vm1"));
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_remedy(error), "pcipt release gpu-vm1"));
	error = pcipt_error_unref(error);
	ck_assert_uint_eq(count_claims(), 1);
	assert_nothing_hangs("refused");
	/* It can't take it by releasing it, unless it is told to. */
	ck_assert_int_eq(give_back("gpu-vm1", "second interface", &error), PCIPT_E_CLAIMED);
	assert_explains(error);
	error = pcipt_error_unref(error);
	assert_driver(sim, GPU, "vfio-pci");
	assert_ok(give_back("gpu-vm1", "first interface", &error), error);
	assert_all_native("given back by its owner");
	/* Now the second may have it. */
	assert_ok(want(AUDIO, "audio-vm2", "second interface", &error), error);
	assert_ok(give_back("audio-vm2", NULL, &error), error);
	assert_all_native("given back by who was told to");
}
END_TEST

/* A new machine on which a claim or its release ends at that operation; whether there is one. */
static bool end_at(unsigned int n, bool releasing)
{
	size_t begun;
	bool reached;

	setup();
	if (releasing)
		ck_assert_int_eq(want(GPU, "gpu-vm1", "first", NULL), 0);
	begun = sim_log_count(sim);
	sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, 0, EIO, SIM_FAILS });
	if (releasing)
		give_back("gpu-vm1", "first", NULL);
	else
		want(GPU, "gpu-vm1", "first", NULL);
	reached = sim_log_count(sim) - begun >= n;
	sim_mend(sim);
	return reached;
}

/* Killed at any operation of the claim or of its release, and started anew. */
START_TEST(controller_restarted_at_each_point)
{
	bool more = true;
	unsigned int n;

	teardown();
	for (n = 1; more; n++) {
		char *when = test_format("%s killed at operation %u", _i ? "release" : "bind", n);

		more = end_at(n, _i);
		come_back(when);
		/* Whoever asks now gets the device, or is told why not. */
		if (want(AUDIO, "audio-vm2", "second", NULL) < 0)
			end_all(when);
		else
			ck_assert_int_eq(give_back("audio-vm2", "second", NULL), 0);
		if (count_claims() > 0)
			end_all(when);
		assert_all_native(when);
		free(when);
		teardown();
	}
	ck_assert_uint_gt(n, 20);
	setup();
}
END_TEST

/* The record is deleted by hand: what is bound is foreign then, which is said, and can be adopted. */
START_TEST(records_deleted_by_hand)
{
	struct pcipt_options *options = machine_options();
	struct pcipt_error *error = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_set *set;

	sim_put_file(sim, "/proc/sys/kernel/osrelease", "6.1.0");
	sim_put_file(sim, "/lib/modules/6.1.0/modules.alias",
		     "alias pci:v000010DEd00002484sv*sd*bc*sc*i* nouveau\n"
		     "alias pci:v000010DEd0000228Bsv*sd*bc*sc*i* snd_hda_intel\n");
	assert_ok(want(GPU, "gpu-vm1", "first", &error), error);
	sim_take_record(sim, "gpu-vm1.json");
	come_back("without its record");
	ck_assert_int_eq(give_back("gpu-vm1", NULL, &error), PCIPT_E_NO_CLAIM);
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	error = pcipt_error_unref(error);
	ck_assert_int_eq(want(GPU, "again", "second", &error), PCIPT_E_REFUSED);
	assert_explains(error);
	ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "no claim says who wants it"));
	error = pcipt_error_unref(error);
	assert_ok(pcipt_options_add_allow(options, "foreign-owner", NULL, &error), error);
	set = machine_set_with(ctx, GPU, options);
	assert_ok(pcipt_bind(ctx, set, options, &claim, &error), error);
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	assert_all_native("adopted and given back");
	pcipt_claim_unref(claim);
	pcipt_set_unref(set);
	pcipt_options_unref(options);
}
END_TEST

/* Another boot: drivers and overrides are gone, and so is the runtime folder. */
static void cut_the_power(void)
{
	struct pcipt_error *error = NULL;
	struct pcipt_records records;

	assert_ok(pcipt_records_read(ctx, &records, &error), error);
	for (size_t i = 0; i < records.n; i++) {
		char *file = test_format("%s.json", records.items[i].name), *text;

		free(records.items[i].boot_id);
		records.items[i].boot_id = strdup("another boot");
		text = pcipt_record_print(&records.items[i]);
		if (records.items[i].persistent)
			sim_put_record(sim, sim_record_folder(sim, file), file, text);
		else
			sim_take_record(sim, file);
		free(text);
		free(file);
	}
	pcipt_records_clear(&records);
	sim_force_driver(sim, GPU, "nouveau");
	sim_force_driver(sim, AUDIO, "snd_hda_intel");
	sim_force_override(sim, GPU, NULL);
	sim_force_override(sim, AUDIO, NULL);
	sim_force_power(sim, GPU, "auto");
	sim_force_power(sim, AUDIO, "auto");
}

/* At any operation: what was promised is there again, what was under way is not. */
START_TEST(power_cut_at_each_point)
{
	bool more = true;
	unsigned int n;

	teardown();
	for (n = 1; more; n++) {
		char *when = test_format("power cut at operation %u of a %s", n,
					 _i ? "release" : "bind");
		bool bound;

		more = end_at(n, _i);
		bound = sim_record(sim, "gpu-vm1.json") &&
			strstr(sim_record(sim, "gpu-vm1.json"), "\"bound\"");
		cut_the_power();
		come_back(when);
		assert_driver(sim, GPU, bound ? "vfio-pci" : "nouveau");
		assert_driver(sim, AUDIO, bound ? "vfio-pci" : "snd_hda_intel");
		ck_assert_msg(count_claims() == (bound ? 1 : 0), "%s: %zu records", when,
			      count_claims());
		end_all(when);
		free(when);
		teardown();
	}
	ck_assert_uint_gt(n, 20);
	setup();
}
END_TEST

static void set_deadline(const char *text, int64_t boot_ms)
{
	struct pcipt_error *error = NULL;
	struct pcipt_records records;
	char *printed;

	assert_ok(pcipt_records_read(ctx, &records, &error), error);
	ck_assert_uint_eq(records.n, 1);
	free(records.items[0].deadline);
	records.items[0].deadline = strdup(text);
	records.items[0].deadline_ms = boot_ms;
	printed = pcipt_record_print(&records.items[0]);
	sim_put_record(sim, sim_record_folder(sim, "gpu-vm1.json"), "gpu-vm1.json", printed);
	free(printed);
	pcipt_records_clear(&records);
}

/* Somebody sets the clock: what waits is neither tried at once nor put off for years. */
START_TEST(clock_steps)
{
	struct pcipt_error *error = NULL;

	assert_ok(want(GPU, "gpu-vm1", "first", &error), error);
	sim_remove(sim, GPU);
	come_back("with its device gone");
	set_deadline("1970-01-01T00:00:00Z", pcipt_boot_ms() + 60000);
	sim_log_clear(sim);
	assert_ok(pcipt_reconcile(ctx, NULL, NULL, &error), error);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	set_deadline("2099-01-01T00:00:00Z", 0);
	assert_ok(pcipt_reconcile(ctx, NULL, NULL, &error), error);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 1);
	assert_nothing_hangs("after the clock was set");
}
END_TEST

Suite *suite_article(void)
{
	Suite *suite = suite_create("article");
	TCase *tc = tcase_create("article");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, two_who_want_one_card);
	tcase_add_loop_test(tc, controller_restarted_at_each_point, 0, 2);
	tcase_add_test(tc, records_deleted_by_hand);
	tcase_add_test(tc, clock_steps);
	tcase_add_loop_test(tc, power_cut_at_each_point, 0, 2);
	suite_add_tcase(suite, tc);
	return suite;
}
