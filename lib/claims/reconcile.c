/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reconciling: what claims say is held against the machine, and what the table says is
 * done. What was interrupted is finished before. A claim that is bound again keeps its
 * record as it was, and the transaction has an intent of its own: when it is
 * interrupted, its devices are led back and the claim still is wanted.
 */
#include <errno.h>
#include <libpcipt/claim.h>

#include "claims/boot.h"
#include "claims/claims.h"
#include "claims/compare.h"

struct reconcile {
	struct pcipt_context *ctx;
	const struct pcipt_options *options;
	struct pcipt_kernel *kernel;
	struct pcipt_snapshot *snap;
	struct pcipt_report *report;
	size_t n_told; /* of its lines those of recovery */
	double deadline;
	/* The driver that was looked for last: most claims have the same. */
	const char *driver;
	int driver_state;
};

static void options_clearp(struct pcipt_options **options)
{
	pcipt_options_unref(*options);
}

/* ---- saying so ---- */

static bool is_due(const struct reconcile *rec, const struct pcipt_record *record)
{
	return record->deadline_ms < 0 || record->deadline_ms <= pcipt_boot_ms() ||
	       (rec->options && rec->options->now);
}

/*
 * The record says what it waits for, and the report too. The same as before, and not due
 * yet, is written once.
 */
static int wait_for(struct reconcile *rec, struct pcipt_record *record, int state,
		    const char *reason, const char *message, struct pcipt_error **error)
{
	int from = record->state, r = 0;

	if (from != state || !pcipt_streq(record->reason, reason) || is_due(rec, record))
		r = pcipt_store_wait(rec->ctx, record, state, reason, message,
				     pcipt_store_again_ms(record, reason), error);
	if (r == 0)
		pcipt_report_note(rec->report, record->name, pcipt_claim_state_name(from),
				  pcipt_claim_state_name(state), reason, message);
	return r;
}

static int advance(struct reconcile *rec, struct pcipt_record *record, int state,
		   const char *reason, const char *message, struct pcipt_error **error)
{
	int from = record->state, r = pcipt_store_advance(rec->ctx, record, state, error);

	if (r == 0)
		pcipt_report_note(rec->report, record->name, pcipt_claim_state_name(from),
				  pcipt_claim_state_name(state), reason, message);
	return r;
}

/* ---- binding again ---- */

/* The claim's devices where they are now; those that are pinned come by themselves. */
static int find_devices(struct reconcile *rec, const struct pcipt_record *record,
			struct pcipt_device **devices, size_t *n, struct pcipt_error **error)
{
	*n = 0;
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_device *device = pcipt_recorded_device(&record->devices[i], rec->snap);

		if (record->devices[i].action == PCIPT_ACTION_PIN)
			continue;
		if (!device)
			return pcipt_fail(error, PCIPT_E_GONE,
					  &(struct pcipt_error_facts){
						  .step = "reconcile",
						  .address = record->devices[i].address },
					  "%s went away meanwhile", record->devices[i].address);
		devices[(*n)++] = device;
	}
	return 0;
}

static bool allow_recorded(struct pcipt_options *options, const struct pcipt_record *record)
{
	for (size_t i = 0; i < record->n_allowed; i++) {
		const struct pcipt_record_allowed *allowed = &record->allowed[i];
		int r = pcipt_options_add_allow(options, allowed->code, allowed->address, NULL);

		if (r == PCIPT_E_NO_MEMORY)
			return false;
		/* A code that isn't one (any more) allows nothing. */
		if (r == 0)
			options->allow[options->n_allow - 1].host = !allowed->address;
	}
	return true;
}

/* What the caller allows this time, beside that. */
static bool allow_given(struct pcipt_options *options, const struct pcipt_options *given)
{
	for (size_t i = 0; given && i < given->n_allow; i++)
		if (pcipt_options_add_allow(options, given->allow[i].code, given->allow[i].address,
					    NULL) < 0)
			return false;
	return true;
}

/* As long as the whole call may take, and as its caller wants to hear of it. */
static struct pcipt_options *options_of_call(const struct reconcile *rec)
{
	struct pcipt_options *options;

	if (pcipt_options_new(&options, NULL) < 0)
		return NULL;
	if (rec->options) {
		options->timeout_ms = rec->options->timeout_ms;
		options->cancel_fd = rec->options->cancel_fd;
		options->progress = rec->options->progress;
		options->progress_data = rec->options->progress_data;
	}
	return options;
}

/* What the claim was bound with: judged afresh, with what was allowed then. */
static struct pcipt_options *make_options(const struct reconcile *rec,
					  const struct pcipt_record *record)
{
	_cleanup_(options_clearp) struct pcipt_options *options = options_of_call(rec);
	bool ok = true;

	if (!options)
		return NULL;
	options->driver = pcipt_dup(record->driver, &ok);
	options->for_claim = pcipt_dup(record->id, &ok);
	return ok && allow_recorded(options, record) && allow_given(options, rec->options) ?
		       steal(&options) :
		       NULL;
}

/* Under the locks: the claim is still what it was, and has not been released meanwhile. */
static int is_wanted(struct pcipt_context *ctx, const struct pcipt_record *record,
		     struct pcipt_error **error)
{
	const struct pcipt_record *now;
	struct pcipt_records records;
	int r = pcipt_records_read(ctx, &records, error);
	bool same;

	if (r < 0)
		return r;
	now = pcipt_records_find(&records, record);
	same = now && now->state == record->state;
	pcipt_records_clear(&records);
	if (same)
		return 0;
	return pcipt_fail(error, PCIPT_E_NO_CLAIM, &(struct pcipt_error_facts){ .step = "reconcile" },
			  "the claim %s has changed meanwhile", record->name);
}

/* What a bind that came to nothing would have allowed, the claim doesn't. */
static void allow_no_more(struct pcipt_record *record, size_t n)
{
	while (record->n_allowed > n) {
		record->n_allowed--;
		free(record->allowed[record->n_allowed].code);
		free(record->allowed[record->n_allowed].address);
	}
}

/*
 * The record says "bound" before the intent goes. When it can't be written, or the claim
 * was forgotten meanwhile, the intent stays: recovery then leads the devices back.
 */
static int commit(struct reconcile *rec, struct pcipt_record *record, struct pcipt_transaction *t,
		  const struct pcipt_record *intent, struct pcipt_error **error)
{
	size_t n_allowed = record->n_allowed;
	int state = record->state, r;

	/* What was allowed this time is of the claim now, as if it had been bound with it. */
	r = pcipt_record_allow(record, t->plan) ?
		    pcipt_store_advance(rec->ctx, record, PCIPT_CLAIM_BOUND, error) :
		    pcipt_fail_memory(error);
	if (r == 0)
		return pcipt_journal_commit(t, intent, error);
	record->state = state;
	allow_no_more(record, n_allowed);
	return r;
}

static int run_plan(struct reconcile *rec, struct pcipt_record *record, struct pcipt_plan *plan,
		    const struct pcipt_options *options, struct pcipt_error **error)
{
	struct pcipt_transaction t = { .deadline = rec->deadline };
	struct pcipt_record intent = { 0 };
	int r = pcipt_transaction_begin(&t, rec->ctx, plan, options, error);

	if (r == 0)
		r = is_wanted(rec->ctx, record, error);
	if (r == 0)
		r = pcipt_adopt_learn(t.plan, record, error);
	if (r == 0) {
		r = pcipt_journal_begin(&t, &intent, error);
		if (r == 0)
			r = pcipt_transaction_run(&t, error);
		if (r < 0)
			pcipt_journal_end(&t, &intent);
		else
			r = commit(rec, record, &t, &intent, error);
		pcipt_record_clear(&intent);
	}
	pcipt_transaction_end(&t);
	return r;
}

static int bind_again(struct reconcile *rec, struct pcipt_record *record,
		      struct pcipt_error **error)
{
	_cleanup_free_ struct pcipt_device **devices =
		calloc(record->n_devices + 1, sizeof(struct pcipt_device *));
	_cleanup_(options_clearp) struct pcipt_options *options = make_options(rec, record);
	_cleanup_(pcipt_set_unrefp) struct pcipt_set *set = NULL;
	_cleanup_(pcipt_plan_unrefp) struct pcipt_plan *plan = NULL;
	size_t n;
	int r;

	if (!devices || !options)
		return pcipt_fail_memory(error);
	r = find_devices(rec, record, devices, &n, error);
	if (r == 0)
		r = pcipt_set_new(rec->snap, devices, n, options, &set, error);
	if (r == 0 && !pcipt_set_is_safe(set))
		r = pcipt_fail_refused(error, set);
	if (r == 0)
		r = pcipt_plan_bind(set, options, &plan, error);
	return r == 0 ? run_plan(rec, record, plan, options, error) : r;
}

/* It ended, or somebody else has led it on. */
static bool is_anothers(int code)
{
	return code == PCIPT_E_NO_CLAIM || code == PCIPT_E_STALE;
}

/* Nothing is lost by it: the claim waits, and says for what. */
static int failed(struct reconcile *rec, struct pcipt_record *record, int state,
		  struct pcipt_error *why, struct pcipt_error **error)
{
	int code = pcipt_error_get_code(why);
	_cleanup_free_ char *message = pcipt_store_sentence(why);
	int r;

	/* Released or taken in hand by somebody else: what he did counts. */
	if (code == PCIPT_E_NO_CLAIM) {
		pcipt_error_unref(why);
		return 0;
	}
	if (!message) {
		pcipt_error_unref(why);
		return pcipt_fail_memory(error);
	}
	r = wait_for(rec, record, state, pcipt_store_reason(code, "bind-failed"), message, error);
	if (r == 0 && (code == PCIPT_E_STUCK || code == PCIPT_E_ROLLBACK_INCOMPLETE))
		return pcipt_error_pass(error, why);
	pcipt_error_unref(why);
	return is_anothers(r) ? 0 : r;
}

static int bind_or_wait(struct reconcile *rec, struct pcipt_record *record, const char *reason,
			struct pcipt_error **error)
{
	const char *from = pcipt_claim_state_name(record->state);
	struct pcipt_error *why = NULL;

	if (bind_again(rec, record, &why) < 0)
		return failed(rec, record, PCIPT_CLAIM_WAITING, why, error);
	pcipt_report_note(rec->report, record->name, from, "bound", reason,
			  "its devices are on its driver");
	return 0;
}

/* What was allowed on a device stays allowed on it, wherever it is now. */
static bool move_allowed(struct reconcile *rec, struct pcipt_record *record)
{
	for (size_t i = 0; i < record->n_allowed; i++) {
		struct pcipt_record_allowed *allowed = &record->allowed[i];
		const struct pcipt_device *now = NULL;
		char *address;

		for (size_t k = 0; k < record->n_devices && !now; k++)
			if (pcipt_streq(allowed->address, record->devices[k].address))
				now = pcipt_recorded_device(&record->devices[k], rec->snap);
		if (!now)
			continue;
		address = strdup(now->address);
		if (!address)
			return false;
		free(allowed->address);
		allowed->address = address;
	}
	return true;
}

/* Addresses shift, and cards are moved: the record follows before anything is done. */
static int follow(struct reconcile *rec, struct pcipt_record *record, struct pcipt_error **error)
{
	/* First, as it goes by the addresses of before. */
	if (!move_allowed(rec, record))
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < record->n_devices; i++) {
		struct pcipt_record_device *recorded = &record->devices[i];
		struct pcipt_device *now = pcipt_recorded_device(recorded, rec->snap);
		const char *identity = pcipt_device_get_identity(now);
		char *copy = identity ? strdup(identity) : NULL;

		if (!now || !identity)
			continue;
		if (!copy)
			return pcipt_fail_memory(error);
		free(recorded->identity);
		recorded->identity = copy;
		recorded->at = now->at;
		memcpy(recorded->address, now->address, sizeof(recorded->address));
	}
	return pcipt_store_advance(rec->ctx, record, PCIPT_CLAIM_PENDING, error);
}

/* ---- one claim ---- */

static int give_back(struct reconcile *rec, struct pcipt_record *record,
		     struct pcipt_error **error)
{
	_cleanup_(pcipt_result_unrefp) struct pcipt_result *result = NULL;
	_cleanup_(pcipt_claim_unrefp) struct pcipt_claim *claim = NULL;
	_cleanup_(options_clearp) struct pcipt_options *options = options_of_call(rec);
	const char *from = pcipt_claim_state_name(record->state);
	struct pcipt_error *why = NULL;
	const struct pcipt_error *warning;
	int r;

	if (!options)
		return pcipt_fail_memory(error);
	r = pcipt_claim_find(rec->ctx, record->name, &claim, &why);
	if (r == 0)
		r = pcipt_claim_release(rec->ctx, claim, options, &result, &why);
	if (r < 0)
		return failed(rec, record, PCIPT_CLAIM_STUCK, why, error);
	warning = pcipt_result_warning_at(result, 0);
	pcipt_report_note(rec->report, record->name, from, "ended",
			  warning ? "restore-failed" : "given-back",
			  warning ? pcipt_error_get_message(warning) :
				    "its devices are as they were before it");
	return 0;
}

static int end(struct reconcile *rec, struct pcipt_record *record,
	       const struct pcipt_situation_row *row, const char *message,
	       struct pcipt_error **error)
{
	int r = pcipt_store_end(rec->ctx, record, error);

	if (r == 0)
		pcipt_report_note(rec->report, record->name, pcipt_claim_state_name(record->state),
				  "ended", row->name, message);
	return r;
}

static int act(struct reconcile *rec, struct pcipt_record *record,
	       const struct pcipt_observation *seen, struct pcipt_error **error)
{
	struct pcipt_reconcile_cell cell =
		pcipt_reconcile_cell(record->state, seen->situation, record->persistent);
	const struct pcipt_situation_row *row = pcipt_situation_row(seen->situation);
	_cleanup_free_ char *what = pcipt_observation_text(record, seen);
	_cleanup_free_ char *message = what ? pcipt_format("%s. %s", what, row->remedy) : NULL;
	int r;

	if (!message)
		return pcipt_fail_memory(error);
	switch (cell.action) {
	case PCIPT_RECONCILE_NOTE:
		if (seen->situation == PCIPT_SITUATION_NEW_BOOT)
			return pcipt_store_renew(rec->ctx, record, error);
		return advance(rec, record, cell.next, row->name, what, error);
	case PCIPT_RECONCILE_FOLLOW:
		r = follow(rec, record, error);
		return r == 0 ? bind_or_wait(rec, record, row->name, error) : r;
	case PCIPT_RECONCILE_BIND:
		/* What failed before is tried when it is due; what is new, at once. */
		if (record->state == PCIPT_CLAIM_WAITING && !is_due(rec, record))
			return 0;
		return bind_or_wait(rec, record, row->name, error);
	case PCIPT_RECONCILE_GIVE_BACK:
		return give_back(rec, record, error);
	case PCIPT_RECONCILE_END:
		return end(rec, record, row, what, error);
	case PCIPT_RECONCILE_WAIT:
		return wait_for(rec, record, cell.next, row->name, message, error);
	default:
		if (seen->situation != PCIPT_SITUATION_HELD)
			pcipt_report_note(rec->report, record->name,
					  pcipt_claim_state_name(record->state),
					  pcipt_claim_state_name(record->state), row->name,
					  message);
		return 0;
	}
}

static int driver_state(struct reconcile *rec, const char *driver)
{
	if (!pcipt_streq(rec->driver, driver))
		rec->driver_state = rec->kernel->ops->module_state(rec->kernel, driver);
	rec->driver = driver;
	return rec->driver_state;
}

static bool is_told(const struct reconcile *rec, const struct pcipt_record *record)
{
	for (size_t i = 0; i < rec->n_told; i++)
		if (pcipt_streq(pcipt_report_action_claim(rec->report, i), record->name))
			return true;
	return false;
}

static int reconcile_one(struct reconcile *rec, struct pcipt_record *record,
			 struct pcipt_error **error)
{
	struct pcipt_observation seen;
	int r;

	/* What was interrupted and is still there, recovery has told of already, or has put off. */
	if (pcipt_claim_is_interrupted(record) || is_told(rec, record))
		return 0;
	/* Between what was read and what is written another process may release it. */
	record->expected = record->state + 1;
	for (int round = 0; round < 2; round++) {
		bool again;

		r = pcipt_observe(record, rec->snap, driver_state(rec, record->driver), &seen,
				  error);
		if (r < 0)
			return r;
		again = seen.situation == PCIPT_SITUATION_NEW_BOOT && record->persistent;
		r = act(rec, record, &seen, error);
		pcipt_observation_clear(&seen);
		if (r < 0 || !again)
			break;
	}
	/* Ended meanwhile by somebody else: nothing is left to do. */
	return r;
}

/* ---- all claims ---- */

static int reconcile_all(struct reconcile *rec, struct pcipt_records *records,
			 struct pcipt_error **error)
{
	struct pcipt_error *worst = NULL;
	int r;

	rec->n_told = pcipt_report_action_count(rec->report);
	r = records->n > 0 ? pcipt_transaction_check(rec->ctx, NULL, 0, error) : 0;

	if (r == 0 && records->n > 0)
		r = pcipt_snapshot_new(rec->ctx, &rec->snap, error);
	if (r < 0)
		return r;
	for (size_t i = 0; i < records->n; i++) {
		struct pcipt_error *why = NULL;

		r = reconcile_one(rec, &records->items[i], &why);
		if (r < 0 && !is_anothers(r))
			pcipt_error_keep_worst(&worst, why);
		else
			pcipt_error_unref(why);
	}
	return worst ? pcipt_error_pass(error, worst) : 0;
}

/* Those that stand beside each other are told each time, until somebody decides. */
static void tell_rivals(struct reconcile *rec, const struct pcipt_records *records)
{
	for (size_t i = 0; i < records->n; i++) {
		const struct pcipt_record *record = &records->items[i];
		_cleanup_error_ struct pcipt_error *problem = pcipt_claim_rivalry(rec->ctx, record);
		_cleanup_free_ char *message = problem ? pcipt_store_sentence(problem) : NULL;

		if (problem)
			pcipt_report_note(rec->report, record->name,
					  pcipt_claim_state_name(record->state),
					  pcipt_claim_state_name(record->state), "claimed", message);
	}
}

static bool any_interrupted(const struct pcipt_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		if (pcipt_claim_is_interrupted(&records->items[i]))
			return true;
	return false;
}

int pcipt_reconcile(struct pcipt_context *ctx, const struct pcipt_options *options,
		    struct pcipt_report **report, struct pcipt_error **error)
{
	struct reconcile rec = { .ctx = ctx, .options = options };
	struct pcipt_error *worst = NULL, *why = NULL;
	struct pcipt_records records;
	bool real;
	int r;

	if (!ctx)
		return pcipt_fail_argument(error, __func__, "no context");
	r = pcipt_kernel_get(ctx, &rec.kernel, error);
	if (r < 0)
		return r;
	real = rec.kernel->ops->is_real(rec.kernel);
	rec.deadline = pcipt_transaction_deadline(ctx, rec.kernel, options);
	r = pcipt_recover_records(ctx, options, &records, &rec.report, &why);
	if (!rec.report)
		return pcipt_error_pass(error, why);
	if (r < 0)
		pcipt_error_keep_worst(&worst, why);
	why = NULL;
	/* Reading them is half of what there is to do where nothing is: once is enough then. */
	if (r < 0 || any_interrupted(&records)) {
		pcipt_records_clear(&records);
		r = pcipt_records_read(ctx, &records, &why);
	}
	if (r == 0) {
		/* The boot list of a recorded tree is left as it was found. */
		if (real && pcipt_boot_let_go(ctx, &records, options, rec.deadline, rec.report,
					      &why) < 0)
			pcipt_error_keep_worst(&worst, why);
		why = NULL;
		r = reconcile_all(&rec, &records, &why);
		tell_rivals(&rec, &records);
		if (real)
			pcipt_boot_mend(ctx, &records);
	}
	pcipt_records_clear(&records);
	if (r < 0)
		pcipt_error_keep_worst(&worst, why);
	pcipt_snapshot_unref(rec.snap);
	if (report)
		*report = rec.report;
	else
		pcipt_report_unref(rec.report);
	return worst ? pcipt_error_pass(error, worst) : 0;
}
