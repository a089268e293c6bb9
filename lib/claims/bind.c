/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking a set: record first, then the transaction, then the record says "bound". */
#include <errno.h>

#include "claims/claims.h"

static void record_clearp(struct pcipt_record *record)
{
	pcipt_record_clear(record);
}

/* The claim as a record: what was asked for and what each device was. */
static int make_record(const struct pcipt_plan *plan, const struct pcipt_options *options,
		       struct pcipt_record *record, struct pcipt_error **error)
{
	bool ok = true;

	record->persistent = options && options->persistent;
	record->timeout_ms = options ? options->timeout_ms : 0;
	record->owner = pcipt_dup(options ? options->owner : NULL, &ok);
	return ok ? pcipt_record_from_plan(plan, record, error) : pcipt_fail_memory(error);
}

/* Writes the record under the name asked for, or under the first that is free. */
static int begin(struct pcipt_context *ctx, const struct pcipt_set *set,
		 const struct pcipt_options *options, struct pcipt_record *record,
		 struct pcipt_error **error)
{
	const char *name = options ? options->name : NULL;

	for (unsigned int attempt = 0;; attempt++) {
		_cleanup_error_ struct pcipt_error *failed = NULL;
		int r;

		free(record->name);
		record->name = name ? strdup(name) : pcipt_claim_default_name(set, attempt);
		if (!record->name)
			return pcipt_fail_memory(error);
		r = pcipt_store_begin(ctx, record, &failed);
		if (r == 0 || r != PCIPT_E_NAME || name || attempt == 99)
			return r == 0 ? 0 : pcipt_error_pass(error, steal(&failed));
	}
}

/* The devices of the set are in a claim already: that claim, and nothing written. */
static int find_own(struct pcipt_context *ctx, const struct pcipt_set *set,
		    const struct pcipt_options *options, struct pcipt_claim **claim,
		    struct pcipt_result *result, struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *found = NULL;
	int r = pcipt_claim_find(ctx, set->claim, &found, error);

	/* The set may have been made for another owner, or for none. */
	if (r == 0)
		r = pcipt_claim_check_owner(found, options, "bind", error);
	if (r < 0)
		return r;
	result->outcome = PCIPT_OUTCOME_UNCHANGED;
	*claim = steal(&found);
	return 0;
}

/* What a transaction notes when it ends, where there was none. */
static void note_members(const struct pcipt_set *set, struct pcipt_result *result)
{
	for (size_t i = 0; i < set->n_members; i++) {
		struct pcipt_device *device = set->members[i].device;
		const char *driver = pcipt_device_get_driver(device);

		if (set->members[i].role != PCIPT_ROLE_BRIDGE)
			pcipt_result_note_device(result, device->address, driver, driver,
						 pcipt_device_get_vfio_device(device));
	}
}

static int find_untouched(struct pcipt_context *ctx, const struct pcipt_set *set,
			  const struct pcipt_options *options, struct pcipt_claim **claim,
			  struct pcipt_result *result, struct pcipt_error **error)
{
	int r = find_own(ctx, set, options, claim, result, error);

	if (r == 0)
		note_members(set, result);
	return r;
}

/* Permission comes before the findings: who may not act needn't argue. */
static int check_permission(struct pcipt_context *ctx, const struct pcipt_set *set,
			    struct pcipt_error **error)
{
	_cleanup_free_ const char **addresses = calloc(set->n_members + 1, sizeof(*addresses));
	size_t n = 0;

	if (!addresses)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < set->n_members; i++)
		if (set->members[i].action != PCIPT_ACTION_KEEP)
			addresses[n++] = set->members[i].device->address;
	return pcipt_transaction_check(ctx, addresses, n, error);
}

/* A claim or an intent that was interrupted may be all that stands against the set: finish it, judge again. */
static int check_set(struct pcipt_context *ctx, struct pcipt_set *set,
		     const struct pcipt_options *options, double deadline,
		     struct pcipt_set **checked, struct pcipt_error **error)
{
	int r = check_permission(ctx, set, error);

	*checked = pcipt_set_ref(set);
	if (r < 0 || set->claim || pcipt_set_is_safe(set))
		return r;
	r = pcipt_claims_recover_set(ctx, set, options, deadline, error);
	if (r > 0) {
		*checked = pcipt_set_unref(*checked);
		r = pcipt_set_again(ctx, set, checked, error);
	}
	if (r < 0 || (*checked)->claim || pcipt_set_is_safe(*checked))
		return r;
	return pcipt_fail_refused(error, *checked);
}

/*
 * A rolled-back bind leaves no claim. An incomplete one keeps it for a release, and one
 * with a write out for whoever comes when that has returned.
 */
static void after_failure(struct pcipt_transaction *t, struct pcipt_record *record,
			  const struct pcipt_error *why)
{
	int outcome = t->result->outcome;
	struct pcipt_error *left = NULL;

	if (outcome == PCIPT_OUTCOME_STUCK)
		pcipt_store_stuck(t, record, why);
	/* The outcome decides, not the error: that may be lost for want of memory. */
	if (outcome != PCIPT_OUTCOME_ROLLBACK_INCOMPLETE && outcome != PCIPT_OUTCOME_STUCK &&
	    pcipt_store_end(t->ctx, record, &left) < 0)
		pcipt_result_note_warning(t->result, left);
}

/*
 * A record that still says "binding" is one of an interrupted bind: whoever comes next would
 * undo it under a card in use. So a bind that can't be written down isn't one.
 */
static int commit(struct pcipt_transaction *t, struct pcipt_record *record,
		  struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;

	pcipt_adopt_commit(record, true);
	if (pcipt_store_advance(t->ctx, record, PCIPT_CLAIM_BOUND, &failed) == 0)
		return 0;
	/* What is written from here on, that it is stuck, is of a bind that was none. */
	pcipt_adopt_commit(record, false);
	return pcipt_transaction_undo(t, failed, error);
}

/* With the locks held: the record first, then the devices, then the record says "bound". */
static int bind_locked(struct pcipt_transaction *t, const struct pcipt_set *set,
		       struct pcipt_claim **claim, struct pcipt_error **error)
{
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *made = NULL;
	_cleanup_(record_clearp) struct pcipt_record record = { 0 };
	struct pcipt_error *failed = NULL;
	int r = make_record(t->plan, t->options, &record, error);

	if (r < 0)
		return r;
	/* Before anything is written: memory that runs out later must not lose a bound claim. */
	made = pcipt_claim_new(&record);
	if (!made)
		return pcipt_fail_memory(error);
	r = pcipt_adopt_begin(t->plan, &made->record, t->result, error);
	if (r == 0)
		r = begin(t->ctx, set, t->options, &made->record, error);
	if (r < 0)
		return r;
	r = pcipt_transaction_run(t, &failed);
	if (r == 0)
		r = commit(t, &made->record, &failed);
	if (r < 0) {
		after_failure(t, &made->record, failed);
		pcipt_error_pass(error, steal(&failed));
		return r;
	}
	t->result->outcome = PCIPT_OUTCOME_DONE; /* a claim began, whatever had to be written */
	*claim = steal(&made);
	return 0;
}

static int bind_new(struct pcipt_context *ctx, struct pcipt_set *set,
		    const struct pcipt_options *options, double deadline,
		    struct pcipt_claim **claim, struct pcipt_result **result,
		    struct pcipt_error **error)
{
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	struct pcipt_transaction t = { .deadline = deadline, .checked = true };
	int r = pcipt_plan_bind(set, options, &plan, error);

	if (r < 0)
		return r;
	r = pcipt_transaction_begin(&t, ctx, plan, options, error);
	/* Somebody was quicker, and took the same for us: a set that is claimed is no news. */
	if (r == 0 && t.plan->set->claim)
		r = find_own(ctx, t.plan->set, options, claim, t.result, error);
	else if (r == 0)
		r = bind_locked(&t, set, claim, error);
	if (t.result) {
		pcipt_result_unref(*result);
		*result = pcipt_result_ref(t.result);
	}
	pcipt_transaction_end(&t);
	return r;
}

static int bind_checked(struct pcipt_context *ctx, struct pcipt_set *set,
			const struct pcipt_options *options, struct pcipt_claim **claim,
			struct pcipt_result **result, struct pcipt_error **error)
{
	_cleanup_(pcipt_set_unrefp) struct pcipt_set *checked = NULL;
	struct pcipt_kernel *k;
	double deadline;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	deadline = pcipt_transaction_deadline(ctx, k, options);
	r = check_set(ctx, set, options, deadline, &checked, error);
	if (r < 0)
		return r;
	return checked->claim ? find_untouched(ctx, checked, options, claim, *result, error) :
				bind_new(ctx, checked, options, deadline, claim, result, error);
}

int pcipt_claim_bind(struct pcipt_context *ctx, struct pcipt_set *set,
		     const struct pcipt_options *options, struct pcipt_claim **claim,
		     struct pcipt_result **result, struct pcipt_error **error)
{
	_cleanup_(pcipt_result_unrefp) struct pcipt_result *made = NULL;
	int r;

	if (!ctx || !set || !claim)
		return pcipt_fail_argument(error, __func__, "no context, no set, or no place");
	made = pcipt_result_new(PCIPT_OUTCOME_FAILED);
	if (!made)
		return pcipt_fail_memory(error);
	r = set->claim ? find_untouched(ctx, set, options, claim, made, error) :
			 bind_checked(ctx, set, options, claim, &made, error);
	if (r == PCIPT_E_REFUSED)
		made->outcome = PCIPT_OUTCOME_REFUSED;
	if (result)
		*result = steal(&made);
	return r;
}

int pcipt_bind(struct pcipt_context *ctx, struct pcipt_set *set,
	       const struct pcipt_options *options, struct pcipt_claim **claim,
	       struct pcipt_error **error)
{
	return pcipt_claim_bind(ctx, set, options, claim, NULL, error);
}
