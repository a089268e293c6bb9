/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One record that was left half way. Whether its bind or its release was interrupted, its
 * devices go back to what was taken down, by the same steps as a release: led by what each
 * is now. That its locks are free proves that nobody is at it any more.
 */
#include <errno.h>
#include <libpcipt/claim.h>

#include "transaction/transaction.h"

static void note(struct pcipt_report *report, const struct pcipt_record *record, const char *to,
		 const char *reason, const char *message)
{
	pcipt_report_note(report, record->name, pcipt_claim_state_name(record->state), to, reason,
			  message);
}

/* What a device's own driver refused while its bind was undone, or NULL. */
static const struct pcipt_error *not_undone(const struct pcipt_record *record,
					    const struct pcipt_result *result)
{
	for (size_t i = 0; i < pcipt_result_warning_count(result); i++) {
		const struct pcipt_error *warning = pcipt_result_warning_at(result, i);

		if (record->state == PCIPT_CLAIM_BINDING &&
		    pcipt_error_get_code(warning) == PCIPT_E_ROLLBACK_INCOMPLETE)
			return warning;
	}
	return NULL;
}

/* Under the locks; whether the record has ended now is told apart from whether all is back. */
static int lead_back(struct pcipt_transaction *t, const struct pcipt_recovery *recovery,
		     struct pcipt_snapshot *snap, bool *ended, struct pcipt_error **error)
{
	int r = recovery->is_current(t->ctx, recovery->record, error);
	const struct pcipt_error *left;

	if (r <= 0)
		return r;
	r = pcipt_transaction_run(t, error);
	if (r < 0)
		return r;
	pcipt_warn_left_alone(snap, recovery->record, t->result);
	left = not_undone(recovery->record, t->result);
	if (!left || recovery->ends_incomplete) {
		r = recovery->end(t->ctx, recovery->record, error);
		*ended = r == 0;
	}
	if (r == 0 && left)
		return pcipt_error_pass(error, pcipt_error_ref((struct pcipt_error *)left));
	return r;
}

/* The word and the sentence for a record that has ended. */
static void note_ended(struct pcipt_report *report, const struct pcipt_record *record,
		       const struct pcipt_result *result)
{
	const struct pcipt_error *warning = pcipt_result_warning_at(result, 0);
	bool failed = pcipt_error_get_code(warning) == PCIPT_E_ROLLBACK_INCOMPLETE;

	note(report, record, "ended", failed ? "restore-failed" : "interrupted",
	     warning ? pcipt_error_get_message(warning) : "its devices are as they were before it");
}

/* What keeps a record from its end: told, and passed on as what recovery comes to. */
static int fail_recovery(struct pcipt_report *report, const struct pcipt_record *record, bool ended,
			 struct pcipt_error *why, struct pcipt_error **error)
{
	int code = pcipt_error_get_code(why);
	const char *state = ended ? "ended" : pcipt_claim_state_name(record->state);

	if (code == PCIPT_E_STUCK || code == PCIPT_E_LOCKED) {
		note(report, record, "stuck",
		     code == PCIPT_E_LOCKED ? PCIPT_REASON_LOCKED : PCIPT_REASON_WRITE_OUT,
		     pcipt_error_get_message(why));
		return pcipt_error_pass(error, why);
	}
	note(report, record, state, pcipt_error_get_name(why), pcipt_error_get_message(why));
	return pcipt_error_pass(error, why);
}

static int end_other_boot(struct pcipt_context *ctx, const struct pcipt_recovery *recovery,
			  struct pcipt_report *report, struct pcipt_error **error)
{
	int r = pcipt_transaction_check(ctx, NULL, 0, error);

	if (r == 0)
		r = recovery->end(ctx, recovery->record, error);
	if (r == 0)
		note(report, recovery->record, "ended", "earlier-boot",
		     "its devices were given back by the reboot");
	return r;
}

int pcipt_recover_record(struct pcipt_context *ctx, const struct pcipt_recovery *recovery,
			 const struct pcipt_options *options, struct pcipt_report *report,
			 struct pcipt_error **error)
{
	_cleanup_(pcipt_snapshot_unrefp) struct pcipt_snapshot *snap = NULL;
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	struct pcipt_transaction t = { .deadline = recovery->deadline,
				       .lock_deadline = recovery->lock_deadline,
				       .recovers = true };
	struct pcipt_error *why = NULL;
	bool ended = false;
	int r;

	if (recovery->record->other_boot)
		return end_other_boot(ctx, recovery, report, error);
	r = pcipt_record_snapshot(ctx, recovery->record, &snap, &why);
	if (r == 0)
		r = pcipt_plan_from_record(snap, recovery->record, false, &plan, &why);
	if (r < 0)
		return fail_recovery(report, recovery->record, ended, why, error);
	r = pcipt_transaction_begin(&t, ctx, plan, options, &why);
	if (r == 0)
		r = lead_back(&t, recovery, snap, &ended, &why);
	if (r == 0 && ended)
		note_ended(report, recovery->record, t.result);
	pcipt_transaction_end(&t);
	return r < 0 ? fail_recovery(report, recovery->record, ended, why, error) : 0;
}
