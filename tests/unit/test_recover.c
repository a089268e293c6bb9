/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes that don't return, locks of others, deadlines, cancelling: the call returns in
 * time and says what is out, and whoever comes later finishes the job.
 */
#include "machine.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"
#include "kernel/kernel.h"

static struct sim *sim;
static struct pcipt_context *ctx;
static char *before;
static struct pcipt_set *card;

static void setup(void)
{
	card = machine_set_of(0);
	sim = machine_variant(0, NULL);
	ctx = sim_context(sim);
	before = sim_state(sim);
}

static void teardown(void)
{
	pcipt_context_unref(ctx);
	sim_free(sim);
	free(before);
}

static struct pcipt_claim *must_bind(void)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_bind(ctx, card, NULL, &claim, &error), error);
	return claim;
}

static int bind_card(struct pcipt_options *options, struct pcipt_result **result,
		     struct pcipt_error **error)
{
	struct pcipt_claim *claim = NULL;
	int r = pcipt_claim_bind(ctx, card, options, &claim, result, error);

	ck_assert((r == 0) == (claim != NULL));
	pcipt_claim_unref(claim);
	return r;
}

static struct pcipt_report *must_recover(void)
{
	struct pcipt_context *there = sim_context(sim);
	struct pcipt_report *report = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_recover(there, NULL, &report, &error), error);
	pcipt_context_unref(there);
	return report;
}

static void assert_action(const struct pcipt_report *report, size_t i, const char *from,
			  const char *to, const char *reason)
{
	ck_assert_uint_gt(pcipt_report_action_count(report), i);
	ck_assert_str_eq(pcipt_report_action_from(report, i), from);
	ck_assert_str_eq(pcipt_report_action_to(report, i), to);
	ck_assert_str_eq(pcipt_report_action_reason(report, i), reason);
	ck_assert_ptr_nonnull(pcipt_report_action_claim(report, i));
	ck_assert_ptr_nonnull(pcipt_report_action_message(report, i));
}

/* ---- stuck ---- */

static void assert_stuck(int r, struct pcipt_error *error, struct pcipt_result *result,
			 const char *address)
{
	ck_assert_str_eq(pcipt_errc_name(r), "PCIPT_E_STUCK");
	ck_assert_int_eq(pcipt_errc_exit_status(r), 6);
	ck_assert_str_eq(pcipt_error_get_address(error), address);
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_STUCK);
	/* What is out stands in the trace; its device isn't touched any more. */
	for (size_t i = 0, out = 0; i < pcipt_result_step_count(result); i++) {
		if (pcipt_result_step_errno(result, i) == EINPROGRESS)
			out++;
		else
			ck_assert_msg(!out || !pcipt_result_step_address(result, i) ||
					      strcmp(pcipt_result_step_address(result, i),
						     address) != 0,
				      "%s was touched with a write out", address);
	}
	pcipt_error_unref(error);
	pcipt_result_unref(result);
}

/* What its owner reads meanwhile. */
static void assert_says_stuck(void)
{
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	assert_ok(pcipt_claim_find(ctx, GPU, &claim, &error), error);
	ck_assert_int_eq(pcipt_claim_get_state(claim), PCIPT_CLAIM_STUCK);
	ck_assert_str_eq(pcipt_claim_get_reason(claim), "write-outstanding");
	ck_assert_ptr_nonnull(strstr(pcipt_claim_get_message(claim), "has not returned"));
	ck_assert_ptr_nonnull(strstr(pcipt_claim_get_message(claim), "pcipt recover"));
	ck_assert_ptr_nonnull(pcipt_claim_get_deadline(claim));
	pcipt_claim_unref(claim);
}

/* One device's write doesn't return: the other one is put back at once, the first one later. */
START_TEST(bind_gets_stuck)
{
	static const char *const blocks[] = { "nouveau/unbind", "vfio-pci/bind", "driver_override" };
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_report *report;
	int r;

	sim_block(sim, blocks[_i]);
	r = bind_card(NULL, &result, &error);
	assert_stuck(r, error, result, GPU);
	error = NULL;
	if (_i == 0)
		assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_uint_eq(sim_record_count(sim), 1);
	ck_assert_uint_gt(sim_locks_held(sim), 0);

	assert_says_stuck();

	/* As long as it is out, nobody else gets at the device. */
	r = bind_card(NULL, NULL, &error);
	ck_assert_int_eq(r, PCIPT_E_LOCKED);
	error = pcipt_error_unref(error);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, &report, &error), PCIPT_E_STUCK);
	assert_fails(PCIPT_E_STUCK, error);
	assert_action(report, 0, "stuck", "stuck", "locked");
	ck_assert_uint_eq(pcipt_report_action_count(report), 1);
	pcipt_report_unref(report);

	sim_let_go(sim);
	report = must_recover();
	assert_action(report, 0, "stuck", "ended", "interrupted");
	assert_state(sim, before, "after the recovery");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	pcipt_report_unref(report);
	report = must_recover();
	ck_assert_uint_eq(pcipt_report_action_count(report), 0);
	pcipt_report_unref(report);
}
END_TEST

static struct sim_holder mute = { .pid = 47, .errnum = EBUSY, .mapped = true };
static struct sim_holder late = { .pid = 4711, .command = "pipewire", .numbers = "116:2" };

/* Opened between the look and the unbind. */
static void open_late(struct sim *machine, void *data, unsigned int number)
{
	if (number > 1)
		return;
	if (data)
		sim_hold(machine, data);
	sim_hold(machine, &late);
}

/*
 * The driver takes its nodes away before it waits for who has them open: he is named all the
 * same, also when another process doesn't answer.
 */
START_TEST(native_driver_waits)
{
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	sim_add_node(sim, AUDIO, "sound", "controlC0", "116:2");
	sim_hook(sim, SIM_WRITE, open_late, _i ? &mute : NULL);
	sim_block(sim, "snd_hda_intel/unbind");
	ck_assert_int_eq(bind_card(NULL, &result, &error), PCIPT_E_STUCK);
	sim_mend(sim);
	ck_assert_msg(strstr(pcipt_error_get_message(error), "process 4711 (pipewire)") != NULL, "%s",
		      pcipt_error_get_message(error));
	ck_assert_msg(strstr(pcipt_error_get_remedy(error), "4711") != NULL, "%s",
		      pcipt_error_get_remedy(error));
	pcipt_error_unref(error);
	pcipt_result_unref(result);
	sim_end_holders(sim);
	sim_let_go(sim);
	pcipt_report_unref(must_recover());
	assert_state(sim, before, "after the recovery");
}
END_TEST

/* No name is worth more time than the call was given; what has begun and an undo have two seconds. */
START_TEST(names_take_no_longer_than_the_call)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_kernel *k;
	double began;

	assert_ok(pcipt_kernel_get(ctx, &k, &error), error);
	ck_assert_int_eq(pcipt_options_new(&options, NULL), 0);
	pcipt_options_set_timeout_ms(options, 10);
	sim_add_node(sim, AUDIO, "sound", "controlC0", "116:2");
	sim_hook(sim, SIM_WRITE, open_late, &mute);
	sim_block(sim, "snd_hda_intel/unbind");
	began = k->ops->now(k);
	ck_assert_int_eq(bind_card(options, NULL, &error), PCIPT_E_STUCK);
	ck_assert_double_lt(k->ops->now(k) - began, 3500);
	pcipt_error_unref(error);
	pcipt_options_unref(options);
}
END_TEST

/* A stuck claim is looked at again when the call's own time, and an undo's, have passed. */
START_TEST(deadline_of_the_call)
{
	struct pcipt_options *options = NULL;
	struct pcipt_error *error = NULL;
	const char *text;
	double ms;

	ck_assert_int_eq(pcipt_options_new(&options, NULL), 0);
	pcipt_options_set_timeout_ms(options, 3600000);
	sim_block(sim, "nouveau/unbind");
	ck_assert_int_eq(bind_card(options, NULL, &error), PCIPT_E_STUCK);
	text = strstr(sim_record(sim, "pci-0000-01-00.0.json"), "\"deadline_boot_ms\":");
	ck_assert_ptr_nonnull(text);
	ms = strtod(text + sizeof("\"deadline_boot_ms\":") - 1, NULL) - (double)pcipt_boot_ms();
	ck_assert(ms > 7000000 && ms <= 7200000);
	pcipt_error_unref(error);
	pcipt_options_unref(options);
}
END_TEST

/* Its time is over as well: the record says so then, and is finished all the same. */
static void look_when_overdue(void)
{
	struct pcipt_error *error = NULL;
	struct pcipt_claim *found = NULL;
	char *text = test_format("%s", sim_record(sim, "pci-0000-01-00.0.json"));
	char *ms = strstr(text, "\"deadline_boot_ms\": ") + 20;

	ms[0] = '0';
	memset(ms + 1, ' ', strcspn(ms + 1, ","));
	sim_put_record(sim, sim_record_folder(sim, "pci-0000-01-00.0.json"),
		       "pci-0000-01-00.0.json", text);
	free(text);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, &error), PCIPT_E_STUCK);
	assert_fails(PCIPT_E_STUCK, error);
	assert_ok(pcipt_claim_find(ctx, GPU, &found, &error), error);
	ck_assert_str_eq(pcipt_claim_get_reason(found), "locked");
	pcipt_claim_unref(found);
}

START_TEST(release_gets_stuck)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;
	struct pcipt_report *report;
	int r;

	sim_block(sim, "vfio-pci/unbind");
	r = pcipt_claim_release(ctx, claim, NULL, &result, &error);
	assert_stuck(r, error, result, GPU);
	assert_says_stuck();
	if (_i == 1)
		look_when_overdue();
	sim_let_go(sim);
	report = must_recover();
	assert_action(report, 0, "stuck", "ended", "interrupted");
	assert_state(sim, before, "after the recovery");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	pcipt_report_unref(report);
	pcipt_claim_unref(claim);
}
END_TEST

/* The next call for the same devices does it by itself. */
START_TEST(next_bind_recovers)
{
	struct pcipt_error *error = NULL;

	sim_block(sim, "nouveau/unbind");
	ck_assert_int_eq(bind_card(NULL, NULL, &error), PCIPT_E_STUCK);
	error = pcipt_error_unref(error);
	sim_let_go(sim);
	/* A set that was judged while the claim was under way. */
	card = machine_set(ctx, GPU);
	ck_assert(!pcipt_set_is_safe(card));
	assert_ok(bind_card(NULL, NULL, &error), error);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_set_unref(card);
}
END_TEST

/* Killed when all was bound: what looks like somebody else's devices is an intent's. */
START_TEST(next_bind_recovers_an_intent)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 0, EIO, SIM_FAILS });
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/unbind", 1, 0, EIO, SIM_FAILS });
	ck_assert_int_lt(pcipt_apply(ctx, plan, NULL, NULL, NULL), 0);
	sim_mend(sim);
	assert_driver(sim, GPU, "vfio-pci");
	card = machine_set(ctx, GPU);
	ck_assert(!pcipt_set_is_safe(card));
	assert_ok(bind_card(NULL, NULL, &error), error);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_set_unref(card);
	pcipt_plan_unref(plan);
}
END_TEST

/* An intent that stays would be undone under whoever uses the card: so it is undone at once. */
START_TEST(intent_cannot_be_removed)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_RECORD_REMOVE, NULL, 1, 1, EIO,
					   _i ? SIM_FAILS_LATE : SIM_FAILS });
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_IO);
	assert_state(sim, before, "after the apply");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	pcipt_error_unref(error);
	pcipt_plan_unref(plan);
}
END_TEST

/* Without a claim, the journal tells: for the next one, and for recovery. */
START_TEST(next_apply_recovers)
{
	struct pcipt_plan *plan = machine_plan(ctx, GPU);
	struct pcipt_error *error = NULL;
	struct pcipt_report *report;

	sim_block(sim, "snd_hda_intel/unbind");
	ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error), PCIPT_E_STUCK);
	error = pcipt_error_unref(error);
	ck_assert_uint_eq(sim_record_count(sim), 1);
	sim_let_go(sim);
	if (_i) {
		report = must_recover();
		assert_action(report, 0, "binding", "ended", "interrupted");
		pcipt_report_unref(report);
		assert_state(sim, before, "after the recovery");
	}
	assert_ok(pcipt_apply(ctx, plan, NULL, NULL, &error), error);
	assert_driver(sim, AUDIO, "vfio-pci");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	pcipt_plan_unref(plan);
}
END_TEST

/* A helper that is stuck with one group keeps nobody from another. */
START_TEST(other_groups_go_on)
{
	struct pcipt_set *nic = machine_set(ctx, NIC);
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	sim_block(sim, "nouveau/unbind");
	ck_assert_int_eq(bind_card(NULL, NULL, &error), PCIPT_E_STUCK);
	error = pcipt_error_unref(error);
	assert_ok(pcipt_bind(ctx, nic, NULL, &claim, &error), error);
	assert_driver(sim, NIC, "vfio-pci");
	assert_ok(pcipt_release(ctx, claim, NULL, &error), error);
	pcipt_claim_unref(claim);
	pcipt_set_unref(nic);
}
END_TEST

/* ---- locks of others ---- */

#define HOLDER "libpcipt-lock/1\npid 4711\npid-namespace pid:[1]\ncommand other\nsince 2025-01-01T00:00:00Z\n"

START_TEST(locked)
{
	static const char *const texts[] = { HOLDER, HOLDER "write /sys/x 1\n", "", "\xff\n\n", "pid" };
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	sim_lock_elsewhere(sim, AUDIO, texts[_i]);
	ck_assert_int_eq(bind_card(NULL, &result, &error), PCIPT_E_LOCKED);
	ck_assert_int_eq(pcipt_errc_exit_status(PCIPT_E_LOCKED), 7);
	ck_assert_str_eq(pcipt_error_get_address(error), AUDIO);
	ck_assert(pcipt_error_is_retryable(error));
	if (_i < 2) {
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "4711"));
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "other"));
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "2025-01-01"));
		ck_assert_ptr_nonnull(strstr(pcipt_error_get_message(error), "pid:[1]"));
	}
	ck_assert((_i == 1) == (strstr(pcipt_error_get_message(error), "/sys/x") != NULL));
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_uint_eq(sim_locks_held(sim), 1);
	pcipt_error_unref(error);
	pcipt_result_unref(result);
}
END_TEST

/* The other one is through before the deadline. */
static void unlock_at(struct sim *machine, void *data, unsigned int number)
{
	(void)data;
	if (number == 5)
		sim_lock_elsewhere(machine, AUDIO, NULL);
}

START_TEST(locked_for_a_while)
{
	struct pcipt_error *error = NULL;

	sim_lock_elsewhere(sim, AUDIO, HOLDER);
	sim_hook(sim, SIM_WAIT, unlock_at, NULL);
	assert_ok(bind_card(NULL, NULL, &error), error);
}
END_TEST

START_TEST(lock_that_cannot_be_used)
{
	static const struct {
		int errnum, code;
	} table[] = { { EACCES, PCIPT_E_PERMISSION }, { EROFS, PCIPT_E_PERMISSION },
		      { EBADMSG, PCIPT_E_DAMAGED },   { ENOSPC, PCIPT_E_IO },
		      { EMFILE, PCIPT_E_IO } };
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_LOCK, NULL, 2, 0, table[_i].errnum, SIM_FAILS });
	ck_assert_int_eq(bind_card(NULL, NULL, &error), table[_i].code);
	ck_assert_str_eq(pcipt_error_get_step(error), "lock");
	ck_assert_ptr_nonnull(pcipt_error_get_remedy(error));
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	assert_state(sim, before, "without a lock");
	pcipt_error_unref(error);
}
END_TEST

START_TEST(no_helper)
{
	static const int errnos[] = { EAGAIN, ENOMEM, EPERM, ENOSYS };
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_START, NULL, 1, 0, errnos[_i], SIM_FAILS });
	ck_assert_int_lt(bind_card(NULL, NULL, &error), 0);
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	assert_state(sim, before, "without a helper");
	pcipt_error_unref(error);
}
END_TEST

/* ---- time and wishes ---- */

static struct pcipt_options *options_with(uint32_t ms, int cancel_fd)
{
	struct pcipt_options *options = NULL;

	ck_assert_int_eq(pcipt_options_new(&options, NULL), 0);
	pcipt_options_set_timeout_ms(options, ms);
	pcipt_options_set_cancel_fd(options, cancel_fd);
	return options;
}

/* However little time there is: done, or as it was. The undo has its own time. */
START_TEST(deadline_at_any_instant)
{
	for (uint32_t ms = 1; ms < 30; ms++) {
		struct pcipt_options *options = options_with(ms, -1);
		struct pcipt_error *error = NULL;
		int r;

		teardown();
		setup();
		r = bind_card(options, NULL, &error);
		pcipt_options_unref(options);
		if (r == 0) {
			ck_assert_uint_gt(ms, 4); /* each write takes one */
			return;
		}
		ck_assert_msg(r == PCIPT_E_TIMEOUT, "%u ms: %s", ms,
			      pcipt_error_get_message(error));
		assert_state(sim, before, "after the deadline");
		ck_assert_uint_eq(sim_record_count(sim), 0);
		pcipt_error_unref(error);
	}
	ck_abort_msg("never enough time");
}
END_TEST

static int cancel_fd;
static unsigned int cancel_at;

static void cancel(void *data, int op, const char *address, int progress)
{
	unsigned int *seen = data;
	uint64_t one = 1;

	(void)address;
	ck_assert_str_ne(pcipt_op_name(op), "unknown");
	ck_assert_int_le(progress, PCIPT_PROGRESS_FAILED);
	if (++*seen == cancel_at)
		ck_assert_int_eq(write(cancel_fd, &one, sizeof(one)), sizeof(one));
}

/* Cancelled at every instant that the caller is told of. */
START_TEST(cancelled_at_any_instant)
{
	for (cancel_at = 1; cancel_at < 40; cancel_at++) {
		struct pcipt_options *options;
		struct pcipt_error *error = NULL;
		struct pcipt_result *result = NULL;
		unsigned int seen = 0;
		int r;

		teardown();
		setup();
		cancel_fd = eventfd(0, EFD_CLOEXEC);
		options = options_with(0, cancel_fd);
		pcipt_options_set_progress(options, cancel, &seen);
		r = bind_card(options, &result, &error);
		close(cancel_fd);
		pcipt_options_unref(options);
		pcipt_result_unref(result);
		if (r == 0) {
			/* Each write was told twice: when it began, and when it was through. */
			ck_assert_uint_eq(seen, 12);
			return;
		}
		ck_assert_int_eq(r, PCIPT_E_CANCELLED);
		assert_state(sim, before, "after it was cancelled");
		ck_assert_uint_eq(sim_record_count(sim), 0);
		pcipt_error_unref(error);
	}
	ck_abort_msg("never through");
}
END_TEST

/* A release that was cancelled goes on when it is asked again, or by recovery. */
START_TEST(cancelled_release)
{
	for (cancel_at = 1; cancel_at < 40; cancel_at++) {
		struct pcipt_options *options;
		struct pcipt_error *error = NULL;
		struct pcipt_claim *claim;
		unsigned int seen = 0;
		int r;

		teardown();
		setup();
		claim = must_bind();
		cancel_fd = eventfd(0, EFD_CLOEXEC);
		options = options_with(0, cancel_fd);
		pcipt_options_set_progress(options, cancel, &seen);
		r = pcipt_release(ctx, claim, options, &error);
		close(cancel_fd);
		pcipt_options_unref(options);
		if (r < 0) {
			ck_assert_int_eq(r, PCIPT_E_CANCELLED);
			ck_assert_uint_eq(sim_record_count(sim), 1);
			pcipt_error_unref(error);
			if (cancel_at % 2)
				ck_assert_int_eq(pcipt_release(ctx, claim, NULL, NULL), 0);
			else
				pcipt_report_unref(must_recover());
		}
		assert_state(sim, before, "after the release");
		ck_assert_uint_eq(sim_record_count(sim), 0);
		pcipt_claim_unref(claim);
		if (r == 0)
			return;
	}
	ck_abort_msg("never through");
}
END_TEST

/* ---- records that are not as they should be ---- */

START_TEST(nothing_to_recover)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_report *report = must_recover();
	char *json = NULL;

	ck_assert_uint_eq(pcipt_report_action_count(report), 0);
	ck_assert_int_eq(pcipt_report_to_json(report, &json, NULL), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"actions\""));
	assert_driver(sim, GPU, "vfio-pci");
	pcipt_free(json);
	pcipt_report_unref(report);
	pcipt_claim_unref(claim);
}
END_TEST

START_TEST(damaged_intents)
{
	static const char *const texts[] = { "", "{", "[]", "{\"schema\":\"libpcipt-claim/2\"}",
					     "not JSON at all" };
	struct pcipt_report *report;

	sim_put_record(sim, "/run/libpcipt/journal", "apply-1.json", texts[_i]);
	sim_put_record(sim, "/run/libpcipt/claims", "x.json", texts[_i]);
	report = must_recover();
	ck_assert_uint_eq(pcipt_report_action_count(report), 2);
	assert_action(report, 0, "damaged", "damaged", "PCIPT_E_DAMAGED");
	assert_action(report, 1, "damaged", "damaged", "PCIPT_E_DAMAGED");
	ck_assert_ptr_nonnull(strstr(pcipt_report_action_claim(report, 0), "apply-1.json"));
	/* Nothing is lost: somebody may want to look into them. */
	ck_assert_str_eq(sim_record(sim, "apply-1.json"), texts[_i]);
	ck_assert_uint_eq(sim_record_count(sim), 2);
	pcipt_report_unref(report);
}
END_TEST

static void let_go_soon(struct sim *machine, void *data, unsigned int number)
{
	(void)data, (void)number;
	sim_let_go(machine);
}

/* A write that is slow, and not stuck: its bind failed for want of time, and is undone. */
START_TEST(slow_bind)
{
	static const char *const slow[] = { "nouveau/unbind", "vfio-pci/bind " GPU,
					    "driver_override" };
	struct pcipt_result *result = NULL;
	struct pcipt_error *error = NULL;

	sim_block(sim, slow[_i]);
	sim_hook(sim, SIM_WAIT, let_go_soon, NULL);
	ck_assert_int_eq(bind_card(NULL, &result, &error), PCIPT_E_TIMEOUT);
	ck_assert_int_eq(pcipt_result_get_outcome(result), PCIPT_OUTCOME_ROLLED_BACK);
	ck_assert_uint_eq(pcipt_error_cause_count(error), 1);
	sim_mend(sim);
	assert_state(sim, before, "after a slow bind");
	ck_assert_uint_eq(sim_record_count(sim), 0);
	ck_assert_uint_eq(sim_locks_held(sim), 0);
	pcipt_result_unref(result);
	pcipt_error_unref(error);
}
END_TEST

/* ---- undone half way ---- */

/* The bind fails, and then the device's own driver doesn't take it back either. */
static void fail_and_be_refused(bool claimed)
{
	struct pcipt_error *error = NULL;
	struct pcipt_plan *plan;

	sim_driver_refuses(sim, "nouveau", GPU, EIO);
	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind " AUDIO, 1, 1, EIO,
					   SIM_FAILS });
	if (claimed) {
		ck_assert_int_eq(bind_card(NULL, NULL, &error), PCIPT_E_ROLLBACK_INCOMPLETE);
	} else {
		plan = machine_plan(ctx, GPU);
		ck_assert_int_eq(pcipt_apply(ctx, plan, NULL, NULL, &error),
				 PCIPT_E_ROLLBACK_INCOMPLETE);
		pcipt_plan_unref(plan);
	}
	pcipt_error_unref(error);
	sim_mend(sim);
	ck_assert_uint_eq(sim_record_count(sim), 1);
}

START_TEST(undone_half_way)
{
	bool claimed = _i;

	fail_and_be_refused(claimed);
	sim_driver_refuses(sim, "nouveau", GPU, 0);
	pcipt_report_unref(must_recover());
	ck_assert_uint_eq(sim_record_count(sim), 0);
	assert_state(sim, before, "after the recovery");
}
END_TEST

/* Recovery is no success while it can't be; a claim stays, and a release still ends it. */
START_TEST(undone_half_way_for_good)
{
	bool claimed = _i;
	struct pcipt_report *report = NULL;
	struct pcipt_claim *claim = NULL;
	struct pcipt_error *error = NULL;

	fail_and_be_refused(claimed);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, &report, &error), PCIPT_E_ROLLBACK_INCOMPLETE);
	ck_assert_str_eq(pcipt_error_get_address(error), GPU);
	assert_action(report, 0, "binding", claimed ? "binding" : "ended",
		      "PCIPT_E_ROLLBACK_INCOMPLETE");
	pcipt_report_unref(report);
	pcipt_error_unref(error);
	/* Nobody could end an intent without a claim: it was told, and that is all. */
	ck_assert_uint_eq(sim_record_count(sim), claimed ? 1 : 0);
	if (claimed) {
		ck_assert_int_eq(pcipt_claim_find(ctx, GPU, &claim, NULL), 0);
		ck_assert_int_eq(pcipt_release(ctx, claim, NULL, NULL), 0);
		pcipt_claim_unref(claim);
	}
	ck_assert_uint_eq(sim_record_count(sim), 0);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "snd_hda_intel");
	ck_assert_int_eq(pcipt_recover(ctx, NULL, NULL, NULL), 0);
}
END_TEST

/* ---- groups ---- */

/* The host's driver gets nothing back beside a device that is still in use. */
START_TEST(release_waits_for_the_group)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_error *error = NULL;

	sim_block(sim, "vfio-pci/unbind " AUDIO);
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, &error), PCIPT_E_STUCK);
	ck_assert_str_eq(pcipt_error_get_address(error), AUDIO);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, NULL);
	pcipt_error_unref(error);
	pcipt_claim_unref(claim);
	sim_let_go(sim);
	pcipt_report_unref(must_recover());
	assert_state(sim, before, "after the recovery");
}
END_TEST

START_TEST(undo_waits_for_the_group)
{
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/bind " GPU, 1, 1, EIO, SIM_FAILS });
	sim_block(sim, "vfio-pci/unbind " AUDIO);
	ck_assert_int_lt(bind_card(NULL, NULL, &error), 0);
	assert_driver(sim, GPU, NULL);
	pcipt_error_unref(error);
	sim_let_go(sim);
	sim_mend(sim);
	pcipt_report_unref(must_recover());
	assert_state(sim, before, "after the recovery");
}
END_TEST

/* One that vfio-pci doesn't let go of holds back its group as well; the claim stays. */
START_TEST(release_with_one_left_bound)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_error *error = NULL;

	sim_fail(sim, &(struct sim_fault){ SIM_WRITE, "vfio-pci/unbind " AUDIO, 1, 0, EIO,
					   SIM_FAILS });
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, &error), PCIPT_E_ROLLBACK_INCOMPLETE);
	assert_driver(sim, GPU, NULL);
	assert_driver(sim, AUDIO, "vfio-pci");
	ck_assert_uint_eq(sim_record_count(sim), 1);
	pcipt_error_unref(error);
	sim_mend(sim);
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, NULL), 0);
	assert_state(sim, before, "after the second release");
	pcipt_claim_unref(claim);
}
END_TEST

/* What was begun in an earlier boot went with that boot: no device is touched. */
START_TEST(of_an_earlier_boot)
{
	struct pcipt_error *error = NULL;
	struct pcipt_report *report;
	char *text, *at;

	sim_block(sim, "nouveau/unbind");
	ck_assert_int_eq(bind_card(NULL, NULL, &error), PCIPT_E_STUCK);
	pcipt_error_unref(error);
	sim_let_go(sim);
	text = strdup(sim_record(sim, "pci-0000-01-00.0.json"));
	at = strstr(text, "11111111-2222");
	ck_assert_ptr_nonnull(at);
	*at = '9';
	sim_put_record(sim, "/run/libpcipt/claims", "pci-0000-01-00.0.json", text);
	sim_log_clear(sim);
	report = must_recover();
	assert_action(report, 0, "stuck", "ended", "earlier-boot");
	ck_assert_uint_eq(sim_log_matches(sim, "write "), 0);
	ck_assert_uint_eq(sim_record_count(sim), 0);
	pcipt_report_unref(report);
	free(text);
}
END_TEST

START_TEST(not_permitted)
{
	struct pcipt_error *error = NULL;
	struct pcipt_report *report = NULL;

	sim_block(sim, "nouveau/unbind");
	ck_assert_int_eq(bind_card(NULL, NULL, &error), PCIPT_E_STUCK);
	error = pcipt_error_unref(error);
	sim_let_go(sim);
	sim_set_may_write(sim, EACCES);
	ck_assert_int_eq(pcipt_recover(ctx, NULL, &report, &error), PCIPT_E_PERMISSION);
	assert_action(report, 0, "stuck", "stuck", "PCIPT_E_PERMISSION");
	ck_assert_uint_eq(sim_record_count(sim), 1);
	pcipt_error_unref(error);
	pcipt_report_unref(report);
}
END_TEST

/* The old driver has gone for good: a release goes on, and the claim ends without one. */
START_TEST(old_driver_refuses)
{
	struct pcipt_claim *claim = must_bind();
	struct pcipt_error *error = NULL;
	struct pcipt_report *report;

	sim_block(sim, "vfio-pci/unbind");
	ck_assert_int_eq(pcipt_release(ctx, claim, NULL, &error), PCIPT_E_STUCK);
	pcipt_error_unref(error);
	pcipt_claim_unref(claim);
	sim_let_go(sim);
	sim_driver_refuses(sim, "nouveau", GPU, EIO);
	report = must_recover();
	assert_action(report, 0, "stuck", "ended", "restore-failed");
	assert_driver(sim, GPU, NULL);
	pcipt_report_unref(report);
}
END_TEST

Suite *suite_recover(void)
{
	Suite *suite = suite_create("recover");
	TCase *tc = tcase_create("machine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, bind_gets_stuck, 0, 3);
	tcase_add_loop_test(tc, native_driver_waits, 0, 2);
	tcase_add_test(tc, names_take_no_longer_than_the_call);
	tcase_add_test(tc, deadline_of_the_call);
	tcase_add_loop_test(tc, release_gets_stuck, 0, 2);
	tcase_add_test(tc, next_bind_recovers);
	tcase_add_test(tc, next_bind_recovers_an_intent);
	tcase_add_loop_test(tc, intent_cannot_be_removed, 0, 2);
	tcase_add_loop_test(tc, next_apply_recovers, 0, 2);
	tcase_add_test(tc, other_groups_go_on);
	tcase_add_loop_test(tc, locked, 0, 5);
	tcase_add_test(tc, locked_for_a_while);
	tcase_add_loop_test(tc, lock_that_cannot_be_used, 0, 5);
	tcase_add_loop_test(tc, no_helper, 0, 4);
	tcase_add_test(tc, deadline_at_any_instant);
	tcase_add_test(tc, cancelled_at_any_instant);
	tcase_add_test(tc, cancelled_release);
	tcase_add_test(tc, nothing_to_recover);
	tcase_add_loop_test(tc, damaged_intents, 0, 5);
	tcase_add_test(tc, of_an_earlier_boot);
	tcase_add_loop_test(tc, slow_bind, 0, 3);
	tcase_add_loop_test(tc, undone_half_way, 0, 2);
	tcase_add_loop_test(tc, undone_half_way_for_good, 0, 2);
	tcase_add_test(tc, release_waits_for_the_group);
	tcase_add_test(tc, undo_waits_for_the_group);
	tcase_add_test(tc, release_with_one_left_bound);
	tcase_add_test(tc, not_permitted);
	tcase_add_test(tc, old_driver_refuses);
	suite_add_tcase(suite, tc);
	return suite;
}
