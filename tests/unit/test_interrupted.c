/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Anything can fail once, and a process can be gone at any instant: what is left must
 * lead back to the beginning. For every operation of a bind and of a release, reads
 * and records included.
 */
#include "machine.h"

#include <ctype.h>
#include <errno.h>

static struct sim *sim;
static struct pcipt_context *ctx;
static char *before; /* what the machine was before the claim */
static struct pcipt_set *card;

static void use(unsigned int variant)
{
	card = machine_set_of(variant);
	sim = machine_variant(variant, NULL);
	ctx = sim_context(sim);
	before = sim_state(sim);
}

static void forget(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
	free(before);
}

static void setup(void)
{
	use(0);
}

static int bind_card(struct pcipt_claim **claim, struct pcipt_error **error)
{
	return pcipt_bind(ctx, card, NULL, claim, error);
}

static void must_bind(void)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(bind_card(&claim, &error), error);
	pcipt_claim_unref(claim);
}

static size_t count_claims(void)
{
	struct pcipt_claim_list *claims = NULL;
	struct pcipt_error *error = NULL;
	size_t n;

	assert_ok(pcipt_claim_list(ctx, &claims, &error), error);
	n = pcipt_claim_list_count(claims);
	ck_assert_uint_eq(pcipt_claim_list_problem_count(claims), 0);
	pcipt_claim_list_unref(claims);
	return n;
}

/* In another process, which finds the claim by a device. */
static int release_elsewhere(struct pcipt_error **error)
{
	struct pcipt_context *there = sim_context(sim);
	struct pcipt_claim *claim = NULL;
	int r = pcipt_claim_find(there, GPU, &claim, error);

	if (r == 0)
		r = pcipt_release(there, claim, NULL, error);
	pcipt_claim_unref(claim);
	pcipt_context_unref(there);
	return r;
}

static bool is_bound(const char *address)
{
	char *state = sim_device_state(sim, address);
	bool bound = strstr(state, "driver vfio-pci,") != NULL;

	free(state);
	return bound;
}

/* Another process ends what is left, when nothing stands in its way any more. */
static void clean_up(const char *when)
{
	struct pcipt_error *error = NULL;

	sim_mend(sim);
	pcipt_context_unref(ctx);
	ctx = sim_context(sim);
	if (count_claims() > 0) {
		int r = release_elsewhere(&error);

		ck_assert_msg(r == 0, "%s: %s", when, pcipt_error_get_message(error));
	}
	assert_state(sim, before, when);
	ck_assert_uint_eq(sim_record_count(sim), 0);
}

/* One try with the n-th operation failing, or all from the n-th on. */
struct attempt {
	int r;
	size_t begin, operations; /* in the log */
	struct pcipt_error *error;
};

static struct attempt bind_with_fault(unsigned int variant, unsigned int n, unsigned int last,
				      enum sim_how how)
{
	struct attempt attempt = { 0 };
	struct pcipt_claim *claim = NULL;

	forget();
	use(variant);
	sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, last, EIO, how });
	attempt.r = bind_card(&claim, &attempt.error);
	attempt.operations = sim_log_count(sim);
	ck_assert((attempt.r == 0) == (claim != NULL));
	pcipt_claim_unref(claim);
	return attempt;
}

static struct attempt release_with_fault(unsigned int variant, unsigned int n, unsigned int last,
					 int errnum)
{
	struct attempt attempt = { 0 };

	forget();
	use(variant);
	must_bind();
	attempt.begin = sim_log_count(sim);
	sim_fail(sim, &(struct sim_fault){ ~0u, NULL, n, last, errnum, SIM_FAILS });
	attempt.r = release_elsewhere(&attempt.error);
	attempt.operations = sim_log_count(sim) - attempt.begin;
	return attempt;
}

/* ---- killed: from the n-th operation on nothing has an effect ---- */

START_TEST(killed_while_binding)
{
	for (unsigned int n = 1; n < 1000; n++) {
		struct attempt attempt = bind_with_fault((unsigned int)_i, n, 0, SIM_FAILS);
		char *when = test_format("variant %d, killed at operation %u", _i, n);

		clean_up(when);
		free(when);
		pcipt_error_unref(attempt.error);
		if (attempt.r == 0 && attempt.operations < n)
			return;
	}
	ck_abort_msg("the bind never came to its end");
}
END_TEST

START_TEST(killed_while_releasing)
{
	for (unsigned int n = 1; n < 1000; n++) {
		struct attempt attempt = release_with_fault((unsigned int)_i, n, 0, EIO);
		char *when = test_format("variant %d, killed at operation %u", _i, n);

		clean_up(when);
		free(when);
		pcipt_error_unref(attempt.error);
		if (attempt.operations < n)
			return;
	}
	ck_abort_msg("the release never came to its end");
}
END_TEST

/* ---- one operation fails, and the process goes on ---- */

/* Bound with a claim, or exactly as before without one. */
static void assert_whole(int r, const char *when)
{
	sim_mend(sim);
	if (r == 0) {
		ck_assert_msg(is_bound(GPU), "%s: success, and not bound", when);
		ck_assert_msg(count_claims() == 1, "%s: success, and no claim", when);
		return;
	}
	if (r != PCIPT_E_ROLLBACK_INCOMPLETE)
		assert_state(sim, before, when);
	/* A record that couldn't be removed may stay: it can be released. */
	ck_assert_msg(count_claims() <= 1, "%s: too many claims", when);
}

static void fail_each_of_a_bind(unsigned int variant, enum sim_how how)
{
	for (unsigned int n = 1; n < 1000; n++) {
		struct attempt attempt = bind_with_fault(variant, n, n, how);
		char *when = test_format("variant %u, operation %u (%s): %s", variant, n,
					 sim_log_at(sim, n - 1), pcipt_errc_name(attempt.r));

		assert_whole(attempt.r, when);
		if (attempt.r < 0)
			ck_assert_ptr_nonnull(pcipt_error_get_message(attempt.error));
		clean_up(when);
		free(when);
		pcipt_error_unref(attempt.error);
		if (attempt.operations < n)
			return;
	}
	ck_abort_msg("the bind never came to its end");
}

START_TEST(each_operation_of_a_bind_fails)
{
	fail_each_of_a_bind((unsigned int)_i, SIM_FAILS);
}
END_TEST

START_TEST(each_operation_of_a_bind_fails_late)
{
	fail_each_of_a_bind((unsigned int)_i, SIM_FAILS_LATE);
}
END_TEST

/* What the record doesn't say isn't a claim: the next recovery must not find a card in use. */
START_TEST(record_does_not_say_bound)
{
	struct pcipt_context *there = sim_context(sim);
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, NULL, 2, 0, ENOSPC,
					   _i ? SIM_FAILS_LATE : SIM_FAILS });
	ck_assert_int_eq(bind_card(&claim, &error), PCIPT_E_IO);
	ck_assert_ptr_null(claim);
	sim_mend(sim);
	assert_state(sim, before, "after the bind");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_int_eq(pcipt_recover(there, NULL, NULL, NULL), 0);
	assert_state(sim, before, "after a recovery");
	pcipt_context_unref(there);
	pcipt_error_unref(error);
}
END_TEST

/* What ending the claim needs must be there before anything is begun. */
START_TEST(no_room_for_the_claims_lock)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_LOCK, "claims", 1, 0, ENOSPC, SIM_FAILS });
	ck_assert_int_eq(bind_card(&claim, &error), PCIPT_E_IO);
	assert_fails(PCIPT_E_IO, error);
	assert_state(sim, before, "after the bind");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
}
END_TEST

/* Without a claim: as before, but for a card whose own driver or power control refused it. */
static void assert_given_back(const char *refused, const char *when)
{
	char *now = sim_state(sim);

	if (strstr(refused, "/bind 0000") || strstr(refused, "/power/control")) {
		/* The override is what it was, and the device is on its driver or on none. */
		ck_assert_msg(!is_bound(GPU) && !is_bound(AUDIO), "%s: still bound", when);
		ck_assert_msg(!strstr(now, "override vfio-pci") && !strstr(now, "pcipt-pinned"),
			      "%s: an override is left:\n%s", when, now);
	} else {
		assert_state(sim, before, when);
	}
	free(now);
}

/* After a release either the claim is still there, or everything is as it was. */
static void fail_each_of_a_release(unsigned int variant, int errnum)
{
	for (unsigned int n = 1; n < 1000; n++) {
		struct attempt attempt = release_with_fault(variant, n, n, errnum);
		const char *refused = sim_log_at(sim, attempt.begin + n - 1);
		char *when = test_format("variant %u, operation %u (%s): %s", variant, n, refused,
					 pcipt_errc_name(attempt.r));
		size_t claims;

		sim_mend(sim);
		claims = count_claims();
		ck_assert_msg(attempt.r < 0 || claims == 0, "%s: the claim stays without an error",
			      when);
		if (claims == 1)
			clean_up(when);
		else
			assert_given_back(errnum == EIO && refused ? refused : "", when);
		free(when);
		pcipt_error_unref(attempt.error);
		if (attempt.operations < n)
			return;
	}
	ck_abort_msg("the release never came to its end");
}

START_TEST(each_operation_of_a_release_fails)
{
	fail_each_of_a_release((unsigned int)_i, EIO);
}
END_TEST

/* The helper is ended, or has no room: that is no word of a driver's, and the claim stays. */
START_TEST(each_operation_of_a_release_lacks_its_helper)
{
	static const int errnos[] = { EOWNERDEAD, ECANCELED, ENOMEM, EAGAIN, ENOBUFS };

	for (size_t i = 0; i < sizeof(errnos) / sizeof(*errnos); i++)
		fail_each_of_a_release((unsigned int)_i, errnos[i]);
}
END_TEST

/* The disk is full, so that the record stays "bound", and then the release is interrupted. */
START_TEST(release_without_room_is_killed)
{
	for (unsigned int n = 1; n < 20; n++) {
		struct pcipt_error *error = NULL;
		bool audio;

		forget();
		use((unsigned int)_i);
		must_bind();
		audio = is_bound(AUDIO);
		sim_fail(sim, &(struct sim_fault){ SIM_RECORD_WRITE, NULL, 1, 0, ENOSPC, SIM_FAILS });
		sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, n, 0, EOWNERDEAD, SIM_FAILS });
		sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EIO, SIM_FAILS });
		ck_assert_int_lt(release_elsewhere(NULL), 0);
		sim_mend(sim);
		assert_ok(pcipt_reconcile(ctx, NULL, NULL, &error), error);
		ck_assert_uint_eq(count_claims(), 1);
		ck_assert(is_bound(GPU) && is_bound(AUDIO) == audio);
		clean_up("after a release that had no room");
	}
}
END_TEST

/* ---- between a plan and its locks ---- */

static void pin_now(struct sim *machine, void *data, unsigned int number)
{
	(void)data;
	if (number == 1)
		sim_force_override(machine, "0000:01:01.0", "pcipt-pinned");
}

/*
 * Recovery makes its plan while the one who binds is still at it: he writes the pin, and is
 * killed, only after that.
 */
START_TEST(pinned_before_the_lock)
{
	struct pcipt_claim *claim = NULL;

	forget();
	use(5);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, 1, 0, EIO, SIM_FAILS });
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EIO, SIM_FAILS });
	ck_assert_int_lt(pcipt_bind(ctx, card, NULL, &claim, NULL), 0);
	sim_mend(sim);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	assert_state(sim, before, "before the recovery");
	pcipt_context_unref(ctx);
	ctx = sim_context(sim);
	sim_hook(sim, SIM_LOCK, pin_now, NULL);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	assert_state(sim, before, "after the recovery");
}
END_TEST

/* Another process recovers the same record, and binds under its name, just before it goes. */
static void bind_meanwhile(struct sim *machine, void *data, unsigned int number)
{
	struct pcipt_context *there = sim_context(machine);
	struct pcipt_claim *claim = NULL;

	(void)data;
	if (number == 1) {
		ck_assert_int_eq(pcipt_recover(there, NULL, NULL, NULL), 0);
		ck_assert_int_eq(pcipt_bind(there, card, NULL, &claim, NULL), 0);
		ck_assert_str_eq(pcipt_claim_get_name(claim), "pci-0000-01-00.0");
		pcipt_claim_unref(claim);
	}
	pcipt_context_unref(there);
}

#define LEFT "pci-0000-01-00.0.json"

/* A record that says "binding", though nobody is at it. */
static void leave_record(void)
{
	struct pcipt_claim *claim = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, NULL, 1, 0, EIO, SIM_FAILS });
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EIO, SIM_FAILS });
	ck_assert_int_lt(pcipt_bind(ctx, card, NULL, &claim, NULL), 0);
	sim_mend(sim);
}

static void leave_record_of_earlier_boot(void)
{
	char *text;

	leave_record();
	text = strdup(sim_record(sim, LEFT));
	*strstr(text, "11111111-2222") = '9';
	sim_put_record(sim, "/run/libpcipt/claims", LEFT, text);
	free(text);
}

START_TEST(earlier_boot_spares_a_new_claim)
{
	leave_record_of_earlier_boot();
	sim_hook(sim, SIM_LOCK, bind_meanwhile, NULL);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), 0);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	ck_assert(is_bound(GPU));
	ck_assert_uint_eq(count_claims(), 1);
}
END_TEST

/* A tree that isn't a kernel's keeps all its records, whatever boot they are of. */
START_TEST(nothing_goes_from_a_tree)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	leave_record_of_earlier_boot();
	sim_set_real(sim, false);
	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), PCIPT_E_NOT_REAL);
	ck_assert_int_eq(pcipt_reconcile(ctx, NULL, NULL, NULL), PCIPT_E_NOT_REAL);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	assert_ok(pcipt_claim_find(ctx, "pci-0000-01-00.0", &claim, &error), error);
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, NULL), PCIPT_E_NOT_REAL);
	ck_assert_int_eq(pcipt_claim_forget(ctx, claim, NULL), PCIPT_E_NOT_REAL);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	pcipt_claim_unref(claim);
}
END_TEST

/* Its deadline is past, and nobody can say so in a tree that isn't a kernel's. */
START_TEST(nothing_is_written_in_a_tree)
{
	char *text, *at;

	leave_record();
	text = strdup(sim_record(sim, LEFT));
	at = strstr(text, "\"deadline_boot_ms\": ") + strlen("\"deadline_boot_ms\": ");
	for (*at++ = '1'; isdigit((unsigned char)*at); at++)
		*at = ' ';
	sim_put_record(sim, "/run/libpcipt/claims", LEFT, text);
	sim_set_real(sim, false);
	sim_log_clear(sim);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), PCIPT_E_NOT_REAL);
	ck_assert_int_eq(pcipt_reconcile(ctx, NULL, NULL, NULL), PCIPT_E_NOT_REAL);
	ck_assert_uint_eq(sim_log_matches(sim, "record-write"), 0);
	ck_assert_str_eq(sim_record(sim, LEFT), text);
	free(text);
	/* In a machine it is said. */
	sim_set_real(sim, true);
	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EIO, SIM_FAILS });
	ck_assert_int_lt(pcipt_recover(ctx, NULL, NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(sim_record(sim, LEFT), "\"stuck\""));
}
END_TEST

/* With its devices gone there still is one release at a time: the record's addresses are locked. */
START_TEST(all_devices_gone)
{
	struct pcipt_error *error = NULL;

	must_bind();
	sim_remove(sim, GPU);
	sim_remove(sim, AUDIO);
	sim_lock_elsewhere(sim, AUDIO, "libpcipt-lock/1\npid 4711\n");
	ck_assert_int_eq(release_elsewhere(&error), PCIPT_E_LOCKED);
	pcipt_error_unref(error);
	error = NULL;
	ck_assert_uint_eq(sim_record_count(sim), 1);
	sim_lock_elsewhere(sim, AUDIO, NULL);
	assert_ok(release_elsewhere(&error), error);
	ck_assert_uint_eq(sim_record_count(sim), 0);
}
END_TEST

Suite *suite_interrupted(void)
{
	Suite *suite = suite_create("interrupted");
	TCase *tc = tcase_create("operations");

	tcase_add_checked_fixture(tc, setup, forget);
	tcase_add_loop_test(tc, killed_while_binding, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, killed_while_releasing, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, each_operation_of_a_bind_fails, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, each_operation_of_a_bind_fails_late, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, record_does_not_say_bound, 0, 2);
	tcase_add_test(tc, no_room_for_the_claims_lock);
	tcase_add_loop_test(tc, each_operation_of_a_release_fails, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, each_operation_of_a_release_lacks_its_helper, 0, MACHINE_VARIANTS);
	tcase_add_loop_test(tc, release_without_room_is_killed, 0, MACHINE_VARIANTS);
	tcase_add_test(tc, pinned_before_the_lock);
	tcase_add_test(tc, earlier_boot_spares_a_new_claim);
	tcase_add_test(tc, nothing_goes_from_a_tree);
	tcase_add_test(tc, nothing_is_written_in_a_tree);
	tcase_add_test(tc, all_devices_gone);
	suite_add_tcase(suite, tc);
	return suite;
}
