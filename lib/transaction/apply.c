/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transaction from begin to end: checked, locked, compared with what is there, run by
 * one helper, told. Everything between begin and end is under the locks.
 */
#include <errno.h>
#include <stdio.h>

#include "transaction/transaction.h"

double pcipt_transaction_deadline(struct pcipt_context *ctx, struct pcipt_kernel *k,
				  const struct pcipt_options *options)
{
	return k->ops->now(k) +
	       (options && options->timeout_ms ? options->timeout_ms : ctx->timeout_ms);
}

static int fail_helper(int r, struct pcipt_error **error)
{
	return r == -ENOMEM ?
		       pcipt_fail_memory(error) :
		       pcipt_fail(error, PCIPT_E_IO,
				  &(struct pcipt_error_facts){
					  .step = "helper",
					  .errnum = -r,
					  .remedy = "Look at the limits on processes and open files, "
						    "and at seccomp filters" },
				  "the process that makes the writes can't be started: %s",
				  pcipt_errno_text(-r));
}

/* One lane for each device, and one for modules. */
static int start_helper(struct pcipt_transaction *t, struct pcipt_error **error)
{
	_cleanup_free_ int *locks = calloc(t->n_held + 1, sizeof(*locks));
	int r;

	t->stuck = calloc(t->plan->n_devices + 1, sizeof(*t->stuck));
	if (!locks || !t->stuck)
		return pcipt_fail_memory(error);
	for (size_t i = 0; i < t->n_held; i++)
		locks[i] = t->held[i].lock;
	r = t->kernel->ops->writer_start(t->kernel, t->plan->n_devices + 1, locks, t->n_held,
					 &t->writer);
	return r < 0 ? fail_helper(r, error) : 0;
}

/* ---- begin ---- */

static int set_up(struct pcipt_transaction *t, struct pcipt_error **error)
{
	double now;
	int r = pcipt_kernel_get(t->ctx, &t->kernel, error);

	if (r < 0)
		return r;
	now = t->kernel->ops->now(t->kernel);
	if (t->deadline == 0)
		t->deadline = pcipt_transaction_deadline(t->ctx, t->kernel, t->options);
	if (t->lock_deadline == 0)
		t->lock_deadline = t->deadline;
	t->timeout = pcipt_transaction_deadline(t->ctx, t->kernel, t->options) - now;
	t->result = pcipt_result_new(PCIPT_OUTCOME_FAILED);
	return t->result ? 0 : pcipt_fail_memory(error);
}

/* Takes the locks; where others left these devices half way, that is finished first. */
static int recover_and_lock(struct pcipt_transaction *t, struct pcipt_error **error)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		int r = pcipt_transaction_lock(t, error);

		if (r == 0 && !t->recovers)
			r = pcipt_journal_touches(t->ctx, t->plan, NULL, error);
		if (r <= 0)
			return r;
		pcipt_transaction_unlock(t, false);
		t->waited = true;
		r = pcipt_journal_recover(t->ctx, t->plan, NULL, t->options, t->deadline,
					  t->deadline, NULL, error);
		if (r < 0)
			return r;
	}
	return pcipt_fail(error, PCIPT_E_STALE, &(struct pcipt_error_facts){ .step = "lock" },
			  "other processes leave these devices half way again and again");
}

int pcipt_transaction_begin(struct pcipt_transaction *t, struct pcipt_context *ctx,
			    struct pcipt_plan *plan, const struct pcipt_options *options,
			    struct pcipt_error **error)
{
	int r;

	t->ctx = ctx;
	t->options = options;
	t->plan = pcipt_plan_ref(plan);
	r = set_up(t, error);
	if (r == 0 && !t->checked)
		r = pcipt_transaction_check_plan(ctx, plan, error);
	if (r == 0)
		r = recover_and_lock(t, error);
	if (r == 0)
		r = start_helper(t, error);
	if (r == 0 && !t->recovers)
		r = pcipt_transaction_revalidate(t, error);
	return r;
}

int pcipt_transaction_run(struct pcipt_transaction *t, struct pcipt_error **error)
{
	int r;

	t->result->outcome = PCIPT_OUTCOME_DONE;
	r = t->plan->kind == PCIPT_PLAN_BIND ? pcipt_transaction_bind(t, error) :
					       pcipt_transaction_release(t, error);
	if (r == 0 && t->result->n_steps == 0)
		t->result->outcome = PCIPT_OUTCOME_UNCHANGED;
	return r;
}

/* A device without a vfio driver has no node: then its link says all. */
static bool note_link(struct pcipt_transaction *t, const struct pcipt_plan_device *device)
{
	char path[64], link[PCIPT_ATTRIBUTE_MAX];
	struct pcipt_kernel *k = t->kernel;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", device->address);
	n = k->ops->read_link(k, PCIPT_AT_PCI_DEVICES, path, link, sizeof(link));
	if (n > 0 && (strstr(link, "vfio") || pcipt_streq(pcipt_base_name(link), t->plan->driver)))
		return false;
	pcipt_result_note_device(t->result, device->address, device->seen.driver,
				 n > 0 ? pcipt_base_name(link) : NULL, NULL);
	return true;
}

/* The machine as it is now, through the same eyes as everybody's. */
static void note_devices(struct pcipt_transaction *t)
{
	for (size_t i = 0; i < t->plan->n_devices; i++) {
		const struct pcipt_plan_device *device = &t->plan->devices[i];
		struct pcipt_device *now;

		if (!t->after && note_link(t, device))
			continue;
		if (!t->after)
			pcipt_transaction_snapshot(t, &t->after, NULL);
		now = t->after ? pcipt_snapshot_at(t->after, device->at) : NULL;
		pcipt_result_note_device(t->result, device->address, device->seen.driver,
					 pcipt_device_get_driver(now),
					 pcipt_device_get_vfio_device(now));
	}
}

void pcipt_transaction_end(struct pcipt_transaction *t)
{
	bool left = t->writer && t->kernel->ops->writer_end(t->writer);

	if (t->result)
		note_devices(t);
	pcipt_transaction_unlock(t, left);
	t->writer = NULL;
	free(t->stuck);
	t->stuck = NULL;
	pcipt_result_unref(t->result);
	t->result = NULL;
	pcipt_nodes_clear(&t->nodes);
	t->first = pcipt_snapshot_unref(t->first);
	t->after = pcipt_snapshot_unref(t->after);
	t->plan = pcipt_plan_unref(t->plan);
}

/* With the intent written down first, where there is anything to do. */
static int run_with_journal(struct pcipt_transaction *t, struct pcipt_error **error)
{
	struct pcipt_record record = { 0 };
	int r = t->plan->steps.n ? pcipt_journal_begin(t, &record, error) : 0;

	if (r == 0) {
		r = pcipt_transaction_run(t, error);
		if (r == 0)
			r = pcipt_journal_commit(t, &record, error);
		else
			pcipt_journal_end(t, &record);
	}
	pcipt_record_clear(&record);
	return r;
}

int pcipt_apply(struct pcipt_context *ctx, struct pcipt_plan *plan,
		const struct pcipt_options *options, struct pcipt_result **result,
		struct pcipt_error **error)
{
	struct pcipt_transaction t = { 0 };
	int r;

	if (!ctx || !plan)
		return pcipt_fail_argument(error, __func__, "no context or no plan");
	r = pcipt_transaction_begin(&t, ctx, plan, options, error);
	if (r == 0)
		r = run_with_journal(&t, error);
	if (result && t.result)
		*result = pcipt_result_ref(t.result);
	pcipt_transaction_end(&t);
	return r;
}
