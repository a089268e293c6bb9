/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Giving a claim's devices back: each to what its record says, and only where it
 * still is what the claim took. Release always ends the claim.
 */
#include <errno.h>

#include "claims/boot.h"
#include "claims/claims.h"
#include "usage/holders.h"

/*
 * A device that somebody holds open isn't taken from him: the kernel would ask him to let
 * go, which can't be recalled, and wait for that without an end.
 */
static int refuse_held(struct pcipt_snapshot *snap, const struct pcipt_plan *plan,
		       const struct pcipt_options *options, double deadline,
		       struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_device **devices = calloc(plan->n_devices + 1, sizeof(*devices));
	struct pcipt_uses uses = { 0 };
	size_t n = 0;
	int r;

	if (!devices)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].asked &&
		    !pcipt_streq(plan->devices[i].seen.driver, plan->devices[i].before.driver))
			devices[n++] = pcipt_snapshot_at(snap, plan->devices[i].at);
	pcipt_holders_find(snap, devices, n, deadline, &uses);
	r = pcipt_refuse_uses(&uses, options, error);
	pcipt_uses_clear(&uses);
	return r;
}

static int make_plan(struct pcipt_snapshot *snap, const struct pcipt_claim *claim, bool with_steps,
		     const struct pcipt_options *options, double deadline,
		     struct pcipt_plan **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	bool ok = true;
	int r = pcipt_plan_from_record(snap, &claim->record, with_steps, &plan, error);

	if (r < 0)
		return r;
	plan->claim = pcipt_dup(claim->record.name, &ok);
	plan->claim_id = pcipt_dup(claim->record.id, &ok);
	if (!ok)
		return pcipt_fail_memory(error);
	r = refuse_held(snap, plan, options, deadline, error);
	if (r == 0)
		*out = steal(&plan);
	return r;
}

int pcipt_plan_release(struct pcipt_snapshot *snap, const struct pcipt_claim *claim,
		       const struct pcipt_options *options, struct pcipt_plan **out,
		       struct pcipt_error **error)
{
	if (!snap || !claim || !out)
		return pcipt_fail_argument(error, __func__, "no snapshot, no claim, or no place");
	return make_plan(snap, claim, true, options,
			 pcipt_transaction_deadline(snap->ctx, snap->kernel, options), out, error);
}

static int check(struct pcipt_context *ctx, struct pcipt_snapshot *snap,
		 const struct pcipt_record *record, struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(record->n_devices + 1, sizeof(*addresses));
	size_t n = 0;

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < record->n_devices; i++)
		if (record->devices[i].action != PCIPT_ACTION_KEEP &&
		    pcipt_snapshot_at(snap, record->devices[i].at))
			addresses[n++] = record->devices[i].address;
	return pcipt_transaction_check(ctx, addresses, n, error);
}

/*
 * A record that can't say "releasing" for want of room can still be removed: go on. If that
 * is interrupted, it is a bound claim whose devices are off its driver, which reconciling
 * binds again: then the release was none, and can be asked for again.
 */
static int note_releasing(struct pcipt_context *ctx, struct pcipt_record *record,
			  struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;
	int r = pcipt_store_advance(ctx, record, PCIPT_CLAIM_RELEASING, &failed);

	if (r != PCIPT_E_IO)
		return r < 0 ? pcipt_error_pass(error, failed) : 0;
	pcipt_log(ctx, PCIPT_LOG_WARNING, "%s", pcipt_error_get_message(failed));
	pcipt_error_unref(failed);
	return 0;
}

/* With the locks held, and the claim still the one that it was. */
static int release_locked(struct pcipt_transaction *t, struct pcipt_claim *now,
			  struct pcipt_snapshot *snap, struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;
	int r;

	now->record.timeout_ms = t->options ? t->options->timeout_ms : 0;
	r = note_releasing(t->ctx, &now->record, error);
	if (r < 0)
		return r;
	r = pcipt_transaction_run(t, &failed);
	if (r < 0) {
		if (t->result->outcome == PCIPT_OUTCOME_STUCK)
			pcipt_store_stuck(t, &now->record, failed);
		pcipt_error_pass(error, failed);
		return r;
	}
	pcipt_warn_left_alone(snap, &now->record, t->result);
	pcipt_adopt_warn(snap, &now->record, t->result);
	t->result->outcome = PCIPT_OUTCOME_DONE; /* the claim ends, whatever had to be written */
	return pcipt_store_end(t->ctx, &now->record, error);
}

static int release_devices(struct pcipt_context *ctx, struct pcipt_claim *now,
			   const struct pcipt_options *options, double deadline,
			   struct pcipt_result **result, struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	struct pcipt_transaction t = { .deadline = deadline, .checked = true };
	int r = pcipt_record_snapshot(ctx, &now->record, &snap, error);

	if (r == 0)
		r = check(ctx, snap, &now->record, error);
	if (r == 0)
		r = make_plan(snap, now, false, options, deadline, &plan, error);
	if (r < 0)
		return r;
	r = pcipt_transaction_begin(&t, ctx, plan, options, error);
	/* Again: it may have been opened while others' locks were waited for. */
	if (r == 0 && t.waited)
		r = refuse_held(snap, plan, options, deadline, error);
	if (r == 0)
		r = release_locked(&t, now, snap, error);
	if (t.result)
		*result = pcipt_result_ref(t.result);
	pcipt_transaction_end(&t);
	return r;
}

/* The boot list may have kept its devices from their drivers all the same. */
static void let_go_of_kept(struct pcipt_context *ctx, const struct pcipt_options *options,
			   struct pcipt_result *result)
{
	struct pcipt_error *warning = NULL;
	struct pcipt_records records;
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, &warning);

	if (r == 0)
		r = pcipt_records_read(ctx, &records, &warning);
	if (r == 0) {
		r = pcipt_boot_let_go(ctx, &records, options,
				      pcipt_transaction_deadline(ctx, k, options), NULL, &warning);
		pcipt_records_clear(&records);
	}
	if (r < 0)
		pcipt_result_note_warning(result, warning);
}

/* A record of an earlier boot holds nothing: it ends, and no device is touched. */
static int end_of_other_boot(struct pcipt_context *ctx, const struct pcipt_record *record,
			     const struct pcipt_options *options, struct pcipt_result **result,
			     struct pcipt_error **error)
{
	struct pcipt_error *warning = NULL;
	int r = pcipt_transaction_check(ctx, NULL, 0, error);

	if (r == 0)
		r = pcipt_store_end(ctx, record, error);
	if (r < 0)
		return r;
	*result = pcipt_result_new(PCIPT_OUTCOME_DONE);
	if (!*result)
		return pcipt_fail_memory(error);
	pcipt_fail(&warning, PCIPT_E_STALE, &(struct pcipt_error_facts){ .step = "release" },
		   "the claim %s is of an earlier boot: its devices were given back by the reboot",
		   record->name);
	pcipt_result_note_warning(*result, warning);
	let_go_of_kept(ctx, options, *result);
	return 0;
}

static int release(struct pcipt_context *ctx, struct pcipt_claim *claim,
		   const struct pcipt_options *options, struct pcipt_result **result,
		   struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *now = NULL;
	struct pcipt_kernel *k;
	double deadline;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	deadline = pcipt_transaction_deadline(ctx, k, options);
	r = pcipt_claim_reload(ctx, claim, &now, error);
	if (r == 0)
		r = pcipt_claim_check_owner(now, options, "release", error);
	if (r < 0)
		return r;
	return now->record.other_boot ?
		       end_of_other_boot(ctx, &now->record, options, result, error) :
		       release_devices(ctx, now, options, deadline, result, error);
}

int pcipt_claim_release(struct pcipt_context *ctx, struct pcipt_claim *claim,
			const struct pcipt_options *options, struct pcipt_result **result,
			struct pcipt_error **error)
{
	_cleanup_(pcipt_result_unrefp) struct pcipt_result *made = NULL;
	int r;

	if (!ctx || !claim)
		return pcipt_fail_argument(error, __func__, "no context or no claim");
	r = release(ctx, claim, options, &made, error);
	if (!made)
		made = pcipt_result_new(PCIPT_OUTCOME_FAILED);
	if (result)
		*result = steal(&made);
	return r;
}

int pcipt_release(struct pcipt_context *ctx, struct pcipt_claim *claim,
		  const struct pcipt_options *options, struct pcipt_error **error)
{
	return pcipt_claim_release(ctx, claim, options, NULL, error);
}
