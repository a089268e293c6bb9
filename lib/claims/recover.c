/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finishing what was interrupted: claims that say "binding" or "releasing" though nobody
 * is at it, and transactions without a claim.
 */
#include <errno.h>

#include "claims/boot.h"
#include "claims/claims.h"

/* Stuck for a write that is out, or for whoever has the lock, which may be that write's helper. */
bool pcipt_claim_is_interrupted(const struct pcipt_record *record)
{
	return record->state == PCIPT_CLAIM_BINDING || record->state == PCIPT_CLAIM_RELEASING ||
	       (record->state == PCIPT_CLAIM_STUCK &&
		(pcipt_streq(record->reason, PCIPT_REASON_WRITE_OUT) ||
		 pcipt_streq(record->reason, PCIPT_REASON_LOCKED)));
}

/* Under the locks: 1 when it still says that it is under way, which nobody can be then. */
static int is_current(struct pcipt_context *ctx, const struct pcipt_record *record,
		      struct pcipt_error **error)
{
	const struct pcipt_record *now;
	struct pcipt_records records;
	int r = pcipt_records_read(ctx, &records, error);

	if (r < 0)
		return r;
	now = pcipt_records_find(&records, record);
	r = now && pcipt_claim_is_interrupted(now);
	pcipt_records_clear(&records);
	return r;
}

/* One claim; it is recovered when it has a line in the report, or had come to its end. */
static int recover_one(struct pcipt_context *ctx, const struct pcipt_record *record,
		       const struct pcipt_options *options, double lock_deadline,
		       double deadline, struct pcipt_report *report, struct pcipt_error **error)
{
	const struct pcipt_recovery recovery = { record, is_current, pcipt_store_end,
						 lock_deadline, deadline, false };

	return pcipt_recover_record(ctx, &recovery, options, report, error);
}

/*
 * What can't be finished when its call's time has passed isn't under way any more: the record
 * says what it waits for instead, and when it is looked at again. That it is locked so long
 * is said, too; whoever holds it still says "bound" when he gets there.
 */
static void note_stuck(struct pcipt_context *ctx, struct pcipt_record *record,
		       const struct pcipt_error *why)
{
	int code = pcipt_error_get_code(why);
	const char *reason = pcipt_store_reason(code, code == PCIPT_E_IO ? "unreadable" : "unfinished");
	_cleanup_free_ char *message = pcipt_store_sentence(why);
	_cleanup_error_ struct pcipt_error *failed = NULL;

	if (code == PCIPT_E_NO_MEMORY || code == PCIPT_E_CANCELLED || code == PCIPT_E_NOT_REAL ||
	    !message || record->deadline_ms > pcipt_boot_ms())
		return;
	if (pcipt_store_wait(ctx, record, PCIPT_CLAIM_STUCK, reason, message,
			     pcipt_store_again_ms(record, reason), &failed) < 0)
		pcipt_log(ctx, PCIPT_LOG_WARNING, "%s", pcipt_error_get_message(failed));
}

/* ---- before a bind ---- */

static bool concerns(const struct pcipt_record *record, const struct pcipt_set *set)
{
	for (size_t i = 0; i < set->n_members; i++)
		for (size_t k = 0; k < record->n_devices; k++)
			if (pcipt_address_key(record->devices[k].at) ==
			    pcipt_address_key(set->members[i].device->at))
				return true;
	return false;
}

int pcipt_claims_recover_set(struct pcipt_context *ctx, const struct pcipt_set *set,
			     const struct pcipt_options *options, double deadline,
			     struct pcipt_error **error)
{
	int n = pcipt_journal_touches(ctx, NULL, set, error), r = n;
	struct pcipt_records records;

	if (n > 0)
		r = pcipt_journal_recover(ctx, NULL, set, options, deadline, deadline, NULL, error);
	if (r == 0)
		r = pcipt_records_read(ctx, &records, error);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < records.n; i++) {
		const struct pcipt_record *record = &records.items[i];

		if (!pcipt_claim_is_interrupted(record) || record->other_boot || !concerns(record, set))
			continue;
		r = recover_one(ctx, record, options, deadline, deadline, NULL, error);
		n++;
	}
	pcipt_records_clear(&records);
	return r < 0 ? r : n;
}

/* ---- everything ---- */

/* Somebody at work is no failure of recovery, unless he never comes to his end. */
static bool waits_for_others(const struct pcipt_error *error)
{
	int code = pcipt_error_get_code(error);

	return code == PCIPT_E_LOCKED || code == PCIPT_E_STUCK;
}

/* One round over the claims; those locked by others fail when the lock's deadline has come. */
static int recover_claims(struct pcipt_context *ctx, struct pcipt_records *records,
			  const struct pcipt_options *options, double lock_deadline,
			  double deadline, struct pcipt_report *report, struct pcipt_error **error)
{
	struct pcipt_error *worst = NULL;

	for (size_t i = 0; i < records->n; i++) {
		struct pcipt_record *record = &records->items[i];
		struct pcipt_error *failed = NULL;

		/* What is of an earlier boot holds nothing; a bound claim's release says so. */
		if (!pcipt_claim_is_interrupted(record) ||
		    recover_one(ctx, record, options, lock_deadline, deadline, report, &failed) == 0)
			continue;
		/* Others' locks are waited for in a second round. */
		if (!waits_for_others(failed) || lock_deadline == deadline)
			note_stuck(ctx, record, failed);
		pcipt_error_keep_worst(&worst, failed);
	}
	return worst ? pcipt_error_pass(error, worst) : 0;
}

/* Journal and claims. The records are read anew, and are those of before. */
static int recover_all(struct pcipt_context *ctx, const struct pcipt_options *options,
		       double lock_deadline, double deadline, struct pcipt_records *records,
		       struct pcipt_report *report, struct pcipt_error **error)
{
	struct pcipt_error *worst = NULL, *failed = NULL;
	int r;

	if (pcipt_journal_recover(ctx, NULL, NULL, options, lock_deadline, deadline, report,
				  &worst) < 0 &&
	    !worst)
		pcipt_fail_memory(&worst);
	pcipt_records_clear(records);
	r = pcipt_records_read(ctx, records, &failed);
	if (r == 0) {
		pcipt_report_note_problems(report, records);
		r = recover_claims(ctx, records, options, lock_deadline, deadline, report, &failed);
	}
	if (r < 0)
		pcipt_error_keep_worst(&worst, failed);
	return worst ? pcipt_error_pass(error, worst) : 0;
}

static int as_stuck(struct pcipt_error *why, struct pcipt_error **error)
{
	struct pcipt_error *made = NULL;

	if (pcipt_error_get_code(why) != PCIPT_E_LOCKED)
		return pcipt_error_pass(error, why);
	pcipt_fail(&made, PCIPT_E_STUCK,
		   &(struct pcipt_error_facts){ .step = "recover",
						.address = pcipt_error_get_address(why),
						.remedy = pcipt_error_get_remedy(why) },
		   "not finished: %s", pcipt_error_get_message(why));
	pcipt_error_add_cause(made, why);
	return pcipt_error_pass(error, made);
}

/* The error comes by its pointer alone: the code is its. */
static void recover(struct pcipt_context *ctx, const struct pcipt_options *options, double now,
		    double deadline, struct pcipt_records *records, struct pcipt_report **report,
		    struct pcipt_error **why)
{
	_cleanup_(pcipt_report_unrefp) struct pcipt_report *quick = NULL;
	int r;

	/* First all that can be done at once; then one waits for those whom others have locked. */
	r = recover_all(ctx, options, now, deadline, records, *report, why);
	if (r == 0 || !waits_for_others(*why))
		return;
	*why = pcipt_error_unref(*why);
	quick = steal(report);
	*report = pcipt_report_new();
	recover_all(ctx, options, deadline, deadline, records, *report, why);
	pcipt_report_append(quick, *report);
	pcipt_report_unref(*report);
	*report = steal(&quick);
}

/* A writer that was killed left a file beside its record, or the boot list, which nobody reads. */
static void sweep_folders(struct pcipt_context *ctx, struct pcipt_kernel *k)
{
	char *folders[] = { pcipt_records_folder(ctx, true), pcipt_records_folder(ctx, false),
			    pcipt_format("%s/journal", ctx->runtime_dir) };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		if (folders[i] && k->ops->record_sweep)
			k->ops->record_sweep(k, folders[i], ".json");
		free(folders[i]);
	}
	if (!ctx->state_dir_given && k->ops->record_sweep)
		k->ops->record_sweep(k, ctx->config_dir, PCIPT_BOOT_LIST);
}

int pcipt_recover_records(struct pcipt_context *ctx, const struct pcipt_options *options,
			  struct pcipt_records *records, struct pcipt_report **report,
			  struct pcipt_error **error)
{
	struct pcipt_error *why = NULL;
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	memset(records, 0, sizeof(*records));
	if (r < 0)
		return r;
	*report = pcipt_report_new();
	if (!*report)
		return pcipt_fail_memory(error);
	/* In a recorded tree nobody is interrupted, and nothing is written. */
	if (k->ops->is_real(k))
		sweep_folders(ctx, k);
	recover(ctx, options, k->ops->now(k), pcipt_transaction_deadline(ctx, k, options), records,
		report, &why);
	return why ? as_stuck(why, error) : 0;
}

int pcipt_recover(struct pcipt_context *ctx, const struct pcipt_options *options,
		  struct pcipt_report **out, struct pcipt_error **error)
{
	_cleanup_(pcipt_report_unrefp) struct pcipt_report *report = NULL;
	struct pcipt_records records;
	int r;

	if (!ctx)
		return pcipt_fail_argument(error, __func__, "no context");
	r = pcipt_recover_records(ctx, options, &records, &report, error);
	pcipt_records_clear(&records);
	if (out && report)
		*out = steal(&report);
	return r;
}
