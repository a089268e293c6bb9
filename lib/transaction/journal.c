/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intents of transactions that no claim's record tells of: pcipt_apply() alone. A record
 * of the same form, begun before the first write to the kernel and synced, gone after the
 * last one. What the writes of either kind came to stands in the lock files.
 */
#include <errno.h>
#include <libpcipt/claim.h>

#include "transaction/transaction.h"

static char *folder_of(struct pcipt_context *ctx)
{
	return pcipt_format("%s/journal", ctx->runtime_dir);
}

static int fail_journal(struct pcipt_context *ctx, int r, struct pcipt_error **error)
{
	_cleanup_free_ char *folder = folder_of(ctx);
	bool denied = r == -EACCES || r == -EROFS || r == -EPERM;

	return pcipt_fail(error,
			  denied	? PCIPT_E_PERMISSION :
			  r == -EBADMSG ? PCIPT_E_DAMAGED :
					  PCIPT_E_IO,
			  &(struct pcipt_error_facts){
				  .step = "journal",
				  .path = folder,
				  .errnum = r == -EBADMSG ? 0 : -r,
				  .remedy = r == -ENOSPC  ? "Make room there, then try again" :
					    r == -EBADMSG ? "Make root the folder's owner and take "
							    "others' right to write away" :
							    "Make the folder writable for this process" },
			  "what is about to be done can't be written down first: %s",
			  r == -EBADMSG ? "others than root may write to the folder" :
					  pcipt_errno_text(-r));
}

/* Who and when: the same facts as a claim's record has. */
static bool fill(struct pcipt_transaction *t, struct pcipt_record *record)
{
	record->state = t->plan->kind == PCIPT_PLAN_BIND ? PCIPT_CLAIM_BINDING :
							   PCIPT_CLAIM_RELEASING;
	pcipt_record_set_boot(record, t->kernel);
	record->name = pcipt_record_set_id(record, t->kernel) ?
			       pcipt_format("apply-%s", record->id) :
			       NULL;
	record->since = strdup("unknown");
	return record->name && record->since;
}

int pcipt_journal_begin(struct pcipt_transaction *t, struct pcipt_record *record,
			struct pcipt_error **error)
{
	_cleanup_free_ char *folder = folder_of(t->ctx), *file = NULL, *text = NULL;
	int r = pcipt_record_from_plan(t->plan, record, error);

	if (r < 0 || record->n_devices == 0)
		return r;
	if (!fill(t, record))
		return pcipt_fail_memory(error);
	file = pcipt_format("%s.json", record->name);
	text = pcipt_record_print(record);
	if (!folder || !file || !text)
		return pcipt_fail_memory(error);
	r = t->kernel->ops->record_write(t->kernel, folder, file, text, true);
	return r < 0 ? fail_journal(t->ctx, r, error) : 0;
}

static int remove_record(struct pcipt_context *ctx, const struct pcipt_record *record,
			 struct pcipt_error **error)
{
	_cleanup_free_ char *folder = folder_of(ctx);
	_cleanup_free_ char *file = pcipt_format("%s.json", record->name);
	struct pcipt_kernel *k;
	int r = pcipt_kernel_get(ctx, &k, error);

	if (r < 0)
		return r;
	if (!folder || !file)
		return pcipt_fail_memory(error);
	r = k->ops->record_remove(k, folder, file);
	return r < 0 && r != -ENOENT ? fail_journal(ctx, r, error) : 0;
}

void pcipt_journal_end(struct pcipt_transaction *t, const struct pcipt_record *record)
{
	int outcome = t->result->outcome;
	struct pcipt_error *left = NULL;

	if (record->n_devices == 0 ||
	    (outcome != PCIPT_OUTCOME_DONE && outcome != PCIPT_OUTCOME_UNCHANGED &&
	     outcome != PCIPT_OUTCOME_ROLLED_BACK))
		return;
	if (remove_record(t->ctx, record, &left) < 0)
		pcipt_result_note_warning(t->result, left);
}

/* An intent of a bind that stays would be undone under whoever uses the devices by then. */
int pcipt_journal_commit(struct pcipt_transaction *t, const struct pcipt_record *record,
			 struct pcipt_error **error)
{
	struct pcipt_error *failed = NULL;
	int r;

	if (t->plan->kind != PCIPT_PLAN_BIND || record->n_devices == 0 ||
	    remove_record(t->ctx, record, &failed) == 0) {
		pcipt_journal_end(t, record);
		return 0;
	}
	r = pcipt_transaction_undo(t, failed, error);
	pcipt_journal_end(t, record);
	return r;
}

/* ---- what was left ---- */

static int read_all(struct pcipt_context *ctx, struct pcipt_records *records,
		    struct pcipt_error **error)
{
	_cleanup_free_ char *folder = folder_of(ctx);

	return pcipt_records_read_from(ctx, folder, records, error);
}

static bool has_device(const struct pcipt_record *record, struct pcipt_address at)
{
	for (size_t i = 0; i < record->n_devices; i++)
		if (pcipt_address_key(record->devices[i].at) == pcipt_address_key(at))
			return true;
	return false;
}

static bool touches(const struct pcipt_record *record, const struct pcipt_plan *plan,
		    const struct pcipt_set *set)
{
	for (size_t i = 0; plan && i < plan->n_devices; i++)
		if (has_device(record, plan->devices[i].at))
			return true;
	for (size_t i = 0; set && i < set->n_members; i++)
		if (has_device(record, set->members[i].device->at))
			return true;
	return !plan && !set;
}

int pcipt_journal_touches(struct pcipt_context *ctx, const struct pcipt_plan *plan,
			  const struct pcipt_set *set, struct pcipt_error **error)
{
	struct pcipt_records records;
	int r = read_all(ctx, &records, error);

	for (size_t i = 0; r == 0 && i < records.n; i++)
		r = touches(&records.items[i], plan, set);
	pcipt_records_clear(&records);
	return r;
}

/*
 * Its claim says "bound" already and its devices are: whoever died between the two left it.
 * Somebody may use them by now, so nothing is led back.
 */
static bool is_through(struct pcipt_context *ctx, const struct pcipt_record *record)
{
	struct pcipt_records records;
	struct pcipt_kernel *k;
	bool through = false;

	if (record->state != PCIPT_CLAIM_BINDING || pcipt_kernel_get(ctx, &k, NULL) < 0 ||
	    pcipt_records_read(ctx, &records, NULL) < 0)
		return false;
	for (size_t i = 0; i < record->n_devices; i++) {
		const struct pcipt_record_device *device = &record->devices[i];
		const struct pcipt_record *holder =
			pcipt_records_holder(&records, device->at, device->identity);

		if (device->action != PCIPT_ACTION_BIND)
			continue;
		through = holder && !holder->other_boot && holder->state == PCIPT_CLAIM_BOUND &&
			  pcipt_streq(holder->driver, record->driver) &&
			  pcipt_has_driver(k, device->address, record->driver) == 1;
		if (!through)
			break;
	}
	pcipt_records_clear(&records);
	return through;
}

static int is_current(struct pcipt_context *ctx, const struct pcipt_record *record,
		      struct pcipt_error **error)
{
	struct pcipt_records records;
	int r = read_all(ctx, &records, error);

	for (size_t i = 0; r == 0 && i < records.n; i++)
		r = pcipt_streq(records.items[i].name, record->name);
	pcipt_records_clear(&records);
	return r == 1 && is_through(ctx, record) ? remove_record(ctx, record, error) : r;
}

int pcipt_journal_recover(struct pcipt_context *ctx, const struct pcipt_plan *plan,
			  const struct pcipt_set *set, const struct pcipt_options *options,
			  double lock_deadline, double deadline, struct pcipt_report *report,
			  struct pcipt_error **error)
{
	struct pcipt_recovery recovery = { NULL, is_current, remove_record, lock_deadline,
					   deadline, true };
	struct pcipt_records records;
	struct pcipt_error *worst = NULL;
	int r = read_all(ctx, &records, error);

	if (r < 0)
		return r;
	pcipt_report_note_problems(report, &records);
	for (size_t i = 0; i < records.n; i++) {
		struct pcipt_error *failed = NULL;

		recovery.record = &records.items[i];
		if (!touches(recovery.record, plan, set) ||
		    pcipt_recover_record(ctx, &recovery, options, report, &failed) == 0)
			continue;
		pcipt_error_keep_worst(&worst, failed);
	}
	pcipt_records_clear(&records);
	return worst ? pcipt_error_pass(error, worst) : 0;
}
